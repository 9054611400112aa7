// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/session/session.h"

namespace dynakv::admin {

using base::api::ClusterStatus;
using base::api::KeyPage;

Session::Session(QObject *parent)
    : QObject(parent)
{
    m_pollTimer.setSingleShot(true);
    connect(&m_pollTimer, &QTimer::timeout, this, &Session::poll);
}

Session::~Session() = default;

base::Endpoint Session::nodeInUse() const
{
    return m_client ? m_client->nodeInUse() : base::Endpoint{};
}

void Session::connectTo(const base::Endpoint &node)
{
    disconnectFromCluster();
    m_client = std::make_unique<client::RestClient>(std::vector<base::Endpoint>{node});
    connect(m_client.get(), &client::RestClient::nodeChanged, this,
            [this](const base::Endpoint &from, const base::Endpoint &to, const QByteArray &reason) {
                Q_EMIT nodeChanged(from, to, QString::fromUtf8(reason));
            });
    setState(State::Connecting);
    poll();
}

void Session::disconnectFromCluster()
{
    m_pollTimer.stop();
    m_isPolling = false;
    // The client may be the one that is calling us; it dies when the stack is clear.
    if (m_client)
        m_client.release()->deleteLater();
    m_status = {};
    setState(State::Idle);
}

void Session::pollNow()
{
    if (m_client && !m_isPolling)
        poll();
}

void Session::use(const base::Endpoint &node)
{
    if (!m_client)
        return;
    m_client->use(node);
    Q_EMIT clusterUpdated();
    pollNow();
}

void Session::poll()
{
    m_pollTimer.stop();
    m_isPolling = true;
    m_client->cluster(m_client.get(), [this, asked = m_client.get()](const auto &answer) {
        if (asked == m_client.get())
            takeAnswer(answer);
    });
}

void Session::takeAnswer(const client::Answer<ClusterStatus> &answer)
{
    m_isPolling = false;
    const QString why = QString::fromUtf8(answer.failure.message);
    if (!answer.ok() && m_state == State::Connecting) {
        disconnectFromCluster();
        Q_EMIT connectFailed(why);
        return;
    }
    m_pollTimer.start(m_pollIntervalMs);
    if (!answer.ok()) {
        setState(State::Unreachable);
        Q_EMIT stillUnreachable(why);
        return;
    }
    m_status = *answer.value;
    m_latencyMs = answer.latencyMs;
    setState(State::Connected);
    Q_EMIT clusterUpdated();
}

void Session::setState(State state)
{
    if (state == m_state)
        return;
    m_state = state;
    Q_EMIT stateChanged(state);
}

void Session::fetchKeys(const QByteArray &prefix, const QByteArray &after, int limit,
                        QObject *context, client::Callback<KeyPage> done)
{
    if (m_client)
        m_client->keys(prefix, after, limit, context, std::move(done));
}

} // namespace dynakv::admin
