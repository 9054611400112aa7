// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/message.h"

#include <map>
#include <optional>
#include <set>

namespace dynakv::core {

/// Up to which clock this node may purge what is dead: tombstones, and values that have expired.
///
/// A node promises a clock: all that it ever stamped up to there stands in its table, and it stamps
/// nothing more up to there. After a complete comparison of two members, both hold all that either
/// held of what stands below both their promises. Who has compared itself with every member so
/// *holds all* up to the least of those; who has compared itself with such a one holds all up to
/// where that one did. Where all members hold all, down ones included, nothing at or below can come
/// to be any more: what is dead there is purged by each, and a record at or below that is unknown
/// is one that was purged (a zombie, from a node that is no member any more).
///
/// What is held is held of a set of members. A change of that set makes it void, and word of
/// another set counts for nothing: a node that has not heard yet that a member is forgotten may
/// still take something from it.
class PurgeWatermark
{
public:
    explicit PurgeWatermark(NodeId self)
        : m_self(self)
    {
    }

    /// All that count: this node, and whoever is admitted and neither left nor was forgotten.
    void setMembers(const std::set<NodeId> &members);
    /// This node may lack something, or has only come: nothing is known any more.
    void reset();

    /// A comparison with \a peer, begun with \a mine promised and \a theirs in its answer, is
    /// complete: nothing was left out on either side. \a members: membersHash() when it began.
    void compared(NodeId peer, quint64 members, quint64 mine, quint64 theirs, const Holdings &told);
    /// This node's own promise; alone it needs no more.
    void promised(quint64 mine);
    /// What \a peer says of itself, with each heartbeat.
    void heard(NodeId peer, const Holdings &told);

    /// This node holds all up to here.
    [[nodiscard]] quint64 holdsUpTo() const { return m_holdsUpTo; }
    [[nodiscard]] quint64 membersHash() const { return m_membersHash; }
    /// The one whose comparison is oldest of \a peers, which must not be empty.
    [[nodiscard]] NodeId longestAgo(const std::vector<NodeId> &peers) const;

    /// Only what the disk has is told to others: see beginSave().
    [[nodiscard]] quint64 toldUpTo() const { return m_toldUpTo; }
    void beginSave() { m_savingUpTo = m_holdsUpTo; }
    void saved();

    /// Up to where all hold all, or another has found that they do, as far as this node holds it
    /// too; 0 for nowhere.
    [[nodiscard]] quint64 agreed() const;
    /// Of \a member, as it was last heard: up to where it holds all that these members hold.
    [[nodiscard]] quint64 upToOf(NodeId member) const;

private:
    void findWatermark();

    NodeId m_self;
    std::set<NodeId> m_members;
    quint64 m_membersHash = 0;
    std::map<NodeId, quint64> m_comparedUpTo;
    std::map<NodeId, Holdings> m_told;
    quint64 m_watermark = 0; ///< The greatest that was told.
    quint64 m_holdsUpTo = 0;
    quint64 m_savingUpTo = 0;
    quint64 m_toldUpTo = 0;
    mutable std::optional<quint64> m_agreed; ///< Nothing after a change of the rest.
};

/// Whether \a record is dead for good at \a watermark: a rule of the two alone, so that every
/// member finds the same.
template <typename R>
bool isPurgeable(const R &record, quint64 watermark)
{
    const auto watermarkMs = static_cast<qint64>(watermark >> 16);
    return record.version.clock <= watermark &&
           (record.kind == RecordKind::Tombstone ||
            (record.expiresAtMs != 0 && record.expiresAtMs <= watermarkMs));
}

} // namespace dynakv::core
