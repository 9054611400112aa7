// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/event_stream.h"

#include <QElapsedTimer>
#include <QJsonDocument>

namespace dynakv::test {

QJsonObject StreamEvent::object() const
{
    return QJsonDocument::fromJson(data).object();
}

QByteArray StreamEvent::key() const
{
    return object().value(QLatin1String("key")).toString().toUtf8();
}

QByteArray StreamEvent::version() const
{
    return object().value(QLatin1String("version")).toString().toUtf8();
}

EventStream::EventStream(const base::Endpoint &node, const QByteArray &target,
                         const QByteArray &fields, const QByteArray &version)
    : m_socket(std::make_unique<QTcpSocket>())
{
    m_socket->connectToHost(QString::fromUtf8(node.host), node.port);
    m_socket->waitForConnected(5000);
    m_socket->write("GET " + target + ' ' + version + "\r\nHost: localhost\r\n" + fields + "\r\n");
    m_socket->flush();
}

bool EventStream::more(int timeoutMs)
{
    if (m_socket->bytesAvailable() == 0 && !m_socket->waitForReadyRead(timeoutMs) &&
        m_socket->bytesAvailable() == 0)
        return false;
    m_received += m_socket->readAll();
    return true;
}

QByteArray EventStream::head(int timeoutMs)
{
    while (m_head.isEmpty()) {
        const qsizetype end = m_received.indexOf("\r\n\r\n");
        if (end < 0) {
            if (!more(timeoutMs))
                return {};
            continue;
        }
        m_head = m_received.left(end + 2);
        m_received.remove(0, end + 4);
        m_isChunked = m_head.toLower().contains("transfer-encoding: chunked\r\n");
    }
    return m_head;
}

void EventStream::unframe()
{
    if (!m_isChunked) {
        m_text += std::exchange(m_received, {});
        return;
    }
    for (;;) {
        const qsizetype line = m_received.indexOf("\r\n");
        if (line < 0)
            return;
        bool isNumber = false;
        const qsizetype bytes = m_received.left(line).toLongLong(&isNumber, 16);
        m_isBroken = m_isBroken || !isNumber || m_hasLastChunk;
        if (m_isBroken || m_received.size() < line + 2 + bytes + 2)
            return;
        m_text += m_received.mid(line + 2, bytes);
        m_isBroken = m_received.mid(line + 2 + bytes, 2) != "\r\n";
        m_hasLastChunk = bytes == 0;
        m_received.remove(0, line + 2 + bytes + 2);
    }
}

std::optional<StreamEvent> EventStream::takeEvent()
{
    const qsizetype end = m_text.indexOf("\n\n");
    if (end < 0)
        return std::nullopt;
    StreamEvent event;
    const QList<QByteArray> lines = m_text.left(end).split('\n');
    m_text.remove(0, end + 2);
    for (const QByteArray &line : lines) {
        const qsizetype colon = line.indexOf(": ");
        const QByteArray value = line.mid(colon + 2);
        if (line == ":")
            continue;
        if (line.startsWith("event: "))
            event.name = value;
        else if (line.startsWith("id: "))
            event.id = value;
        else if (line.startsWith("data: "))
            event.data += event.data.isEmpty() ? value : '\n' + value;
        else
            m_isBroken = true;
    }
    return event;
}

std::optional<StreamEvent> EventStream::next(int timeoutMs, bool withComments)
{
    if (head(timeoutMs).isEmpty())
        return std::nullopt;
    QElapsedTimer timer;
    timer.start();
    for (;;) {
        unframe();
        while (auto event = takeEvent()) {
            if (withComments || !event->name.isEmpty())
                return event;
        }
        const int leftMs = static_cast<int>(qMax<qint64>(0, timeoutMs - timer.elapsed()));
        if (!more(leftMs))
            return std::nullopt;
    }
}

bool EventStream::isEndedCleanly(int timeoutMs)
{
    while (next(timeoutMs)) {
    }
    if (m_socket->state() == QAbstractSocket::ConnectedState)
        m_socket->waitForDisconnected(timeoutMs);
    return m_socket->state() == QAbstractSocket::UnconnectedState && m_received.isEmpty() &&
           m_text.isEmpty() && !m_isBroken && m_hasLastChunk == m_isChunked;
}

} // namespace dynakv::test
