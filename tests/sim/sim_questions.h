// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/sim/sim_cluster.h"

#include <algorithm>
#include <optional>

/// What situations ask of a simulated cluster, each in its own words otherwise.
namespace dynakv::sim {

/// Nothing where \a node does not know \a id.
inline std::optional<core::MemberState> stateSeenBy(const SimCluster &cluster, int node,
                                                    core::NodeId id)
{
    for (const core::MemberView &member : cluster.view(node).members) {
        if (member.id == id)
            return member.state;
    }
    return std::nullopt;
}

/// As text: "(none)" where it holds none, "(deleted)" where that is a tombstone.
inline QByteArray valueOn(const SimCluster &cluster, int node, const QByteArray &key)
{
    const auto record = cluster.records(node).find(key);
    if (!record)
        return "(none)";
    return record->kind == core::RecordKind::Tombstone ? QByteArray("(deleted)") : record->value;
}

/// Whether \a node knows that its cluster has forgotten it, or that it has left.
inline bool isForgotten(const SimCluster &cluster, int node)
{
    const core::ClusterView view = cluster.view(node);
    return view.readiness == core::Readiness::Joining && view.detail.startsWith("forgotten");
}

/// What the client of \a write is told, within 5 s.
inline core::WriteOutcome outcomeOf(SimCluster &cluster, std::size_t write)
{
    cluster.runUntil(5000, [&] { return cluster.told(write).isAnswered; });
    return cluster.told(write).outcome;
}

inline bool isDone(SimCluster &cluster, std::size_t write)
{
    const core::WriteOutcome outcome = outcomeOf(cluster, write);
    return cluster.told(write).isAnswered && outcome.status == core::WriteOutcome::Status::Done;
}

inline bool isLogged(const SimCluster &cluster, const QByteArray &part)
{
    return std::any_of(cluster.log().begin(), cluster.log().end(),
                       [&](const QByteArray &line) { return line.contains(part); });
}

} // namespace dynakv::sim
