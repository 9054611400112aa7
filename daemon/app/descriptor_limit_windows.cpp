// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/descriptor_limit.h"

namespace dynakv::app {

void raiseDescriptorLimit()
{
    // Handles are bounded by memory alone.
}

} // namespace dynakv::app
