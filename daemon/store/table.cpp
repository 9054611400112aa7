// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/table.h"

#include "daemon/core/key_hash.h"
#include "daemon/store/listing_merge.h"
#include "daemon/store/table_impl.h"
#include "shared/base/limits.h"

#include <algorithm>
#include <span>
#include <utility>

namespace dynakv::store {
namespace {

/// A group with more keys than this is not counted to its end.
constexpr qint64 kGroupKeysCounted = 1000;

/// An estimate has seen enough once it counted this many keys, and never counts more than the
/// second number in one partition.
constexpr qint64 kEstimateKeysEnough = 1024;
constexpr qint64 kEstimateKeysMax = 65'536;

/// A group that \a holders have keys of. One with too many is not counted to its end: partitions
/// are hashed, so that each is a fair sample of the others.
ListedPrefix countGroup(const QByteArray &group, const std::vector<const Partition *> &holders,
                        const ListQuery &query)
{
    QByteArray first = group;
    QByteArray end = endOfPrefix(group);
    if (query.order == Order::Ascending) {
        first = std::max(first, query.from);
    } else if (!query.from.isEmpty()) {
        const QByteArray behindFrom = query.from + '\0';
        end = end.isEmpty() ? behindFrom : std::min(end, behindFrom);
    }
    qint64 counted = 0;
    std::size_t sampled = 0;
    while (sampled < holders.size() && counted <= kGroupKeysCounted)
        counted += holders[sampled++]->countLive(first, end, query.wallMs, kEstimateKeysMax);
    // The key that made the row may be gone by now.
    counted = qMax<qint64>(1, counted);
    return {group, counted * static_cast<qint64>(holders.size()) / static_cast<qint64>(sampled),
            sampled < holders.size()};
}

/// In place, one after the other: a partition cannot move.
template <std::size_t... index>
std::array<Partition, sizeof...(index)> makePartitions(std::span<RecordPool> pools,
                                                       std::index_sequence<index...>)
{
    return {{Partition(pools[index * pools.size() / sizeof...(index)])...}};
}

} // namespace

Table::Impl::Impl()
    : partitions(makePartitions(pools, std::make_index_sequence<core::kPartitionCount>()))
{
}

qint64 Table::Impl::memoryBytes()
{
    qint64 sum =
        static_cast<qint64>(sizeof(Impl)) + expiries.memoryBytes() + purgeables.memoryBytes();
    for (const RecordPool &pool : pools)
        sum += pool.usedBytes();
    return sum;
}

void Table::Impl::updateStats(const core::RecordView &record, const Change &change)
{
    const bool isTombstone = record.kind == core::RecordKind::Tombstone;
    records += 1;
    tombstones += isTombstone ? 1 : 0;
    bytes += record.key.size() + record.value.size();
    if (!isTombstone && record.expiresAtMs != 0)
        expiries.add(Expiry::of(record.expiresAtMs, change.record));
    purgeables.add(change.record);
    if (change.replaced)
        leave(*change.replaced);
}

/// \a record is held no more.
void Table::Impl::leave(const PackedRecord &record)
{
    const bool isTombstone = record.kind() == core::RecordKind::Tombstone;
    records -= 1;
    tombstones -= isTombstone ? 1 : 0;
    bytes -= record.key().size() + record.valueBytes();
    if (!isTombstone && record.expiresAtMs() != 0)
        expiries.remove(Expiry::of(record.expiresAtMs(), &record));
    purgeables.remove(&record);
}

qint64 Table::Impl::liveAt(qint64 wallMs)
{
    return qMax<qint64>(0, records - tombstones - expiries.expiredAt(wallMs));
}

qint64 Table::Impl::estimate(const QByteArray &prefix, qint64 wallMs)
{
    const qint64 live = liveAt(wallMs);
    if (prefix.isEmpty())
        return live;
    // Partitions are hashed, so each is a fair sample; the dead are assumed to be spread evenly.
    const QByteArray end = endOfPrefix(prefix);
    qint64 counted = 0;
    int sampled = 0;
    while (sampled < core::kPartitionCount && counted < kEstimateKeysEnough) {
        const Partition &partition = partitions[static_cast<std::size_t>(sampled++)];
        counted += partition.countBetween(prefix, end, kEstimateKeysMax);
    }
    const double liveShare =
        static_cast<double>(live) / static_cast<double>(qMax<qint64>(1, records));
    return qRound64(static_cast<double>(counted) * liveShare * core::kPartitionCount / sampled);
}

Table::Table()
    : m_impl(std::make_unique<Impl>())
{
}

Table::~Table() = default;

Applied Table::apply(const core::RecordView &record)
{
    const std::scoped_lock lock(m_impl->writer);
    const core::KeySlot slot = core::slotOf(record.key);
    const Change change = m_impl->partitions[slot.partition].apply(record, core::stampOf(record),
                                                                   slot.leaf, m_impl->treeKey);
    if (change.applied != Applied::Newer)
        return change.applied;
    m_impl->updateStats(record, change);
    if (record.version.clock > m_impl->newestClock)
        m_impl->newestClock = record.version.clock;
    if (m_impl->boot != 0) {
        const bool isDelete = record.kind == core::RecordKind::Tombstone;
        m_impl->changes.append({isDelete ? ChangeKind::Delete : ChangeKind::Put, record.version,
                                static_cast<quint32>(record.value.size()), record.key});
    }
    return Applied::Newer;
}

std::optional<core::Record> Table::find(QByteArrayView key) const
{
    return m_impl->partitions[core::slotOf(key).partition].find(key);
}

std::optional<core::Stamp> Table::stampOf(QByteArrayView key) const
{
    return m_impl->partitions[core::slotOf(key).partition].stampOf(key);
}

core::KeyState Table::stateOf(QByteArrayView key, qint64 wallMs) const
{
    return m_impl->partitions[core::slotOf(key).partition].stateOf(key, wallMs);
}

core::TreeRoots Table::treeRoots() const
{
    core::TreeRoots roots = {};
    std::transform(m_impl->partitions.begin(), m_impl->partitions.end(), roots.begin(),
                   [](const Partition &partition) { return partition.root(); });
    return roots;
}

core::TreeLeaves Table::treeLeaves(quint8 partition) const
{
    return m_impl->partitions[partition].leaves();
}

namespace {

/// Gives \a take the next \a visits records behind \a after whose leaf is in \a leaves, until it
/// returns false. The last key visited; empty: there is none behind it.
template <typename Take>
QByteArray walkLeaves(const Partition &partition, const core::LeafSet &leaves, QByteArrayView after,
                      int visits, Take take)
{
    Bound bound = {after.toByteArray(), true};
    Walk walk = Walk::SliceFull;
    for (int left = visits; walk == Walk::SliceFull;) {
        walk = partition.visitSlice(bound, [&](const PackedRecord &record) {
            const bool goesOn = !leaves.test(core::slotOf(record.key()).leaf) || take(record);
            return --left > 0 && goesOn;
        });
    }
    return walk == Walk::Ended ? QByteArray() : bound.key;
}

} // namespace

core::StampSlice Table::stamps(quint8 partition, const core::LeafSet &leaves, QByteArrayView after,
                               int visits) const
{
    core::StampSlice slice;
    slice.reached = walkLeaves(
        m_impl->partitions[partition], leaves, after, visits, [&slice](const PackedRecord &record) {
            slice.stamps.push_back({record.key().toByteArray(), record.stamp()});
            return true;
        });
    return slice;
}

core::RecordSlice Table::records(quint8 partition, const core::LeafSet &leaves,
                                 QByteArrayView after, const core::SliceBounds &bounds) const
{
    core::RecordSlice slice;
    qsizetype bytes = 0;
    slice.reached =
        walkLeaves(m_impl->partitions[partition], leaves, after, bounds.visits,
                   [&](const PackedRecord &record) {
                       const core::RecordView view = record.view();
                       bytes += view.key.size() + view.value.size();
                       slice.records.push_back(view.toRecord());
                       return slice.records.size() < bounds.records && bytes < bounds.bytes;
                   });
    return slice;
}

qint64 Table::recordCount() const
{
    return m_impl->records;
}

qint64 Table::liveCount() const
{
    return m_impl->records - m_impl->tombstones;
}

qint64 Table::byteCount() const
{
    return m_impl->bytes;
}

Walk Table::visitSlice(quint8 partition, Bound &bound,
                       const std::function<bool(const core::RecordView &)> &visit) const
{
    return m_impl->partitions[partition].visitSlice(
        bound, [&visit](const PackedRecord &record) { return visit(record.view()); });
}

qint64 Table::memoryBytes() const
{
    return m_impl->memoryBytes();
}

Listing Table::list(const ListQuery &asked) const
{
    ListQuery query = asked;
    query.limit = qBound(1, asked.limit, base::limits::kPageKeysMax);
    Listing listing;
    bool isAllCounted = query.from.isEmpty() && !query.after;
    qint64 counted = 0;
    if (const auto start = query.start()) {
        ListingMerge rows(m_impl->partitions, query, *start);
        for (int count = 0; rows.hasRow() && count < query.limit; ++count) {
            const ListingCursor &at = rows.front();
            listing.lastRow = at.bytes().toByteArray();
            const bool isGroup = at.row().isGroup;
            if (!isGroup) {
                listing.keys.push_back(
                    {listing.lastRow, at.row().version, at.row().valueBytes, at.row().expiresAtMs});
                ++counted;
            }
            rows.drop();
            if (!isGroup)
                continue;
            listing.prefixes.push_back(countGroup(listing.lastRow, rows.holders(), query));
            if (listing.prefixes.back().isEstimated)
                isAllCounted = false;
            else
                counted += listing.prefixes.back().count;
        }
        listing.hasMore = rows.hasRow();
    }
    listing.totalEstimate = isAllCounted && !listing.hasMore
                                ? counted
                                : qMax(counted, m_impl->estimate(query.prefix, query.wallMs));
    return listing;
}

TableStats Table::stats() const
{
    return {m_impl->records, m_impl->tombstones, m_impl->bytes, m_impl->memoryBytes(),
            m_impl->purged};
}

quint64 Table::newestClock() const
{
    return m_impl->newestClock;
}

void Table::startChanges(quint64 boot, qint64 wallMs)
{
    const std::scoped_lock lock(m_impl->writer);
    m_impl->expiries.skipTo(wallMs);
    m_impl->boot = boot;
}

const ChangeRing &Table::changes() const
{
    return m_impl->changes;
}

quint64 Table::boot() const
{
    return m_impl->boot;
}

void Table::tellExpired(qint64 wallMs, int max)
{
    // The records lie where they are for as long as nobody writes.
    const std::unique_lock lock(m_impl->writer, std::try_to_lock);
    if (!lock || m_impl->boot == 0)
        return;
    for (const Expiry &due : m_impl->expiries.takeDue(wallMs, max)) {
        const PackedRecord &record = due.held();
        m_impl->changes.append({ChangeKind::Expire, record.version(), 0, record.key()});
    }
}

int Table::purge(quint64 watermark, int max)
{
    const std::scoped_lock lock(m_impl->writer);
    int purged = 0;
    for (; purged < max; ++purged) {
        const PackedRecord *const due = m_impl->purgeables.due(watermark);
        if (!due)
            break;
        const core::KeySlot slot = core::slotOf(due->key());
        const auto removed =
            m_impl->partitions[slot.partition].remove(*due, slot.leaf, m_impl->treeKey);
        m_impl->leave(*removed);
    }
    m_impl->purged += purged;
    return purged;
}

void Table::setTreeKey(quint64 clusterId)
{
    const std::scoped_lock lock(m_impl->writer);
    if (m_impl->treeKey == clusterId)
        return;
    m_impl->treeKey = clusterId;
    for (Partition &partition : m_impl->partitions)
        partition.rebuildTree(clusterId);
}

} // namespace dynakv::store
