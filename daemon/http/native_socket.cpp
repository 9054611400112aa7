// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/native_socket.h"

#ifdef Q_OS_WIN
#include <winsock2.h>
#else
#include <sys/socket.h>
#endif

namespace dynakv::http {

void closeWriting(qintptr descriptor)
{
    if (descriptor < 0)
        return;
#ifdef Q_OS_WIN
    ::shutdown(static_cast<SOCKET>(descriptor), SD_SEND);
#else
    ::shutdown(static_cast<int>(descriptor), SHUT_WR);
#endif
}

qsizetype sendNow(qintptr descriptor, QByteArrayView bytes)
{
#if !defined(Q_OS_WIN) && defined(MSG_NOSIGNAL)
    if (descriptor >= 0 && !bytes.isEmpty()) {
        const ssize_t sent = ::send(static_cast<int>(descriptor), bytes.data(),
                                    static_cast<std::size_t>(bytes.size()), MSG_NOSIGNAL);
        return sent > 0 ? sent : 0;
    }
#else
    Q_UNUSED(descriptor)
    Q_UNUSED(bytes)
#endif
    return 0;
}

} // namespace dynakv::http
