// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/endpoint.h"

#include <QByteArray>
#include <QJsonObject>
#include <QTcpSocket>

#include <memory>
#include <optional>

namespace dynakv::test {

/// One event, or a comment, which has neither name nor id.
struct StreamEvent
{
    QByteArray name = {};
    QByteArray id = {};
    QByteArray data = {};

    [[nodiscard]] QJsonObject object() const;
    [[nodiscard]] QByteArray key() const;
    [[nodiscard]] QByteArray version() const;
};

/// A small blocking client of `GET /v1/watch` that shares no code with the product. It takes the
/// framing apart by itself and notes where that is not as it should be.
class EventStream
{
public:
    /// Asks for \a target, with further \a fields, each ended by CRLF.
    EventStream(const base::Endpoint &node, const QByteArray &target, const QByteArray &fields = {},
                const QByteArray &version = "HTTP/1.1");

    /// The head of the answer; empty where none came in time.
    QByteArray head(int timeoutMs = 5000);
    /// The next event, comments left out unless \a withComments; nothing where none comes in time
    /// or the stream ended.
    std::optional<StreamEvent> next(int timeoutMs = 5000, bool withComments = false);
    /// What has arrived only.
    std::optional<StreamEvent> poll() { return next(0); }
    /// Whether the stream ends in time as it should: with the last chunk, and the connection.
    bool isEndedCleanly(int timeoutMs = 5000);
    [[nodiscard]] bool isBroken() const { return m_isBroken; }
    QTcpSocket &socket() { return *m_socket; }

private:
    bool more(int timeoutMs);
    void unframe();
    std::optional<StreamEvent> takeEvent();

    std::unique_ptr<QTcpSocket> m_socket;
    QByteArray m_received = {};
    QByteArray m_text = {};
    QByteArray m_head = {};
    bool m_isChunked = false;
    bool m_hasLastChunk = false;
    bool m_isBroken = false;
};

} // namespace dynakv::test
