// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/table_loader.h"

#include "daemon/store/table_impl.h"

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
    constexpr int partitionsInGroup = core::kPartitionCount / Table::kLoadGroups;
    const core::KeySlot slot = core::slotOf(record.key);
    if (slot.partition / partitionsInGroup != m_group)
        return false;
    Partition &partition = m_table.partitions[slot.partition];
    if (!m_isBegun[slot.partition] && !partition.isEmpty())
        return false;
    if (!partition.append(record, slot.leaf, m_treeKey))
        return false;
    m_isBegun.set(slot.partition);

    ++m_sums.records;
    m_sums.bytes += record.key.size() + record.value.size();
    m_newestClock = qMax(m_newestClock, record.version.clock);
    if (record.kind == core::RecordKind::Tombstone)
        ++m_sums.tombstones;
    else if (record.expiresAtMs != 0)
        ++m_expiries[record.expiresAtMs];
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
    for (const auto &[expiresAtMs, count] : std::exchange(m_expiries, {}))
        m_table.expiries.add(expiresAtMs, count);
}

} // namespace dynakv::store
