// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/wire_client.h"

#include <QEventLoop>
#include <QHostAddress>
#include <QTimer>

namespace dynakv::test {
namespace {

/// The value of a field of \a head; \a name in lower case.
QByteArray fieldOf(const QByteArray &head, const QByteArray &name)
{
    for (const QByteArray &line : head.split('\n')) {
        const qsizetype colon = line.indexOf(':');
        if (colon > 0 && line.first(colon).toLower() == name)
            return line.sliced(colon + 1).trimmed();
    }
    return {};
}

} // namespace

WireClient::WireClient(quint16 port)
{
    m_socket.connectToHost(QHostAddress::LocalHost, port);
    m_socket.waitForConnected(5000); // A listener's backlog answers at once.
    m_socket.setSocketOption(QAbstractSocket::LowDelayOption, 1);
}

void WireClient::send(const QByteArray &bytes)
{
    m_socket.write(bytes);
    m_socket.flush();
}

bool WireClient::more(int timeoutMs)
{
    if (m_socket.bytesAvailable() == 0 && m_socket.state() == QAbstractSocket::ConnectedState) {
        QEventLoop loop;
        QTimer::singleShot(timeoutMs, &loop, &QEventLoop::quit);
        QObject::connect(&m_socket, &QTcpSocket::readyRead, &loop, &QEventLoop::quit);
        QObject::connect(&m_socket, &QTcpSocket::disconnected, &loop, &QEventLoop::quit);
        loop.exec();
    }
    const QByteArray part = m_socket.readAll();
    m_received += part;
    return !part.isEmpty();
}

std::optional<WireAnswer> WireClient::next(int timeoutMs)
{
    qsizetype headEnd = 0;
    while ((headEnd = m_received.indexOf("\r\n\r\n")) < 0) {
        if (!more(timeoutMs))
            return std::nullopt;
    }
    const QByteArray head = m_received.first(headEnd);
    m_received.remove(0, headEnd + 4);
    WireAnswer answer{head.mid(9, 3).toInt(), fieldOf(head, "x-request-id"), {}};
    if (answer.status == 100)
        return next(timeoutMs);
    const qsizetype bytes = fieldOf(head, "content-length").toLongLong();
    while (m_received.size() < bytes) {
        if (!more(timeoutMs))
            return std::nullopt;
    }
    answer.body = m_received.first(bytes);
    m_received.remove(0, bytes);
    return answer;
}

std::vector<WireAnswer> WireClient::upTo(const QByteArray &requestId, int timeoutMs)
{
    std::vector<WireAnswer> answers;
    while (const auto answer = next(timeoutMs)) {
        answers.push_back(*answer);
        if (answer->requestId == requestId)
            break;
    }
    return answers;
}

bool WireClient::isEndedByServer(int timeoutMs)
{
    return m_received.isEmpty() && !more(timeoutMs) &&
           m_socket.state() != QAbstractSocket::ConnectedState;
}

} // namespace dynakv::test
