// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/crc32c.h"

#include <QtEndian>

#include <array>

#if defined(Q_PROCESSOR_X86_64)
#include <nmmintrin.h>
#if defined(Q_CC_MSVC)
#include <intrin.h>
#define DYNAKV_TARGET_CRC
#else
#define DYNAKV_TARGET_CRC __attribute__((target("sse4.2")))
#endif
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace dynakv::storage {
namespace {

constexpr quint32 kPolynomialReversed = 0x82F63B78;

using Tables = std::array<std::array<quint32, 256>, 8>;

/// Slicing by eight (Kounavis and Berry 2005): table k advances a byte over k more zero bytes.
constexpr Tables makeTables()
{
    Tables tables = {};
    for (quint32 byte = 0; byte < 256; ++byte) {
        quint32 crc = byte;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomialReversed : 0);
        tables[0][byte] = crc;
    }
    for (std::size_t k = 1; k < tables.size(); ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const quint32 before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
        }
    }
    return tables;
}

constexpr Tables kTables = makeTables();

quint32 tableByte(quint32 crc, char byte)
{
    return (crc >> 8) ^ kTables[0][(crc ^ static_cast<quint8>(byte)) & 0xFF];
}

#if defined(Q_PROCESSOR_X86_64)

DYNAKV_TARGET_CRC quint32 hardware(QByteArrayView bytes, quint32 seed)
{
    const char *at = bytes.data();
    qsizetype left = bytes.size();
    quint64 crc = ~seed;
    for (; left >= 8; left -= 8, at += 8)
        crc = _mm_crc32_u64(crc, qFromLittleEndian<quint64>(at));
    auto tail = static_cast<quint32>(crc);
    for (; left > 0; --left, ++at)
        tail = _mm_crc32_u8(tail, static_cast<quint8>(*at));
    return ~tail;
}

bool hasHardware()
{
#if defined(Q_CC_MSVC)
    int registers[4];
    __cpuid(registers, 1);
    return (registers[2] & (1 << 20)) != 0;
#else
    return __builtin_cpu_supports("sse4.2") != 0;
#endif
}

#elif defined(__ARM_FEATURE_CRC32)

quint32 hardware(QByteArrayView bytes, quint32 seed)
{
    const char *at = bytes.data();
    qsizetype left = bytes.size();
    quint32 crc = ~seed;
    for (; left >= 8; left -= 8, at += 8)
        crc = __crc32cd(crc, qFromLittleEndian<quint64>(at));
    for (; left > 0; --left, ++at)
        crc = __crc32cb(crc, static_cast<quint8>(*at));
    return ~crc;
}

/// The compiler was told that every processor this is built for has it.
bool hasHardware()
{
    return true;
}

#else

quint32 hardware(QByteArrayView bytes, quint32 seed)
{
    return crc32cPortable(bytes, seed);
}

bool hasHardware()
{
    return false;
}

#endif

} // namespace

quint32 crc32cPortable(QByteArrayView bytes, quint32 seed)
{
    const char *at = bytes.data();
    qsizetype left = bytes.size();
    quint32 crc = ~seed;
    for (; left >= 8; left -= 8, at += 8) {
        const quint32 low = qFromLittleEndian<quint32>(at) ^ crc;
        const quint32 high = qFromLittleEndian<quint32>(at + 4);
        crc = kTables[7][low & 0xFF] ^ kTables[6][(low >> 8) & 0xFF] ^
              kTables[5][(low >> 16) & 0xFF] ^ kTables[4][low >> 24] ^ kTables[3][high & 0xFF] ^
              kTables[2][(high >> 8) & 0xFF] ^ kTables[1][(high >> 16) & 0xFF] ^
              kTables[0][high >> 24];
    }
    for (; left > 0; --left, ++at)
        crc = tableByte(crc, *at);
    return ~crc;
}

quint32 crc32c(QByteArrayView bytes, quint32 seed)
{
    static const bool isFast = hasHardware();
    return isFast ? hardware(bytes, seed) : crc32cPortable(bytes, seed);
}

} // namespace dynakv::storage
