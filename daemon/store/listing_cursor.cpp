// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/listing_cursor.h"

namespace dynakv::store {

ListingCursor::ListingCursor(const Partition &partition, const ListQuery &query, const Bound &start,
                             std::size_t batch)
    : m_partition(&partition)
    , m_query(&query)
    , m_bound(start)
    , m_batch(batch)
{
    m_rows.reserve(batch);
    fetch();
}

void ListingCursor::drop()
{
    if (++m_next == m_rows.size())
        fetch();
}

void ListingCursor::fetch()
{
    m_rows.clear();
    m_bytes.clear();
    m_next = 0;
    // A run of dead keys may fill slices without giving a row; each slice is a lock of its own.
    while (m_rows.empty() && !m_isAtEnd)
        fetchSlice();
}

void ListingCursor::fetchSlice()
{
    Partition::Scan scan(*m_partition, m_bound, m_query->order);
    const PackedRecord *last = nullptr;
    for (int visited = 0; visited < kSliceItems && m_rows.size() < m_batch; ++visited) {
        const PackedRecord *record = scan.record();
        if (!record || !record->key().startsWith(m_query->prefix)) {
            m_isAtEnd = true;
            return;
        }
        const bool isLive = record->isLive(m_query->wallMs);
        const qsizetype groupBytes = isLive ? m_query->groupBytesOf(record->key()) : 0;
        if (groupBytes == 0) {
            if (isLive)
                addKey(*record);
            last = record;
            scan.advance();
            continue;
        }
        addGroup(record->key().first(groupBytes));
        if (m_isAtEnd)
            return;
        last = nullptr;
        if (m_rows.size() < m_batch)
            scan.seek(m_bound);
    }
    if (last)
        m_bound = {last->key().toByteArray(), true};
}

void ListingCursor::addKey(const PackedRecord &record)
{
    const QByteArrayView key = record.key();
    m_rows.push_back({m_bytes.size(), key.size(), false, record.version(), record.valueBytes(),
                      record.expiresAtMs()});
    m_bytes.insert(m_bytes.end(), key.begin(), key.end());
}

void ListingCursor::addGroup(QByteArrayView prefix)
{
    m_rows.push_back({m_bytes.size(), prefix.size(), true, {}, 0, 0});
    m_bytes.insert(m_bytes.end(), prefix.begin(), prefix.end());
    if (m_query->order == Order::Ascending) {
        m_bound = {endOfPrefix(prefix.toByteArray()), false};
        m_isAtEnd = m_bound.key.isEmpty();
    } else {
        m_bound = {prefix.toByteArray(), true};
    }
}

} // namespace dynakv::store
