// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

namespace dynakv::core {

void Node::Impl::on(const ClientOperation &client)
{
    switch (client.operation.kind) {
    case OperatorRequest::Kind::Forget:
        m_out.push_back(OperatorReply{client.request, forget(client.operation.member)});
        return;
    case OperatorRequest::Kind::Repair:
        m_out.push_back(OperatorReply{client.request, repairNow()});
        return;
    case OperatorRequest::Kind::Leave:
        beginLeave(client.request);
        return;
    }
}

/// Only who is down is forgotten: a member that runs would answer clients on with what the others
/// no longer hear of.
OperatorOutcome Node::Impl::forget(NodeId id)
{
    using Status = OperatorOutcome::Status;
    const auto refused = [](Status status, const QByteArray &why) {
        OperatorOutcome outcome;
        outcome.status = status;
        outcome.detail = why;
        return outcome;
    };
    const MemberRecord *const member = m_table.find(id);
    if (member == nullptr)
        return refused(Status::UnknownMember, "there is no member of this id");
    if (isForgotten(*member))
        return refused(Status::Done, "it was forgotten before");
    if (id == m_state.node)
        return refused(Status::Conflict, "a node does not forget itself: ask another one");
    const bool isGone = member->state == MemberState::Down || member->state == MemberState::Left ||
                        isLostWhileLeaving(*member);
    if (!isGone) {
        return refused(Status::Conflict, "this member is " + toText(member->state) +
                                             ": stop it first, and wait until it is down");
    }
    OperatorOutcome outcome;
    if (const auto contact = m_contactWallMs.find(id); contact != m_contactWallMs.end())
        outcome.contactMs = contact->second;
    if (const auto compared = m_compared.find(id); compared != m_compared.end()) {
        outcome.comparedMs = compared->second.beganWallMs;
        outcome.partitionsEqual = compared->second.partitionsEqual;
    }
    outcome.detail =
        "what it acknowledged with w=1 and told nobody may be in its data directory alone: of the "
        "time after the last contact, and of that since the last comparison what was lost on the "
        "way. Other members may have been in contact later. Its directory never comes back under "
        "this id; started there again it says how its data is kept for an export";
    MemberRecord word = *member;
    word.generation = kForgottenGeneration;
    word.incarnation = 0;
    word.state = MemberState::Left;
    takeWord(word);
    return outcome;
}

/// Nobody's accusation outranks the word of a member that says it leaves; it counts as down all the
/// same where it fell silent over it.
bool Node::Impl::isLostWhileLeaving(const MemberRecord &member) const
{
    return member.state == MemberState::Leaving && !m_linkByPeer.contains(member.id) &&
           m_detector.isMute(member.id, m_now.monoMs);
}

OperatorOutcome Node::Impl::repairNow()
{
    for (const auto &[peer, link] : m_linkByPeer)
        scheduleSync(peer, 0);
    OperatorOutcome outcome;
    outcome.members = static_cast<int>(m_linkByPeer.size());
    return outcome;
}

/// The cluster goes on without this node and its word: it must not answer for it any more, neither
/// now nor after a restart.
void Node::Impl::becomeForgotten()
{
    if (std::exchange(m_state.isForgotten, true))
        return;
    m_isDirty = m_isViewDirty = true;
    updateReadiness();
    say(Log::Level::Warning, m_detail);
    while (!m_links.empty())
        dropLink(m_links.begin()->first, false, false);
}

} // namespace dynakv::core
