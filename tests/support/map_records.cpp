// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/map_records.h"

#include <algorithm>

namespace dynakv::testing {

bool MapRecords::apply(const core::Record &record)
{
    const auto at = m_records.find(record.key);
    if (at == m_records.end()) {
        m_records.emplace(record.key, record);
        return true;
    }
    if (core::stampOf(record) <= core::stampOf(at->second))
        return false;
    at->second = record;
    return true;
}

quint64 MapRecords::newestClock() const
{
    quint64 newest = 0;
    for (const auto &[key, record] : m_records)
        newest = std::max(newest, record.version.clock);
    return newest;
}

std::optional<core::Record> MapRecords::find(QByteArrayView key) const
{
    const auto at = m_records.find(key.toByteArray());
    return at == m_records.end() ? std::nullopt : std::optional(at->second);
}

std::optional<core::Stamp> MapRecords::stampOf(QByteArrayView key) const
{
    const auto at = m_records.find(key.toByteArray());
    return at == m_records.end() ? std::nullopt : std::optional(core::stampOf(at->second));
}

core::KeyState MapRecords::stateOf(QByteArrayView key, qint64 wallMs) const
{
    const auto record = find(key);
    return record ? core::KeyState{record->version, record->isLive(wallMs)} : core::KeyState{};
}

core::TreeRoots MapRecords::treeRoots() const
{
    core::TreeRoots roots = {};
    for (const auto &[key, record] : m_records)
        roots[core::slotOf(key).partition] ^=
            core::treeElement(m_clusterId, key, core::stampOf(record));
    return roots;
}

core::TreeLeaves MapRecords::treeLeaves(quint8 partition) const
{
    core::TreeLeaves leaves = {};
    for (const auto &[key, record] : m_records) {
        const core::KeySlot slot = core::slotOf(key);
        if (slot.partition == partition)
            leaves[slot.leaf] ^= core::treeElement(m_clusterId, key, core::stampOf(record));
    }
    return leaves;
}

std::vector<core::KeyStamp> MapRecords::stamps(quint8 partition, const core::LeafSet &leaves,
                                               QByteArrayView after, int limit) const
{
    std::vector<core::KeyStamp> result;
    for (auto at = m_records.upper_bound(after.toByteArray());
         at != m_records.end() && static_cast<int>(result.size()) < limit; ++at) {
        const core::KeySlot slot = core::slotOf(at->first);
        if (slot.partition == partition && leaves[slot.leaf])
            result.push_back({at->first, core::stampOf(at->second)});
    }
    return result;
}

qint64 MapRecords::recordCount() const
{
    return static_cast<qint64>(m_records.size());
}

qint64 MapRecords::liveCount() const
{
    return std::count_if(m_records.begin(), m_records.end(), [](const auto &each) {
        return each.second.kind == core::RecordKind::Value;
    });
}

qint64 MapRecords::byteCount() const
{
    qint64 bytes = 0;
    for (const auto &[key, record] : m_records)
        bytes += record.key.size() + record.value.size();
    return bytes;
}

} // namespace dynakv::testing
