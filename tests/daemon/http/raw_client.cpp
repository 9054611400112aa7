// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/raw_client.h"

#include <QHostAddress>

namespace dynakv::test {

RawClient::RawClient(quint16 port)
{
    m_socket.connectToHost(QHostAddress::LocalHost, port);
    m_socket.waitForConnected(5000);
    m_socket.setSocketOption(QAbstractSocket::LowDelayOption, 1);
}

void RawClient::send(const QByteArray &bytes)
{
    m_socket.write(bytes);
    while (m_socket.bytesToWrite() > 0 && m_socket.waitForBytesWritten(5000)) {
    }
}

void RawClient::sendByteByByte(const QByteArray &bytes)
{
    for (const char c : bytes)
        send(QByteArray(1, c));
}

bool RawClient::more(int timeoutMs)
{
    if (m_socket.bytesAvailable() == 0 && !m_socket.waitForReadyRead(timeoutMs) &&
        m_socket.bytesAvailable() == 0)
        return false;
    m_received += m_socket.readAll();
    return true;
}

std::optional<RawAnswer> RawClient::receive(bool hasBody, int timeoutMs)
{
    qsizetype headEnd = 0;
    while ((headEnd = m_received.indexOf("\r\n\r\n")) < 0) {
        if (!more(timeoutMs))
            return std::nullopt;
    }
    RawAnswer answer;
    const QList<QByteArray> lines = m_received.left(headEnd).replace("\r\n", "\n").split('\n');
    answer.status = lines.first().mid(9, 3).toInt();
    for (qsizetype i = 1; i < lines.size(); ++i) {
        const qsizetype colon = lines[i].indexOf(':');
        answer.headers[lines[i].left(colon).toLower()] = lines[i].mid(colon + 1).trimmed();
    }
    m_received.remove(0, headEnd + 4);
    if (answer.status == 100) {
        ++m_continues;
        return receive(hasBody, timeoutMs);
    }
    const qsizetype bytes = hasBody ? answer.header("content-length").toLongLong() : 0;
    while (m_received.size() < bytes) {
        if (!more(timeoutMs))
            return std::nullopt;
    }
    answer.body = m_received.left(bytes);
    m_received.remove(0, bytes);
    return answer;
}

bool RawClient::isClosedByServer(int timeoutMs)
{
    if (!m_received.isEmpty() || m_socket.bytesAvailable() > 0)
        return false;
    if (m_socket.state() == QAbstractSocket::ConnectedState)
        m_socket.waitForDisconnected(timeoutMs);
    return m_socket.bytesAvailable() == 0 && m_socket.state() == QAbstractSocket::UnconnectedState;
}

} // namespace dynakv::test
