// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/store/expiry_index.h"
#include "daemon/store/table.h"

#include <bitset>
#include <vector>

namespace dynakv::store {

class Partition;

/// Fills one load group of a table at the start, much faster than Table::apply(): records come
/// partition by partition in ascending key order, so each goes behind the last one.
///
/// Thread: its owner's. Loaders of different groups may run beside each other in different threads;
/// nobody else may use the table, which must outlive them, before all have finished.
class TableLoader
{
public:
    /// \a group is from 0 to Table::kLoadGroups - 1.
    TableLoader(Table &table, int group);
    /// Finishes, if nobody did.
    ~TableLoader();
    TableLoader(const TableLoader &) = delete;
    TableLoader &operator=(const TableLoader &) = delete;

    /// False, and nothing changed, if the record is not for this group, if its key is not greater
    /// than the last one of its partition, or if that held anything that this loader did not bring.
    [[nodiscard]] bool append(const core::RecordView &record);
    /// Adds what was appended to the table's sums.
    void finish();

private:
    /// Whether records of \a partition may come.
    bool begin(quint8 partition);

    Table::Impl &m_table;
    int m_group = 0;
    quint64 m_treeKey = 0;
    Partition *m_current = nullptr;
    quint8 m_currentPartition = 0;
    /// The partitions this loader began.
    std::bitset<core::kPartitionCount> m_isBegun = {};
    TableStats m_sums = {};
    quint64 m_newestClock = 0;
    std::vector<Expiry> m_expiries = {};
    std::vector<const PackedRecord *> m_purgeables = {};
};

} // namespace dynakv::store
