// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QByteArrayView>

namespace dynakv::storage {

class FileWindow;

inline constexpr qsizetype kSuperblockBytes = 4096;
inline constexpr qsizetype kFileIdBytes = 16;
/// Behind the superblock and its copy.
inline constexpr qint64 kDataOffset = 2 * qint64{kSuperblockBytes};

/// What makes one storage.db different from every other: chosen when it is founded.
struct FileIdentity
{
    QByteArray fileId = {}; ///< 16 random bytes.
    qint64 createdMs = 0;   ///< Unix ms.
    bool operator==(const FileIdentity &) const = default;
};

/// The first 4096 bytes of storage.db and, the same again, the next 4096: written once before the
/// file gets its name and never again (docs/formats/storage_db.md).
struct Superblock
{
    FileIdentity identity = {};
    quint64 generation = 1;         ///< Rises with every rewriting of the file.
    qint64 logOffset = kDataOffset; ///< Where the base section ends and the log begins.
    qint64 indexOffset = 0;         ///< Of the base section's index; 0: there is no base.
    quint64 logSeq = 1;             ///< Number of the log's first entry.
    /// A backup, which becomes a node's file only by a restore.
    bool isBackup = false;
    bool operator==(const Superblock &) const = default;
};

QByteArray encodeSuperblock(const Superblock &superblock);

/// Corrupt if these are not the intact first bytes of such a file, Unsupported if another version
/// wrote it in a way that this one cannot read.
base::Result<Superblock> decodeSuperblock(QByteArrayView bytes);

/// Both copies of it at the start of a file.
struct Superblocks
{
    Superblock superblock = {};
    bool isOneDamaged = false; ///< The other one was taken.
};
/// Corrupt if none is intact, or if they differ; Unsupported as above; Io.
base::Result<Superblocks> readSuperblocks(FileWindow &window);

} // namespace dynakv::storage
