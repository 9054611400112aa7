// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/endpoint.h"

#include <QByteArray>
#include <QJsonObject>
#include <QList>
#include <QTcpSocket>

#include <map>
#include <memory>

namespace dynakv::test {

/// What a node answered, or status 0 and why there is no answer.
struct HttpAnswer
{
    int status = 0;
    std::map<QByteArray, QByteArray> headers = {}; ///< Names in lower case.
    QByteArray body = {};
    QByteArray failure = {};

    /// The body as the JSON object it is; empty if it is none.
    [[nodiscard]] QJsonObject object() const;
};

/// One request on its way: begun at construction, answered by finish(). Several of them can be on
/// their way at once, which is how the tests write concurrently without threads.
class Exchange
{
public:
    Exchange(const base::Endpoint &node, const QByteArray &requestHead, const QByteArray &body);

    /// Whether finish() would not wait.
    bool isOver();
    HttpAnswer finish(int timeoutMs = 10'000);

private:
    bool isComplete() const;

    std::unique_ptr<QTcpSocket> m_socket;
    QByteArray m_request;
    QByteArray m_received;
};

/// A small blocking HTTP client that shares no code with the product: one connection a request. PUT
/// and POST send the content type that curl sends with `-d`.
class RestProbe
{
public:
    explicit RestProbe(base::Endpoint node)
        : m_node(std::move(node))
    {
    }

    /// \a fields: further lines of the head, each with its `\r\n`.
    [[nodiscard]] Exchange begin(const QByteArray &method, const QByteArray &target,
                                 const QByteArray &body = {}, const QByteArray &fields = {}) const;
    HttpAnswer get(const QByteArray &target, int timeoutMs = 10'000) const;
    HttpAnswer put(const QByteArray &target, const QByteArray &body) const;
    HttpAnswer del(const QByteArray &target) const;
    /// `POST /v1/batch`; \a query begins with a question mark or is empty.
    HttpAnswer batch(const QByteArray &lines, const QByteArray &query = {},
                     int timeoutMs = 20'000) const;

    /// `PUT /key/<key>` with `{"value": <json>}`; \a key must need no encoding. Whether it was
    /// acknowledged.
    bool putValue(const QByteArray &key, const QByteArray &json) const;
    /// The JSON text that a GET gives back; empty if there is none.
    QByteArray value(const QByteArray &key) const;
    /// `/membership`, sorted; empty if the node does not answer within a second.
    QList<QByteArray> members() const;
    bool isReady() const;

private:
    base::Endpoint m_node;
};

} // namespace dynakv::test
