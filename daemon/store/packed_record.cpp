// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/packed_record.h"

#include "shared/base/limits.h"

#include <cstring>
#include <new>

namespace dynakv::store {
namespace {

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
    const auto size = static_cast<std::size_t>(bytes.size());
    // A call costs more than to copy what most keys have: two words that may overlap.
    if (size >= 8 && size <= 16) {
        std::array<quint64, 2> words;
        std::memcpy(words.data(), bytes.data(), 8);
        std::memcpy(words.data() + 1, bytes.data() + size - 8, 8);
        std::memcpy(at, words.data(), 8);
        std::memcpy(at + size - 8, words.data() + 1, 8);
    } else if (size != 0) {
        std::memcpy(at, bytes.data(), size);
    }
    at += size;
}

} // namespace

PackedRecord *PackedRecord::pack(RecordPool &pool, const core::RecordView &record,
                                 quint64 contentHash)
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

    static_assert(sizeof(PackedRecord) == 24 && alignof(PackedRecord) == 4);
    auto *packed = new (pool.allocate(static_cast<std::size_t>(bytes))) PackedRecord;
    packed->m_clock = halvesOf(record.version.clock);
    packed->m_node = halvesOf(record.version.node);
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
    return packed;
}

void PackedRecord::free(RecordPool &pool)
{
    const std::size_t bytes = packedBytes();
    this->~PackedRecord();
    pool.free(this, bytes);
}

std::size_t PackedRecord::packedBytes() const
{
    const QByteArrayView value = tail().value;
    return static_cast<std::size_t>(value.data() + value.size() -
                                    reinterpret_cast<const char *>(this));
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
