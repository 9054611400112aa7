// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/listing_merge.h"

#include "daemon/core/key_hash.h"
#include "daemon/store/key_head.h"

#include <utility>

namespace dynakv::store {

ListingMerge::ListingMerge(std::span<const Partition> partitions, const ListQuery &query,
                           const Bound &start)
    : m_prefixBytes(query.prefix.size())
    , m_order(query.order)
{
    // Keys are spread evenly, so a partition gives limit/256 of them, and seldom twice as many.
    const auto limit = static_cast<std::size_t>(query.limit);
    const std::size_t batch = 2 + limit * 5 / 4 / core::kPartitionCount;
    m_cursors.reserve(partitions.size());
    for (const Partition &partition : partitions) {
        ListingCursor cursor(partition, query, start, batch);
        if (cursor.hasRow())
            m_cursors.push_back(std::move(cursor));
    }
    m_heap.reserve(m_cursors.size());
    for (ListingCursor &cursor : m_cursors)
        m_heap.push_back(entryOf(cursor));
    for (std::size_t index = m_heap.size() / 2; index-- > 0;)
        sink(index);
}

void ListingMerge::drop()
{
    if (!front().row().isGroup) {
        dropFront();
        return;
    }
    m_group = front().bytes().toByteArray();
    m_holders.clear();
    while (hasRow() && front().bytes() == m_group) {
        m_holders.push_back(&front().partition());
        dropFront();
    }
}

ListingMerge::Entry ListingMerge::entryOf(ListingCursor &cursor) const
{
    const quint64 head = keyHead(cursor.bytes().sliced(m_prefixBytes));
    return {m_order == Order::Ascending ? head : ~head, &cursor};
}

bool ListingMerge::isBefore(const Entry &left, const Entry &right) const
{
    if (left.head != right.head)
        return left.head < right.head;
    return m_order == Order::Ascending ? left.cursor->bytes() < right.cursor->bytes()
                                       : right.cursor->bytes() < left.cursor->bytes();
}

void ListingMerge::dropFront()
{
    ListingCursor &cursor = *m_heap.front().cursor;
    cursor.drop();
    if (cursor.hasRow()) {
        m_heap.front() = entryOf(cursor);
    } else {
        m_heap.front() = m_heap.back();
        m_heap.pop_back();
    }
    sink(0);
}

void ListingMerge::sink(std::size_t index)
{
    for (;;) {
        std::size_t first = 2 * index + 1;
        if (first >= m_heap.size())
            return;
        if (first + 1 < m_heap.size() && isBefore(m_heap[first + 1], m_heap[first]))
            ++first;
        if (!isBefore(m_heap[first], m_heap[index]))
            return;
        std::swap(m_heap[first], m_heap[index]);
        index = first;
    }
}

} // namespace dynakv::store
