// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/partition.h"

#include <algorithm>
#include <utility>

namespace dynakv::store {

Partition::Partition(RecordPool &pool)
    : m_pool(pool)
    , m_slots(Less(), PoolAllocator<Slot>(pool))
    , m_leaves(PoolAllocator<quint64>(pool))
{
}

Partition::Slots::const_iterator Partition::seek(QByteArrayView key, bool isExclusive) const
{
    if (key.isEmpty())
        return m_slots.begin();
    const Probe probe = probeOf(key);
    return isExclusive ? m_slots.upper_bound(probe) : m_slots.lower_bound(probe);
}

Change Partition::apply(const core::RecordView &record, const core::Stamp &stamp, quint8 leaf,
                        quint64 treeKey)
{
    const Probe probe = probeOf(record.key);
    const auto at = m_slots.lower_bound(probe);
    const bool isKnown = at != m_slots.end() && !Less()(probe, *at);
    quint64 treeChange = core::treeElement(treeKey, record.key, stamp);
    if (isKnown) {
        const core::Stamp held = at->record->stamp();
        if (stamp == held)
            return {Applied::Identical};
        if (stamp < held)
            return {Applied::Older};
        treeChange ^= core::treeElement(treeKey, record.key, held);
    }

    PackedRecord *packed = PackedRecord::pack(m_pool, record, stamp.contentHash);
    const std::unique_lock lock(m_mutex);
    m_leaves.resize(core::kLeafCount);
    m_leaves[leaf] ^= treeChange;
    m_root ^= treeChange;
    if (isKnown) {
        PackedRecord *replaced = std::exchange(at->record, packed);
        return {Applied::Newer, packed, PackedRecord::Owner(replaced, {&m_pool})};
    }
    m_slots.insert(at, Slot{probe.prefix, packed});
    return {Applied::Newer, packed};
}

const PackedRecord *Partition::append(const core::RecordView &record, quint8 leaf, quint64 treeKey)
{
    const Probe probe = probeOf(record.key);
    if (!m_slots.empty() && !Less()(*m_slots.rbegin(), probe))
        return nullptr;
    const core::Stamp stamp = {record.version, core::contentHashOf(record)};
    const quint64 element = core::treeElement(treeKey, record.key, stamp);
    if (m_leaves.empty())
        m_leaves.resize(core::kLeafCount);
    m_leaves[leaf] ^= element;
    m_root ^= element;
    PackedRecord *packed = PackedRecord::pack(m_pool, record, stamp.contentHash);
    m_slots.insert(m_slots.end(), Slot{probe.prefix, packed});
    return packed;
}

PackedRecord::Owner Partition::remove(const PackedRecord &held, quint8 leaf, quint64 treeKey)
{
    const auto at = m_slots.find(probeOf(held.key()));
    const quint64 element = core::treeElement(treeKey, held.key(), held.stamp());
    const std::unique_lock lock(m_mutex);
    m_leaves[leaf] ^= element;
    m_root ^= element;
    PackedRecord *const removed = at->record;
    m_slots.erase(at);
    return {removed, {&m_pool}};
}

void Partition::rebuildTree(quint64 treeKey)
{
    if (m_slots.empty())
        return;
    Leaves leaves(core::kLeafCount, 0, m_leaves.get_allocator());
    quint64 root = 0;
    for (const Slot &slot : m_slots) {
        const QByteArrayView key = slot.record->key();
        const quint64 element = core::treeElement(treeKey, key, slot.record->stamp());
        leaves[core::slotOf(key).leaf] ^= element;
        root ^= element;
    }
    const std::unique_lock lock(m_mutex);
    m_leaves.swap(leaves);
    m_root = root;
}

std::optional<core::Record> Partition::find(QByteArrayView key) const
{
    const std::shared_lock lock(m_mutex);
    const auto at = m_slots.find(probeOf(key));
    if (at == m_slots.end())
        return std::nullopt;
    return at->record->view().toRecord();
}

std::optional<core::Stamp> Partition::stampOf(QByteArrayView key) const
{
    const std::shared_lock lock(m_mutex);
    const auto at = m_slots.find(probeOf(key));
    if (at == m_slots.end())
        return std::nullopt;
    return at->record->stamp();
}

core::KeyState Partition::stateOf(QByteArrayView key, qint64 wallMs) const
{
    const std::shared_lock lock(m_mutex);
    const auto at = m_slots.find(probeOf(key));
    if (at == m_slots.end())
        return {};
    return {at->record->version(), at->record->isLive(wallMs)};
}

quint64 Partition::root() const
{
    const std::shared_lock lock(m_mutex);
    return m_root;
}

core::TreeLeaves Partition::leaves() const
{
    const std::shared_lock lock(m_mutex);
    core::TreeLeaves leaves = {};
    std::copy(m_leaves.begin(), m_leaves.end(), leaves.begin());
    return leaves;
}

Walk Partition::visitSlice(Bound &bound, const Visitor &visit) const
{
    Scan scan(*this, bound, Order::Ascending);
    const PackedRecord *last = nullptr;
    Walk walk = Walk::SliceFull;
    for (int visited = 0; visited < kSliceItems && walk == Walk::SliceFull; ++visited) {
        const PackedRecord *record = scan.record();
        if (!record)
            return Walk::Ended;
        last = record;
        if (!visit(*last))
            walk = Walk::Stopped;
        scan.advance();
    }
    bound = {last->key().toByteArray(), true};
    return walk;
}

template <typename IsCounted>
qint64 Partition::count(QByteArrayView first, QByteArrayView end, qint64 max,
                        IsCounted isCounted) const
{
    qint64 count = 0;
    Bound bound = {first.toByteArray(), false};
    while (count < max) {
        const std::shared_lock lock(m_mutex);
        auto at = seek(bound.key, bound.isExclusive);
        const auto stop = end.isEmpty() ? m_slots.end() : seek(end, false);
        const PackedRecord *last = nullptr;
        for (int visited = 0; visited < kSliceItems; ++visited, ++at) {
            if (at == stop)
                return count;
            last = at->record;
            count += isCounted(*last) ? 1 : 0;
        }
        bound = {last->key().toByteArray(), true};
    }
    return count;
}

qint64 Partition::countBetween(QByteArrayView first, QByteArrayView end, qint64 max) const
{
    return count(first, end, max, [](const PackedRecord &) { return true; });
}

qint64 Partition::countLive(QByteArrayView first, QByteArrayView end, qint64 wallMs,
                            qint64 max) const
{
    return count(first, end, max,
                 [wallMs](const PackedRecord &record) { return record.isLive(wallMs); });
}

} // namespace dynakv::store
