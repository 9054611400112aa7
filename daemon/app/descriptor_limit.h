// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace dynakv::app {

/// Lets this process have as many descriptors as its hard limit allows, up to 65536: the usual soft
/// limit of 1024 stands for programs that use select().
void raiseDescriptorLimit();

} // namespace dynakv::app
