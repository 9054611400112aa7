// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

namespace {

/// After this time one member that has everything is enough,
constexpr qint64 kLeavePatienceMs = 10'000;
/// and after this one a node that could hand nothing over stays.
constexpr qint64 kLeaveMsMax = 60'000;

OperatorOutcome refused(OperatorOutcome::Status status, const QByteArray &why)
{
    OperatorOutcome outcome;
    outcome.status = status;
    outcome.detail = why;
    return outcome;
}

} // namespace

/// A node leaves for ever, like one that is forgotten, but hands over first: from now on it takes
/// no writes, and what it has taken is compared with the members that stay.
void Node::Impl::beginLeave(RequestId request)
{
    using Status = OperatorOutcome::Status;
    const auto refuse = [&](const QByteArray &why) {
        m_out.push_back(OperatorReply{request, refused(Status::Conflict, why)});
    };
    if (m_leave)
        return refuse("this node is leaving already");
    if (m_readiness != Readiness::Ready)
        return refuse("a node that is not ready has nothing to hand over: " + m_detail);
    if (m_table.replicaCount() <= 1)
        return refuse("this node is the only member: nobody could take its data over; stop it");
    m_leave = Leave{request, m_now.monoMs};
    say(Log::Level::Info, "leaving the cluster: it hands over what it holds");
    setReadiness(Readiness::Leaving, "leaving: an operator asked this node to leave its cluster; "
                                     "it hands over what it holds and takes no writes");
}

/// One step further, at each tick.
void Node::Impl::proceedLeave()
{
    if (!m_leave)
        return;
    const qint64 tookMs = m_now.monoMs - m_leave->startMs;
    if (tookMs >= kLeaveMsMax)
        return giveUpLeave();
    if (!m_leave->isDrained) {
        // What peers push is theirs, and may never pause.
        if (m_replicator.hasWrites())
            return;
        m_leave->isDrained = true;
        endSession(); // It may have passed by what came in since it began.
    }
    if (!m_leave->handedTo.empty() && (isHandedToAll() || tookMs >= kLeavePatienceMs))
        return completeLeave();
    for (const auto &[peer, link] : m_linkByPeer) {
        if (m_links.at(link).last.caughtUp && !m_leave->handedTo.contains(peer) &&
            !(m_session && m_session->peer() == peer))
            scheduleSync(peer, 0);
    }
}

/// Who is not up can be told by the others.
bool Node::Impl::isHandedToAll() const
{
    return std::all_of(m_table.all().begin(), m_table.all().end(), [this](const auto &each) {
        const MemberState state = each.second.state;
        return each.first == m_state.node || m_leave->handedTo.contains(each.first) ||
               (state != MemberState::Alive && state != MemberState::Suspect);
    });
}

void Node::Impl::noteHandedTo(NodeId peer)
{
    if (m_leave && m_leave->isDrained)
        m_leave->handedTo.insert(peer);
}

void Node::Impl::completeLeave()
{
    OperatorOutcome outcome;
    outcome.members = static_cast<int>(m_leave->handedTo.size());
    outcome.detail = "all that this node held is held by others; its data directory never comes "
                     "back under this id, stop the node and set it aside";
    m_out.push_back(OperatorReply{m_leave->request, outcome});
    m_leave.reset();
    MemberRecord word = m_table.self();
    word.generation = kForgottenGeneration;
    word.incarnation = 0;
    word.state = MemberState::Left;
    for (const LinkId link : establishedLinks())
        send(link, Gossip{{word}, false});
    becomeForgotten();
}

void Node::Impl::giveUpLeave()
{
    m_out.push_back(
        OperatorReply{m_leave->request,
                      refused(OperatorOutcome::Status::NotInTime,
                              "no member that is caught up could take over in time what this node "
                              "holds; it stays")});
    m_leave.reset();
    say(Log::Level::Warning, "nobody took over in time what this node holds: it does not leave");
    setReadiness(Readiness::Ready, {});
}

} // namespace dynakv::core
