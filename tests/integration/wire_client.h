// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QTcpSocket>

#include <optional>
#include <vector>

namespace dynakv::test {

struct WireAnswer
{
    int status = 0;
    QByteArray requestId = {}; ///< Empty where it is no answer of the daemon's.
    QByteArray body = {};
};

/// A client that sends exactly the bytes it is given. It runs the event loop while it waits, so
/// that a server in the same thread can answer it.
class WireClient
{
public:
    explicit WireClient(quint16 port);

    void send(const QByteArray &bytes);
    /// The next final answer; nothing where the connection ends or \a timeoutMs passes before. It
    /// must be none to a HEAD.
    std::optional<WireAnswer> next(int timeoutMs);
    /// All answers until the one with this id, the end of the connection, or \a timeoutMs without
    /// one.
    std::vector<WireAnswer> upTo(const QByteArray &requestId, int timeoutMs);
    /// Whether the other side ends the connection in time, with no further byte before that.
    bool isEndedByServer(int timeoutMs);

private:
    bool more(int timeoutMs);

    QTcpSocket m_socket;
    QByteArray m_received = {};
};

} // namespace dynakv::test
