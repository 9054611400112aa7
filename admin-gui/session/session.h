// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/models/key_source.h"
#include "shared/client/rest_client.h"

#include <QObject>
#include <QTimer>

#include <memory>

namespace dynakv::admin {

/// One connection to a cluster: which node answers, who the members are, and whether anyone answers
/// at all. It asks for the cluster each second, and goes on doing so while nobody answers, so that
/// it comes back by itself.
class Session final : public QObject, public KeySource
{
    Q_OBJECT
public:
    enum class State : quint8 {
        Idle,        ///< Not connected.
        Connecting,  ///< The first answer is awaited.
        Connected,   ///< A node answers.
        Unreachable, ///< It was connected; now no node answers. What is shown stays.
    };

    explicit Session(QObject *parent = nullptr);
    ~Session() override;

    void connectTo(const base::Endpoint &node);
    void disconnectFromCluster();
    /// Asks at once instead of at the next turn.
    void pollNow();
    /// Asks that member first from now on.
    void use(const base::Endpoint &node);
    void setPollIntervalMs(int ms) { m_pollIntervalMs = ms; }

    [[nodiscard]] State state() const { return m_state; }
    [[nodiscard]] bool isOpen() const { return m_client && m_state != State::Connecting; }
    /// Null while idle. Replaced by connectTo(), so not to be kept.
    [[nodiscard]] client::RestClient *client() const { return m_client.get(); }
    [[nodiscard]] base::Endpoint nodeInUse() const;
    [[nodiscard]] const base::api::ClusterStatus &status() const { return m_status; }
    [[nodiscard]] int latencyMs() const { return m_latencyMs; }

    void fetchKeys(const QByteArray &prefix, const QByteArray &after, int limit, QObject *context,
                   client::Callback<base::api::KeyPage> done) override;

Q_SIGNALS:
    void stateChanged(dynakv::admin::Session::State state);
    /// status() or latencyMs() is new.
    void clusterUpdated();
    void nodeChanged(const dynakv::base::Endpoint &from, const dynakv::base::Endpoint &to,
                     const QString &reason);
    /// The first answer was a failure; the state is Idle again.
    void connectFailed(const QString &why);
    /// While Unreachable: what the last attempt said.
    void stillUnreachable(const QString &why);

private:
    void poll();
    void takeAnswer(const client::Answer<base::api::ClusterStatus> &answer);
    void setState(State state);

    std::unique_ptr<client::RestClient> m_client;
    State m_state = State::Idle;
    base::api::ClusterStatus m_status;
    QTimer m_pollTimer;
    int m_pollIntervalMs = 1000;
    int m_latencyMs = 0;
    bool m_isPolling = false;
};

} // namespace dynakv::admin
