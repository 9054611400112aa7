// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

namespace dynakv::core {

void Node::Impl::on(const ClientOperation &client)
{
    const OperatorRequest &asked = client.operation;
    m_out.push_back(OperatorReply{client.request, asked.kind == OperatorRequest::Kind::Forget
                                                      ? forget(asked.member)
                                                      : repairNow()});
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
    if (member->state != MemberState::Down && member->state != MemberState::Left) {
        return refused(Status::Conflict, "this member is " + toText(member->state) +
                                             ": stop it first, and wait until it is down");
    }
    OperatorOutcome outcome;
    if (const auto compared = m_compared.find(id); compared != m_compared.end())
        outcome.comparedMs = compared->second.wallMs;
    outcome.detail = "what it alone acknowledged after it was last compared with a member is given "
                     "up; its data directory never comes back under this id";
    MemberRecord word = *member;
    word.generation = kForgottenGeneration;
    word.incarnation = 0;
    word.state = MemberState::Left;
    takeWord(word);
    return outcome;
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
