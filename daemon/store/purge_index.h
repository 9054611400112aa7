// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/store/packed_record.h"

#include <absl/container/btree_set.h>

#include <atomic>
#include <limits>

namespace dynakv::store {

/// What can be purged one day, in the order of the watermarks from which on it can: see
/// core::isPurgeable(). Tombstones from their own clock on, values that expire from then on.
///
/// Thread: the table's writer; memoryBytes() from any.
class PurgeIndex
{
public:
    void add(const PackedRecord *record)
    {
        const quint64 from = purgeableFrom(*record);
        if (from != 0 && m_entries.insert({from, addressOf(record)}).second)
            ++m_count;
    }
    void remove(const PackedRecord *record)
    {
        const quint64 from = purgeableFrom(*record);
        if (from != 0 && m_entries.erase({from, addressOf(record)}) > 0)
            --m_count;
    }
    /// The first that is purgeable at \a watermark; null if none is.
    [[nodiscard]] const PackedRecord *due(quint64 watermark) const
    {
        if (m_entries.empty() || m_entries.begin()->from > watermark)
            return nullptr;
        return reinterpret_cast<const PackedRecord *>(m_entries.begin()->record);
    }
    /// What its set takes, about: a node of it is two thirds full.
    [[nodiscard]] qint64 memoryBytes() const
    {
        return static_cast<qint64>(m_count * sizeof(Entry) * 3 / 2);
    }

private:
    struct Entry
    {
        quint64 from = 0;
        quintptr record = 0; ///< A PackedRecord, in the form in which addresses have an order.
        auto operator<=>(const Entry &) const = default;
    };

    static quintptr addressOf(const PackedRecord *record)
    {
        return reinterpret_cast<quintptr>(record);
    }
    /// 0 for what never is.
    static quint64 purgeableFrom(const PackedRecord &record)
    {
        const quint64 clock = record.version().clock;
        if (record.kind() == core::RecordKind::Tombstone)
            return clock;
        const auto expiresAtMs = static_cast<quint64>(record.expiresAtMs());
        if (expiresAtMs == 0)
            return 0;
        constexpr quint64 msMax = std::numeric_limits<quint64>::max() >> 16;
        return qMax(clock, qMin(expiresAtMs, msMax) << 16);
    }

    absl::btree_set<Entry> m_entries;
    std::atomic<std::size_t> m_count = 0;
};

} // namespace dynakv::store
