// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/superblock.h"

#include "daemon/storage/byte_io.h"
#include "daemon/storage/crc32c.h"
#include "daemon/storage/file_window.h"
#include "daemon/storage/frame_codec.h"

#include <array>

namespace dynakv::storage {
namespace {

/// Each of the odd bytes is one that some text-mode transfer would change.
constexpr char kMagicBytes[] = "\x89"
                               "DYNDB"
                               "\r\n\x1A\n";
constexpr QByteArrayView kMagic(kMagicBytes, sizeof kMagicBytes - 1);
constexpr quint16 kFormat = 1;
constexpr qsizetype kCrcOffset = kSuperblockBytes - 4;
constexpr qsizetype kWriterOffset = 100;
constexpr qsizetype kWriterBytes = 64;
constexpr char kNotice[] = "DynaKV storage.db, format 1. Read it with: dynakvd verify FILE";

/// The only feature so far that a reader must know.
constexpr quint64 kFeatureBackup = 1;
constexpr quint64 kReadFeaturesKnown = kFeatureBackup;

void putText(QByteArrayView text, qsizetype offset, qsizetype size, QByteArray &out)
{
    out.replace(offset, size,
                text.first(qMin(size, text.size())).toByteArray().leftJustified(size, '\0'));
}

base::Result<void> checkFormat(quint16 format)
{
    if (format > kFormat) {
        return {base::ErrorCode::Unsupported,
                "it has format " + QByteArray::number(format) + ", of a newer version"};
    }
    if (format < kFormat) {
        return {base::ErrorCode::Unsupported,
                "it has format 0, of a preview that came without a promise; export its data with "
                "the version that wrote it"};
    }
    return {};
}

bool isPlausible(const Superblock &superblock)
{
    const bool hasBase = superblock.indexOffset != 0;
    const bool isIndexInside = superblock.indexOffset >= kDataOffset &&
                               superblock.indexOffset < superblock.logOffset &&
                               superblock.indexOffset % kFrameAlignment == 0;
    return superblock.logOffset % kFrameAlignment == 0 && superblock.logSeq >= 1 &&
           (hasBase ? isIndexInside : superblock.logOffset == kDataOffset);
}

} // namespace

QByteArray encodeSuperblock(const Superblock &superblock)
{
    QByteArray bytes = kMagic.toByteArray();
    putLittleEndian(kFormat, bytes);
    putLittleEndian(static_cast<quint32>(kSuperblockBytes), bytes);
    putLittleEndian(quint64{0}, bytes); // features that every reader may ignore
    putLittleEndian(quint64{0}, bytes); // features that forbid writing where unknown
    putLittleEndian(superblock.isBackup ? kFeatureBackup : quint64{0}, bytes);
    bytes += superblock.identity.fileId;
    putLittleEndian(superblock.generation, bytes);
    putLittleEndian(superblock.identity.createdMs, bytes);
    putLittleEndian(static_cast<quint32>(kFramePayloadBytesMax), bytes);
    putLittleEndian(superblock.logOffset, bytes);
    putLittleEndian(superblock.indexOffset, bytes);
    putLittleEndian(superblock.logSeq, bytes);
    bytes = bytes.leftJustified(kCrcOffset, '\0');
    putText(DYNAKV_VERSION, kWriterOffset, kWriterBytes, bytes);
    putText(kNotice, kWriterOffset + kWriterBytes, sizeof kNotice - 1, bytes);
    putLittleEndian(crc32c(bytes), bytes);
    return bytes;
}

base::Result<Superblock> decodeSuperblock(QByteArrayView bytes)
{
    if (!bytes.startsWith(kMagic))
        return {base::ErrorCode::Corrupt, "it does not begin like a DynaKV storage file"};
    // Another format may have another size and another checksum, so its number comes first.
    QByteArrayView in = bytes.sliced(kMagic.size());
    const auto format = takeLittleEndian<quint16>(in);
    if (format) {
        if (const auto checked = checkFormat(*format); !checked)
            return checked.error();
    }
    if (bytes.size() < kSuperblockBytes)
        return {base::ErrorCode::Corrupt, "its superblock is cut short"};
    if (crc32c(bytes.first(kCrcOffset)) != qFromLittleEndian<quint32>(bytes.data() + kCrcOffset))
        return {base::ErrorCode::Corrupt, "its superblock is damaged"};

    const auto superblockBytes = takeLittleEndian<quint32>(in);
    takeLittleEndian<quint64>(in);
    const auto writeFeatures = takeLittleEndian<quint64>(in);
    const auto readFeatures = takeLittleEndian<quint64>(in).value_or(0);
    if (superblockBytes != kSuperblockBytes || writeFeatures != 0 ||
        (readFeatures & ~kReadFeaturesKnown) != 0)
        return {base::ErrorCode::Unsupported, "it uses features of a newer version"};
    Superblock superblock;
    superblock.isBackup = (readFeatures & kFeatureBackup) != 0;
    superblock.identity.fileId = in.first(kFileIdBytes).toByteArray();
    in = in.sliced(kFileIdBytes);
    superblock.generation = takeLittleEndian<quint64>(in).value_or(0);
    superblock.identity.createdMs = takeLittleEndian<qint64>(in).value_or(0);
    takeLittleEndian<quint32>(in);
    superblock.logOffset = takeLittleEndian<qint64>(in).value_or(0);
    superblock.indexOffset = takeLittleEndian<qint64>(in).value_or(0);
    superblock.logSeq = takeLittleEndian<quint64>(in).value_or(0);
    if (!isPlausible(superblock))
        return {base::ErrorCode::Corrupt, "its superblock contradicts itself"};
    return superblock;
}

base::Result<Superblocks> readSuperblocks(FileWindow &window)
{
    std::array<base::Result<Superblock>, 2> copies = {base::Error{}, base::Error{}};
    for (std::size_t i = 0; i < copies.size(); ++i) {
        const auto bytes = window.at(static_cast<qint64>(i) * kSuperblockBytes, kSuperblockBytes);
        if (!bytes)
            return bytes.error();
        copies[i] = decodeSuperblock(*bytes);
    }
    const auto &[first, second] = copies;
    if (first && second) {
        if (*first == *second)
            return Superblocks{*first, false};
        return {base::ErrorCode::Corrupt, "its two superblocks contradict each other"};
    }
    if (first)
        return Superblocks{*first, true};
    if (second)
        return Superblocks{*second, true};
    return first.error();
}

} // namespace dynakv::storage
