// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/api/cluster_status.h"
#include "shared/base/api/key_page.h"
#include "shared/client/answer.h"
#include "shared/client/node_list.h"
#include "shared/client/request.h"

#include <QNetworkAccessManager>
#include <QObject>

#include <vector>

namespace dynakv::client {

/// A cluster as seen from outside: give it any node's address and it goes on through the others.
///
/// It asks the node in use; where that one is dead, hangs or is not ready, the request goes to the
/// next member, and whoever answered is the node in use from then on. Members are learnt from each
/// answer to cluster(). All requests are idempotent, so trying them again elsewhere is safe; where
/// a write was sent and no node confirmed it, the failure says outcomeUnknown.
///
/// Everything is asynchronous on the thread of this object, which needs a running event loop. A
/// callback runs once, later, never from inside the call, and not at all once \a context or the
/// client is gone. System proxies are not used: nodes are addressed directly.
///
///     auto *client = new RestClient({address}, this);
///     client->cluster(this, [](const Answer<ClusterStatus> &answer) { ... });
class RestClient final : public QObject
{
    Q_OBJECT
public:
    /// \a seeds: one or more addresses to begin with, the first being the node in use.
    explicit RestClient(std::vector<base::Endpoint> seeds, QObject *parent = nullptr);

    /// The node that answered last, or the first seed.
    [[nodiscard]] const base::Endpoint &nodeInUse() const { return m_nodes.inUse(); }
    [[nodiscard]] const NodeList &nodes() const { return m_nodes; }
    /// Asks \a node first from now on; the others stay as its stand-ins.
    void use(const base::Endpoint &node);
    /// Off: ask only the node in use, as a health check must. On by default.
    void setFailover(bool isOn) { m_failover = isOn; }
    /// How long a node may be silent before the next one is asked. Writes get a second more, since
    /// a node that waits for replicas answers after three seconds by itself.
    void setSilenceTimeoutMs(int ms) { m_silenceTimeoutMs = ms; }

    void cluster(QObject *context, Callback<base::api::ClusterStatus> done);
    /// The page after the cursor \a after (empty: the first) of the keys that begin with \a prefix.
    void keys(const QByteArray &prefix, const QByteArray &after, int limit, QObject *context,
              Callback<base::api::KeyPage> done);
    /// The same with the values, and from any key on. The bytes of a page are bounded; a page may
    /// hold fewer keys than asked for, even none, and have a `next`.
    void values(const ListQuery &query, QObject *context, Callback<ValuePage> done);
    void get(const QByteArray &key, QObject *context, Callback<Value> done);
    /// Stores \a value: its JSON text exactly as it is, or raw bytes with their type, for the time
    /// that it says.
    void put(const QByteArray &key, const Value &value, QObject *context, Callback<Receipt> done);
    /// Like put(), but refused with 412 unless \a version is what is stored: the problem names the
    /// `version` that is.
    void replace(const QByteArray &key, const QByteArray &version, const Value &value,
                 QObject *context, Callback<Receipt> done);
    /// Like put(), but refused with 412 where the key exists. An outcome that is unknown with that
    /// may be its own: an attempt before it may have arrived.
    void create(const QByteArray &key, const Value &value, QObject *context,
                Callback<Receipt> done);
    /// Writes that go together, each with an answer of its own in their order: \a lines are of
    /// batchLine(), at most limits::kBatchLinesMax and kBatchBytesMax.
    void batch(const QByteArray &lines, QObject *context, Callback<std::vector<LineAnswer>> done);
    void remove(const QByteArray &key, QObject *context, Callback<Receipt> done);
    /// Asks the node in use alone. A node that answers `503` is an answer, not a failure.
    void health(QObject *context, Callback<Health> done);

Q_SIGNALS:
    /// Another node answered; \a reason tells what was wrong with \a from, for people.
    void nodeChanged(const dynakv::base::Endpoint &from, const dynakv::base::Endpoint &to,
                     const QByteArray &reason);

private:
    template <typename T, typename Read>
    void send(Request request, QObject *context, Callback<T> done, Read read);
    void store(Request request, const QByteArray &key, const Value &value, QObject *context,
               Callback<Receipt> done);
    void learn(const Exchange &exchange);
    void learnMembers(const base::api::ClusterStatus &status);

    QNetworkAccessManager m_network;
    NodeList m_nodes;
    bool m_failover = true;
    int m_silenceTimeoutMs = 3000;
};

} // namespace dynakv::client
