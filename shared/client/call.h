// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/client/request.h"

#include <QElapsedTimer>
#include <QObject>
#include <QPointer>
#include <QTimer>

#include <functional>
#include <vector>

class QNetworkAccessManager;
class QNetworkReply;

namespace dynakv::client {

/// Takes one request from node to node until one of them answers it, then tells and deletes itself.
/// A node is left for the next one where it cannot be reached, is silent for too long, or says 503
/// without having changed anything. Bounded: attempts, time of each, bytes of the answer.
class Call final : public QObject
{
    Q_OBJECT
public:
    using Done = std::function<void(const Exchange &)>;

    /// \a network must outlive the call; \a nodes are asked in order and must not be empty.
    Call(QNetworkAccessManager &network, Request request, std::vector<base::Endpoint> nodes,
         int silenceTimeoutMs, QObject *parent);
    void start(Done done);

private:
    void attempt();
    void noteProgress();
    void abandon(FailureKind kind, const QByteArray &why);
    void finishAttempt();
    void failAttempt(FailureKind kind, const QByteArray &why, bool mayHaveArrived);
    void answer(Exchange exchange);

    QNetworkAccessManager &m_network;
    const Request m_request;
    const std::vector<base::Endpoint> m_nodes;
    const int m_silenceTimeoutMs;
    Done m_done;

    std::size_t m_next = 0;
    QPointer<QNetworkReply> m_reply;
    QTimer m_silence;
    QTimer m_total;
    QElapsedTimer m_elapsed;
    bool m_wasSent = false;        ///< In this attempt.
    bool m_retriedClosed = false;  ///< This node's kept connection was found closed once.
    bool m_outcomeUnknown = false; ///< Some earlier attempt of a write may have arrived.
    QByteArray m_abandoned = {};   ///< Why we ended the attempt ourselves.
    FailureKind m_abandonedKind = FailureKind::TimedOut;
    Exchange m_best = {}; ///< What to tell if no node answers better.
    std::vector<std::pair<base::Endpoint, QByteArray>> m_failed;
};

} // namespace dynakv::client
