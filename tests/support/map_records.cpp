// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/map_records.h"

#include "daemon/core/purge_watermark.h"

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

void MapRecords::purge(quint64 watermark)
{
    std::erase_if(m_records, [watermark](const auto &each) {
        return core::isPurgeable(each.second, watermark);
    });
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

core::ListedPage MapRecords::list(const core::ListQuery &query, bool hasValues) const
{
    const bool isUpwards = query.order == core::Order::Ascending;
    const auto isBefore = [&](const QByteArray &one, const QByteArray &other) {
        return isUpwards ? one < other : other < one;
    };
    /// Empty where it belongs to none.
    const auto groupOf = [&](const QByteArray &key) {
        const qsizetype at =
            query.delimiter.isEmpty() ? -1 : key.indexOf(query.delimiter, query.prefix.size());
        return at < 0 ? QByteArray() : key.left(at + query.delimiter.size());
    };
    const QByteArray groupBehind = query.after ? groupOf(*query.after) : QByteArray();
    std::vector<const core::Record *> shown;
    for (const auto &[key, record] : m_records) {
        const bool isPast = (!query.from.isEmpty() && isBefore(key, query.from)) ||
                            (query.after && !isBefore(*query.after, key)) ||
                            (!groupBehind.isEmpty() && groupOf(key) == groupBehind);
        if (record.isLive(query.wallMs) && key.startsWith(query.prefix) && !isPast)
            shown.push_back(&record);
    }
    if (!isUpwards)
        std::reverse(shown.begin(), shown.end());
    core::ListedPage page;
    core::Listing &listing = page.listing;
    int rows = 0;
    for (const core::Record *record : shown) {
        const QByteArray group = groupOf(record->key);
        if (!group.isEmpty() && !listing.prefixes.empty() &&
            listing.prefixes.back().prefix == group) {
            ++listing.prefixes.back().count;
            continue;
        }
        if (rows++ == query.limit) {
            listing.hasMore = true;
            break;
        }
        if (!group.isEmpty()) {
            listing.prefixes.push_back({group, 1, false});
            continue;
        }
        listing.keys.push_back(
            {record->key, record->version, record->value.size(), record->expiresAtMs});
        if (hasValues)
            page.values.push_back(*record);
    }
    listing.totalEstimate = static_cast<qint64>(shown.size());
    return page;
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

core::StampSlice MapRecords::stamps(quint8 partition, const core::LeafSet &leaves,
                                    QByteArrayView after, int visits) const
{
    core::StampSlice slice;
    for (auto at = m_records.upper_bound(after.toByteArray()); at != m_records.end(); ++at) {
        const core::KeySlot slot = core::slotOf(at->first);
        if (slot.partition != partition)
            continue;
        ++m_visited;
        if (leaves[slot.leaf])
            slice.stamps.push_back({at->first, core::stampOf(at->second)});
        if (--visits == 0) {
            slice.reached = at->first;
            break;
        }
    }
    return slice;
}

core::RecordSlice MapRecords::records(quint8 partition, const core::LeafSet &leaves,
                                      QByteArrayView after, const core::SliceBounds &bounds) const
{
    core::StampSlice walked = stamps(partition, leaves, after, bounds.visits);
    core::RecordSlice slice{{}, walked.reached};
    qsizetype bytes = 0;
    for (const core::KeyStamp &each : walked.stamps) {
        const core::Record &record = m_records.at(each.key);
        bytes += record.key.size() + record.value.size();
        slice.records.push_back(record);
        if (slice.records.size() == bounds.records || bytes >= bounds.bytes) {
            slice.reached = each.key;
            break;
        }
    }
    return slice;
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
