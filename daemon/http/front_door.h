// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/door_commons.h"
#include "daemon/http/front_door_config.h"
#include "daemon/http/http_metrics.h"
#include "daemon/http/socket_poller.h"

#include <QElapsedTimer>
#include <QTcpServer>
#include <QTimer>

#include <memory>
#include <set>
#include <vector>

namespace dynakv::http {

class Connection;

/// The socket before Qt's HTTP server: it hands out Connections, which let through only complete
/// and strictly valid requests. There is one for each HTTP thread, and one of them listens for all;
/// at the cap it stops accepting, so that further clients wait in the system's queue. One coarse
/// timer serves the time-outs of all connections of a door.
///
/// Thread: the one it lives in, with its connections and the QHttpServer that owns it.
class FrontDoor final : public QTcpServer
{
    Q_OBJECT
public:
    /// \a metrics and \a commons outlive it.
    FrontDoor(FrontDoorConfig config, DoorMetrics &metrics, DoorCommons &commons,
              QObject *parent = nullptr);
    ~FrontDoor() override;

    [[nodiscard]] const FrontDoorConfig &config() const { return m_config; }
    [[nodiscard]] DoorMetrics &metrics() { return m_metrics; }
    [[nodiscard]] int connectionCount() const { return static_cast<int>(m_connections.size()); }

    /// Takes a client that the listening door has accepted.
    void adopt(qintptr descriptor);
    /// Accepts again after the cap was reached; only the listening door.
    void resume();
    /// For Qt's HTTP server: what was adopted, whether this door listens or not.
    QTcpSocket *nextPendingConnection() override;

    /// Stops listening; idle connections close now, the others after the answer in flight.
    void drain();
    [[nodiscard]] bool isDraining() const { return m_isDraining; }
    /// Cuts every connection.
    void abortAll();

    /// @name What connections share
    /// @{
    [[nodiscard]] qint64 nowMs() const { return m_clock.elapsed(); }
    /// When the request was whole that Qt is being given now; microseconds of nowUs().
    [[nodiscard]] qint64 deliveredUs() const { return m_deliveredUs; }
    /// Who sent it; nobody outside of the handler's turn.
    [[nodiscard]] Connection *delivering() const { return m_delivering; }
    /// \a connection has Qt dispatch its request from now on, until endDelivery().
    qint64 beginDelivery(Connection &connection)
    {
        m_delivering = &connection;
        return m_deliveredUs = nowUs();
    }
    void endDelivery() { m_delivering = nullptr; }
    [[nodiscard]] qint64 nowUs() const { return m_clock.nsecsElapsed() / 1000; }
    [[nodiscard]] SocketPoller &poller() { return *m_poller; }
    /// Where a connection reads, before it keeps what it read.
    [[nodiscard]] std::vector<char> &readBuffer() { return m_readBuffer; }
    [[nodiscard]] QByteArrayView httpDate();
    QByteArray nextRequestId();
    /// False where all connections together would hold too much of bodies.
    [[nodiscard]] bool takeBodyBytes(qsizetype bytes);
    void returnBodyBytes(qsizetype bytes);
    /// A connection holds \a change bytes of answers more than before, \a held in all. True where
    /// all together hold too much and this one more than its share.
    [[nodiscard]] bool holdsTooMuch(qsizetype change, qsizetype held);
    void forget(Connection *connection);
    /// @}

Q_SIGNALS:
    /// The last connection closed after drain().
    void drained();

protected:
    void incomingConnection(qintptr descriptor) override;

private:
    void sweep();
    void onAcceptFailed();
    void leaveOne();

    FrontDoorConfig m_config;
    DoorMetrics &m_metrics;
    DoorCommons &m_commons;
    const std::unique_ptr<SocketPoller> m_poller = makeSocketPoller();
    std::set<Connection *> m_connections = {};
    std::vector<char> m_readBuffer = std::vector<char>(64 * 1024);
    Connection *m_adopted = nullptr; ///< Until Qt's HTTP server has taken it.
    QElapsedTimer m_clock = {};
    QTimer m_sweepTimer;
    QTimer m_acceptTimer;
    qint64 m_deliveredUs = 0;
    Connection *m_delivering = nullptr;
    bool m_isDraining = false;
    qint64 m_dateSeconds = -1;
    QByteArray m_date = {};
    QByteArray m_requestIdPrefix = {};
    quint64 m_requestCount = 0;
};

} // namespace dynakv::http
