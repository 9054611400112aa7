// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/store/partition.h"

#include <vector>

namespace dynakv::store {

/// One partition's share of a listing: its live keys under a prefix, in order, fetched in small
/// batches so that a page costs what it shows and not what the partition holds.
///
/// Thread: its owner's. \a partition and \a query must outlive it.
class ListingCursor
{
public:
    ListingCursor(const Partition &partition, const ListQuery &query, const Bound &start,
                  std::size_t batch);

    /// Whether a key is left; if so it stands at front().
    [[nodiscard]] bool hasKey() const { return m_next < m_keys.size(); }
    [[nodiscard]] const ListedKey &front() const { return m_keys[m_next]; }
    /// Takes the key at the front; the one behind it is there when this returns.
    ListedKey take();

private:
    void fetch();
    bool visit(const PackedRecord &record);

    const Partition &m_partition;
    const ListQuery &m_query;
    Bound m_bound;
    std::size_t m_batch = 1;
    std::vector<ListedKey> m_keys;
    std::size_t m_next = 0;
    bool m_isAtEnd = false;
};

} // namespace dynakv::store
