// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"
#include "shared/base/result.h"

#include <QByteArray>
#include <QByteArrayView>

/// Record <-> bytes: the one codec for file, wire and backup (docs/formats/storage_db.md).
///
///   op u8 (0 value, 1 tombstone) | flags u8 (1 expiry, 2 content type, 4 context)
///   | varint key length | varint value length | [varint content type length]
///   | [varint context length] | u64 clock | u64 node | [i64 expiry] | key | [content type]
///   | [context] | value | u32 CRC-32C of all that precedes
///
/// A record has exactly one encoding, and decoding accepts no other. Any thread.
namespace dynakv::storage {

/// Whether the record is within the limits of shared/base/limits.h, without which it could be
/// written but never read again. Whoever encodes a record from outside checks it first.
base::Result<void> checkRecord(const core::Record &record);

/// How many bytes encodeRecord() appends.
qsizetype encodedSize(const core::RecordView &record);
inline qsizetype encodedSize(const core::Record &record)
{
    return encodedSize(core::viewOf(record));
}

/// Appends the encoding to \a out. \a record must pass checkRecord().
void encodeRecord(const core::RecordView &record, QByteArray &out);
inline void encodeRecord(const core::Record &record, QByteArray &out)
{
    encodeRecord(core::viewOf(record), out);
}

enum class RecordCheck : quint8 {
    Checksum, ///< Whatever comes from outside.
    FormOnly, ///< The bytes stand in a frame whose checksum held.
};

/// Decodes the record at the front of \a in and removes it from there; its views last as long as
/// the bytes. Corrupt if the bytes are too few, damaged, not canonical or beyond a limit, and then
/// \a in is unchanged. Allocates nothing.
base::Result<core::RecordView> decodeRecordView(QByteArrayView &in, RecordCheck check);
/// The same with its own copy of the bytes, checksum included.
base::Result<core::Record> decodeRecord(QByteArrayView &in);

} // namespace dynakv::storage
