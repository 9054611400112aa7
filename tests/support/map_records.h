// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/listing.h"
#include "daemon/core/record_source.h"

#include <map>

namespace dynakv::testing {

/// The plainest RecordSource there can be: what the real table is held against, and what a
/// simulated node keeps its records in. Trees are counted from scratch at each call.
class MapRecords final : public core::RecordSource
{
public:
    /// Keeps \a record if its stamp is greater than what is held. True if it was kept.
    bool apply(const core::Record &record);
    /// As store::Table::purge(), all at once.
    void purge(quint64 watermark);
    void setTreeKey(quint64 clusterId) { m_clusterId = clusterId; }
    [[nodiscard]] const std::map<QByteArray, core::Record> &all() const { return m_records; }
    /// By the rules of the contract, each key looked at by itself.
    [[nodiscard]] core::ListedPage list(const core::ListQuery &query, bool hasValues) const;
    [[nodiscard]] std::optional<core::Record> find(QByteArrayView key) const override;
    [[nodiscard]] std::optional<core::Stamp> stampOf(QByteArrayView key) const override;
    [[nodiscard]] core::KeyState stateOf(QByteArrayView key, qint64 wallMs) const override;
    [[nodiscard]] core::TreeRoots treeRoots() const override;
    [[nodiscard]] core::TreeLeaves treeLeaves(quint8 partition) const override;
    [[nodiscard]] core::StampSlice stamps(quint8 partition, const core::LeafSet &leaves,
                                          QByteArrayView after, int visits) const override;
    [[nodiscard]] core::RecordSlice records(quint8 partition, const core::LeafSet &leaves,
                                            QByteArrayView after,
                                            const core::SliceBounds &bounds) const override;
    /// How many records stamps() and records() have visited so far.
    [[nodiscard]] qint64 visited() const { return m_visited; }
    [[nodiscard]] quint64 newestClock() const override;
    [[nodiscard]] qint64 recordCount() const override;
    [[nodiscard]] qint64 liveCount() const override;
    [[nodiscard]] qint64 byteCount() const override;
    [[nodiscard]] qint64 memoryBytes() const override { return byteCount() + recordCount() * 48; }

private:
    std::map<QByteArray, core::Record> m_records;
    quint64 m_clusterId = 0;
    mutable qint64 m_visited = 0;
};

} // namespace dynakv::testing
