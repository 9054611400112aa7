// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/core/version.h"
#include "shared/base/endpoint.h"

#include <limits>
#include <vector>

namespace dynakv::core {

/// What the cluster knows of one node, as gossiped and persisted. Only its owner raises the
/// generation (a boot counter) and the incarnation (a refutation counter).
struct MemberRecord
{
    NodeId id = 0;
    quint64 generation = 0;
    quint32 incarnation = 0;
    MemberState state = MemberState::Joining;
    base::Endpoint api = {};
    base::Endpoint cluster = {};
    QByteArray programVersion = {};
    quint64 claim = 0; ///< Of the process whose record this is, see Hello; 0: not said.
    /// The claim of another process of this id, above whose word the owner set this one; 0: none.
    /// Proof to that other process that the owner runs beside it.
    quint64 outranks = 0;
    bool operator==(const MemberRecord &) const = default;
};

/// The last word on a member: no life of it has a greater generation.
inline constexpr quint64 kForgottenGeneration = std::numeric_limits<quint64>::max();
inline bool isForgotten(const MemberRecord &member)
{
    return member.state == MemberState::Left && member.generation == kForgottenGeneration;
}

/// What must outlive a restart, kept in storage.db. The generation of a running node is stored
/// before its first frame leaves.
struct PersistedState
{
    NodeId node = 0;
    quint64 generation = 0;
    quint64 clusterId = 0;     ///< 0: belongs to no cluster yet.
    quint64 clockCeiling = 0;  ///< No version above it was stamped; a restart begins above it.
    bool caughtUpOnce = false; ///< Whether this directory ever held all that its cluster held.
    std::vector<MemberRecord> members = {}; ///< Sorted by id, this node included.
    /// Whether this directory may lack records that it once acknowledged, because its file was
    /// damaged or cut: until the others have been asked the node answers nothing from it.
    bool mayLack = false;
    /// Up to this clock what is dead was purged, see PurgeWatermark.
    quint64 watermark = 0;
    /// Whether this directory holds records of a time before its cluster that are to be taken
    /// along.
    bool isMerging = false;
    /// Whether the cluster has forgotten this node: it never takes part again under this id.
    bool isForgotten = false;
    /// The greatest clock up to which this directory was ever said to hold all, see PurgeWatermark:
    /// no watermark is above it unless the directory is an older state of itself. 0: not known.
    quint64 heldUpTo = 0;
    quint64 claim = 0; ///< The last one, see Hello: a copy of the directory claims later.
    bool operator==(const PersistedState &) const = default;
};

/// The generation of the life that begins with \a state as it was read. With the end of a file the
/// latest generations may be gone too, and none may come twice: peers would take the new life's
/// words for old ones. Nobody starts a directory a million times.
inline quint64 nextGeneration(const PersistedState &state)
{
    constexpr quint64 kLostGenerationsMax = quint64{1} << 20;
    return state.generation + (state.mayLack ? kLostGenerationsMax : 1);
}

} // namespace dynakv::core
