// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/key_hash.h"
#include "daemon/storage/frame_codec.h"

#include <array>

namespace dynakv::storage {

/// Where the base section keeps each partition, so that several threads can load it at once, and
/// what it must hold, so that a copy can be compared (docs/formats/storage_db.md).
struct BaseIndex
{
    struct Partition
    {
        qint64 offset = 0; ///< Of its first frame; where the next partition begins if it is empty.
        quint64 records = 0;
        quint64 firstSeq = 1;    ///< Of that frame.
        quint32 previousCrc = 0; ///< Likewise.
        quint64 payloadHash =
            0; ///< XXH3-64 of its frames' payloads, each seeded by the one before.
        bool operator==(const Partition &) const = default;
    };
    std::array<Partition, core::kPartitionCount> partitions = {};
    qint64 end = 0; ///< Where the last partition ends and the index itself stands; not stored.
    bool operator==(const BaseIndex &) const = default;

    [[nodiscard]] quint64 records() const;
    /// One number for all that the base holds but the metas.
    [[nodiscard]] quint64 contentHash() const;
    [[nodiscard]] qint64 endOf(std::size_t partition) const;
};

QByteArray encodeBaseIndex(const BaseIndex &index);
/// The payload of an index frame that stands at \a offset. Corrupt if it contradicts itself.
base::Result<BaseIndex> decodeBaseIndex(QByteArrayView payload, qint64 offset);

} // namespace dynakv::storage
