// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/link.h"

#include "daemon/cluster/message_codec.h"
#include "daemon/cluster/socket_options.h"
#include "shared/base/endpoint.h"

#include <QHostAddress>
#include <QTcpSocket>

#include <utility>

namespace dynakv::cluster {
namespace {

/// Above it Qt's own buffer, which has no bound, gets nothing more.
constexpr qint64 kSocketBytesMax = qint64{256} << 10;
constexpr qsizetype kWritePieceBytes = qsizetype{64} << 10;
/// One turn of the event loop takes so much from one link, then the others have theirs.
constexpr qint64 kReadBytesPerTurn = qint64{512} << 10;
constexpr qint64 kReadPieceBytes = qint64{64} << 10;

/// IPv4 in its own form where a dual-stack socket shows it as ::ffff:a.b.c.d.
QByteArray hostText(const QHostAddress &address)
{
    bool isV4 = false;
    const quint32 v4 = address.toIPv4Address(&isV4);
    return (isV4 ? QHostAddress(v4) : address).toString().toLatin1();
}

} // namespace

Link::Link(core::LinkId id, QTcpSocket *socket, std::optional<LinkSeal> seal, QObject *parent)
    : QObject(parent)
    , m_id(id)
    , m_socket(socket)
    , m_peerText(base::Endpoint{hostText(socket->peerAddress()), socket->peerPort()}.toString())
    , m_seal(std::move(seal))
    , m_parser(m_seal ? &*m_seal : nullptr)
    , m_queue(m_seal ? &*m_seal : nullptr)
{
    m_socket->setParent(this);
    tuneLinkSocket(*m_socket);
    m_deadline.setSingleShot(true);
}

QByteArray Link::localHost() const
{
    return hostText(m_socket->localAddress());
}

QByteArray Link::peerHost() const
{
    return hostText(m_socket->peerAddress());
}

qsizetype Link::waitingBytes() const
{
    return m_queue.controlBytes() + m_queue.dataBytes() + m_parser.bufferedBytes() +
           m_socket->bytesToWrite() + m_socket->bytesAvailable();
}

void Link::start()
{
    connect(m_socket, &QTcpSocket::readyRead, this, &Link::read);
    connect(m_socket, &QTcpSocket::bytesWritten, this, &Link::write);
    connect(m_socket, &QTcpSocket::disconnected, this, &Link::socketEnded);
    connect(&m_deadline, &QTimer::timeout, this, [this] {
        if (m_phase == Phase::Flushing)
            end({});
        else if (!m_hasHello)
            end("it did not introduce itself within 3 s");
    });
    m_deadline.start(kHelloTimeoutMs);
    m_socket->write(m_seal ? m_seal->preamble() : kPreamble.toByteArray());
    // What came before the connections above were made is announced by nobody.
    QMetaObject::invokeMethod(
        this,
        [this] {
            read();
            if (m_socket->state() == QAbstractSocket::UnconnectedState)
                socketEnded();
        },
        Qt::QueuedConnection);
}

void Link::send(const core::Message &message)
{
    if (m_phase != Phase::Open)
        return;
    const core::Lane lane = core::laneOf(message);
    if (lane == core::Lane::Data && m_queue.dataBytes() >= kDataLaneBytesMax) {
        drop(message); // Before the work of encoding it.
        return;
    }
    if (m_queue.add(lane, encodeMessage(message)))
        write();
    else if (lane == core::Lane::Control)
        end("it does not read what it is sent");
    else
        drop(message);
}

/// Whoever asked for anything but a Push asks again; only of a Push nobody else knows.
void Link::drop(const core::Message &message)
{
    if (m_isOverflowing || !std::holds_alternative<core::Push>(message))
        return;
    m_isOverflowing = true;
    Q_EMIT overflowed();
}

void Link::write()
{
    // Nothing is sealed before the peer's nonce is there.
    if (m_phase == Phase::Closed || (m_seal && !m_seal->hasBegun()))
        return;
    while (m_socket->bytesToWrite() < kSocketBytesMax) {
        const QByteArrayView piece = m_queue.front(kWritePieceBytes);
        if (piece.isEmpty())
            break;
        if (m_socket->write(piece.data(), piece.size()) != piece.size())
            return; // The socket's own signal ends the link.
        m_bytesSent += piece.size();
        m_queue.pop(piece.size());
    }
    if (m_queue.dataBytes() < kDataLaneBytesMax / 2)
        m_isOverflowing = false;
    if (m_phase == Phase::Flushing)
        finishFlush();
}

void Link::closeWhenFlushed()
{
    if (m_phase != Phase::Open)
        return;
    m_phase = Phase::Flushing;
    m_deadline.start(kFlushTimeoutMs);
    // What is unread at the close makes the kernel reset the connection, and the reset would
    // overtake our last words: read() throws it away from here on.
    read();
    write();
}

void Link::finishFlush()
{
    if (m_queue.isEmpty() && m_socket->bytesToWrite() == 0)
        m_socket->disconnectFromHost();
}

void Link::setPaused(bool isPaused)
{
    if (m_isPaused == isPaused)
        return;
    m_isPaused = isPaused;
    if (!isPaused)
        QMetaObject::invokeMethod(this, &Link::read, Qt::QueuedConnection);
}

void Link::read()
{
    if (m_phase == Phase::Flushing) {
        m_socket->readAll();
        return;
    }
    if (m_isReading)
        return;
    m_isReading = true;
    qint64 taken = 0;
    while (m_phase == Phase::Open && !m_isPaused) {
        if (const auto frame = m_parser.next()) {
            take(*frame);
        } else if (m_parser.fault()) {
            end(m_parser.fault()->message);
        } else if (taken >= kReadBytesPerTurn) {
            QMetaObject::invokeMethod(this, &Link::read, Qt::QueuedConnection);
            break;
        } else {
            const QByteArray bytes = m_socket->read(kReadPieceBytes);
            if (bytes.isEmpty())
                break;
            taken += bytes.size();
            m_bytesReceived += bytes.size();
            m_parser.feed(bytes);
        }
        if (m_seal && m_seal->hasBegun() && !std::exchange(m_hasSealBegun, true))
            write();
    }
    m_isReading = false;
}

void Link::take(const Frame &frame)
{
    const auto message = decodeMessage(frame);
    if (!message) {
        end(message.error().message);
        return;
    }
    if (!message->has_value())
        return;
    if (!m_hasHello) {
        if (!std::holds_alternative<core::Hello>(**message)) {
            end("its first message is not a Hello");
            return;
        }
        m_hasHello = true;
        m_deadline.stop();
        m_parser.setFrameBytesMax(core::kFrameBytesMax);
    }
    Q_EMIT received(**message);
}

/// The last words of the peer, say why it refused us, may still stand in the buffer.
void Link::socketEnded()
{
    if (m_phase == Phase::Open) {
        m_isPaused = false;
        while (m_phase == Phase::Open && m_socket->bytesAvailable() > 0)
            read();
    }
    end({});
}

void Link::end(const QByteArray &fault)
{
    if (m_phase == Phase::Closed)
        return;
    m_phase = Phase::Closed;
    m_deadline.stop();
    if (!m_hasHello) {
        // Our preamble is what tells a peer with another secret, or none, why it stays outside:
        // it must not wait in Qt's buffer, nor be overtaken by the reset that unread bytes cause.
        m_socket->flush();
        m_socket->readAll();
    }
    m_socket->abort();
    Q_EMIT closed(fault);
}

} // namespace dynakv::cluster
