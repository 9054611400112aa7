// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/service.h"

#include <sys/stat.h>
#include <unistd.h>

namespace dynakv::app {

/// launchd and the BSDs' rc watch the process itself; there is nobody to tell.
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
    return ::isatty(STDERR_FILENO) == 1;
}

void keepFilesPrivate()
{
    ::umask(077);
}

} // namespace dynakv::app
