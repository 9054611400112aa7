// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/sync_session.h"

#include "daemon/core/purge_watermark.h"

#include <algorithm>

namespace dynakv::core {

SyncSession::SyncSession(LinkId link, NodeId peer, const Terms &terms, const RecordSource &records,
                         const Capacity &capacity, quint64 &ids)
    : m_link(link)
    , m_peer(peer)
    , m_terms(terms)
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
    m_theirPromise = reply.promise;
    m_theirHoldings = reply.holdings;
    // One of an older version, which counts no members, never promises, nor does it purge.
    const bool isPurging = reply.holdings.members != 0;
    if (m_terms.needsPromise && isPurging && reply.promise == 0)
        return fail();
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
    partition.isEmptyHere = true;
    for (size_t i = 0; i < mine.size(); ++i) {
        partition.leaves[i] = mine[i] != reply.leaves[i];
        partition.isEmptyHere &= !partition.leaves[i] || mine[i] == 0;
    }
    partition.hasMore = partition.leaves.any();
    proceed(at, out);
}

void SyncSession::proceed(Partitions::iterator at, Effects &out)
{
    Partition &partition = at->second;
    if (partition.awaited != 0 || m_state != State::Running)
        return;
    if (!partition.wanted.empty()) {
        if (partition.brought.empty())
            fetch(partition, out);
        else
            takeBrought(at, out);
    } else if (!partition.renewed.empty()) {
        renew(partition, out);
        if (partition.awaited == 0)
            proceed(at, out);
    } else if (!partition.given.empty()) {
        await(partition, ++m_ids, Step::Give);
        out.push_back(Resume{partition.awaited});
    } else if (partition.isComparing) {
        await(partition, ++m_ids, Step::Walk);
        out.push_back(Resume{partition.awaited});
    } else if (partition.hasMore) {
        await(partition, ++m_ids, Step::Stamps);
        out.push_back(Send{m_link, StampsRequest{partition.awaited, at->first, partition.leaves,
                                                 partition.after, true, partition.isEmptyHere}});
    } else {
        m_open.erase(at);
        openNext(out);
    }
}

bool SyncSession::isWellFormed(quint8 number, const Partition &partition,
                               const StampsReply &reply) const
{
    if (reply.hasMore && reply.stamps.empty() && reply.reached.isEmpty())
        return false;
    if (!reply.records.empty() && (!partition.isEmptyHere || !reply.stamps.empty()))
        return false;
    QByteArrayView last = partition.after;
    const auto isNext = [&](const QByteArray &key) {
        const KeySlot slot = slotOf(key);
        const bool isGreater = last < key;
        last = key;
        return isGreater && slot.partition == number && partition.leaves[slot.leaf];
    };
    const auto isNextOf = [&](const auto &each) { return isNext(each.key); };
    if (!std::ranges::all_of(reply.stamps, isNextOf) ||
        !std::ranges::all_of(reply.records, isNextOf))
        return false;
    if (!reply.hasMore || reply.reached.isEmpty())
        return true;
    // A place that is none of its keys could come nearer and nearer to the next one for ever.
    return slotOf(reply.reached).partition == number && last <= reply.reached &&
           partition.after < reply.reached;
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
    partition.theirs = reply.stamps;
    partition.brought = reply.records;
    for (const Record &each : partition.brought)
        partition.theirs.push_back({each.key, stampOf(each)});
    partition.their = 0;
    partition.end = !reply.hasMore            ? QByteArray()
                    : reply.reached.isEmpty() ? reply.stamps.back().key
                                              : reply.reached;
    partition.isComparing = true;
    m_theirHoldings.watermark = std::max(m_theirHoldings.watermark, reply.watermark);
    compareSlice(at->first, partition);
    proceed(at, out);
}

