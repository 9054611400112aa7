// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/key_hash.h"
#include "daemon/core/record.h"

#include <array>
#include <bitset>
#include <optional>
#include <vector>

namespace dynakv::core {

using TreeRoots = std::array<quint64, kPartitionCount>;
using TreeLeaves = std::array<quint64, kLeafCount>;
using LeafSet = std::bitset<kLeafCount>;

/// Equal tables have equal ones. Never 0.
inline quint64 treeHashOf(const TreeRoots &roots)
{
    quint64 hash = 0;
    for (const quint64 root : roots)
        hash ^= root;
    return hash | 1;
}

struct KeyStamp
{
    QByteArray key = {};
    Stamp stamp = {};
    bool operator==(const KeyStamp &) const = default;
};

/// A piece of a walk.
struct StampSlice
{
    std::vector<KeyStamp> stamps = {};
    QByteArray reached = {}; ///< The last key visited; empty: there is none behind it.
};

/// As StampSlice.
struct RecordSlice
{
    std::vector<Record> records = {};
    QByteArray reached = {};
};

/// Where a walk stops to let others have their turn.
struct SliceBounds
{
    int visits = 0; ///< 1 or more, as the others.
    std::size_t records = 0;
    qsizetype bytes = 0; ///< Of keys and values; the last record may go beyond it.
};

/// What core may know of the table: implemented by store::Table, and by whatever a test likes.
/// Tombstones and expired records are there like any other; what is live is for the reader to say.
class RecordSource
{
public:
    virtual ~RecordSource() = default;

    [[nodiscard]] virtual std::optional<Record> find(QByteArrayView key) const = 0;
    [[nodiscard]] virtual std::optional<Stamp> stampOf(QByteArrayView key) const = 0;
    /// Copies nothing, whatever the size of the value.
    [[nodiscard]] virtual KeyState stateOf(QByteArrayView key, qint64 wallMs) const = 0;
    /// One XOR of treeElement() a partition.
    [[nodiscard]] virtual TreeRoots treeRoots() const = 0;
    [[nodiscard]] virtual TreeLeaves treeLeaves(quint8 partition) const = 0;
    /// In key order, of the next \a visits records (1 or more) of \a partition with keys greater
    /// than \a after (empty: from the first), those whose leaf is in \a leaves.
    [[nodiscard]] virtual StampSlice stamps(quint8 partition, const LeafSet &leaves,
                                            QByteArrayView after, int visits) const = 0;
    /// Of the same walk the records, until one of \a bounds is reached.
    [[nodiscard]] virtual RecordSlice records(quint8 partition, const LeafSet &leaves,
                                              QByteArrayView after,
                                              const SliceBounds &bounds) const = 0;
    /// No record has a greater clock than this, but such as are just being applied.
    [[nodiscard]] virtual quint64 newestClock() const = 0;
    /// Records held, tombstones included.
    [[nodiscard]] virtual qint64 recordCount() const = 0;
    /// Records held but tombstones.
    [[nodiscard]] virtual qint64 liveCount() const = 0;
    /// Bytes of all keys and values held.
    [[nodiscard]] virtual qint64 byteCount() const = 0;
    /// What all of it takes in memory, as near as is cheap to know: what the node's limit is held
    /// against.
    [[nodiscard]] virtual qint64 memoryBytes() const = 0;
};

} // namespace dynakv::core
