// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/service.h"

#include <QList>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace dynakv::app {

/// sd_notify(3) without its library: one datagram to the socket that systemd named.
void notifyServiceManager(const QByteArray &state)
{
    const QByteArray path = qgetenv("NOTIFY_SOCKET");
    sockaddr_un address = {};
    const bool isUsable = (path.startsWith('/') || path.startsWith('@')) && path.size() > 1 &&
                          path.size() < static_cast<qsizetype>(sizeof(address.sun_path));
    if (!isUsable)
        return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.constData(), static_cast<std::size_t>(path.size()));
    if (path.startsWith('@'))
        address.sun_path[0] = '\0'; // The abstract name space.
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                               static_cast<std::size_t>(path.size()));
    // A manager that cannot be told is no reason to stop serving; a full socket must not block.
    (void)::sendto(fd, state.constData(), static_cast<std::size_t>(state.size()),
                   MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<const sockaddr *>(&address),
                   length);
    ::close(fd);
}

bool isStderrJournal()
{
    // "<device>:<inode>" of the stream that systemd connected; a redirected one differs.
    const QList<QByteArray> stream = qgetenv("JOURNAL_STREAM").split(':');
    struct stat status = {};
    if (stream.size() != 2 || ::fstat(STDERR_FILENO, &status) != 0)
        return false;
    return stream[0].toULongLong() == status.st_dev && stream[1].toULongLong() == status.st_ino;
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
