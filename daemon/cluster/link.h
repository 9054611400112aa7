// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/frame_codec.h"
#include "daemon/cluster/link_seal.h"
#include "daemon/cluster/send_queue.h"
#include "daemon/core/event.h"

#include <QObject>
#include <QTimer>

#include <optional>

class QTcpSocket;

namespace dynakv::cluster {

inline constexpr int kHelloTimeoutMs = 3000;
inline constexpr int kFlushTimeoutMs = 1000;

/// One connection to a peer: owns the socket, cuts what comes into messages and bounds what goes.
/// The peer must send the preamble and a Hello of at most 4 KiB first, within 3 s; whatever is
/// malformed ends the link. A peer that does not read costs a bounded amount of memory: the data
/// lane then drops frames (overflowed() says so once, for Push), the control lane ends the link.
///
/// Thread: the node thread, signals included. After closed() the owner calls deleteLater().
class Link final : public QObject
{
    Q_OBJECT
public:
    /// \a socket is connected; the link takes it over. With a \a seal both sides have to prove the
    /// secret of their cluster, else neither may.
    Link(core::LinkId id, QTcpSocket *socket, std::optional<LinkSeal> seal, QObject *parent);

    /// Sends the preamble and begins to read.
    void start();
    void send(const core::Message &message);
    /// Takes no more messages either way, writes what waits, within a second, then closes.
    void closeWhenFlushed();
    /// A paused link leaves what comes to the kernel, which makes the peer wait.
    void setPaused(bool isPaused);

    [[nodiscard]] core::LinkId id() const { return m_id; }
    [[nodiscard]] bool hasHello() const { return m_hasHello; }
    [[nodiscard]] QByteArray localHost() const;
    [[nodiscard]] QByteArray peerHost() const;
    /// Host and port of the other end, for people.
    [[nodiscard]] QByteArray peerText() const { return m_peerText; }
    /// What this link holds for the peer in memory.
    [[nodiscard]] qsizetype waitingBytes() const;
    /// Handed to the socket and taken from it so far.
    [[nodiscard]] qint64 bytesSent() const { return m_bytesSent; }
    [[nodiscard]] qint64 bytesReceived() const { return m_bytesReceived; }

Q_SIGNALS:
    void received(const dynakv::core::Message &message);
    void overflowed();
    /// Once. \a fault is empty where the connection ended in order.
    void closed(const QByteArray &fault);

private:
    enum class Phase : quint8 { Open, Flushing, Closed };

    void write();
    void read();
    void take(const Frame &frame);
    void drop(const core::Message &message);
    void finishFlush();
    void socketEnded();
    void end(const QByteArray &fault);

    core::LinkId m_id;
    QTcpSocket *m_socket;
    QByteArray m_peerText;
    Phase m_phase = Phase::Open;
    bool m_hasHello = false;
    bool m_isPaused = false;
    bool m_isOverflowing = false; ///< Told once; told again only after the lane had room.
    bool m_isReading = false;
    bool m_hasSealBegun = false; ///< And what had waited for it was written.
    qint64 m_bytesSent = 0;
    qint64 m_bytesReceived = 0;
    std::optional<LinkSeal> m_seal;
    FrameParser m_parser;
    SendQueue m_queue;
    QTimer m_deadline; ///< Of the Hello, later of the flush.
};

} // namespace dynakv::cluster
