// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

/// What the platform's service manager and terminal want of a daemon. One source file a platform:
/// service_linux.cpp, service_windows.cpp, service_other.cpp.
namespace dynakv::app {

/// Tells the service manager, e.g. `READY=1`, `STOPPING=1`, `STATUS=3 members`; lines are separated
/// by line ends. Does nothing where nobody asked to be told.
void notifyServiceManager(const QByteArray &state);

/// Whether standard error goes straight to systemd's journal.
bool isStderrJournal();

/// Whether a person reads standard error while it is written.
bool isStderrTerminal();

/// Files and directories made from now on are for this user only.
void keepFilesPrivate();

} // namespace dynakv::app
