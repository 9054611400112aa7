// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/table_loader.h"

#include "daemon/store/table_impl.h"

#include <algorithm>
#include <utility>

namespace dynakv::store {

TableLoader::TableLoader(Table &table, int group)
    : m_table(*table.m_impl)
    , m_group(group)
    , m_treeKey(table.m_impl->treeKey)
{
    Q_ASSERT(group >= 0 && group < Table::kLoadGroups);
}

TableLoader::~TableLoader()
{
    finish();
}

bool TableLoader::append(const core::RecordView &record)
{
    const core::KeySlot slot = core::slotOf(record.key);
    const bool isCurrent = m_current && slot.partition == m_currentPartition;
    if (!isCurrent && !begin(slot.partition))
        return false;
    const PackedRecord *const held = m_current->append(record, slot.leaf, m_treeKey);
    if (!held)
        return false;

    ++m_sums.records;
    m_sums.bytes += record.key.size() + record.value.size();
    m_newestClock = qMax(m_newestClock, record.version.clock);
    if (record.kind == core::RecordKind::Tombstone)
        ++m_sums.tombstones;
    else if (record.expiresAtMs != 0)
        m_expiries.push_back(Expiry::of(record.expiresAtMs, held));
    if (record.kind == core::RecordKind::Tombstone || record.expiresAtMs != 0)
        m_purgeables.push_back(held);
    return true;
}

bool TableLoader::begin(quint8 partition)
{
    constexpr int partitionsInGroup = core::kPartitionCount / Table::kLoadGroups;
    Partition &next = m_table.partitions[partition];
    if (partition / partitionsInGroup != m_group || (!m_isBegun[partition] && !next.isEmpty()))
        return false;
    m_current = &next;
    m_currentPartition = partition;
    m_isBegun.set(partition);
    return true;
}

void TableLoader::finish()
{
    const std::scoped_lock lock(m_table.writer);
    const TableStats sums = std::exchange(m_sums, {});
    m_table.records += sums.records;
    m_table.tombstones += sums.tombstones;
    m_table.bytes += sums.bytes;
    if (m_newestClock > m_table.newestClock)
        m_table.newestClock = m_newestClock;
    // In their order, since a set takes those fastest.
    std::vector<Expiry> expiries = std::exchange(m_expiries, {});
    std::sort(expiries.begin(), expiries.end());
    for (const Expiry &expiry : expiries)
        m_table.expiries.add(expiry);
    for (const PackedRecord *purgeable : std::exchange(m_purgeables, {}))
        m_table.purgeables.add(purgeable);
}

} // namespace dynakv::store
