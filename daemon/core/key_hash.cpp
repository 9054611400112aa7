// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/key_hash.h"

#include <QtEndian>

#include <array>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace dynakv::core {
namespace {

/// Inlined where the length is known, which leaves little of it.
inline quint64 hashOf(const char *bytes, std::size_t size, quint64 seed)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

inline quint64 hashOf(QByteArrayView bytes, quint64 seed)
{
    return hashOf(bytes.data(), static_cast<std::size_t>(bytes.size()), seed);
}

} // namespace

quint64 hashBytes(QByteArrayView bytes, quint64 seed)
{
    return hashOf(bytes, seed);
}

quint64 hashJoined(QByteArrayView first, QByteArrayView second, QByteArrayView third)
{
    if (second.isEmpty() && third.isEmpty())
        return hashBytes(first, 0);
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (const QByteArrayView part : {first, second, third})
        XXH3_64bits_update(&state, part.data(), static_cast<size_t>(part.size()));
    return XXH3_64bits_digest(&state);
}

KeySlot slotOf(QByteArrayView key)
{
    const quint64 hash = hashOf(key, 0);
    return {static_cast<quint8>(hash >> 56), static_cast<quint8>(hash >> 48)};
}

quint64 treeElement(quint64 clusterId, QByteArrayView key, const Stamp &stamp)
{
    std::array<char, 32> parts;
    qToLittleEndian(hashOf(key, clusterId), parts.data());
    qToLittleEndian(stamp.version.clock, parts.data() + 8);
    qToLittleEndian(stamp.version.node, parts.data() + 16);
    qToLittleEndian(stamp.contentHash, parts.data() + 24);
    return hashOf(parts.data(), parts.size(), clusterId);
}

} // namespace dynakv::core
