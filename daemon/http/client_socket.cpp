// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/client_socket.h"

#include <utility>

namespace dynakv::http {
namespace {

/// What has left is cut off the front of the buffer in steps of at least so much.
constexpr qsizetype kCompactBytes = 256 * 1024;

} // namespace

ClientSocket::ClientSocket(qintptr descriptor, SocketPoller &poller)
    : m_descriptor(descriptor)
    , m_poller(poller)
{
    if (native::prepare(m_descriptor))
        await({true, false});
    else
        close();
}

ClientSocket::~ClientSocket()
{
    close();
}

void ClientSocket::onReady(SocketEvents events)
{
    if (events.writing && m_awaited.writing)
        sendMore();
    if (events.reading && m_awaited.reading)
        Q_EMIT readable();
}

void ClientSocket::await(SocketEvents events)
{
    if (events == m_awaited || !isOpen())
        return;
    m_awaited = events;
    if (!m_poller.await(m_descriptor, *this, events))
        fail();
}

native::Transfer ClientSocket::read(char *data, qsizetype bytesMax)
{
    return isOpen() ? native::receive(m_descriptor, data, bytesMax) : native::Transfer{};
}

void ClientSocket::setReading(bool isOn)
{
    await({isOn, m_awaited.writing});
}

void ClientSocket::write(QByteArrayView bytes)
{
    if (!isOpen() || bytes.isEmpty())
        return;
    qsizetype sent = 0;
    if (bytesToWrite() == 0) {
        const native::Transfer transfer = native::send(m_descriptor, bytes);
        if (transfer.outcome == native::Outcome::Failed)
            return fail();
        sent = transfer.bytes;
    }
    if (sent == bytes.size())
        return;
    m_unsent.append(bytes.sliced(sent));
    await({m_awaited.reading, true});
}

void ClientSocket::sendMore()
{
    const native::Transfer transfer =
        native::send(m_descriptor, QByteArrayView(m_unsent).sliced(m_sentBytes));
    if (transfer.outcome == native::Outcome::Failed)
        return fail();
    if (transfer.bytes == 0)
        return;
    m_sentBytes += transfer.bytes;
    if (bytesToWrite() == 0) {
        m_unsent = QByteArray();
        m_sentBytes = 0;
        await({m_awaited.reading, false});
        if (m_endsWriting)
            native::closeWriting(m_descriptor);
    } else if (m_sentBytes >= kCompactBytes && m_sentBytes >= m_unsent.size() / 2) {
        m_unsent.remove(0, std::exchange(m_sentBytes, 0));
    }
    Q_EMIT written();
}

void ClientSocket::closeWriting()
{
    m_endsWriting = true;
    if (isOpen() && bytesToWrite() == 0)
        native::closeWriting(m_descriptor);
}

void ClientSocket::limitSendBuffer(int bytes)
{
    if (isOpen())
        native::limitSendBuffer(m_descriptor, bytes);
}

void ClientSocket::fail()
{
    close();
    // Whoever writes is in the middle of something.
    QMetaObject::invokeMethod(this, &ClientSocket::gone, Qt::QueuedConnection);
}

void ClientSocket::close()
{
    if (isOpen())
        native::close(release());
}

void ClientSocket::cut()
{
    if (isOpen())
        native::closeAtOnce(release());
}

qintptr ClientSocket::release()
{
    await({}); // Before the system may give the number to somebody else.
    m_unsent = QByteArray();
    m_sentBytes = 0;
    return std::exchange(m_descriptor, -1);
}

} // namespace dynakv::http
