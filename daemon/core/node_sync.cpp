// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"
#include "daemon/core/sync_responder.h"

namespace dynakv::core {

void Node::Impl::receiveSync(Link &link, const Message &message)
{
    if (const auto *roots = std::get_if<RootsRequest>(&message))
        return answerRoots(link, *roots);
    const auto *fetch = std::get_if<FetchRequest>(&message);
    if (fetch != nullptr && fetch->keys.size() == 1)
        return send(link.id, answer(*fetch, m_records)); // Little work; a client may be waiting.
    if (fetch != nullptr || std::holds_alternative<LeavesRequest>(message) ||
        std::holds_alternative<StampsRequest>(message))
        return m_answers.add({link.id, message}, m_out);

    const auto *ack = std::get_if<PushAck>(&message);
    if (ack != nullptr) {
        m_replicator.acknowledged(link.id, *ack, m_out);
        settlePush(link, *ack);
    }
    if (const auto *reply = std::get_if<FetchReply>(&message)) {
        observeClocks(reply->records);
        if (auto newer = m_reader.answered(link.id, *reply, m_out))
            m_replicator.adopt(*std::move(newer), ++m_ids, m_out);
    }
    const bool isMember = !m_strangers.contains(link.theirs->node);
    if (const auto *roots = std::get_if<RootsReply>(&message); roots && isMember)
        watchWatermark(roots->holdings.watermark);
    else if (const auto *stamps = std::get_if<StampsReply>(&message); stamps && isMember)
        watchWatermark(stamps->watermark);
    if (!m_session || m_session->link() != link.id)
        return;
    const qint64 now = m_now.monoMs;
    if (ack != nullptr)
        m_session->handle(*ack, now, m_out);
    else if (const auto *rootsReply = std::get_if<RootsReply>(&message))
        m_session->handle(*rootsReply, now, m_out);
    else if (const auto *leavesReply = std::get_if<LeavesReply>(&message))
        m_session->handle(*leavesReply, now, m_out);
    else if (const auto *stampsReply = std::get_if<StampsReply>(&message))
        m_session->handle(*stampsReply, now, m_out);
    else if (const auto *fetchReply = std::get_if<FetchReply>(&message))
        m_session->handle(*fetchReply, now, m_out);
    settleSession();
}

void Node::Impl::answerSync(const AnswerQueue::Question &question)
{
    if (const auto *leaves = std::get_if<LeavesRequest>(&question.message))
        send(question.link, answer(*leaves, m_records));
    else if (const auto *stamps = std::get_if<StampsRequest>(&question.message))
        send(question.link, answer(*stamps, m_records, m_state.watermark));
    else if (const auto *fetch = std::get_if<FetchRequest>(&question.message))
        send(question.link, answer(*fetch, m_records));
}

/// Whose table differs for longer than a write is under way is compared soon, by the one with the
/// smaller id if that is able to. Where so much is written that tables never stand still, this
/// comes down to a comparison with each such peer in each period.
void Node::Impl::watchTree(Link &link, const Heartbeat &heartbeat)
{
    // Who is seldom heard differs from somebody who is often heard as well.
    const bool isOften = heartbeat.intervalMs <= kHeartbeatMs;
    if (heartbeat.treeHash == 0 || !isOften)
        return;
    const bool areCaughtUp = heartbeat.caughtUp && m_readiness == Readiness::Ready;
    if (!areCaughtUp || heartbeat.treeHash == treeHashOf(m_records.treeRoots())) {
        link.treeMismatches = 0;
        return;
    }
    const NodeId peer = link.theirs->node;
    const int patience = m_state.node < peer ? kTreeMismatchesMax : 2 * kTreeMismatchesMax;
    const bool isFresh = link.comparedMs && m_now.monoMs - *link.comparedMs < kSyncPeriodMs;
    if (++link.treeMismatches >= patience && !isFresh)
        scheduleSync(peer, 0);
}

void Node::Impl::on(const Resumed &resumed)
{
    if (const auto question = m_answers.resumed(resumed, m_out))
        answerSync(*question);
    else if (m_hints.resumed(resumed, m_now.monoMs, m_out))
        return;
    else if (m_session && m_session->resumed(resumed, m_now.monoMs, m_out))
        settleSession();
}

void Node::Impl::scheduleSync(NodeId peer, qint64 delayMs)
{
    const qint64 due = m_now.monoMs + delayMs;
    const auto at = m_syncDueMs.find(peer);
    if (at != m_syncDueMs.end() && at->second <= due)
        return;
    unscheduleSync(peer);
    m_syncDueMs[peer] = due;
    m_syncQueue.emplace(due, peer);
}

void Node::Impl::unscheduleSync(NodeId peer)
{
    const auto at = m_syncDueMs.find(peer);
    if (at == m_syncDueMs.end())
        return;
    m_syncQueue.erase({at->second, peer});
    m_syncDueMs.erase(at);
}

/// Begins the next comparison: the most urgent one asked for, or now and then one with anybody.
void Node::Impl::syncDue()
{
    if (m_session) {
        m_session->tick(m_now.monoMs);
        settleSession();
    }
    if (m_now.monoMs >= m_syncPeriodicMs) {
        m_syncPeriodicMs = m_now.monoMs + m_random.around(kSyncPeriodMs);
        if (!m_linkByPeer.empty()) {
            std::vector<NodeId> peers;
            for (const auto &[peer, link] : m_linkByPeer)
                peers.push_back(peer);
            scheduleSync(m_purging.longestAgo(peers), 0);
        }
    }
    scheduleRepair();
    if (m_session || m_syncQueue.empty() || m_syncQueue.begin()->first > m_now.monoMs)
        return;
    const NodeId peer = m_syncQueue.begin()->second;
    unscheduleSync(peer);
    if (m_hints.isReplaying(peer, m_now.monoMs))
        return scheduleSync(peer, kTickMs); // Afterwards there is less to compare.
    const Link *const link = linkTo(peer);
    if (link == nullptr)
        return; // The next link with that peer asks anew.
    const Heartbeat &heartbeat = link->last;
    if (m_readiness == Readiness::Ready && !heartbeat.caughtUp) {
        // It is fetching all it lacks just now, or has not said yet whether it lacks anything. What
        // it alone has is seen afterwards.
        scheduleSync(peer, heartbeat.sequence == 0 ? kSyncSoonMs : kSyncPeriodMs / 2);
        return;
    }
    // What a peer brings along that has only come too must be stamped anew before it spreads.
    if (!m_state.caughtUpOnce && !heartbeat.caughtUp)
        return; // It is asked as soon as it is caught up.
    m_session = std::make_unique<SyncSession>(m_linkByPeer.at(peer), peer, syncTerms(), m_records,
                                              m_capacity, m_ids);
    m_sessionStartMs = m_now.monoMs;
    linkTo(peer)->comparedMs = m_now.monoMs;
    m_sessionStartId = m_ids;
    m_sessionStartWallMs = m_now.wallMs;
    m_session->start(m_now.monoMs, m_out);
}

void Node::Impl::endSession()
{
    if (!m_session)
        return;
    for (const Ticket ticket : m_session->openAppends())
        m_strayAppends.insert(ticket);
    m_session.reset();
}

void Node::Impl::settleSession()
{
    if (!m_session || m_session->state() == SyncSession::State::Running)
        return;
    const NodeId peer = m_session->peer();
    const SyncSession::Totals totals = m_session->totals();
    const SyncSession::State state = m_session->state();
    const bool fromCaughtUp = m_session->peerIsCaughtUp();
    const bool isRejected = m_session->terms().isMerging && totals.declined > 0;
    const LinkId link = m_session->link();
    if (state == SyncSession::State::Complete && totals.declined == 0)
        noteCompared(*m_session);
    if (state == SyncSession::State::Complete && (m_state.mayLack || !m_state.caughtUpOnce)) {
        // No watermark that was agreed on without this node is above what any member promises now.
        m_state.heldUpTo = std::max(m_state.heldUpTo, m_session->theirPromise());
    }
    endSession();
    m_syncCounts.fetched += totals.fetched;
    m_syncCounts.pushed += totals.pushed;
    if (state == SyncSession::State::Full) {
        ++m_syncCounts.outOfRoom;
        return scheduleSync(peer, kSyncPeriodMs); // It is told already why; room takes its time.
    }
    if (state != SyncSession::State::Complete) {
        ++m_syncCounts.failed;
        say(Log::Level::Info, "comparing with " + toHex16(peer) + " broke off; it is tried again");
        scheduleSync(peer, kSyncSoonMs);
        return;
    }
    if (totals.fetched + totals.pushed > 0)
        say(Log::Level::Info, "compared with " + toHex16(peer) + ": fetched " +
                                  QByteArray::number(totals.fetched) + ", gave " +
                                  QByteArray::number(totals.pushed) + " records");
    ++m_syncCounts.completed;
    m_lag.compared(link, m_sessionStartMs);
    m_compared[peer] = {kPartitionCount - totals.differing, m_now.wallMs, m_sessionStartWallMs};
    m_synced.insert(peer);
    if (isRejected) {
        say(Log::Level::Warning, toHex16(peer) + " did not take " +
                                     QByteArray::number(totals.declined) +
                                     " records that this node brings along; it is tried again");
        scheduleSync(peer, kSyncPeriodMs);
    } else if (fromCaughtUp)
        m_syncedCaughtUp.insert(peer);
    if (totals.declined == 0)
        m_hints.compared(peer, m_sessionStartId);
    if (fromCaughtUp && totals.declined == 0)
        noteHandedTo(peer);
    updateReadiness();
}

} // namespace dynakv::core
