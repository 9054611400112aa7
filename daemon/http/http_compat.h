// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QHttpServer>
#include <QHttpServerRequest>
#include <QHttpServerResponder>
#include <QTcpServer>

#include <memory>
#include <utility>

/// Everything that differs between the QtHttpServer of Qt 6.4 and that of 6.8, and nothing else.
namespace dynakv::http::compat {

/// Calls \a handler() for every request. Routes are not used, nor what Qt has read of the request,
/// nor its way to answer.
template <typename Handler>
void setCatchAll(QHttpServer &server, Handler handler)
{
#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
    server.setMissingHandler(&server,
                             [handler = std::move(handler)](const QHttpServerRequest &,
                                                            QHttpServerResponder &) { handler(); });
#else
    server.setMissingHandler(
        [handler = std::move(handler)](const QHttpServerRequest &, QHttpServerResponder &&) {
            handler();
        });
#endif
}

/// Hands \a tcpServer over to \a server, which gets its clients whether it listens or not.
inline bool bindTo(QHttpServer &server, std::unique_ptr<QTcpServer> tcpServer)
{
    // QHttpServer takes only one that listens; what that is for it does not ask.
    const bool isListener = tcpServer->isListening();
    if (!isListener && !tcpServer->listen(QHostAddress::LocalHost) &&
        !tcpServer->listen(QHostAddress::LocalHostIPv6))
        return false;
#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
    if (!server.bind(tcpServer.get()))
        return false;
#else
    server.bind(tcpServer.get());
#endif
    if (!isListener)
        tcpServer->close();
    tcpServer.release(); // Its parent is now the server.
    return true;
}

} // namespace dynakv::http::compat
