// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/superblock.h"

#include "daemon/storage/byte_io.h"
#include "daemon/storage/crc32c.h"
#include "daemon/storage/frame_codec.h"

namespace dynakv::storage {
namespace {

/// Each of the odd bytes is one that some text-mode transfer would change.
constexpr char kMagicBytes[] = "\x89"
                               "DYNDB"
                               "\r\n\x1A\n";
constexpr QByteArrayView kMagic(kMagicBytes, sizeof kMagicBytes - 1);
constexpr quint16 kFormat = 0;
constexpr qsizetype kCrcOffset = kSuperblockBytes - 4;
constexpr qsizetype kWriterOffset = 76;
constexpr qsizetype kWriterBytes = 64;
constexpr char kNotice[] =
    "DynaKV storage.db, format 0: without a promise that later versions can read it.";

void putText(QByteArrayView text, qsizetype offset, qsizetype size, QByteArray &out)
{
    out.replace(offset, size,
                text.first(qMin(size, text.size())).toByteArray().leftJustified(size, '\0'));
}

} // namespace

QByteArray encodeSuperblock(Superblock &superblock)
{
    QByteArray bytes = kMagic.toByteArray();
    putLittleEndian(kFormat, bytes);
    putLittleEndian(static_cast<quint32>(kSuperblockBytes), bytes);
    putLittleEndian(quint64{0}, bytes); // features that every reader may ignore
    putLittleEndian(quint64{0}, bytes); // features that forbid writing where unknown
    putLittleEndian(quint64{0}, bytes); // features that forbid reading where unknown
    bytes += superblock.identity.fileId;
    putLittleEndian(superblock.generation, bytes);
    putLittleEndian(superblock.identity.createdMs, bytes);
    putLittleEndian(static_cast<quint32>(kFramePayloadBytesMax), bytes);
    bytes = bytes.leftJustified(kCrcOffset, '\0');
    putText(DYNAKV_VERSION, kWriterOffset, kWriterBytes, bytes);
    putText(kNotice, kWriterOffset + kWriterBytes, sizeof kNotice - 1, bytes);
    superblock.crc = crc32c(bytes);
    putLittleEndian(superblock.crc, bytes);
    return bytes;
}

base::Result<Superblock> decodeSuperblock(QByteArrayView bytes)
{
    if (!bytes.startsWith(kMagic))
        return {base::ErrorCode::Corrupt, "it does not begin like a DynaKV storage file"};
    // A newer format may have another size and another checksum, so its number comes first.
    QByteArrayView in = bytes.sliced(kMagic.size());
    const auto format = takeLittleEndian<quint16>(in);
    if (format && *format > kFormat) {
        return {base::ErrorCode::Unsupported,
                "it has format " + QByteArray::number(*format) + ", of a newer version"};
    }
    if (bytes.size() < kSuperblockBytes)
        return {base::ErrorCode::Corrupt, "its superblock is cut short"};
    Superblock superblock;
    superblock.crc = qFromLittleEndian<quint32>(bytes.data() + kCrcOffset);
    if (crc32c(bytes.first(kCrcOffset)) != superblock.crc)
        return {base::ErrorCode::Corrupt, "its superblock is damaged"};

    const auto headerBytes = takeLittleEndian<quint32>(in);
    takeLittleEndian<quint64>(in);
    const auto writeFeatures = takeLittleEndian<quint64>(in);
    const auto readFeatures = takeLittleEndian<quint64>(in);
    if (headerBytes != kSuperblockBytes || writeFeatures != 0 || readFeatures != 0)
        return {base::ErrorCode::Unsupported, "it uses features of a newer version"};
    superblock.identity.fileId = in.first(kFileIdBytes).toByteArray();
    in = in.sliced(kFileIdBytes);
    superblock.generation = takeLittleEndian<quint64>(in).value_or(0);
    superblock.identity.createdMs = takeLittleEndian<qint64>(in).value_or(0);
    return superblock;
}

} // namespace dynakv::storage
