// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/store/listing.h"
#include "daemon/store/partition.h"

#include <vector>

namespace dynakv::store {

/// One partition's share of a listing: its live keys and groups under a prefix, in order, fetched
/// in small batches so that a page costs what it shows and not what the partition holds. A group
/// costs a search for what stands behind it, however many keys it has.
///
/// Thread: its owner's. \a partition and \a query must outlive it.
class ListingCursor
{
public:
    /// A key, or the prefix of a group, of which all but the bytes is nothing.
    struct Row
    {
        std::size_t offset = 0; ///< In the cursor's bytes.
        qsizetype size = 0;
        bool isGroup = false;
        core::Version version = {};
        qint64 valueBytes = 0;
        qint64 expiresAtMs = 0;
    };

    ListingCursor(const Partition &partition, const ListQuery &query, const Bound &start,
                  std::size_t batch);

    /// Whether a row is left; if so the next two are about it, until drop().
    [[nodiscard]] bool hasRow() const { return m_next < m_rows.size(); }
    [[nodiscard]] const Row &row() const { return m_rows[m_next]; }
    [[nodiscard]] QByteArrayView bytes() const
    {
        return {m_bytes.data() + row().offset, row().size};
    }
    void drop();
    [[nodiscard]] const Partition &partition() const { return *m_partition; }

private:
    void fetch();
    void fetchSlice();
    void addKey(const PackedRecord &record);
    void addGroup(QByteArrayView prefix);

    const Partition *m_partition = nullptr;
    const ListQuery *m_query = nullptr;
    Bound m_bound;
    std::size_t m_batch = 1;
    std::vector<Row> m_rows;
    std::vector<char> m_bytes;
    std::size_t m_next = 0;
    bool m_isAtEnd = false;
};

} // namespace dynakv::store
