// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QTcpSocket>

#include <map>
#include <optional>

namespace dynakv::test {

struct RawAnswer
{
    int status = 0;
    std::map<QByteArray, QByteArray> headers = {}; ///< Names in lower case.
    QByteArray body = {};

    [[nodiscard]] QByteArray header(const char *name) const
    {
        const auto found = headers.find(name);
        return found == headers.end() ? QByteArray() : found->second;
    }
};

inline QByteArray getRequest(const QByteArray &target)
{
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

/// \a fields: lines of the head, each with its end.
inline QByteArray putRequest(const QByteArray &target, const QByteArray &body,
                             const QByteArray &fields = {})
{
    return "PUT " + target +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + QByteArray::number(body.size()) +
           "\r\n" + fields + "\r\n" + body;
}

/// A blocking client that sends exactly the bytes it is given and shares no code with the product.
class RawClient
{
public:
    explicit RawClient(quint16 port);

    void send(const QByteArray &bytes);
    /// Every byte in a segment of its own, as far as the system goes along.
    void sendByteByByte(const QByteArray &bytes);
    /// The next final answer (100 Continue is counted and skipped); nothing where the connection
    /// ends or \a timeoutMs passes before. \a hasBody: false for the answer to a HEAD.
    std::optional<RawAnswer> receive(bool hasBody = true, int timeoutMs = 5000);
    /// Whether the server ends the connection in time, with no further byte before that.
    bool isClosedByServer(int timeoutMs = 5000);
    void setReadBufferSize(qint64 bytes) { m_socket.setReadBufferSize(bytes); }
    void abort() { m_socket.abort(); }
    QTcpSocket &socket() { return m_socket; }
    [[nodiscard]] int continues() const { return m_continues; }

private:
    bool more(int timeoutMs);

    QTcpSocket m_socket;
    QByteArray m_received = {};
    int m_continues = 0;
};

} // namespace dynakv::test
