// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

namespace {

/// Alive is who is caught up, and a suspect was so a moment ago.
bool isUp(const MemberRecord &member)
{
    return member.state == MemberState::Alive || member.state == MemberState::Suspect;
}

} // namespace

/// What the end of the file said may be gone, and with it the clocks given last.
void Node::Impl::fence()
{
    m_clock.leap(m_now.wallMs);
    say(Log::Level::Warning,
        "its data file was damaged or cut or is an older one, or another process has gone on under "
        "its id, so that it may lack what was acknowledged; it answers no reads from it and takes "
        "no writes until it has been compared with the other members");
}

/// The way back of a node that may lack what it once acknowledged. Time alone is no reason to
/// believe it, and one member is not enough: each may hold what only it and this node had.
void Node::Impl::updateRepair()
{
    if (m_table.replicaCount() <= 1) {
        // It may have forgotten the others together with the rest, so those to join come first.
        const bool hasNobodyToAsk = m_selfJoins.size() >= m_config.join.size() ||
                                    m_now.monoMs - m_started.monoMs >= kReturnGraceMs;
        if (m_state.caughtUpOnce && hasNobodyToAsk) {
            say(Log::Level::Warning,
                "there is no other member that could hold what its data file lost: it serves what "
                "is left");
            return setReadiness(Readiness::Ready, {});
        }
    } else if (isComparedWithWhoIsUp()) {
        say(Log::Level::Info, "repaired: compared with every member that is up");
        return setReadiness(Readiness::Ready, {});
    } else if (isComparedWithAll()) {
        say(Log::Level::Warning, "compared with every member, none of which was whole either: what "
                                 "all of them lost is gone");
        return setReadiness(Readiness::Ready, {});
    }
    setReadiness(
        m_state.caughtUpOnce ? Readiness::CatchingUp : Readiness::Joining,
        "its data file was damaged or cut or is an older one, or another process has gone on "
        "under its id; it is being compared with the other members");
}

/// At least one member is up and caught up, and each that is was compared in that state.
bool Node::Impl::isComparedWithWhoIsUp() const
{
    bool isAnyUp = false;
    for (const auto &[id, member] : m_table.all()) {
        if (id == m_state.node || !isUp(member))
            continue;
        if (!m_syncedCaughtUp.contains(id))
            return false;
        isAnyUp = true;
    }
    return isAnyUp;
}

/// After a power cut that harmed every disk none is caught up, and all would wait for each other.
/// Who has been compared with all the members there are can learn no more.
bool Node::Impl::isComparedWithAll() const
{
    return std::all_of(m_table.all().begin(), m_table.all().end(), [this](const auto &each) {
        return each.first == m_state.node || each.second.state == MemberState::Left ||
               (!isUp(each.second) && m_synced.contains(each.first));
    });
}

/// A node that is to become ready asks who was not caught up when it was compared again as soon as
/// it says that it is.
void Node::Impl::scheduleRepair()
{
    if (m_readiness != Readiness::Joining && m_readiness != Readiness::CatchingUp)
        return;
    for (const auto &[peer, link] : m_linkByPeer) {
        const bool isUnderWay =
            (m_session && m_session->peer() == peer) || m_syncDueMs.contains(peer);
        if (m_links.at(link).last.caughtUp && !m_syncedCaughtUp.contains(peer) && !isUnderWay)
            scheduleSync(peer, 0);
    }
}

/// What comes in stands in time before whatever is written here from now on.
void Node::Impl::observeClocks(const std::vector<Record> &records)
{
    for (const Record &record : records) {
        m_clock.observeBelow(m_savedCeiling, record.version.clock, m_now.wallMs);
        if (m_state.mayLack && record.version.node == m_state.node)
            m_clock.observeOwn(record.version.clock, m_now.wallMs);
    }
}

} // namespace dynakv::core
