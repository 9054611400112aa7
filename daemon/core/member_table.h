// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/member.h"

#include <map>
#include <vector>

namespace dynakv::core {

/// Whether \a left is the newer word on a member: (generation, incarnation), then the state's rank,
/// then the remaining fields, so that of two different words one always is. A join semilattice:
/// records may arrive in any order, any number of times.
bool isNewer(const MemberRecord &left, const MemberRecord &right);

/// Every member that this node knows, itself included. Nobody is ever forgotten by a time-out.
class MemberTable
{
public:
    /// \a self is this node's own id: others' words on it are judged by refute(), not merged.
    explicit MemberTable(NodeId self)
        : m_self(self)
    {
    }

    /// Takes \a record where it is newer. True if the table changed. Not for this node itself.
    bool merge(const MemberRecord &record);
    /// Sets this node's own record as it is.
    void setSelf(const MemberRecord &record);
    /// Somebody's word on this node: true if it contradicts ours, which is then raised above it,
    /// and says whom it outranks where that was another process of this id.
    bool refute(const MemberRecord &word);
    /// All but this node, for adopting another cluster.
    void clearOthers();

    [[nodiscard]] const MemberRecord &self() const;
    [[nodiscard]] const MemberRecord *find(NodeId id) const;
    [[nodiscard]] const std::map<NodeId, MemberRecord> &all() const { return m_members; }
    [[nodiscard]] std::vector<MemberRecord> records() const;
    /// Members that have not left, down ones included: the N of every quorum.
    [[nodiscard]] int replicaCount() const { return m_replicas; }
    /// Equal tables have equal hashes.
    [[nodiscard]] quint64 hash() const { return m_hash; }

private:
    void put(const MemberRecord &record);

    NodeId m_self;
    std::map<NodeId, MemberRecord> m_members; ///< Ordered: its order reaches the wire.
    int m_replicas = 0;
    quint64 m_hash = 0; ///< One XOR of all; kept, since each heartbeat asks for it.
};

} // namespace dynakv::core
