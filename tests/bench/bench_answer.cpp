// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/http_compat.h"

#include <QCoreApplication>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>
#include <unordered_map>

/// `bench_answer plain|epoll PORT BODY`: the same answer to every GET of /key/..., without a store
/// behind it. `plain` is QtHttpServer as its documentation has it; `epoll` is the least that any
/// server of one thread must do: one read and one write for each request.
namespace {

using namespace dynakv;

int servePlain(quint16 port, const QByteArray &body)
{
    QHttpServer server;
    server.route(QStringLiteral("/key/<arg>"), [&body](const QString &) {
        return QHttpServerResponse(QByteArrayLiteral("application/json"), body);
    });
    auto listener = std::make_unique<QTcpServer>();
    if (!listener->listen(QHostAddress::LocalHost, port) ||
        !http::compat::bindTo(server, std::move(listener)))
        return 1;
    return QCoreApplication::exec();
}

int listenOn(quint16 port)
{
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool isBound =
        ::bind(listener, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) == 0;
    return isBound && ::listen(listener, 1024) == 0 ? listener : -1;
}

/// The last bytes of what came, since the end of a head may come in two parts.
using Tails = std::unordered_map<int, std::string>;

/// False where the client is gone. Clients ask again only after the answer.
bool answerOne(int client, std::string &tail, const std::string &answer)
{
    std::array<char, 16384> buffer;
    const ssize_t got = ::recv(client, buffer.data(), buffer.size(), 0);
    if (got <= 0)
        return false;
    tail.append(buffer.data(), static_cast<std::size_t>(got));
    if (!tail.ends_with("\r\n\r\n")) {
        tail.erase(0, tail.size() - std::min<std::size_t>(tail.size(), 3));
        return true;
    }
    tail.clear();
    return ::send(client, answer.data(), answer.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(answer.size());
}

int serveEpoll(quint16 port, const QByteArray &body)
{
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                               "Content-Length: " +
                               std::to_string(body.size()) + "\r\n\r\n" + body.toStdString();
    const int listener = listenOn(port);
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    const auto watch = [poll](int fd) {
        epoll_event event = {};
        event.events = EPOLLIN;
        event.data.fd = fd;
        return ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0;
    };
    if (listener < 0 || !watch(listener))
        return 1;
    Tails tails;
    std::array<epoll_event, 64> events;
    for (;;) {
        const int ready = ::epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < ready; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener) {
                const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
                const int yes = 1;
                ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
                if (client >= 0)
                    watch(client);
            } else if (!answerOne(fd, tails[fd], answer)) {
                tails.erase(fd);
                ::close(fd);
            }
        }
    }
}

} // namespace

int main(int argc, char **argv)
{
    const QCoreApplication app(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() != 4) {
        std::fputs("usage: bench_answer plain|epoll PORT BODY\n", stderr);
        return 2;
    }
    const quint16 port = arguments[2].toUShort();
    const QByteArray body = arguments[3].toUtf8();
    return arguments[1] == QLatin1String("plain") ? servePlain(port, body) : serveEpoll(port, body);
}