/// One slice of what is held here, up to the end of theirs.
void SyncSession::compareSlice(quint8 number, Partition &partition)
{
    const QByteArray &end = partition.end;
    const std::vector<KeyStamp> &theirs = partition.theirs;
    std::size_t &their = partition.their;
    const auto wantUnknown = [&](const KeyStamp &unknown) {
        if (!isPurgedHere(unknown.stamp.version.clock))
            partition.wanted.push_back(unknown.key);
    };
    const StampSlice mine = m_records.stamps(number, partition.leaves, partition.after, kVisitsMax);
    for (const KeyStamp &my : mine.stamps) {
        if (!end.isEmpty() && my.key > end)
            break;
        for (; their < theirs.size() && theirs[their].key < my.key; ++their)
            wantUnknown(theirs[their]);
        const bool isShared = their < theirs.size() && theirs[their].key == my.key;
        if (!isShared || theirs[their].stamp < my.stamp)
            sortOwn(partition, my, !isShared);
        else if (my.stamp < theirs[their].stamp)
            partition.wanted.push_back(my.key);
        if (isShared)
            ++their;
    }
    if (!mine.reached.isEmpty() && (end.isEmpty() || mine.reached < end)) {
        partition.after = mine.reached;
        return;
    }
    for (; their < theirs.size(); ++their)
        wantUnknown(theirs[their]);
    partition.theirs.clear();
    partition.after = end;
    partition.isComparing = false;
}

/// What is greater here than there, or unknown there: it is given, mostly as it is.
void SyncSession::sortOwn(Partition &partition, const KeyStamp &my, bool isUnknownThere) const
{
    const quint64 clock = my.stamp.version.clock;
    const bool wasPurgedThere =
        isUnknownThere && m_peerIsCaughtUp && clock <= m_theirHoldings.watermark;
    if ((m_terms.isRepairing && wasPurgedThere) || (m_terms.isMerging && clock <= mergeBase()))
        partition.renewed.push_back(my.key);
    else
        partition.given.push_back(my.key);
}

/// Records of this node that must not come to the others as they are. What a repairing node still
/// holds and the others purged was deleted, and it has lost the delete: that is made again. What a
/// merging node brings along may be older than what the members have purged, and than what they
/// have promised that nothing more comes of: it is stamped anew, right above that, so that whatever
/// the members have written lately still wins.
void SyncSession::renew(Partition &partition, Effects &out)
{
    Append append{++m_ids, {}, true};
    qsizetype bytes = 0;
    while (!partition.renewed.empty() && bytes < kPushBytesTarget &&
           append.records.size() < kPushRecordsMax) {
        if (auto record = m_records.find(partition.renewed.front())) {
            const quint64 base = m_terms.isMerging ? mergeBase() : m_theirHoldings.watermark;
            if (!m_terms.isMerging && isPurgeable(*record, base)) {
                partition.renewed.pop_front();
                continue; // Dead here as well, and about to be purged.
            }
            if (record->version.clock <= base) {
                if (!m_terms.isMerging)
                    *record = {record->key, RecordKind::Tombstone, {}, 0, {}, {}, {}};
                record->version = {base + 1, m_terms.self};
                bytes += record->key.size() + record->value.size();
                append.records.push_back(*std::move(record));
            }
            partition.given.push_back(partition.renewed.front());
        }
        partition.renewed.pop_front();
    }
    if (append.records.empty())
        return;
    m_totals.renewed += static_cast<qint64>(append.records.size());
    await(partition, append.ticket, Step::Append);
    out.push_back(std::move(append));
}

