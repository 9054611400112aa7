// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"
#include "daemon/core/record_source.h"
#include "daemon/store/change_ring.h"
#include "daemon/store/listing.h"
#include "daemon/store/walk.h"

#include <QByteArray>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace dynakv::store {

enum class Applied : quint8 {
    Newer,     ///< The table now holds it.
    Identical, ///< It held exactly this stamp.
    Older,     ///< It holds a greater stamp; nothing changed.
};

struct TableStats
{
    qint64 records = 0; ///< Tombstones and expired ones included.
    qint64 tombstones = 0;
    qint64 bytes = 0;       ///< Keys and values of all records.
    qint64 memoryBytes = 0; ///< What the table takes to hold them.
    qint64 purged = 0;      ///< Records taken out by purge() since it was made.
    bool operator==(const TableStats &) const = default;
};

/// The in-memory table: 256 partitions, each ordered by key under a lock of its own, with a hash
/// tree kept in O(1) per write. Holds, for every key, the greatest record ever applied.
///
/// Thread: any. Readers run beside each other and beside the writer; writers take turns.
/// A listing walks partitions in short lock slices: every key present during a whole walk by cursor
/// is given exactly once, by itself or by its group.
class Table final : public core::RecordSource
{
public:
    /// What is loaded at the start can be loaded by so many threads, see TableLoader: group g holds
    /// the partitions from g * kPartitionCount / kLoadGroups on, and as many.
    static constexpr int kLoadGroups = 4;

    Table();
    ~Table() override;

    Applied apply(const core::RecordView &record);
    Applied apply(const core::Record &record) { return apply(core::viewOf(record)); }

    [[nodiscard]] std::optional<core::Record> find(QByteArrayView key) const override;
    [[nodiscard]] std::optional<core::Stamp> stampOf(QByteArrayView key) const override;
    [[nodiscard]] core::KeyState stateOf(QByteArrayView key, qint64 wallMs) const override;
    [[nodiscard]] core::TreeRoots treeRoots() const override;
    [[nodiscard]] core::TreeLeaves treeLeaves(quint8 partition) const override;
    [[nodiscard]] core::RecordSlice records(quint8 partition, const core::LeafSet &leaves,
                                            QByteArrayView after,
                                            const core::SliceBounds &bounds) const override;
    [[nodiscard]] core::StampSlice stamps(quint8 partition, const core::LeafSet &leaves,
                                          QByteArrayView after, int visits) const override;
    [[nodiscard]] qint64 recordCount() const override;
    [[nodiscard]] qint64 liveCount() const override;
    [[nodiscard]] qint64 byteCount() const override;
    [[nodiscard]] qint64 memoryBytes() const override;

    /// Visits records of \a partition in key order, tombstones and expired ones included, under one
    /// hold of its lock: at most kSliceItems of them, and \a bound moves behind the last one.
    /// A \a visit that returns false ends the slice; it must not call the table.
    Walk visitSlice(quint8 partition, Bound &bound,
                    const std::function<bool(const core::RecordView &)> &visit) const;

    [[nodiscard]] Listing list(const ListQuery &query) const;
    [[nodiscard]] TableStats stats() const;
    /// The greatest clock applied so far, 0 for none.
    [[nodiscard]] quint64 newestClock() const override;

    /// From here on changes() tells of every change, in the order in which they are applied: each
    /// is readable in the table before it is told. \a boot, not 0, names this run of this node
    /// among all others. What has expired by \a wallMs has done so in silence.
    void startChanges(quint64 boot, qint64 wallMs);
    [[nodiscard]] const ChangeRing &changes() const;
    [[nodiscard]] quint64 boot() const;
    /// Tells changes() of values that have expired by \a wallMs, of each once, of at most \a max
    /// now. Does nothing, rather than wait, while somebody writes.
    void tellExpired(qint64 wallMs, int max);

    /// Takes out what is core::isPurgeable() at \a watermark, at most \a max records now; how many
    /// that were. Less than \a max: there are no more.
    int purge(quint64 watermark, int max);

    /// Keys the hash tree by \a clusterId and, unless that was the key, builds it anew: O(records).
    void setTreeKey(quint64 clusterId);

private:
    friend class TableLoader;
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace dynakv::store
