// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record_source.h"
#include "daemon/store/key_head.h"
#include "daemon/store/packed_record.h"
#include "daemon/store/pool_allocator.h"
#include "daemon/store/table.h"
#include "daemon/store/walk.h"

#include <absl/container/btree_set.h>

#include <functional>
#include <iterator>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace dynakv::store {

/// What one apply() changed, for the table's sums.
struct Change
{
    Applied applied = Applied::Older;
    const PackedRecord *record = nullptr; ///< What is held now; null where nothing changed.
    PackedRecord::Owner replaced = {};    ///< Null where the key is new or nothing changed.
};

/// One 256th of the key space: a btree ordered by key and the leaves of its hash tree, under one
/// lock. A slot holds the key's first eight bytes, so that most comparisons touch no record.
///
/// Thread: any number of readers. apply(), remove() and rebuildTree() from one writer at a time;
/// since nobody else changes the tree, the writer reads it without the lock and holds that only to
/// swap.
class Partition
{
public:
    /// False stops the walk; that record counts as visited.
    using Visitor = std::function<bool(const PackedRecord &)>;

    /// Everything in the partition lies in \a pool, which must outlive it.
    explicit Partition(RecordPool &pool);
    Partition(const Partition &) = delete;
    Partition &operator=(const Partition &) = delete;

    class Scan;

    Change apply(const core::RecordView &record, const core::Stamp &stamp, quint8 leaf,
                 quint64 treeKey);
    /// For the start-up, while nobody else uses the partition: adds \a record behind the last one.
    /// Null, and nothing changed, if its key is not greater than that one's.
    const PackedRecord *append(const core::RecordView &record, quint8 leaf, quint64 treeKey);
    [[nodiscard]] bool isEmpty() const { return m_slots.empty(); }
    void rebuildTree(quint64 treeKey);
    /// Takes \a held, which this partition holds, out of it; the owner of it is the caller then.
    PackedRecord::Owner remove(const PackedRecord &held, quint8 leaf, quint64 treeKey);

    [[nodiscard]] std::optional<core::Record> find(QByteArrayView key) const;
    [[nodiscard]] std::optional<core::Stamp> stampOf(QByteArrayView key) const;
    [[nodiscard]] core::KeyState stateOf(QByteArrayView key, qint64 wallMs) const;
    [[nodiscard]] quint64 root() const;
    [[nodiscard]] core::TreeLeaves leaves() const;

    /// Visits records in key order under one hold of the lock, at most kSliceItems of them, and
    /// moves \a bound behind the last visited one.
    Walk visitSlice(Bound &bound, const Visitor &visit) const;
    /// Records from \a first to before \a end (empty: to the last), counted up to \a max.
    [[nodiscard]] qint64 countBetween(QByteArrayView first, QByteArrayView end, qint64 max) const;

    /// Live records from \a first to before \a end (empty: to the last), counted up to \a max.
    [[nodiscard]] qint64 countLive(QByteArrayView first, QByteArrayView end, qint64 wallMs,
                                   qint64 max) const;

private:
    struct Slot
    {
        quint64 prefix = 0;
        /// Swapped in place by the writer; the key, which orders the slots, stays the same.
        mutable PackedRecord *record = nullptr;
    };
    struct Probe
    {
        quint64 prefix = 0;
        QByteArrayView key = {};
    };
    struct Less
    {
        using is_transparent = void;
        template <typename Left, typename Right>
        bool operator()(const Left &left, const Right &right) const
        {
            return left.prefix != right.prefix ? left.prefix < right.prefix
                                               : keyOf(left) < keyOf(right);
        }
        static QByteArrayView keyOf(const Slot &slot) { return slot.record->key(); }
        static QByteArrayView keyOf(const Probe &probe) { return probe.key; }
    };
    using Slots = absl::btree_set<Slot, Less, PoolAllocator<Slot>>;
    using Leaves = std::vector<quint64, PoolAllocator<quint64>>;

    static Probe probeOf(QByteArrayView key) { return {keyHead(key), key}; }
    [[nodiscard]] Slots::const_iterator seek(QByteArrayView key, bool isExclusive) const;
    template <typename IsCounted>
    qint64 count(QByteArrayView first, QByteArrayView end, qint64 max, IsCounted isCounted) const;

    RecordPool &m_pool;
    mutable std::shared_mutex m_mutex;
    Slots m_slots;
    /// Made with the first record: 2 KiB that an empty table does not need 256 times.
    Leaves m_leaves;
    quint64 m_root = 0;
};

/// One hold of the lock, and a place in the order of keys. Whoever has it keeps it short: at most
/// kSliceItems steps.
class Partition::Scan
{
public:
    Scan(const Partition &partition, const Bound &bound, Order order)
        : m_partition(partition)
        , m_lock(partition.m_mutex)
        , m_isAscending(order == Order::Ascending)
    {
        seek(bound);
    }
    /// Null at the end.
    [[nodiscard]] const PackedRecord *record() const
    {
        if (m_isAscending)
            return m_at == m_partition.m_slots.end() ? nullptr : m_at->record;
        return m_at == m_partition.m_slots.begin() ? nullptr : std::prev(m_at)->record;
    }
    void advance() { m_isAscending ? ++m_at : --m_at; }
    void seek(const Bound &bound)
    {
        if (bound.key.isEmpty())
            m_at = m_isAscending ? m_partition.m_slots.begin() : m_partition.m_slots.end();
        else
            m_at = m_partition.seek(bound.key, bound.isExclusive == m_isAscending);
    }

private:
    const Partition &m_partition;
    std::shared_lock<std::shared_mutex> m_lock;
    bool m_isAscending;
    /// In descending order the slot behind the place.
    Slots::const_iterator m_at;
};

} // namespace dynakv::store
