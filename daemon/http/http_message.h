// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <optional>
#include <utility>
#include <vector>

/// Requests and answers as plain values: what handlers are functions of. Neither Qt's HTTP server
/// nor a socket is visible from here.
namespace dynakv::http {

enum class Method : quint8 { Get, Head, Put, Post, Delete, Patch, Options };
QByteArrayView toText(Method method);

/// A whole request, already checked by the front door: framing, Host and origin are sound.
struct HttpRequest
{
    Method method = Method::Get; ///< HEAD arrives as Get; the front door cuts the body off.
    QByteArray path = {};        ///< As sent, still percent-encoded; `*` for the server as a whole.
    QByteArray query = {};       ///< After the `?`, as sent.
    QByteArray contentType = {};
    QByteArray contentEncoding = {};
    QByteArray accept = {};
    QByteArray atLeast = {};                    ///< `DynaKV-At-Least`.
    std::optional<QByteArray> lastEventId = {}; ///< `Last-Event-ID`.
    std::optional<QByteArray> ifMatch = {};
    std::optional<QByteArray> ifNoneMatch = {};
    QByteArray requestId = {};
    bool hasBody = false; ///< A length was declared, if only of 0.
    QByteArray body = {};
};

using HeaderList = std::vector<std::pair<QByteArray, QByteArray>>;

/// A whole answer. Date, Content-Length, Connection and X-Request-Id are the front door's.
struct HttpReply
{
    int status = 200;
    QByteArray contentType = {};
    QByteArray body = {};
    HeaderList headers = {};
    bool operator==(const HttpReply &) const = default;
};

/// The reason phrase that belongs to \a status.
QByteArrayView reasonPhrase(int status);

} // namespace dynakv::http