void SyncSession::fetch(Partition &partition, Effects &out)
{
    FetchRequest request{++m_ids};
    const auto count = std::min<size_t>(partition.wanted.size(), kPieceRecords);
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
    const size_t asked = std::min<size_t>(partition.wanted.size(), kPieceRecords);
    if (reply.answeredKeys == 0 || reply.answeredKeys > asked)
        return fail();
    m_progressMs = nowMs;
    partition.awaited = 0;
    const auto answeredEnd = partition.wanted.begin() + reply.answeredKeys;
    std::vector<Record> news;
    for (const Record &record : reply.records) {
        // Both lists are in key order, so that a record nobody asked for is told at once.
        if (!std::binary_search(partition.wanted.begin(), answeredEnd, record.key))
            return fail();
        if (isNews(record))
            news.push_back(record);
    }
    // What was purged there meanwhile is a delete that this node has yet to make, and does not see.
    if (reply.records.size() < reply.answeredKeys && (m_terms.isRepairing || m_terms.isMerging))
        return fail();
    partition.wanted.erase(partition.wanted.begin(), answeredEnd);
    store(at, std::move(news), out);
}

/// What is wanted came along with what was asked. Both are in key order, slice after slice: what
/// has been passed is held here no longer.
void SyncSession::takeBrought(Partitions::iterator at, Effects &out)
{
    Partition &partition = at->second;
    std::vector<Record> news;
    auto passed = partition.brought.begin();
    for (const QByteArray &key : partition.wanted) {
        passed = std::ranges::lower_bound(passed, partition.brought.end(), key, {}, &Record::key);
        if (isNews(*passed))
            news.push_back(std::move(*passed));
        ++passed;
    }
    partition.brought.erase(partition.brought.begin(), passed);
    partition.wanted.clear();
    store(at, std::move(news), out);
}

/// It may have come, or gone, by another way meanwhile.
bool SyncSession::isNews(const Record &record) const
{
    const auto held = m_records.stampOf(record.key);
    return held ? *held < stampOf(record) : !isPurgedHere(record.version.clock);
}

void SyncSession::store(Partitions::iterator at, std::vector<Record> records, Effects &out)
{
    Append append{++m_ids, std::move(records), true};
    m_totals.refused += static_cast<qint64>(m_capacity.dropUnfit(append.records));
    if (append.records.empty())
        return proceed(at, out);
    m_totals.fetched += static_cast<qint64>(append.records.size());
    await(at->second, append.ticket, Step::Append);
    out.push_back(std::move(append));
}

bool SyncSession::committed(const Committed &event, qint64 nowMs, Effects &out)
{
    const auto at = awaiting(event.ticket, Step::Append);
    if (at == m_open.end())
        return false;
    at->second.awaited = 0; // Answered, whatever comes of it.
    if (event.result != Committed::Result::Done) {
        m_state = event.result == Committed::Result::NoSpace ? State::Full : State::Failed;
        return true;
    }
    m_progressMs = nowMs;
    proceed(at, out);
    return true;
}

bool SyncSession::resumed(const Resumed &event, qint64 nowMs, Effects &out)
{
    const auto at = std::find_if(m_open.begin(), m_open.end(), [&](const auto &each) {
        const Partition &partition = each.second;
        return partition.awaited == event.ticket &&
               (partition.step == Step::Walk || partition.step == Step::Give);
    });
    if (at == m_open.end() || event.ticket == 0)
        return false;
    m_progressMs = nowMs;
    Partition &partition = at->second;
    partition.awaited = 0;
    if (partition.step == Step::Give)
        give(partition, out);
    else
        compareSlice(at->first, partition);
    proceed(at, out); // All that was to be given may have vanished meanwhile.
    return true;
}

void SyncSession::give(Partition &partition, Effects &out)
{
    Push push{++m_ids, {}};
    qsizetype bytes = 0;
    while (!partition.given.empty() && bytes < kPushBytesTarget &&
           push.records.size() < kPieceRecords) {
        auto record = m_records.find(partition.given.front());
        // What the peer has purged already, this node is about to.
        if (record && !isPurgeable(*record, m_theirHoldings.watermark)) {
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

std::vector<Ticket> SyncSession::openAppends() const
{
    std::vector<Ticket> tickets;
    for (const auto &[number, partition] : m_open) {
        if (partition.awaited != 0 && partition.step == Step::Append)
            tickets.push_back(partition.awaited);
    }
    return tickets;
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
