// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/listing_cursor.h"

namespace dynakv::store {

ListingCursor::ListingCursor(const Partition &partition, const ListQuery &query, const Bound &start,
                             std::size_t batch)
    : m_partition(partition)
    , m_query(query)
    , m_bound(start)
    , m_batch(batch)
{
    m_keys.reserve(batch);
    fetch();
}

ListedKey ListingCursor::take()
{
    ListedKey key = std::move(m_keys[m_next++]);
    if (!hasKey())
        fetch();
    return key;
}

void ListingCursor::fetch()
{
    m_keys.clear();
    m_next = 0;
    // A run of dead keys may fill slices without giving one; each slice is a lock of its own.
    while (m_keys.empty() && !m_isAtEnd) {
        const auto walk = m_partition.visitSlice(
            m_bound, [this](const PackedRecord &record) { return visit(record); });
        if (walk == Walk::Ended)
            m_isAtEnd = true;
    }
}

bool ListingCursor::visit(const PackedRecord &record)
{
    const QByteArrayView key = record.key();
    if (!key.startsWith(m_query.prefix)) {
        m_isAtEnd = true;
        return false;
    }
    if (record.isLive(m_query.wallMs)) {
        m_keys.push_back(
            {key.toByteArray(), record.version(), record.valueBytes(), record.expiresAtMs()});
    }
    return m_keys.size() < m_batch;
}

} // namespace dynakv::store
