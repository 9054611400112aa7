// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/socket_options.h"

#include <QTcpSocket>

#ifdef Q_OS_LINUX
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#endif

namespace dynakv::cluster {
namespace {

/// Qt keeps what the kernel gives until it is read; beyond this the peer must wait.
constexpr qint64 kReadBufferBytes = qint64{1} << 20;

#ifdef Q_OS_LINUX
/// A failure only means the kernel's defaults: the failure detector does not depend on these.
void tunePlatform(qintptr descriptor)
{
    const int socket = static_cast<int>(descriptor);
    const unsigned patienceMs = 5000;
    const int unsentBytes = 128 << 10;
    ::setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &patienceMs, sizeof patienceMs);
    ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsentBytes, sizeof unsentBytes);
}
#else
void tunePlatform(qintptr) {}
#endif

} // namespace

void tuneLinkSocket(QTcpSocket &socket)
{
    socket.setReadBufferSize(kReadBufferBytes);
    socket.setSocketOption(QAbstractSocket::LowDelayOption, 1);
    socket.setSocketOption(QAbstractSocket::KeepAliveOption, 1);
    tunePlatform(socket.socketDescriptor());
}

} // namespace dynakv::cluster
