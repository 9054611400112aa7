// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/dial_pool.h"

#include "daemon/core/effect.h"
#include "shared/base/limits.h"

#include <QHostAddress>
#include <QNetworkProxy>
#include <QTcpSocket>
#include <QTimer>

namespace dynakv::cluster {
namespace {

using Reason = core::DialFailed::Reason;

constexpr int kUnderWayMax = 16;
constexpr std::size_t kWaitingMax = 2 * std::size_t{base::limits::kMembersMax};

Reason reasonFor(QAbstractSocket::SocketError error)
{
    switch (error) {
    case QAbstractSocket::ConnectionRefusedError:
        return Reason::Refused;
    case QAbstractSocket::HostNotFoundError:
        return Reason::UnknownName;
    case QAbstractSocket::NetworkError:
        return Reason::Unreachable;
    case QAbstractSocket::SocketTimeoutError:
        return Reason::TimedOut;
    default:
        return Reason::Other;
    }
}

/// Dialling a dead port of the ephemeral range of one's own host can, by TCP's simultaneous open,
/// connect a socket to itself: nobody listens there.
bool isConnectedToItself(const QTcpSocket &socket)
{
    return socket.localPort() == socket.peerPort() && socket.localAddress() == socket.peerAddress();
}

} // namespace

void DialPool::dial(core::DialId id, const base::Endpoint &target)
{
    if (m_waiting.size() >= kWaitingMax) {
        Q_EMIT failed(id, Reason::Other);
        return;
    }
    m_waiting.push_back({id, target});
    startNext();
}

void DialPool::startNext()
{
    if (m_isStarting)
        return;
    m_isStarting = true;
    while (m_underWay < kUnderWayMax && !m_waiting.empty()) {
        const Waiting next = m_waiting.front();
        m_waiting.pop_front();
        begin(next);
    }
    m_isStarting = false;
}

void DialPool::begin(const Waiting &next)
{
    ++m_underWay;
    auto *socket = new QTcpSocket(this);
    socket->setProxy(QNetworkProxy::NoProxy);
    auto *deadline = new QTimer(socket);
    deadline->setSingleShot(true);
    const auto fail = [this, socket, deadline, id = next.id](Reason reason) {
        release(socket, deadline);
        socket->deleteLater();
        Q_EMIT failed(id, reason);
        startNext();
    };
    connect(deadline, &QTimer::timeout, this, [fail] { fail(Reason::TimedOut); });
    connect(socket, &QTcpSocket::errorOccurred, this,
            [fail](QAbstractSocket::SocketError error) { fail(reasonFor(error)); });
    connect(socket, &QTcpSocket::connected, this, [this, socket, deadline, fail, id = next.id] {
        if (isConnectedToItself(*socket)) {
            fail(Reason::Refused);
            return;
        }
        release(socket, deadline);
        deadline->deleteLater();
        Q_EMIT connected(id, socket);
        startNext();
    });
    deadline->start(core::kDialTimeoutMs);
    socket->connectToHost(QString::fromLatin1(next.target.host), next.target.port);
}

/// A dial ends once: whichever of its three ends came first silences the others.
void DialPool::release(QTcpSocket *socket, QTimer *deadline)
{
    --m_underWay;
    socket->disconnect(this);
    deadline->disconnect(this);
    deadline->stop();
}

} // namespace dynakv::cluster
