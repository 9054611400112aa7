// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/record.h"

#include "daemon/core/key_hash.h"

#include <QtEndian>

#include <array>

namespace dynakv::core {
namespace {

/// What headHashOf() gives for most of all records: a JSON value without expiry or context.
constexpr quint64 kPlainHeadHash = 0x5F51'D22E'C770'4EE3;

/// Of all but key, version and value.
quint64 headHashOf(const RecordView &record)
{
    // Lengths go in front, so that no two different records feed the same bytes.
    std::array<char, 25> head;
    head[0] = static_cast<char>(record.kind);
    qToLittleEndian(record.expiresAtMs, head.data() + 1);
    qToLittleEndian<qint64>(record.contentType.size(), head.data() + 9);
    qToLittleEndian<qint64>(record.context.size(), head.data() + 17);
    return hashJoined(QByteArrayView(head.data(), head.size()), record.contentType, record.context);
}

} // namespace

Record RecordView::toRecord() const
{
    Record record;
    record.key = key.toByteArray();
    record.kind = kind;
    record.version = version;
    record.expiresAtMs = expiresAtMs;
    record.contentType = contentType.toByteArray();
    record.context = context.toByteArray();
    record.value = value.toByteArray();
    return record;
}

RecordView viewOf(const Record &record)
{
    return {record.key,         record.kind,    record.version, record.expiresAtMs,
            record.contentType, record.context, record.value};
}

quint64 contentHashOf(const RecordView &record)
{
    const bool isPlain = record.kind == RecordKind::Value && record.expiresAtMs == 0 &&
                         record.contentType.isEmpty() && record.context.isEmpty();
    return hashBytes(record.value, isPlain ? kPlainHeadHash : headHashOf(record));
}

quint64 contentHashOf(const Record &record)
{
    return contentHashOf(viewOf(record));
}

Stamp stampOf(const RecordView &record)
{
    return {record.version, contentHashOf(record)};
}

Stamp stampOf(const Record &record)
{
    return stampOf(viewOf(record));
}

} // namespace dynakv::core
