// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

namespace {

/// Each step of what is held and of the watermark costs a sync.
constexpr quint64 kStep = quint64{10'000} << 16;
/// A member that is up is named for holding purging back once it is so far behind; one that is not
/// once it is this far.
constexpr qint64 kLateMs = 1'800'000;
constexpr qint64 kLateAwayMs = 60'000;

quint64 clockAt(qint64 wallMs)
{
    return static_cast<quint64>(std::max<qint64>(wallMs, 0)) << 16;
}

} // namespace

/// As of this very moment: a word of this node must never be of other members than it counts.
void Node::Impl::countMembers()
{
    if (m_countedTable == m_table.hash())
        return;
    m_countedTable = m_table.hash();
    std::set<NodeId> members;
    for (const auto &[id, member] : m_table.all()) {
        if (member.state != MemberState::Left)
            members.insert(id);
    }
    m_purging.setMembers(members);
}

Holdings Node::Impl::holdings()
{
    countMembers();
    return {m_purging.toldUpTo(), m_purging.membersHash(), m_state.watermark};
}

quint64 Node::Impl::promise()
{
    // What was fetched and is on its way to the disk is not counted by the replicator.
    if (!m_strayAppends.empty() || (m_session && !m_session->openAppends().empty()))
        return 0;
    if (isClockOff())
        return 0; // It would take this node's clock along.
    const quint64 wanted = std::min(clockAt(m_now.wallMs - m_config.purgeDelayMs), m_savedCeiling);
    m_clock.raise(wanted);
    return m_replicator.promise(wanted, m_now.monoMs);
}

SyncSession::Terms Node::Impl::syncTerms()
{
    countMembers();
    SyncSession::Terms terms;
    terms.self = m_state.node;
    terms.watermark = m_state.caughtUpOnce && !m_state.mayLack ? m_state.watermark : 0;
    terms.promise = promise();
    terms.membersHash = m_purging.membersHash();
    terms.isRepairing = m_state.mayLack && m_state.caughtUpOnce;
    terms.isMerging = m_state.isMerging;
    terms.needsPromise = m_state.mayLack || !m_state.caughtUpOnce;
    return terms;
}

/// After a comparison in which nothing was left out on either side.
void Node::Impl::noteCompared(const SyncSession &session)
{
    countMembers();
    m_purging.compared(session.peer(), session.terms().membersHash, session.terms().promise,
                       session.theirPromise(), session.theirHoldings());
}

void Node::Impl::updatePurge()
{
    countMembers();
    if (m_readiness != Readiness::Ready)
        return;
    if (m_table.replicaCount() <= 1)
        m_purging.promised(promise());
    if (m_purging.holdsUpTo() >= m_purging.toldUpTo() + std::min(kStep, purgeDelay()))
        m_isDirty = true; // It is told once the disk has all of it.
    const quint64 agreed = m_purging.agreed();
    if (agreed >= m_state.watermark + std::min(kStep, purgeDelay())) {
        m_state.watermark = agreed;
        m_isDirty = true;
    }
    obeyWatermark();
}

quint64 Node::Impl::purgeDelay() const
{
    return std::max<quint64>(clockAt(m_config.purgeDelayMs), 1);
}

/// While it may lack something, or has only come, the others' old records are news to this node.
void Node::Impl::obeyWatermark()
{
    const bool holdsAll = m_state.caughtUpOnce && !m_state.mayLack;
    const quint64 refused = holdsAll ? m_state.watermark : 0;
    m_replicator.refuseUpTo(refused);
    m_reader.setPurged(m_state.watermark);
    if (m_session)
        m_session->setWatermark(refused);
}

/// \a watermark is on the disk.
void Node::Impl::purge(quint64 watermark)
{
    if (watermark <= m_purgedUpTo || watermark > m_state.watermark)
        return;
    m_purgedUpTo = watermark;
    m_out.push_back(Purge{watermark});
}

/// Whom the others wait for to purge what is dead: those that are away, else those that are slow.
std::set<NodeId> Node::Impl::purgeHolders() const
{
    const qint64 dueMs = m_now.wallMs - m_config.purgeDelayMs;
    const auto isBefore = [](quint64 clock, qint64 ms) {
        return static_cast<qint64>(clock >> 16) < ms;
    };
    std::set<NodeId> away;
    std::set<NodeId> slow;
    for (const auto &[id, member] : m_table.all()) {
        const quint64 upTo = std::max(m_purging.upToOf(id), m_state.watermark);
        const bool isUp =
            member.state == MemberState::Alive || member.state == MemberState::Suspect;
        if (member.state == MemberState::Left)
            continue;
        if (!isUp && isBefore(upTo, dueMs - kLateAwayMs))
            away.insert(id);
        if (isUp && isBefore(upTo, dueMs - kLateMs) &&
            m_now.monoMs - m_started.monoMs > kLateMs + m_config.purgeDelayMs)
            slow.insert(id);
    }
    return away.empty() ? slow : away;
}

} // namespace dynakv::core
