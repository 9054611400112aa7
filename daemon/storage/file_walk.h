// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_system.h"
#include "daemon/storage/frame_codec.h"
#include "daemon/storage/superblock.h"

#include <vector>

namespace dynakv::storage {

/// A part of a file that cannot be read, or that does not continue what is before it.
struct Damage
{
    qint64 offset = 0;
    qint64 bytes = 0;     ///< Up to the next intact frame, or to the end.
    quint64 firstSeq = 0; ///< Of the log: the entries that are missing, 0 where unknown.
    quint64 lastSeq = 0;
    quint32 savedRecords = 0; ///< Found in it all the same.
    bool isInBase = false;
    bool operator==(const Damage &) const = default;
};

/// What a storage file holds, as somebody finds it who only reads.
struct FileReport
{
    Superblock superblock = {};
    bool isSuperblockDamaged = false; ///< One of the two.
    qint64 fileBytes = 0;
    qint64 logEnd = 0;     ///< Behind the last frame that was taken.
    qint64 tornBytes = 0;  ///< Never acknowledged bytes behind it, that a start would cut off.
    bool isSealed = false; ///< The last stop was a clean one.
    quint64 baseRecords = 0;
    quint64 logRecords = 0; ///< Superseded ones included.
    quint64 metas = 0;
    quint64 lastSeq = 0;      ///< Number of the log's last entry.
    quint64 contentHash = 0;  ///< Of the base section.
    bool isIndexRight = true; ///< The base section is what its index says.
    std::vector<Damage> damages = {};

    [[nodiscard]] bool isIntact() const
    {
        return damages.empty() && isIndexRight && !isSuperblockDamaged;
    }
};

enum class OnDamage : quint8 {
    Stop, ///< Nothing behind the first damage.
    Skip, ///< All that is intact, wherever it stands.
};

/// Reads the file at \a path from front to back, every checksum of every record included, and gives
/// what it may to \a sink. Changes nothing.
///
/// Corrupt if neither superblock can be read: without them no frame can be told from chance.
/// Unsupported, NotFound, Denied, Io.
base::Result<FileReport> walkFile(FileSystem &files, const QString &path, OnDamage onDamage,
                                  const EntrySink &sink);

} // namespace dynakv::storage
