// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/packed_record.h"

#include "shared/base/limits.h"

#include <cstring>
#include <new>

namespace dynakv::store {
namespace {

constexpr quint8 kIsTombstone = 1;
constexpr quint8 kHasExpiry = 2;
constexpr quint8 kHasContext = 4;
constexpr quint8 kHasContentHash = 8;

/// From here on hashing again costs more than the eight bytes that keep the hash.
constexpr qsizetype kKeepHashFromBytes = 256;

/// Fields behind the fixed part stand unaligned: that saves their padding.
template <typename Int>
Int takeInt(const char *&at)
{
    Int number;
    std::memcpy(&number, at, sizeof(Int));
    at += sizeof(Int);
    return number;
}

template <typename Int>
void putInt(Int number, char *&at)
{
    std::memcpy(at, &number, sizeof(Int));
    at += sizeof(Int);
}

void putBytes(QByteArrayView bytes, char *&at)
{
    if (bytes.isEmpty())
        return;
    std::memcpy(at, bytes.data(), static_cast<std::size_t>(bytes.size()));
    at += bytes.size();
}

} // namespace

PackedRecord::Owner PackedRecord::pack(const core::RecordView &record, quint64 contentHash)
{
    namespace limits = base::limits;
    // Whoever lets a record in checks it; beyond these the fields below would not hold it.
    if (record.key.size() > limits::kKeyBytesMax || record.value.size() > limits::kValueBytesMax ||
        record.contentType.size() > limits::kContentTypeBytesMax ||
        record.context.size() > limits::kContextBytesMax)
        qFatal("store: a record beyond the limits reached the table");

    quint8 flags = 0;
    qsizetype bytes = static_cast<qsizetype>(sizeof(PackedRecord)) + record.key.size() +
                      record.contentType.size() + record.context.size() + record.value.size();
    const auto addField = [&flags, &bytes](bool isPresent, quint8 flag, std::size_t size) {
        if (!isPresent)
            return;
        flags |= flag;
        bytes += static_cast<qsizetype>(size);
    };
    addField(record.kind == core::RecordKind::Tombstone, kIsTombstone, 0);
    addField(record.expiresAtMs != 0, kHasExpiry, sizeof(qint64));
    addField(record.value.size() + record.context.size() >= kKeepHashFromBytes, kHasContentHash,
             sizeof(quint64));
    addField(!record.context.isEmpty(), kHasContext, sizeof(quint16));

    static_assert(sizeof(PackedRecord) == 24);
    auto *packed = new (::operator new(static_cast<std::size_t>(bytes))) PackedRecord;
    packed->m_clock = record.version.clock;
    packed->m_node = record.version.node;
    packed->m_valueBytes = static_cast<quint32>(record.value.size());
    packed->m_keyBytes = static_cast<quint16>(record.key.size());
    packed->m_contentTypeBytes = static_cast<quint8>(record.contentType.size());
    packed->m_flags = flags;

    char *at = reinterpret_cast<char *>(packed + 1);
    if ((flags & kHasExpiry) != 0)
        putInt(record.expiresAtMs, at);
    if ((flags & kHasContentHash) != 0)
        putInt(contentHash, at);
    if ((flags & kHasContext) != 0)
        putInt(static_cast<quint16>(record.context.size()), at);
    putBytes(record.key, at);
    putBytes(record.contentType, at);
    putBytes(record.context, at);
    putBytes(record.value, at);
    return Owner(packed);
}

void PackedRecord::Deleter::operator()(PackedRecord *record) const
{
    record->~PackedRecord();
    ::operator delete(record);
}

PackedRecord::Tail PackedRecord::tail() const
{
    Tail tail;
    const char *at = reinterpret_cast<const char *>(this + 1);
    if (has(kHasExpiry))
        tail.expiresAtMs = takeInt<qint64>(at);
    if (has(kHasContentHash))
        tail.contentHash = takeInt<quint64>(at);
    const qsizetype contextBytes = has(kHasContext) ? takeInt<quint16>(at) : 0;
    const auto take = [&at](qsizetype size) {
        const QByteArrayView bytes(at, size);
        at += size;
        return bytes;
    };
    tail.key = take(m_keyBytes);
    tail.contentType = take(m_contentTypeBytes);
    tail.context = take(contextBytes);
    tail.value = take(m_valueBytes);
    return tail;
}

QByteArrayView PackedRecord::key() const
{
    // The hot path of every comparison: only the fields before the key are counted.
    const auto skipped = (has(kHasExpiry) ? sizeof(qint64) : 0) +
                         (has(kHasContentHash) ? sizeof(quint64) : 0) +
                         (has(kHasContext) ? sizeof(quint16) : 0);
    return {reinterpret_cast<const char *>(this + 1) + skipped, qsizetype{m_keyBytes}};
}

core::RecordKind PackedRecord::kind() const
{
    return has(kIsTombstone) ? core::RecordKind::Tombstone : core::RecordKind::Value;
}

qint64 PackedRecord::expiresAtMs() const
{
    return has(kHasExpiry) ? tail().expiresAtMs : 0;
}

bool PackedRecord::isLive(qint64 wallMs) const
{
    return !has(kIsTombstone) && (!has(kHasExpiry) || wallMs < expiresAtMs());
}

quint64 PackedRecord::contentHash() const
{
    if (has(kHasContentHash))
        return tail().contentHash;
    return core::contentHashOf(view());
}

core::RecordView PackedRecord::view() const
{
    const Tail parts = tail();
    return {parts.key,         kind(),        version(),  parts.expiresAtMs,
            parts.contentType, parts.context, parts.value};
}

} // namespace dynakv::store
