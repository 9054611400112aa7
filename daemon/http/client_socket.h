// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/native_socket.h"
#include "daemon/http/socket_poller.h"

#include <QByteArray>
#include <QObject>

namespace dynakv::http {

/// The real socket of one client. QTcpSocket would ask the system how much there is before it
/// reads, keep a buffer of its own in between, and copy what it writes: a tenth of what a small GET
/// costs. A socket with TLS would stand behind the same interface.
///
/// Thread: the one it is made on.
class ClientSocket final : public QObject, private PolledSocket
{
    Q_OBJECT
public:
    /// Takes \a descriptor over, which is closed at the latest with this object. \a poller outlives
    /// it.
    ClientSocket(qintptr descriptor, SocketPoller &poller);
    ~ClientSocket() override;

    /// False where the system refused the descriptor, and after close().
    [[nodiscard]] bool isOpen() const { return m_descriptor >= 0; }
    [[nodiscard]] native::Ends ends() const { return native::endsOf(m_descriptor); }

    /// What is there now.
    [[nodiscard]] native::Transfer read(char *data, qsizetype bytesMax);
    /// Whether readable() is said, again and again as long as something is there.
    void setReading(bool isOn);

    /// Sends now what the system takes and the rest when it takes more. A failure is said later, by
    /// gone().
    void write(QByteArrayView bytes);
    [[nodiscard]] qsizetype bytesToWrite() const { return m_unsent.size() - m_sentBytes; }
    /// Ends our direction once everything is written.
    void closeWriting();
    void limitSendBuffer(int bytes);
    void close();
    /// Closes, and does not leave it to the system to offer what it holds to a client that takes
    /// nothing, for minutes and up to megabytes.
    void cut();

Q_SIGNALS:
    void readable();
    /// Some of what had to wait has left.
    void written();
    /// Writing failed: nobody is there any more.
    void gone();

private:
    void onReady(SocketEvents events) override;
    void await(SocketEvents events);
    void sendMore();
    [[nodiscard]] qintptr release();
    void fail();

    qintptr m_descriptor;
    SocketPoller &m_poller;
    SocketEvents m_awaited = {};
    QByteArray m_unsent = {};
    qsizetype m_sentBytes = 0; ///< Of m_unsent, from its start.
    bool m_endsWriting = false;
};

} // namespace dynakv::http
