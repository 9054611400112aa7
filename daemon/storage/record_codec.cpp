// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/record_codec.h"

#include "daemon/storage/byte_io.h"
#include "daemon/storage/crc32c.h"
#include "shared/base/limits.h"

namespace dynakv::storage {
namespace {

namespace limits = base::limits;

constexpr quint8 kHasExpiry = 1;
constexpr quint8 kHasContentType = 2;
constexpr quint8 kHasContext = 4;
constexpr quint8 kFlagsKnown = kHasExpiry | kHasContentType | kHasContext;

constexpr qsizetype kCrcBytes = 4;

/// The fixed and the variable lengths of one record, before anything is copied.
struct Head
{
    core::RecordKind kind = core::RecordKind::Value;
    quint8 flags = 0;
    qsizetype keyBytes = 0;
    qsizetype valueBytes = 0;
    qsizetype contentTypeBytes = 0;
    qsizetype contextBytes = 0;
    core::Version version = {};
    qint64 expiresAtMs = 0;
};

base::Error corrupt(QByteArray why)
{
    return {base::ErrorCode::Corrupt, "record: " + std::move(why)};
}

quint8 flagsOf(const core::Record &record)
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

base::Result<Head> takeLengths(QByteArrayView &in)
{
    const auto op = takeLittleEndian<quint8>(in);
    const auto flags = takeLittleEndian<quint8>(in);
    if (!op || !flags)
        return corrupt("cut short");
    if (*op > static_cast<quint8>(core::RecordKind::Tombstone))
        return corrupt("unknown kind");
    if ((*flags & ~kFlagsKnown) != 0)
        return corrupt("unknown flags");

    Head head;
    head.kind = static_cast<core::RecordKind>(*op);
    head.flags = *flags;
    const auto takeInto = [&in](qsizetype max, qsizetype min, qsizetype &length) {
        const auto taken = takeLength(in, max);
        length = taken.value_or(0);
        return taken && length >= min;
    };
    const bool isTombstone = head.kind == core::RecordKind::Tombstone;
    if (!takeInto(limits::kKeyBytesMax, 1, head.keyBytes))
        return corrupt("bad key length");
    if (!takeInto(isTombstone ? 0 : limits::kValueBytesMax, 0, head.valueBytes))
        return corrupt("bad value length");
    if ((head.flags & kHasContentType) != 0 &&
        !takeInto(limits::kContentTypeBytesMax, 1, head.contentTypeBytes))
        return corrupt("bad content type length");
    if ((head.flags & kHasContext) != 0 &&
        !takeInto(limits::kContextBytesMax, 1, head.contextBytes))
        return corrupt("bad context length");
    return head;
}

base::Result<Head> takeHead(QByteArrayView &in)
{
    auto head = takeLengths(in);
    if (!head)
        return head;
    const auto clock = takeLittleEndian<quint64>(in);
    const auto node = takeLittleEndian<quint64>(in);
    if (!clock || !node)
        return corrupt("cut short");
    head->version = {*clock, *node};
    if ((head->flags & kHasExpiry) != 0) {
        const auto expiry = takeLittleEndian<qint64>(in);
        if (!expiry || *expiry <= 0)
            return corrupt("bad expiry");
        head->expiresAtMs = *expiry;
    }
    return head;
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

qsizetype encodedSize(const core::Record &record)
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

void encodeRecord(const core::Record &record, QByteArray &out)
{
    const qsizetype start = out.size();
    const quint8 flags = flagsOf(record);
    putLittleEndian(static_cast<quint8>(record.kind), out);
    putLittleEndian(flags, out);
    putVarint(static_cast<quint64>(record.key.size()), out);
    putVarint(static_cast<quint64>(record.value.size()), out);
    if ((flags & kHasContentType) != 0)
        putVarint(static_cast<quint64>(record.contentType.size()), out);
    if ((flags & kHasContext) != 0)
        putVarint(static_cast<quint64>(record.context.size()), out);
    putLittleEndian(record.version.clock, out);
    putLittleEndian(record.version.node, out);
    if ((flags & kHasExpiry) != 0)
        putLittleEndian(record.expiresAtMs, out);
    out += record.key;
    out += record.contentType;
    out += record.context;
    out += record.value;
    putLittleEndian(crc32c(QByteArrayView(out).sliced(start)), out);
}

base::Result<core::Record> decodeRecord(QByteArrayView &in)
{
    QByteArrayView rest = in;
    const auto head = takeHead(rest);
    if (!head)
        return head.error();
    const qsizetype bodyBytes =
        head->keyBytes + head->contentTypeBytes + head->contextBytes + head->valueBytes;
    if (rest.size() < bodyBytes + kCrcBytes)
        return corrupt("cut short");
    const QByteArrayView checked = in.first(in.size() - rest.size() + bodyBytes);
    QByteArrayView tail = rest.sliced(bodyBytes);
    if (takeLittleEndian<quint32>(tail) != crc32c(checked))
        return corrupt("checksum mismatch");

    const auto take = [&rest](qsizetype length) {
        const QByteArray bytes = rest.first(length).toByteArray();
        rest = rest.sliced(length);
        return bytes;
    };
    core::Record record;
    record.kind = head->kind;
    record.version = head->version;
    record.expiresAtMs = head->expiresAtMs;
    record.key = take(head->keyBytes);
    record.contentType = take(head->contentTypeBytes);
    record.context = take(head->contextBytes);
    record.value = take(head->valueBytes);
    in = tail;
    return record;
}

} // namespace dynakv::storage
