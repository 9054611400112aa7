// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/base_index.h"

#include "daemon/storage/byte_io.h"

namespace dynakv::storage {
namespace {

constexpr qsizetype kPartitionBytes = 40;

}

quint64 BaseIndex::records() const
{
    quint64 sum = 0;
    for (const Partition &partition : partitions)
        sum += partition.records;
    return sum;
}

quint64 BaseIndex::contentHash() const
{
    QByteArray parts;
    for (const Partition &partition : partitions) {
        putLittleEndian(partition.records, parts);
        putLittleEndian(partition.payloadHash, parts);
    }
    return core::hashBytes(parts, 0);
}

qint64 BaseIndex::endOf(std::size_t partition) const
{
    return partition + 1 < partitions.size() ? partitions[partition + 1].offset : end;
}

QByteArray encodeBaseIndex(const BaseIndex &index)
{
    QByteArray bytes;
    for (const BaseIndex::Partition &partition : index.partitions) {
        putLittleEndian(partition.offset, bytes);
        putLittleEndian(partition.records, bytes);
        putLittleEndian(partition.firstSeq, bytes);
        putLittleEndian(partition.previousCrc, bytes);
        putLittleEndian(quint32{0}, bytes); // reserved
        putLittleEndian(partition.payloadHash, bytes);
    }
    return bytes;
}

base::Result<BaseIndex> decodeBaseIndex(QByteArrayView payload, qint64 offset)
{
    const base::Error corrupt = {base::ErrorCode::Corrupt, "the index contradicts itself"};
    BaseIndex index;
    index.end = offset;
    if (payload.size() != kPartitionBytes * static_cast<qsizetype>(index.partitions.size()))
        return corrupt;
    qint64 earliest = kDataOffset;
    for (BaseIndex::Partition &partition : index.partitions) {
        partition.offset = takeLittleEndian<qint64>(payload).value_or(0);
        partition.records = takeLittleEndian<quint64>(payload).value_or(0);
        partition.firstSeq = takeLittleEndian<quint64>(payload).value_or(0);
        partition.previousCrc = takeLittleEndian<quint32>(payload).value_or(0);
        takeLittleEndian<quint32>(payload);
        partition.payloadHash = takeLittleEndian<quint64>(payload).value_or(0);
        if (partition.offset < earliest || partition.offset > offset)
            return corrupt;
        earliest = partition.offset;
    }
    return index;
}

} // namespace dynakv::storage
