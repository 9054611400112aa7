// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/direct_write.h"

#include <algorithm>
#include <limits>

#ifdef Q_OS_WIN
#include <winsock2.h>
#else
#include <sys/socket.h>
#endif

namespace dynakv::http {

qsizetype writeDirectly(qintptr descriptor, QByteArrayView bytes)
{
#ifdef Q_OS_WIN
    const int length =
        static_cast<int>(std::min<qsizetype>(bytes.size(), std::numeric_limits<int>::max()));
    const qsizetype written = ::send(static_cast<SOCKET>(descriptor), bytes.data(), length, 0);
#else
#ifdef MSG_NOSIGNAL
    constexpr int flags = MSG_NOSIGNAL;
#else
    constexpr int flags = 0; // Qt has told the socket itself, or ignores the signal.
#endif
    const qsizetype written = ::send(static_cast<int>(descriptor), bytes.data(),
                                     static_cast<std::size_t>(bytes.size()), flags);
#endif
    return std::max<qsizetype>(0, written);
}

} // namespace dynakv::http
