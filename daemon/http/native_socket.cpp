// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/native_socket.h"

#ifdef Q_OS_WIN
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <limits>

namespace dynakv::http::native {
namespace {

#ifdef Q_OS_WIN
using Handle = SOCKET;
using Length = int;

constexpr int kSendFlags = 0;

int lastError()
{
    return ::WSAGetLastError();
}
bool isInterrupted(int)
{
    return false;
}
bool wouldBlock(int error)
{
    return error == WSAEWOULDBLOCK;
}
#else
using Handle = int;
using Length = std::size_t;

#ifdef MSG_NOSIGNAL
constexpr int kSendFlags = MSG_NOSIGNAL;
#else
constexpr int kSendFlags = 0; // prepare() has set SO_NOSIGPIPE.
#endif

int lastError()
{
    return errno;
}
bool isInterrupted(int error)
{
    return error == EINTR;
}
bool wouldBlock(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}
#endif

Handle handleOf(qintptr descriptor)
{
    return static_cast<Handle>(descriptor);
}

Length lengthOf(qsizetype bytes)
{
    return static_cast<Length>(std::min<qsizetype>(bytes, std::numeric_limits<int>::max()));
}

bool setNumber(qintptr descriptor, int level, int option, int number)
{
    return ::setsockopt(handleOf(descriptor), level, option,
                        reinterpret_cast<const char *>(&number), sizeof(number)) == 0;
}

/// Calls \a transfer(), which tells bytes or a negative number, until it was not interrupted.
template <typename Call>
Transfer transferred(Call transfer)
{
    for (;;) {
        const auto bytes = static_cast<qsizetype>(transfer());
        if (bytes > 0)
            return {Outcome::Done, bytes};
        if (bytes == 0)
            return {Outcome::Ended, 0};
        const int error = lastError();
        if (wouldBlock(error))
            return {Outcome::WouldBlock, 0};
        if (!isInterrupted(error))
            return {Outcome::Failed, 0};
    }
}

using NameOf = decltype(&::getpeername);

void readEnd(qintptr descriptor, NameOf nameOf, QHostAddress &address, quint16 &port)
{
    sockaddr_storage storage = {};
    socklen_t length = sizeof(storage);
    auto *const general = reinterpret_cast<sockaddr *>(&storage);
    if (nameOf(handleOf(descriptor), general, &length) != 0)
        return;
    address.setAddress(general);
    if (storage.ss_family == AF_INET)
        port = ntohs(reinterpret_cast<const sockaddr_in *>(&storage)->sin_port);
    else if (storage.ss_family == AF_INET6)
        port = ntohs(reinterpret_cast<const sockaddr_in6 *>(&storage)->sin6_port);
}

} // namespace

bool prepare(qintptr descriptor)
{
#ifdef Q_OS_WIN
    u_long yes = 1;
    if (::ioctlsocket(handleOf(descriptor), static_cast<long>(FIONBIO), &yes) != 0)
        return false;
#else
    const int flags = ::fcntl(handleOf(descriptor), F_GETFL);
    if (flags < 0 || ::fcntl(handleOf(descriptor), F_SETFL, flags | O_NONBLOCK) != 0)
        return false;
#endif
#ifdef SO_NOSIGPIPE
    if (!setNumber(descriptor, SOL_SOCKET, SO_NOSIGPIPE, 1))
        return false;
#endif
    setNumber(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    return true;
}

Ends endsOf(qintptr descriptor)
{
    Ends ends;
    readEnd(descriptor, &::getpeername, ends.peer, ends.peerPort);
    readEnd(descriptor, &::getsockname, ends.local, ends.localPort);
    return ends;
}

Transfer receive(qintptr descriptor, char *data, qsizetype bytesMax)
{
    return transferred([&] { return ::recv(handleOf(descriptor), data, lengthOf(bytesMax), 0); });
}

Transfer send(qintptr descriptor, QByteArrayView bytes)
{
    return transferred([&] {
        return ::send(handleOf(descriptor), bytes.data(), lengthOf(bytes.size()), kSendFlags);
    });
}

void closeWriting(qintptr descriptor)
{
#ifdef Q_OS_WIN
    ::shutdown(handleOf(descriptor), SD_SEND);
#else
    ::shutdown(handleOf(descriptor), SHUT_WR);
#endif
}

void limitSendBuffer(qintptr descriptor, int bytes)
{
    setNumber(descriptor, SOL_SOCKET, SO_SNDBUF, bytes);
}

void close(qintptr descriptor)
{
#ifdef Q_OS_WIN
    ::closesocket(handleOf(descriptor));
#else
    ::close(handleOf(descriptor));
#endif
}

void closeAtOnce(qintptr descriptor)
{
    linger option = {};
    option.l_onoff = 1;
    ::setsockopt(handleOf(descriptor), SOL_SOCKET, SO_LINGER,
                 reinterpret_cast<const char *>(&option), sizeof(option));
    close(descriptor);
}

bool isShortOfDescriptors(qintptr latest, int spare)
{
#ifdef Q_OS_WIN
    Q_UNUSED(latest)
    Q_UNUSED(spare)
    return false;
#else
    rlimit limit = {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return false;
    return static_cast<rlim_t>(latest) + static_cast<rlim_t>(spare) >= limit.rlim_cur;
#endif
}

bool isShortOfDescriptors(int spare)
{
#ifdef Q_OS_WIN
    return isShortOfDescriptors(0, spare);
#else
    const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
    if (probe < 0)
        return true;
    ::close(probe);
    return isShortOfDescriptors(probe, spare);
#endif
}

} // namespace dynakv::http::native
