// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/effect.h"
#include "daemon/core/event.h"
#include "daemon/core/record_source.h"
#include "daemon/core/time.h"

#include <memory>

namespace dynakv::core {

struct NodeConfig
{
    base::Endpoint api = {};        ///< As bound; the host may be a wildcard.
    base::Endpoint cluster = {};    ///< As bound.
    QByteArray advertisedHost = {}; ///< Empty: learned from the sockets that reach this node.
    std::vector<base::JoinTarget> join = {};
    Durability durability = Durability::Sync; ///< What this node's file gives.
    qint64 memoryBytesMax = 0;                ///< What the table may take in memory; 0: no limit.
    /// How old what is dead must be before it may be purged; the watermark stays so far behind.
    qint64 purgeDelayMs = 300'000;
    QByteArray programVersion = {};
    quint64 bootId = 0; ///< Random per process.
    quint64 seed = 0;   ///< Of every random choice: the same seed, the same run.
};

/// One node of the cluster as a pure state machine: membership, failure detection, replication and
/// anti-entropy behind one door. Events and the present go in, effects come out; there is no
/// socket, file, thread, clock or randomness of its own inside, and no iteration order that a
/// hash decides.
///
/// \a records must outlive the node and be changed only through its Append effects.
/// Thread: one at a time; the node thread in the daemon, the test's in a simulation.
class Node
{
public:
    Node(NodeConfig config, PersistedState state, const RecordSource &records);
    ~Node();

    /// To be called once, before any event. \a newestClock: greatest clock in the table, 0 if
    /// empty.
    Effects start(Time now, quint64 newestClock);
    Effects handle(Event event, Time now);

    [[nodiscard]] ClusterView view() const;
    /// As in view(), for whoever asks often.
    [[nodiscard]] Readiness readiness() const;
    [[nodiscard]] std::optional<MemberState> stateOf(NodeId member) const;
    [[nodiscard]] const PersistedState &persistedState() const;

private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace dynakv::core
