// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

/// One source file a platform: machine_memory_linux.cpp, machine_memory_windows.cpp,
/// machine_memory_other.cpp.
namespace dynakv::app {

/// The memory that this process can have: the machine's or, where that is less, what the container
/// or job it runs in is limited to. 0 if the platform does not tell.
qint64 machineMemoryBytes();

} // namespace dynakv::app
