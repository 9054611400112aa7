// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QByteArrayView>

namespace dynakv::storage {

inline constexpr qsizetype kSuperblockBytes = 4096;
inline constexpr qsizetype kFileIdBytes = 16;

/// What makes one storage.db different from every other: chosen when it is founded.
struct FileIdentity
{
    QByteArray fileId = {}; ///< 16 random bytes.
    qint64 createdMs = 0;   ///< Unix ms.
    bool operator==(const FileIdentity &) const = default;
};

/// The first 4096 bytes of storage.db, written once before the file gets its name and never again
/// (docs/formats/storage_db.md).
struct Superblock
{
    FileIdentity identity = {};
    quint64 generation = 1;
    quint32 crc = 0; ///< Where the chain of frames begins. Set by encoding and decoding.
};

QByteArray encodeSuperblock(Superblock &superblock);

/// Corrupt if these are not the intact first bytes of such a file, Unsupported if a newer program
/// wrote it in a way that this one cannot read.
base::Result<Superblock> decodeSuperblock(QByteArrayView bytes);

} // namespace dynakv::storage
