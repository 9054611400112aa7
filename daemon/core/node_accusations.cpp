// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

/// Who says of whom that it is not there, and whether that is believed.
namespace dynakv::core {

/// Whether \a word accuses a member that this node hears itself: whoever says so has lost its own
/// way to it. Believing it would take a healthy member from the list until it has refuted.
bool Node::Impl::isHearsay(const MemberRecord &word)
{
    const MemberRecord *known = m_table.find(word.id);
    return (word.state == MemberState::Suspect || word.state == MemberState::Down) &&
           linkTo(word.id) != nullptr && m_detector.isHeard(word.id, m_now.monoMs) &&
           known != nullptr && isNewer(word, *known);
}

/// Whether \a word accuses a member against which nothing speaks here, and \a accuser is the only
/// one to do so: it may be deaf. Who passes such a word on has found the same, or has believed two.
bool Node::Impl::isHeldBack(const MemberRecord &word, NodeId accuser)
{
    const MemberRecord *known = m_table.find(word.id);
    const bool isAccusation = word.state == MemberState::Suspect || word.state == MemberState::Down;
    if (!isAccusation || known == nullptr || !isNewer(word, *known))
        return false;
    if (known->state == MemberState::Suspect || linkTo(word.id) == nullptr ||
        m_detector.isMissed(word.id, m_now.monoMs))
        return false;
    const auto at =
        m_accusations.try_emplace(word.id, Accusation{word, accuser, m_now.monoMs}).first;
    Accusation &first = at->second;
    const bool isOfOneLife =
        first.word.generation == word.generation && first.word.incarnation == word.incarnation;
    if (isOfOneLife && first.accuser != accuser) {
        m_accusations.erase(at);
        return false;
    }
    if (!isOfOneLife && isNewer(word, first.word))
        first = {word, accuser, m_now.monoMs};
    else if (isNewer(word, first.word))
        first.word = word;
    return true;
}

/// Nobody else has said it, and the accused has not contradicted: perhaps one alone can tell.
void Node::Impl::takeLoneAccusations()
{
    for (auto at = m_accusations.begin(); at != m_accusations.end();) {
        if (m_now.monoMs - at->second.sinceMs < kLoneAccuserMs) {
            ++at;
            continue;
        }
        const MemberRecord word = at->second.word;
        at = m_accusations.erase(at);
        if (!isHearsay(word))
            takeWord(word);
    }
}

void Node::Impl::receive(Link &link, const ProbeRequest &request)
{
    send(link.id, ProbeReply{request.id, request.subject,
                             m_linkByPeer.contains(request.subject) &&
                                 m_detector.isHeard(request.subject, m_now.monoMs)});
}

void Node::Impl::receive(Link &link, const ProbeReply &reply)
{
    if (link.rival && link.rival->probe == reply.id)
        link.rival->isAnswered = true;
    const auto at = m_probes.find(reply.id);
    if (at == m_probes.end() || at->second != reply.subject)
        return;
    m_probes.erase(at);
    if (reply.isHeard)
        m_detector.vouched(reply.subject, m_now.monoMs);
}

void Node::Impl::judgeMembers()
{
    takeLoneAccusations();
    // Nearly always nobody can have become silent since the last look.
    if (m_judgedTable == m_table.hash() && m_detector.isCalm(m_now.monoMs))
        return;
    m_judgedTable = m_table.hash();
    FailureDetector::Members states;
    states.reserve(m_table.all().size());
    for (const auto &[id, member] : m_table.all()) {
        if (id != m_state.node)
            states.emplace_back(id, member.state);
    }
    using Kind = FailureDetector::Finding::Kind;
    for (const FailureDetector::Finding &finding : m_detector.tick(states, m_now.monoMs)) {
        switch (finding.kind) {
        case Kind::Probe:
            probe(finding.id);
            break;
        case Kind::Suspect:
            accuse(finding.id, MemberState::Suspect);
            break;
        case Kind::Down:
            accuse(finding.id, MemberState::Down);
            break;
        }
    }
}

void Node::Impl::accuse(NodeId id, MemberState state)
{
    MemberRecord word = *m_table.find(id);
    word.state = state;
    takeWord(word);
}

/// Asks up to three others whether they hear \a subject: my path to it may be what is broken.
void Node::Impl::probe(NodeId subject)
{
    if (m_probes.size() > 256)
        m_probes.clear(); // Answers that never came.
    std::vector<LinkId> others;
    for (const NodeId watcher : watchersOf(subject))
        others.push_back(m_linkByPeer.at(watcher));
    for (size_t asked = 0; asked < 3 && !others.empty(); ++asked) {
        const size_t pick = m_random.below(others.size());
        const quint64 id = ++m_ids;
        m_probes[id] = subject;
        send(others[pick], ProbeRequest{id, subject});
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(pick));
    }
}

} // namespace dynakv::core
