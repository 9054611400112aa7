// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/service.h"

#include <cstdio>

#include <io.h>

namespace dynakv::app {

/// The program runs in a console here; a service wrapper watches the process itself.
void notifyServiceManager(const QByteArray &state)
{
    Q_UNUSED(state);
}

bool isStderrJournal()
{
    return false;
}

bool isStderrTerminal()
{
    return ::_isatty(::_fileno(stderr)) != 0;
}

/// A directory's access list is inherited on Windows: there is no mask to set.
void keepFilesPrivate() {}

} // namespace dynakv::app
