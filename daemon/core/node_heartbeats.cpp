// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace dynakv::core {

namespace {

/// What a heartbeat shows of the round trip, as far as it can be true: it comes from outside.
std::optional<qint64> roundTripOf(const Heartbeat &heartbeat, qint64 nowMs)
{
    if (heartbeat.echoMs <= 0 || heartbeat.echoMs > nowMs || heartbeat.echoHeldMs < 0 ||
        heartbeat.echoHeldMs > nowMs - heartbeat.echoMs)
        return std::nullopt;
    return nowMs - heartbeat.echoMs - heartbeat.echoHeldMs;
}

} // namespace

void Node::Impl::receive(Link &link, const Heartbeat &heartbeat)
{
    link.last = heartbeat;
    if (!m_strangers.contains(link.theirs->node)) {
        m_purging.heard(link.theirs->node, heartbeat.holdings);
        watchWatermark(heartbeat.holdings.watermark);
    }
    m_detector.expectWithin(link.theirs->node, heartbeat.intervalMs, m_now.monoMs);
    link.peerSentMs = heartbeat.sentMs;
    link.peerSentAtMs = m_now.monoMs;
    const auto rttMs = roundTripOf(heartbeat, m_now.monoMs);
    if (rttMs)
        link.rttMs = static_cast<double>(*rttMs);
    const qint64 wallMs = std::clamp<qint64>(heartbeat.wallMs, 0, qint64{1} << 48);
    link.clockOffsetMs = wallMs + rttMs.value_or(0) / 2 - m_now.wallMs;
    m_clock.observeBelow(m_savedCeiling, heartbeat.clock, m_now.wallMs);
    watchTree(link, heartbeat);
    m_peersPermille = std::max(m_peersPermille, heartbeat.memoryUsedPermille);
    // One mismatch is a change on its way; two are a difference that must be told, as is one that
    // was there before the link.
    if (heartbeat.tableHash == m_table.hash())
        link.mismatches = 0;
    else if (++link.mismatches >= kTableMismatchesMax && tellTable(link.id))
        link.mismatches = 0;
}

void Node::Impl::beatDue()
{
    if (m_watchers.empty()) {
        m_watchers = watchersOf(m_state.node);
        for (const NodeId watcher : m_watchers) {
            if (Link &link = *linkTo(watcher); link.isSeldom)
                beatAt(link, m_now.monoMs); // It must not wait for the next seldom one.
        }
    }
    // Others refuse writes by it: that it grows is told at once, to those as well that hear little.
    const quint32 permille = m_capacity.usedPermille();
    if (permille / 10 > std::exchange(m_toldPermille, permille) / 10)
        beatToAllSoon();
    if (m_beats.empty() || m_beats.begin()->first > m_now.monoMs)
        return;
    const qint64 seldomMs = std::clamp(static_cast<qint64>(m_linkByPeer.size()) * kSeldomBeatMsEach,
                                       kSeldomBeatMs, kSeldomBeatMsMax);
    Heartbeat beat;
    beat.tableHash = m_table.hash();
    beat.clock = m_clock.last();
    beat.wallMs = m_now.wallMs;
    beat.sentMs = m_now.monoMs;
    beat.keys = m_records.liveCount();
    beat.bytes = m_records.byteCount();
    beat.caughtUp = m_readiness == Readiness::Ready;
    beat.memoryUsedPermille = permille;
    beat.mayLack = m_state.mayLack;
    beat.treeHash = treeHashOf(m_records.treeRoots());
    beat.holdings = holdings();
    while (m_beats.begin()->first <= m_now.monoMs) {
        Link &link = m_links.at(m_beats.begin()->second);
        link.isSeldom =
            std::find(m_watchers.begin(), m_watchers.end(), link.theirs->node) == m_watchers.end();
        const qint64 intervalMs = link.isSeldom ? m_random.around(seldomMs) : kHeartbeatMs;
        beatAt(link, m_now.monoMs + intervalMs);
        beat.sequence = ++link.sequence;
        beat.echoMs = link.peerSentMs;
        beat.echoHeldMs = m_now.monoMs - link.peerSentAtMs;
        beat.intervalMs = static_cast<quint32>(intervalMs);
        send(link.id, beat);
    }
}

void Node::Impl::beatAt(Link &link, qint64 dueMs)
{
    m_beats.erase({link.heartbeatDueMs, link.id});
    link.heartbeatDueMs = dueMs;
    m_beats.emplace(dueMs, link.id);
}

void Node::Impl::beatToAllSoon()
{
    for (const auto &[peer, link] : m_linkByPeer)
        beatAt(m_links.at(link), m_now.monoMs);
}

/// Who hears \a subject often: the same for whoever asks, as far as they are linked with the same
/// members. Each node says with every heartbeat when the next one comes, so that nothing depends on
/// that.
std::vector<NodeId> Node::Impl::watchersOf(NodeId subject) const
{
    std::vector<std::pair<quint64, NodeId>> ranked;
    ranked.reserve(m_linkByPeer.size());
    const QByteArray name = toHex16(subject);
    for (const auto &[peer, link] : m_linkByPeer) {
        if (peer != subject)
            ranked.emplace_back(hashBytes(name, peer), peer);
    }
    const std::size_t count = std::min(ranked.size(), kWatchersMax);
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                      ranked.end(), std::greater<>());
    std::vector<NodeId> watchers;
    for (std::size_t i = 0; i < count; ++i)
        watchers.push_back(ranked[i].second);
    return watchers;
}

} // namespace dynakv::core
