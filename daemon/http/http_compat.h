// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/canonical_request.h"
#include "daemon/http/http_message.h"

#include <QHttpServer>
#include <QHttpServerRequest>
#include <QHttpServerResponder>
#include <QHttpServerResponse>
#include <QPointer>
#include <QTcpServer>
#include <QTcpSocket>
#include <QUrl>

#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
#include <QHttpHeaders>
#endif

#include <memory>
#include <optional>

/// Everything that differs between the QtHttpServer of Qt 6.4 and that of 6.8, and nothing else.
namespace dynakv::http::compat {

/// One request's place to answer to, kept until the answer is there. Copies share it.
/// Thread: the server's, its destruction too.
class Responder
{
public:
    explicit Responder(QHttpServerResponder &&responder)
        : m_responder(std::make_shared<QHttpServerResponder>(std::move(responder)))
#if QT_VERSION < QT_VERSION_CHECK(6, 5, 0)
        , m_socket(m_responder->socket())
#endif
    {
    }

    /// Once only.
    void send(const HttpReply &reply)
    {
        const auto status = static_cast<QHttpServerResponder::StatusCode>(reply.status);
#if QT_VERSION < QT_VERSION_CHECK(6, 5, 0)
        if (!m_socket)
            return; // The client left; 6.4 itself would write through the dangling pointer.
        // All fields as if they were one: QHttpServerResponse would hash each of them, and
        // writeHeader() takes four writes for each.
        QByteArray fields = QByteArray::number(reply.body.size());
        fields.reserve(256);
        const auto add = [&fields](QByteArrayView name, QByteArrayView value) {
            fields.append("\r\n").append(name).append(": ").append(value);
        };
        if (!reply.contentType.isEmpty())
            add("Content-Type", reply.contentType);
        for (const auto &[name, value] : reply.headers)
            add(name, value);
        m_responder->writeStatusLine(status);
        m_responder->writeHeader("Content-Length", fields);
        m_responder->writeBody(reply.body);
#else
        QHttpServerResponse response(reply.contentType, reply.body, status);
        addHeaders(response, reply.headers);
        m_responder->sendResponse(response);
        m_responder.reset(); // From 6.5 on the next request is read when the responder is gone.
#endif
    }

private:
#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
    static void addHeaders(QHttpServerResponse &response, const HeaderList &list)
    {
        QHttpHeaders headers = response.headers();
        for (const auto &[name, value] : list)
            headers.append(name, value);
        response.setHeaders(std::move(headers));
    }
#elif QT_VERSION >= QT_VERSION_CHECK(6, 5, 0)
    static void addHeaders(QHttpServerResponse &response, const HeaderList &list)
    {
        for (const auto &[name, value] : list)
            response.addHeader(name, value);
    }
#endif

    std::shared_ptr<QHttpServerResponder> m_responder;
#if QT_VERSION < QT_VERSION_CHECK(6, 5, 0)
    QPointer<QTcpSocket> m_socket;
#endif
};

/// Routes are not used: every request arrives at \a handler(request, Responder).
template <typename Handler>
void setCatchAll(QHttpServer &server, Handler handler)
{
#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
    server.setMissingHandler(&server,
                             [handler = std::move(handler)](const QHttpServerRequest &request,
                                                            QHttpServerResponder &responder) {
                                 handler(request, Responder(std::move(responder)));
                             });
#else
    server.setMissingHandler([handler = std::move(handler)](const QHttpServerRequest &request,
                                                            QHttpServerResponder &&responder) {
        handler(request, Responder(std::move(responder)));
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

inline std::optional<Method> methodOf(const QHttpServerRequest &request)
{
    switch (request.method()) {
    case QHttpServerRequest::Method::Get:
        return Method::Get;
    case QHttpServerRequest::Method::Put:
        return Method::Put;
    case QHttpServerRequest::Method::Delete:
        return Method::Delete;
    case QHttpServerRequest::Method::Post:
        return Method::Post;
    case QHttpServerRequest::Method::Options:
        return Method::Options;
    case QHttpServerRequest::Method::Patch:
        return Method::Patch;
    default:
        return std::nullopt; // The front door lets nothing else through.
    }
}

/// Calls \a visit(name, value) for every field.
template <typename Visit>
void forEachField(const QHttpServerRequest &request, Visit visit)
{
#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)
    const QHttpHeaders &headers = request.headers();
    for (qsizetype i = 0; i < headers.size(); ++i)
        visit(QByteArrayView(headers.nameAt(i).data(), headers.nameAt(i).size()),
              headers.valueAt(i).toByteArray());
#else
    for (const auto &[name, value] : request.headers())
        visit(QByteArrayView(name), value);
#endif
}

/// The canonical request that Qt has parsed, as our value; nothing where it is not canonical.
inline std::optional<HttpRequest> takeRequest(const QHttpServerRequest &from)
{
    HttpRequest request;
    const auto method = methodOf(from);
    if (!method || !readCanonicalTarget(from.url().path().toLatin1(), request))
        return std::nullopt;
    request.method = *method;
    forEachField(from, [&request](QByteArrayView name, const QByteArray &value) {
        takeCanonicalField(name, value, request);
    });
    request.body = from.body();
    return request;
}

} // namespace dynakv::http::compat
