// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"

#include <QByteArrayView>

namespace dynakv::core {

/// Fixed for good: file, hash tree and wire depend on them.
inline constexpr int kPartitionCount = 256;
inline constexpr int kLeafCount = 256;

/// XXH3-64.
quint64 hashBytes(QByteArrayView bytes, quint64 seed);
/// As if the three stood behind each other and the seed were 0; allocates nothing.
quint64 hashJoined(QByteArrayView first, QByteArrayView second, QByteArrayView third);

/// Partition = top 8 bits of XXH3-64(key); leaf of the partition's hash tree = the next 8.
struct KeySlot
{
    quint8 partition = 0;
    quint8 leaf = 0;
    bool operator==(const KeySlot &) const = default;
};
KeySlot slotOf(QByteArrayView key);

/// What one record contributes (by XOR) to its leaf and its partition's root. Keyed by the cluster
/// id, so that nobody can choose keys that cancel each other out.
quint64 treeElement(quint64 clusterId, QByteArrayView key, const Stamp &stamp);

} // namespace dynakv::core
