// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/hints.h"

#include <algorithm>
#include <utility>

namespace dynakv::core {

void Hints::add(NodeId peer, const QByteArray &key, quint64 number)
{
    m_isIdle = false;
    Peer &to = m_peers[peer];
    if (const auto known = to.keys.find(key); known != to.keys.end()) {
        known->second = std::max(known->second, number);
        return;
    }
    const qint64 bytes = bytesOf(key);
    if (to.keys.size() >= kKeysMax || to.bytes + bytes > kBytesMax ||
        m_bytes + bytes > kTotalBytesMax) {
        to.dropped = std::max(to.dropped, number);
        ++m_counts.dropped;
        return;
    }
    to.keys.emplace(key, number);
    to.bytes += bytes;
    m_bytes += bytes;
}

std::map<QByteArray, quint64>::iterator Hints::erase(Peer &peer,
                                                     std::map<QByteArray, quint64>::iterator at)
{
    const qint64 bytes = bytesOf(at->first);
    peer.bytes -= bytes;
    m_bytes -= bytes;
    return peer.keys.erase(at);
}

void Hints::settle(NodeId peer, const std::vector<QByteArray> &keys, quint64 number)
{
    if (const auto to = m_peers.find(peer); to != m_peers.end())
        settle(to->second, keys, number);
}

void Hints::settle(Peer &peer, const std::vector<QByteArray> &keys, quint64 number)
{
    if (peer.keys.empty())
        return;
    for (const QByteArray &key : keys) {
        const auto at = peer.keys.find(key);
        if (at != peer.keys.end() && at->second <= number)
            erase(peer, at);
    }
}

void Hints::compared(NodeId peer, quint64 number)
{
    const auto to = m_peers.find(peer);
    if (to == m_peers.end())
        return;
    std::map<QByteArray, quint64> &keys = to->second.keys;
    for (auto at = keys.begin(); at != keys.end();)
        at = at->second <= number ? erase(to->second, at) : std::next(at);
    if (to->second.dropped <= number)
        to->second.dropped = 0;
}

void Hints::keepOnly(const std::function<bool(NodeId)> &isMember)
{
    if (m_isIdle)
        return;
    for (auto at = m_peers.begin(); at != m_peers.end();) {
        const bool isKept = at->second.link != 0 || isMember(at->first);
        if (!isKept)
            m_bytes -= at->second.bytes;
        at = isKept ? std::next(at) : m_peers.erase(at);
    }
}

void Hints::linked(NodeId peer, LinkId link, qint64 nowMs, Effects &out)
{
    m_isIdle = false;
    Peer &to = m_peers[peer];
    to.link = link;
    to.sinceMs = to.notBeforeMs = nowMs;
    to.push = to.turn = 0;
    to.isLossy = false;
    proceed(to, nowMs, out);
}

void Hints::linkLost(NodeId peer, LinkId link)
{
    const auto to = m_peers.find(peer);
    if (to == m_peers.end() || to->second.link != link)
        return;
    m_isIdle = false;
    to->second.link = 0;
    to->second.push = to->second.turn = 0;
}

void Hints::overflowed(NodeId peer, qint64 nowMs)
{
    m_isIdle = false;
    Peer &to = m_peers[peer];
    to.isLossy = true;
    to.sinceMs = nowMs;
    to.notBeforeMs = nowMs + kStallMs;
    to.push = to.turn = 0; // It may be among what was thrown away.
}

bool Hints::isLossy(NodeId peer) const
{
    const auto to = m_peers.find(peer);
    return to != m_peers.end() && to->second.isLossy;
}

void Hints::acknowledged(NodeId peer, const PushAck &ack, qint64 nowMs, Effects &out)
{
    const auto at = m_peers.find(peer);
    if (at == m_peers.end() || at->second.push == 0 || at->second.push != ack.id)
        return;
    Peer &to = at->second;
    to.push = 0;
    if (ack.isStored) {
        m_counts.replayed += static_cast<qint64>(to.sent.size());
        settle(to, to.sent, ack.id);
    } else {
        to.notBeforeMs = nowMs + kPauseMs;
    }
    proceed(to, nowMs, out);
}

void Hints::tick(qint64 nowMs, Effects &out)
{
    if (std::exchange(m_isIdle, true))
        return;
    for (auto &[id, peer] : m_peers) {
        if (peer.push != 0 && nowMs - peer.sentMs > kAckMsMax)
            peer.push = 0; // The answer, or the batch itself, found its lane full.
        proceed(peer, nowMs, out);
        m_isIdle &= peer.keys.empty() && peer.push == 0 && !peer.isLossy && peer.dropped == 0;
    }
}

/// One batch at a time, so that what is written meanwhile waits behind one of them at most, and
/// each in a turn of its own, so that the clients come first.
void Hints::proceed(Peer &peer, qint64 nowMs, Effects &out)
{
    if (peer.link == 0 || peer.push != 0 || peer.turn != 0 || nowMs < peer.notBeforeMs)
        return;
    if (peer.keys.empty())
        return end(peer);
    peer.turn = ++m_ids;
    out.push_back(Resume{peer.turn});
}

bool Hints::resumed(const Resumed &event, qint64 nowMs, Effects &out)
{
    const auto at = std::find_if(m_peers.begin(), m_peers.end(), [&](const auto &each) {
        return event.ticket != 0 && each.second.turn == event.ticket;
    });
    if (at == m_peers.end())
        return false;
    at->second.turn = 0;
    sendBatch(at->second, nowMs, out);
    return true;
}

void Hints::sendBatch(Peer &peer, qint64 nowMs, Effects &out)
{
    Push push;
    qsizetype bytes = 0;
    peer.sent.clear();
    for (auto at = peer.keys.begin(); at != peer.keys.end() && bytes < kPushBytesTarget &&
                                      push.records.size() < kPieceRecords;) {
        auto record = m_records.find(at->first);
        if (!record) {
            at = erase(peer, at);
            continue;
        }
        bytes += record->key.size() + record->value.size();
        peer.sent.push_back(at->first);
        push.records.push_back(*std::move(record));
        ++at;
    }
    if (push.records.empty())
        return end(peer);
    push.id = peer.push = ++m_ids;
    peer.sentMs = nowMs;
    out.push_back(Send{peer.link, std::move(push)});
}

void Hints::end(Peer &peer)
{
    peer.isLossy = false;
    peer.dropped = 0; // Whatever it was, finding it is the comparison's now.
}

bool Hints::isReplaying(NodeId peer, qint64 nowMs) const
{
    const auto at = m_peers.find(peer);
    if (at == m_peers.end())
        return false;
    const Peer &to = at->second;
    return to.link != 0 && !to.keys.empty() && nowMs - to.sinceMs < kFirstMsMax &&
           nowMs - to.notBeforeMs >= -kStallMs;
}

Hints::Waiting Hints::waiting(NodeId peer) const
{
    const auto at = m_peers.find(peer);
    if (at == m_peers.end())
        return {};
    return {static_cast<qint64>(at->second.keys.size()), at->second.dropped != 0};
}

} // namespace dynakv::core
