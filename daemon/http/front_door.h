// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/front_door_config.h"
#include "daemon/http/http_metrics.h"

#include <QElapsedTimer>
#include <QTcpServer>
#include <QTimer>

#include <set>

namespace dynakv::http {

class Connection;

/// The listening socket before Qt's HTTP server: it hands out Connections, which let through only
/// complete and strictly valid requests. At the cap it stops accepting, so that further clients
/// wait in the system's queue. One coarse timer serves the time-outs of all connections.
///
/// Thread: the one it lives in, with its connections and the QHttpServer that owns it.
class FrontDoor final : public QTcpServer
{
    Q_OBJECT
public:
    /// \a metrics outlives it.
    FrontDoor(FrontDoorConfig config, DoorMetrics &metrics, QObject *parent = nullptr);
    ~FrontDoor() override;

    [[nodiscard]] const FrontDoorConfig &config() const { return m_config; }
    [[nodiscard]] DoorMetrics &metrics() { return m_metrics; }
    [[nodiscard]] int connectionCount() const { return static_cast<int>(m_connections.size()); }

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
    /// Who sent it; only within the handler's turn.
    [[nodiscard]] Connection &delivering() const { return *m_delivering; }
    qint64 noteDelivery(Connection &connection)
    {
        m_delivering = &connection;
        return m_deliveredUs = nowUs();
    }
    [[nodiscard]] qint64 nowUs() const { return m_clock.nsecsElapsed() / 1000; }
    [[nodiscard]] QByteArrayView httpDate();
    QByteArray nextRequestId();
    /// False where all connections together would hold too much of bodies.
    [[nodiscard]] bool takeBodyBytes(qsizetype bytes);
    void returnBodyBytes(qsizetype bytes);
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

    FrontDoorConfig m_config;
    DoorMetrics &m_metrics;
    std::set<Connection *> m_connections = {};
    QElapsedTimer m_clock = {};
    QTimer m_sweepTimer;
    QTimer m_acceptTimer;
    qint64 m_deliveredUs = 0;
    Connection *m_delivering = nullptr;
    bool m_isDraining = false;
    qsizetype m_bodyBytes = 0;
    qint64 m_dateSeconds = -1;
    QByteArray m_date = {};
    QByteArray m_requestIdPrefix = {};
    quint64 m_requestCount = 0;
};

} // namespace dynakv::http
