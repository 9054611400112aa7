// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"
#include "daemon/core/sync_responder.h"

namespace dynakv::core {

void Node::Impl::receiveSync(Link &link, const Message &message)
{
    if (const auto *roots = std::get_if<RootsRequest>(&message))
        return send(link.id, answer(*roots, m_records, m_readiness == Readiness::Ready));
    if (const auto *leaves = std::get_if<LeavesRequest>(&message))
        return send(link.id, answer(*leaves, m_records));
    if (const auto *stamps = std::get_if<StampsRequest>(&message))
        return send(link.id, answer(*stamps, m_records));
    if (const auto *fetch = std::get_if<FetchRequest>(&message))
        return send(link.id, answer(*fetch, m_records));

    const auto *ack = std::get_if<PushAck>(&message);
    if (ack != nullptr) {
        m_replicator.acknowledged(link.id, *ack, m_out);
        m_lag.acknowledged(link.id, *ack);
    }
    if (const auto *reply = std::get_if<FetchReply>(&message)) {
        observeClocks(reply->records);
        if (auto newer = m_reader.answered(link.id, *reply, m_out))
            m_replicator.adopt(*std::move(newer), ++m_ids, m_out);
    }
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

void Node::Impl::scheduleSync(NodeId peer, qint64 delayMs)
{
    const qint64 due = m_now.monoMs + delayMs;
    const auto [at, isNew] = m_syncDueMs.try_emplace(peer, due);
    if (!isNew && due < at->second)
        at->second = due;
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
            auto any = m_linkByPeer.begin();
            std::advance(any, static_cast<std::ptrdiff_t>(m_random.below(m_linkByPeer.size())));
            scheduleSync(any->first, 0);
        }
    }
    scheduleRepair();
    if (m_session)
        return;
    auto best = m_syncDueMs.end();
    for (auto it = m_syncDueMs.begin(); it != m_syncDueMs.end();) {
        if (!m_linkByPeer.contains(it->first)) {
            it = m_syncDueMs.erase(it); // The next link with that peer asks anew.
            continue;
        }
        if (it->second <= m_now.monoMs && (best == m_syncDueMs.end() || it->second < best->second))
            best = it;
        ++it;
    }
    if (best == m_syncDueMs.end())
        return;
    const NodeId peer = best->first;
    m_syncDueMs.erase(best);
    const Heartbeat &heartbeat = linkTo(peer)->last;
    if (m_readiness == Readiness::Ready && !heartbeat.caughtUp) {
        // It is fetching all it lacks just now, or has not said yet whether it lacks anything. What
        // it alone has is seen afterwards.
        scheduleSync(peer, heartbeat.sequence == 0 ? kSyncSoonMs : kSyncPeriodMs / 2);
        return;
    }
    m_session =
        std::make_unique<SyncSession>(m_linkByPeer.at(peer), peer, m_records, m_capacity, m_ids);
    m_sessionStartMs = m_now.monoMs;
    m_session->start(m_now.monoMs, m_out);
}

void Node::Impl::settleSession()
{
    if (!m_session || m_session->state() == SyncSession::State::Running)
        return;
    const NodeId peer = m_session->peer();
    const SyncSession::Totals totals = m_session->totals();
    const SyncSession::State state = m_session->state();
    const bool fromCaughtUp = m_session->peerIsCaughtUp();
    const LinkId link = m_session->link();
    m_session.reset();
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
    m_compared[peer] = {kPartitionCount - totals.differing, m_now.wallMs};
    m_synced.insert(peer);
    if (fromCaughtUp)
        m_syncedCaughtUp.insert(peer);
    if (fromCaughtUp && totals.declined == 0)
        noteHandedTo(peer);
    updateReadiness();
}

} // namespace dynakv::core
