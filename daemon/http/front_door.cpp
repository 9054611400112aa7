// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/front_door.h"

#include "daemon/http/answer_framing.h"
#include "daemon/http/connection.h"
#include "daemon/http/native_socket.h"

#include <QLoggingCategory>
#include <QRandomGenerator>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <memory>
#include <utility>
#include <vector>

namespace dynakv::http {
namespace {

Q_LOGGING_CATEGORY(lcDoor, "dynakv.http.door", QtInfoMsg)

constexpr int kPendingMax = 64;
constexpr int kAcceptRetryMs = 250;

int sweepIntervalMs(const FrontDoorConfig &config)
{
    const int shortest = std::min({config.headTimeoutMs, config.bodyGraceMs, config.idleTimeoutMs,
                                   config.writeStallMs, config.answerTimeoutMs, config.lingerMs});
    return std::clamp(shortest / 4, 5, 500);
}

} // namespace

FrontDoor::FrontDoor(FrontDoorConfig config, DoorMetrics &metrics, DoorCommons &commons,
                     QObject *parent)
    : QTcpServer(parent)
    , m_config(std::move(config))
    , m_metrics(metrics)
    , m_commons(commons)
{
    m_clock.start();
    m_requestIdPrefix =
        QByteArray::number(QRandomGenerator::system()->generate(), 16).rightJustified(8, '0') + '-';
    setMaxPendingConnections(kPendingMax);
    setListenBacklogSize(1024);
    connect(this, &QTcpServer::acceptError, this, &FrontDoor::onAcceptFailed);
    connect(&m_sweepTimer, &QTimer::timeout, this, &FrontDoor::sweep);
    m_sweepTimer.start(sweepIntervalMs(m_config));
    m_acceptTimer.setSingleShot(true);
    connect(&m_acceptTimer, &QTimer::timeout, this, &FrontDoor::resume);
}

FrontDoor::~FrontDoor()
{
    abortAll();
}

void FrontDoor::incomingConnection(qintptr descriptor)
{
    const int count = ++m_commons.connections;
    m_commons.handOver(descriptor);
    // pauseAccepting() would not do: QTcpServer takes the connections that wait in one loop, and
    // undoes the pause as soon as one is handed out. A bound of none it does respect.
    if (count >= m_config.connectionsMax) {
        m_metrics.atConnectionLimit.add();
        setMaxPendingConnections(0);
    } else if (native::isShortOfDescriptors(descriptor, m_config.descriptorsSpare)) {
        m_metrics.descriptorPauses.add();
        qCWarning(lcDoor) << "fewer than" << m_config.descriptorsSpare
                          << "descriptors are left: no further connection is accepted until there "
                             "are more; raise the limit on open files if this persists";
        setMaxPendingConnections(0);
        m_acceptTimer.start(kAcceptRetryMs);
    }
}

void FrontDoor::adopt(qintptr descriptor)
{
    auto connection = std::make_unique<Connection>(descriptor, *this);
    if (connection->state() != QAbstractSocket::ConnectedState) {
        leaveOne();
        return;
    }
    m_metrics.accepted.add();
    m_connections.insert(connection.get());
    if (m_isDraining)
        return; // It came too late, and leaves with the connection.
    m_adopted = connection.release();
    // By its name, since the signal is QTcpServer's own, which would keep a list beside ours.
    QMetaObject::invokeMethod(this, "pendingConnectionAvailable", Qt::DirectConnection);
}

QTcpSocket *FrontDoor::nextPendingConnection()
{
    return std::exchange(m_adopted, nullptr);
}

void FrontDoor::forget(Connection *connection)
{
    if (m_connections.erase(connection) == 0)
        return;
    m_metrics.closed.add();
    leaveOne();
    if (m_isDraining && m_connections.empty())
        Q_EMIT drained();
}

void FrontDoor::leaveOne()
{
    if (m_commons.connections-- == m_config.connectionsMax)
        m_commons.resume();
}

void FrontDoor::resume()
{
    if (!isListening() || m_commons.connections >= m_config.connectionsMax)
        return;
    if (native::isShortOfDescriptors(m_config.descriptorsSpare)) {
        m_acceptTimer.start(kAcceptRetryMs);
        return;
    }
    setMaxPendingConnections(kPendingMax);
    resumeAccepting();
}

void FrontDoor::onAcceptFailed()
{
    m_metrics.acceptFailures.add();
    // QTcpServer pauses for good after an error such as too few free descriptors.
    qCWarning(lcDoor).noquote() << "cannot accept a connection:" << errorString()
                                << "- trying again; raise the limit on open files if this persists";
    m_acceptTimer.start(kAcceptRetryMs);
}

void FrontDoor::sweep()
{
    const qint64 now = nowMs();
    const std::vector<Connection *> all(m_connections.begin(), m_connections.end());
    for (Connection *connection : all)
        connection->sweep(now);
}

void FrontDoor::drain()
{
    m_isDraining = true;
    close();
    const std::vector<Connection *> all(m_connections.begin(), m_connections.end());
    for (Connection *connection : all)
        connection->drain();
}

void FrontDoor::abortAll()
{
    const std::vector<Connection *> all(m_connections.begin(), m_connections.end());
    for (Connection *connection : all)
        connection->leave();
}

QByteArrayView FrontDoor::httpDate()
{
    const auto seconds = static_cast<qint64>(std::time(nullptr));
    if (seconds != m_dateSeconds) {
        m_dateSeconds = seconds;
        m_date = toHttpDate(seconds);
    }
    return m_date;
}

QByteArray FrontDoor::nextRequestId()
{
    std::array<char, 16> digits;
    char *const end = digits.data() + digits.size();
    char *const last = std::to_chars(digits.data(), end, ++m_requestCount, 16).ptr;
    QByteArray id;
    id.reserve(m_requestIdPrefix.size() + (last - digits.data()));
    return id.append(m_requestIdPrefix).append(digits.data(), last - digits.data());
}

bool FrontDoor::takeBodyBytes(qsizetype bytes)
{
    // First taken, then judged: so no two threads take the same room.
    if (m_commons.bodyBytes.fetch_add(bytes) + bytes > m_config.bodyBytesInFlightMax) {
        m_commons.bodyBytes -= bytes;
        return false;
    }
    m_metrics.bodyBytes.add(bytes);
    return true;
}

void FrontDoor::returnBodyBytes(qsizetype bytes)
{
    m_commons.bodyBytes -= bytes;
    m_metrics.bodyBytes.add(-bytes);
}

bool FrontDoor::holdsTooMuch(qsizetype change, qsizetype held)
{
    m_metrics.unsentBytes.add(change);
    const qsizetype all = m_commons.unsentBytes.fetch_add(change) + change;
    const qsizetype share = m_config.unsentBytesMax / std::max(m_commons.connections.load(), 1);
    return all > m_config.unsentBytesMax && held > share;
}

} // namespace dynakv::http
