// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/record_codec.h"

#include "daemon/storage/byte_io.h"
#include "daemon/storage/crc32c.h"
#include "shared/base/limits.h"

#include <cstring>

namespace dynakv::storage {
namespace {

namespace limits = base::limits;

constexpr quint8 kHasExpiry = 1;
constexpr quint8 kHasContentType = 2;
constexpr quint8 kHasContext = 4;
constexpr quint8 kFlagsKnown = kHasExpiry | kHasContentType | kHasContext;

constexpr qsizetype kCrcBytes = 4;

base::Error corrupt(QByteArray why)
{
    return {base::ErrorCode::Corrupt, "record: " + std::move(why)};
}

quint8 flagsOf(const core::RecordView &record)
{
    quint8 flags = 0;
    if (record.expiresAtMs != 0)
        flags |= kHasExpiry;
    if (!record.contentType.isEmpty())
        flags |= kHasContentType;
    if (!record.context.isEmpty())
        flags |= kHasContext;
    return flags;
}

qsizetype varintBytes(qsizetype number)
{
    qsizetype bytes = 1;
    for (; number >= 0x80; number >>= 7)
        ++bytes;
    return bytes;
}

template <typename Int>
void put(Int number, char *&at)
{
    qToLittleEndian(number, at);
    at += sizeof(Int);
}

void putLength(qsizetype length, char *&at)
{
    auto number = static_cast<quint64>(length);
    for (; number >= 0x80; number >>= 7)
        *at++ = static_cast<char>(0x80 | (number & 0x7F));
    *at++ = static_cast<char>(number);
}

void putBytes(QByteArrayView bytes, char *&at)
{
    if (!bytes.isEmpty())
        std::memcpy(at, bytes.data(), static_cast<std::size_t>(bytes.size()));
    at += bytes.size();
}

/// The lengths of a record's byte strings, before any of them is looked at.
struct Lengths
{
    qsizetype key = 0;
    qsizetype value = 0;
    qsizetype contentType = 0;
    qsizetype context = 0;
};

/// Why the lengths at the front of \a in cannot be right; null if they were taken from there.
const char *takeLengths(QByteArrayView &in, quint8 op, quint8 flags, Lengths &lengths)
{
    const auto takeInto = [&in](qsizetype max, qsizetype min, qsizetype &length) {
        const auto taken = takeLength(in, max);
        length = taken.value_or(0);
        return taken && length >= min;
    };
    const bool isTombstone = op == static_cast<quint8>(core::RecordKind::Tombstone);
    if (!takeInto(limits::kKeyBytesMax, 1, lengths.key))
        return "bad key length";
    if (!takeInto(isTombstone ? 0 : limits::kValueBytesMax, 0, lengths.value))
        return "bad value length";
    if ((flags & kHasContentType) != 0 &&
        !takeInto(limits::kContentTypeBytesMax, 1, lengths.contentType))
        return "bad content type length";
    if ((flags & kHasContext) != 0 && !takeInto(limits::kContextBytesMax, 1, lengths.context))
        return "bad context length";
    return nullptr;
}

} // namespace

base::Result<void> checkRecord(const core::Record &record)
{
    const auto invalid = [](QByteArray why) {
        return base::Error{base::ErrorCode::Invalid, "record: " + std::move(why)};
    };
    if (record.key.isEmpty() || record.key.size() > limits::kKeyBytesMax)
        return invalid("the key must have 1 to 1024 bytes");
    if (record.value.size() > limits::kValueBytesMax)
        return invalid("the value is larger than 16 MiB");
    if (record.contentType.size() > limits::kContentTypeBytesMax)
        return invalid("the content type is longer than 255 bytes");
    if (record.context.size() > limits::kContextBytesMax)
        return invalid("the context is longer than 4096 bytes");
    if (record.expiresAtMs < 0)
        return invalid("the expiry is negative");
    if (record.kind == core::RecordKind::Tombstone && !record.value.isEmpty())
        return invalid("a tombstone has a value");
    return {};
}

qsizetype encodedSize(const core::RecordView &record)
{
    const quint8 flags = flagsOf(record);
    qsizetype bytes = 2 + varintBytes(record.key.size()) + varintBytes(record.value.size()) + 16;
    if ((flags & kHasContentType) != 0)
        bytes += varintBytes(record.contentType.size());
    if ((flags & kHasContext) != 0)
        bytes += varintBytes(record.context.size());
    if ((flags & kHasExpiry) != 0)
        bytes += 8;
    return bytes + record.key.size() + record.contentType.size() + record.context.size() +
           record.value.size() + kCrcBytes;
}

void encodeRecord(const core::RecordView &record, QByteArray &out)
{
    const qsizetype start = out.size();
    const quint8 flags = flagsOf(record);
    out.resize(start + encodedSize(record));
    char *const first = out.data() + start;
    char *at = first;
    put(static_cast<quint8>(record.kind), at);
    put(flags, at);
    putLength(record.key.size(), at);
    putLength(record.value.size(), at);
    if ((flags & kHasContentType) != 0)
        putLength(record.contentType.size(), at);
    if ((flags & kHasContext) != 0)
        putLength(record.context.size(), at);
    put(record.version.clock, at);
    put(record.version.node, at);
    if ((flags & kHasExpiry) != 0)
        put(record.expiresAtMs, at);
    putBytes(record.key, at);
    putBytes(record.contentType, at);
    putBytes(record.context, at);
    putBytes(record.value, at);
    put(crc32c(QByteArrayView(first, at - first)), at);
}

base::Result<core::RecordView> decodeRecordView(QByteArrayView &in, RecordCheck check)
{
    QByteArrayView rest = in;
    const auto op = takeLittleEndian<quint8>(rest);
    const auto flags = takeLittleEndian<quint8>(rest);
    if (!op || !flags)
        return corrupt("cut short");
    if (*op > static_cast<quint8>(core::RecordKind::Tombstone))
        return corrupt("unknown kind");
    if ((*flags & ~kFlagsKnown) != 0)
        return corrupt("unknown flags");
    Lengths lengths;
    if (const char *const why = takeLengths(rest, *op, *flags, lengths))
        return corrupt(why);

    core::RecordView record;
    record.kind = static_cast<core::RecordKind>(*op);
    const auto clock = takeLittleEndian<quint64>(rest);
    const auto node = takeLittleEndian<quint64>(rest);
    if (!clock || !node)
        return corrupt("cut short");
    record.version = {*clock, *node};
    if ((*flags & kHasExpiry) != 0) {
        const auto expiry = takeLittleEndian<qint64>(rest);
        if (!expiry || *expiry <= 0)
            return corrupt("bad expiry");
        record.expiresAtMs = *expiry;
    }
    const qsizetype bodyBytes = lengths.key + lengths.contentType + lengths.context + lengths.value;
    if (rest.size() < bodyBytes + kCrcBytes)
        return corrupt("cut short");
    const auto take = [&rest](qsizetype length) {
        const QByteArrayView bytes = rest.first(length);
        rest = rest.sliced(length);
        return bytes;
    };
    record.key = take(lengths.key);
    record.contentType = take(lengths.contentType);
    record.context = take(lengths.context);
    record.value = take(lengths.value);
    const QByteArrayView checked = in.first(in.size() - rest.size());
    const auto crc = takeLittleEndian<quint32>(rest);
    if (check == RecordCheck::Checksum && crc != crc32c(checked))
        return corrupt("checksum mismatch");
    in = rest;
    return record;
}

base::Result<core::Record> decodeRecord(QByteArrayView &in)
{
    const auto record = decodeRecordView(in, RecordCheck::Checksum);
    if (!record)
        return record.error();
    return record->toRecord();
}

} // namespace dynakv::storage
