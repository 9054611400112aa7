// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>

/// A directory that is not what its id has become: an older state of itself, or the copy of one
/// that another process runs from. Of two running processes with one id the earlier claim goes on,
/// the other one stands back as soon as it has proof that the first one runs beside it; see
/// docs/decisions/0014-copied-directories.md.
namespace dynakv::core {

namespace {

bool isEarlier(quint64 claim, quint64 other)
{
    return claim != 0 && other != 0 && claim < other;
}

QByteArray duplicateText(NodeId id)
{
    return "two running nodes have the id " + toHex16(id) +
           ": one data directory is a copy of the other; empty the copy";
}

} // namespace

/// A copy of the directory of a process that runs claims later than that one, whatever the walls
/// say, since it was copied with that one's claim in it.
void Node::Impl::claimId()
{
    constexpr int kRandomBits = 16;
    const auto wallMs = static_cast<quint64>(std::max<qint64>(m_now.wallMs, 0));
    const quint64 clock = std::max(wallMs, (m_state.claim >> kRandomBits) + 1) << kRandomBits;
    m_claim = m_state.claim = clock | (m_config.bootId & 0xffff);
    m_isDirty = true;
}

/// A link with another process of this id: each sees for itself which of the two goes on.
void Node::Impl::meetCopy(Link &link, const Hello &hello)
{
    const base::Endpoint api{link.peerHost, hello.apiPort};
    refuse(link, Refusal::Reason::DuplicateId, duplicateText(hello.node));
    if (hello.clusterId == m_state.clusterId && isEarlier(hello.claim, m_claim))
        standBack("it is at " + api.toString());
}

/// Of two links to two processes of one id one stays. A later life of a process that is gone looks
/// the same at first, so that the one that is linked is asked: it runs if it answers after the
/// other has greeted, and whoever greets again after that runs beside it. False if \a link was
/// closed.
bool Node::Impl::settleRival(Link &link, Link &linked)
{
    const Hello &hello = *link.theirs;
    const quint64 claim = linked.theirs->claim;
    if (!isTrusted(hello.node)) {
        dropLink(linked.id, false, false);
        return true;
    }
    const bool isAsked = linked.rival && linked.rival->bootId == hello.bootId;
    const bool isAnswered = isAsked && linked.rival->isAnswered;
    if (isAnswered && isEarlier(hello.claim, claim)) {
        refuse(linked, Refusal::Reason::DuplicateId, duplicateText(hello.node), hello.claim);
        return true;
    }
    if (isAsked && !isAnswered && !m_detector.isHeard(hello.node, m_now.monoMs) &&
        m_now.monoMs - linked.rival->askedMs >= kRivalMs) {
        dropLink(linked.id, false, false);
        return true;
    }
    if (!isAsked || isAnswered) {
        linked.rival = Rival{hello.bootId, ++m_ids, m_now.monoMs};
        send(linked.id, ProbeRequest{linked.rival->probe, hello.node});
    }
    const base::Endpoint other{linked.peerHost, linked.theirs->apiPort};
    refuse(link, Refusal::Reason::DuplicateId,
           duplicateText(hello.node) + ". The other one is at " + other.toString(),
           isAnswered ? claim : 0);
    return false;
}

/// \a refusal came over \a link: a member has a link with another process of this id.
void Node::Impl::takeForCopy(Link &link, const Refusal &refusal)
{
    const Hello peer = *link.theirs;
    const base::Endpoint from{link.peerHost, peer.apiPort};
    dropLink(link.id, false, false);
    // Two of one id refuse each other.
    const bool isMember = peer.node != m_state.node && m_table.find(peer.node) != nullptr;
    if (!isMember || peer.clusterId != m_state.clusterId)
        return;
    m_takenForCopyMs[peer.node] = m_now.monoMs;
    if (isEarlier(refusal.claim, m_claim))
        standBack(from.toString() + " says: " + refusal.text.left(256));
}

void Node::Impl::takeWordOnSelf(const MemberRecord &word)
{
    if (isForgotten(word))
        return becomeForgotten();
    // Who has been declared down since may be so.
    const bool isSaidToRun = word.state != MemberState::Down && word.state != MemberState::Suspect;
    if (word.outranks == m_claim && isEarlier(word.claim, m_claim) && isSaidToRun)
        return standBack("it is known at " + word.api.toString());
    // Of an earlier process; a copy of the directory has a later generation too.
    if (word.generation > m_table.self().generation && isEarlier(word.claim, m_claim))
        doubt("its generation is " + QByteArray::number(m_state.generation) +
              ", and a later one is known");
    if (m_table.refute(word)) {
        m_changedBy.reset(); // The sender must hear it too.
        updateSelf();
    }
}

/// \a watermark: up to where a member says that what is dead was purged. Each had said that it
/// holds all up to there, this one as well.
void Node::Impl::watchWatermark(quint64 watermark)
{
    m_heardWatermark = std::max(m_heardWatermark, watermark);
    if (m_state.heldUpTo != 0 && watermark > m_state.heldUpTo)
        doubt("it never said that it holds what the others purge by now");
}

/// Its directory is an older state of itself, as a backup or a snapshot of the machine brings back:
/// it may lack what it acknowledged since, and hold what was deleted and purged.
void Node::Impl::doubt(const QByteArray &why)
{
    if (m_state.mayLack || !m_state.caughtUpOnce)
        return;
    say(Log::Level::Warning, "its data directory is an older state of itself: " + why);
    loseTrust();
    endSession();
    fence();
    for (const auto &[peer, link] : m_linkByPeer)
        scheduleSync(peer, 0);
    updateReadiness();
}

/// From now on this directory may lack what its id has acknowledged.
void Node::Impl::loseTrust()
{
    m_isDirty = m_isDirty || !std::exchange(m_state.mayLack, true);
    m_synced.clear();
    m_syncedCaughtUp.clear();
    m_purging.reset();
    obeyWatermark();
}

/// What others do in the name of this id is not done here. \a where: who says so, or where the
/// other one is.
void Node::Impl::standBack(const QByteArray &where)
{
    const bool isNews = !m_original;
    m_original = where;
    m_provenMs = m_now.monoMs;
    m_isSilent = m_isViewDirty = true;
    loseTrust();
    if (m_leave) {
        OperatorOutcome outcome;
        outcome.status = OperatorOutcome::Status::Conflict;
        outcome.detail = "another process has the id of this node: it cannot leave";
        m_out.push_back(OperatorReply{m_leave->request, outcome});
        m_leave.reset();
    }
    updateReadiness();
    if (isNews)
        say(Log::Level::Warning, m_detail);
    while (!m_links.empty())
        dropLink(m_links.begin()->first, false, false);
}

/// For a while it is silent; then it asks again whether the other one is still there, and claims
/// the id no earlier than that: a process that took it meanwhile goes on.
bool Node::Impl::isStandingBack()
{
    if (!m_isSilent || m_now.monoMs - m_provenMs < kStandBackMs)
        return m_isSilent;
    m_isSilent = false;
    claimId();
    updateSelf();
    return false;
}

/// Whether this process must not serve since another one of its id does. Proof of that lasts until
/// a member lets it in again; where there is no other member, until the other one is not met again.
bool Node::Impl::isCopy() const
{
    const bool isProofOld = m_now.monoMs - m_provenMs > kStandBackMs + kRefusedMs;
    return m_original && !(isProofOld && m_table.replicaCount() <= 1);
}

QByteArray Node::Impl::copyDetail() const
{
    QByteArray text = "another running node has the id " + toHex16(m_state.node) +
                      " of this one: one data directory is a copy of the other; empty the copy";
    if (m_original) {
        text += ". The other one began earlier and goes on (" + *m_original +
                "), this one serves nothing. Stop it; if it has served, `dynakvd export --file` of "
                "its storage.db shows what it took and perhaps told nobody";
    }
    return text;
}

/// Whether a peer lately said that another process of this id runs, and has not let this one in
/// since. It says so at each dial, for as long as it is true.
bool Node::Impl::isTakenForCopy() const
{
    return std::any_of(m_takenForCopyMs.begin(), m_takenForCopyMs.end(), [this](const auto &each) {
        const MemberRecord *const peer = m_table.find(each.first);
        const bool isMember = peer != nullptr && peer->state != MemberState::Left;
        return isMember && m_now.monoMs - each.second < kRefusedMs;
    });
}

} // namespace dynakv::core
