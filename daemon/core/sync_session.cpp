// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/sync_session.h"

#include <algorithm>

namespace dynakv::core {

SyncSession::SyncSession(LinkId link, NodeId peer, const RecordSource &records,
                         const Capacity &capacity, quint64 &ids)
    : m_link(link)
    , m_peer(peer)
    , m_records(records)
    , m_capacity(capacity)
    , m_ids(ids)
{
}

void SyncSession::start(qint64 nowMs, Effects &out)
{
    m_progressMs = nowMs;
    m_rootsRequest = ++m_ids;
    out.push_back(Send{m_link, RootsRequest{m_rootsRequest}});
}

void SyncSession::handle(const RootsReply &reply, qint64 nowMs, Effects &out)
{
    if (m_rootsRequest == 0 || reply.id != m_rootsRequest)
        return;
    m_rootsRequest = 0;
    m_progressMs = nowMs;
    m_peerIsCaughtUp = reply.caughtUp;
    const TreeRoots mine = m_records.treeRoots();
    for (size_t i = 0; i < mine.size(); ++i) {
        if (mine[i] != reply.roots[i])
            m_waiting.push_back(static_cast<quint8>(i));
    }
    m_totals.differing = static_cast<int>(m_waiting.size());
    openNext(out);
}

void SyncSession::openNext(Effects &out)
{
    while (m_open.size() < kPartitionsAtOnce && !m_waiting.empty()) {
        const quint8 number = m_waiting.front();
        m_waiting.pop_front();
        Partition &partition = m_open[number];
        await(partition, ++m_ids, Step::Leaves);
        out.push_back(Send{m_link, LeavesRequest{partition.awaited, number}});
    }
    if (m_open.empty() && m_state == State::Running)
        m_state = m_totals.refused > 0 ? State::Full : State::Complete;
}

void SyncSession::handle(const LeavesReply &reply, qint64 nowMs, Effects &out)
{
    const auto at = awaiting(reply.id, Step::Leaves);
    if (at == m_open.end() || at->first != reply.partition)
        return;
    m_progressMs = nowMs;
    Partition &partition = at->second;
    partition.awaited = 0;
    const TreeLeaves mine = m_records.treeLeaves(at->first);
    for (size_t i = 0; i < mine.size(); ++i)
        partition.leaves[i] = mine[i] != reply.leaves[i];
    partition.hasMore = partition.leaves.any();
    proceed(at, out);
}

void SyncSession::proceed(Partitions::iterator at, Effects &out)
{
    Partition &partition = at->second;
    if (partition.awaited != 0 || m_state != State::Running)
        return;
    if (!partition.wanted.empty()) {
        fetch(partition, out);
    } else if (!partition.given.empty()) {
        give(partition, out);
        if (partition.awaited == 0)
            proceed(at, out); // All that was to be given has vanished meanwhile.
    } else if (partition.hasMore) {
        await(partition, ++m_ids, Step::Stamps);
        out.push_back(Send{m_link, StampsRequest{partition.awaited, at->first, partition.leaves,
                                                 partition.after}});
    } else {
        m_open.erase(at);
        openNext(out);
    }
}

bool SyncSession::isWellFormed(quint8 number, const Partition &partition,
                               const StampsReply &reply) const
{
    if (reply.hasMore && reply.stamps.empty())
        return false;
    QByteArrayView last = partition.after;
    for (const KeyStamp &each : reply.stamps) {
        const KeySlot slot = slotOf(each.key);
        if (slot.partition != number || !partition.leaves[slot.leaf] || last >= each.key)
            return false;
        last = each.key;
    }
    return true;
}

void SyncSession::handle(const StampsReply &reply, qint64 nowMs, Effects &out)
{
    const auto at = awaiting(reply.id, Step::Stamps);
    if (at == m_open.end() || at->first != reply.partition)
        return;
    Partition &partition = at->second;
    if (!isWellFormed(at->first, partition, reply))
        return fail();
    m_progressMs = nowMs;
    partition.awaited = 0;
    partition.hasMore = reply.hasMore;
    compare(at->first, partition, reply.stamps);
    if (!reply.stamps.empty())
        partition.after = reply.stamps.back().key;
    proceed(at, out);
}

void SyncSession::compare(quint8 number, Partition &partition, const std::vector<KeyStamp> &theirs)
{
    // Theirs cover the keys up to their last one, or to the end where no more follow.
    const QByteArray end = partition.hasMore ? theirs.back().key : QByteArray();
    auto their = theirs.begin();
    QByteArray after = partition.after;
    for (bool isDone = false; !isDone;) {
        const auto mine = m_records.stamps(number, partition.leaves, after, kStampsMax);
        isDone = static_cast<int>(mine.size()) < kStampsMax;
        for (const KeyStamp &my : mine) {
            if (!end.isEmpty() && my.key > end) {
                isDone = true;
                break;
            }
            for (; their != theirs.end() && their->key < my.key; ++their)
                partition.wanted.push_back(their->key);
            const bool isShared = their != theirs.end() && their->key == my.key;
            if (!isShared || their->stamp < my.stamp)
                partition.given.push_back(my.key);
            else if (my.stamp < their->stamp)
                partition.wanted.push_back(my.key);
            if (isShared)
                ++their;
        }
        if (!mine.empty())
            after = mine.back().key;
    }
    for (; their != theirs.end(); ++their)
        partition.wanted.push_back(their->key);
}

void SyncSession::fetch(Partition &partition, Effects &out)
{
    FetchRequest request{++m_ids};
    const auto count = std::min<size_t>(partition.wanted.size(), kFetchKeysMax);
    request.keys.assign(partition.wanted.begin(),
                        partition.wanted.begin() + static_cast<std::ptrdiff_t>(count));
    await(partition, request.id, Step::Fetch);
    out.push_back(Send{m_link, std::move(request)});
}

void SyncSession::handle(const FetchReply &reply, qint64 nowMs, Effects &out)
{
    const auto at = awaiting(reply.id, Step::Fetch);
    if (at == m_open.end())
        return;
    Partition &partition = at->second;
    const size_t asked = std::min<size_t>(partition.wanted.size(), kFetchKeysMax);
    if (reply.answeredKeys == 0 || reply.answeredKeys > asked)
        return fail();
    m_progressMs = nowMs;
    partition.awaited = 0;
    const auto answeredEnd = partition.wanted.begin() + reply.answeredKeys;
    Append append{++m_ids, {}, true};
    for (const Record &record : reply.records) {
        // Both lists are in key order, so that a record nobody asked for is told at once.
        if (!std::binary_search(partition.wanted.begin(), answeredEnd, record.key))
            return fail();
        const auto held = m_records.stampOf(record.key);
        if (!held || *held < stampOf(record))
            append.records.push_back(record);
    }
    partition.wanted.erase(partition.wanted.begin(), answeredEnd);
    m_totals.refused += static_cast<qint64>(m_capacity.dropUnfit(append.records));
    if (append.records.empty())
        return proceed(at, out);
    m_totals.fetched += static_cast<qint64>(append.records.size());
    await(partition, append.ticket, Step::Append);
    out.push_back(std::move(append));
}

bool SyncSession::committed(const Committed &event, qint64 nowMs, Effects &out)
{
    const auto at = awaiting(event.ticket, Step::Append);
    if (at == m_open.end())
        return false;
    if (event.result != Committed::Result::Done) {
        m_state = event.result == Committed::Result::NoSpace ? State::Full : State::Failed;
        return true;
    }
    m_progressMs = nowMs;
    at->second.awaited = 0;
    proceed(at, out);
    return true;
}

void SyncSession::give(Partition &partition, Effects &out)
{
    Push push{++m_ids, {}};
    qsizetype bytes = 0;
    while (!partition.given.empty() && bytes < kPushBytesTarget &&
           push.records.size() < kPushRecordsMax) {
        if (auto record = m_records.find(partition.given.front())) {
            bytes += record->key.size() + record->value.size();
            push.records.push_back(std::move(*record));
        }
        partition.given.pop_front();
    }
    if (push.records.empty())
        return;
    partition.givenOut = static_cast<qint64>(push.records.size());
    await(partition, push.id, Step::Push);
    out.push_back(Send{m_link, std::move(push)});
}

void SyncSession::handle(const PushAck &ack, qint64 nowMs, Effects &out)
{
    const auto at = awaiting(ack.id, Step::Push);
    if (at == m_open.end())
        return;
    m_progressMs = nowMs;
    Partition &partition = at->second;
    partition.awaited = 0;
    if (ack.isStored) {
        m_totals.pushed += partition.givenOut;
    } else {
        m_totals.declined += partition.givenOut + static_cast<qint64>(partition.given.size());
        partition.given.clear(); // Its disk is full: what it holds can still be fetched.
    }
    proceed(at, out);
}

void SyncSession::tick(qint64 nowMs)
{
    if (m_state == State::Running && nowMs - m_progressMs > kReplyMsMax)
        fail();
}

void SyncSession::await(Partition &partition, quint64 id, Step step)
{
    partition.awaited = id;
    partition.step = step;
}

/// Ids can be guessed, so an answer of another kind is none: the peer must not be able to tell this
/// node that its own disk has taken something.
SyncSession::Partitions::iterator SyncSession::awaiting(quint64 id, Step step)
{
    return std::find_if(m_open.begin(), m_open.end(), [&](const auto &each) {
        return id != 0 && each.second.awaited == id && each.second.step == step;
    });
}

} // namespace dynakv::core
