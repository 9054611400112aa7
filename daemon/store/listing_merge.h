// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/store/listing_cursor.h"

#include <span>

namespace dynakv::store {

/// All partitions' shares of a listing as one, in order: a heap of cursors. A group that several
/// partitions have is one row.
///
/// Thread: its owner's. \a partitions and \a query must outlive it.
class ListingMerge
{
public:
    ListingMerge(std::span<const Partition> partitions, const ListQuery &query, const Bound &start);

    [[nodiscard]] bool hasRow() const { return !m_heap.empty(); }
    /// The cursor at the next row.
    [[nodiscard]] const ListingCursor &front() const { return *m_heap.front().cursor; }
    void drop();
    /// The partitions that had the group dropped last.
    [[nodiscard]] const std::vector<const Partition *> &holders() const { return m_holders; }

private:
    struct Entry
    {
        /// The eight bytes behind the listing's prefix decide most comparisons; in descending
        /// order their complement.
        quint64 head = 0;
        ListingCursor *cursor = nullptr;
    };
    [[nodiscard]] Entry entryOf(ListingCursor &cursor) const;
    [[nodiscard]] bool isBefore(const Entry &left, const Entry &right) const;
    void dropFront();
    void sink(std::size_t index);

    qsizetype m_prefixBytes = 0;
    Order m_order = Order::Ascending;
    std::vector<ListingCursor> m_cursors;
    std::vector<Entry> m_heap; ///< The next one first.
    QByteArray m_group;
    std::vector<const Partition *> m_holders;
};

} // namespace dynakv::store
