// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/process_hooks.h"

namespace dynakv::app {

/// Of this process, as the system tells it now; what it does not tell is left out. Any thread.
http::ProcessStats processStats();

} // namespace dynakv::app
