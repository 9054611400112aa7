// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/key_hash.h"
#include "daemon/store/change_ring.h"
#include "daemon/store/expiry_index.h"
#include "daemon/store/partition.h"
#include "daemon/store/purge_index.h"
#include "daemon/store/table.h"

#include <array>
#include <atomic>
#include <mutex>

namespace dynakv::store {

/// What a table consists of, for it and for its loaders.
struct Table::Impl
{
    void updateStats(const core::RecordView &record, const Change &change);
    void leave(const PackedRecord &record);
    qint64 liveAt(qint64 wallMs);
    qint64 estimate(const QByteArray &prefix, qint64 wallMs);

    Impl();
    [[nodiscard]] qint64 memoryBytes();

    /// One for each load group. They end after the partitions, which lie in them.
    std::array<RecordPool, kLoadGroups> pools;
    std::array<Partition, core::kPartitionCount> partitions;
    ExpiryIndex expiries;
    PurgeIndex purgeables;
    ChangeRing changes;
    std::atomic<quint64> boot = 0; ///< 0 until startChanges().
    std::atomic<qint64> records = 0;
    std::atomic<qint64> tombstones = 0;
    std::atomic<qint64> bytes = 0;
    std::atomic<qint64> purged = 0;
    std::atomic<quint64> newestClock = 0;
    /// One writer at a time, and the tree key belongs to it.
    std::mutex writer;
    quint64 treeKey = 0;
};

} // namespace dynakv::store
