// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/commit.h"
#include "daemon/storage/data_paths.h"
#include "daemon/storage/file_system.h"
#include "daemon/storage/frame_codec.h"
#include "daemon/storage/superblock.h"
#include "daemon/store/table.h"
#include "shared/base/result.h"

#include <functional>

namespace dynakv::storage {

/// What keys the table's hash tree, from the node's own values: the tree of a large file is built
/// while it is loaded, not a second time behind it.
using TreeKeyOf = std::function<quint64(const Metas &)>;

/// storage.db as it can be appended to.
struct OpenFile
{
    std::unique_ptr<File> file = {};
    FileIdentity identity = {};
    quint64 generation = 1;
    qint64 baseBytes = kDataOffset; ///< Where the log begins.
    FrameChain chain = {};          ///< Of the next frame; its offset is the end of the log.
    bool endsWithSeal = false;      ///< The last frame is one.
    qint64 reservedBytes = 0; ///< Where the file ends: from the end of the log on there are zeros.
    OpenReport report = {};
    Metas metas = {};
};

/// Founds storage.db under a temporary name, which it loses only once its content is safe: the
/// file is there as a whole or not at all.
base::Result<OpenFile> foundFile(FileSystem &files, const DataPaths &paths,
                                 const FileIdentity &identity);

struct RecoveryOptions
{
    int threads = 1; ///< That load the base section.
    TreeKeyOf treeKeyOf = {};
};

/// Reads storage.db into \a table and makes it fit for appending. It never guesses:
///  - what was never acknowledged (the end of the file, up to whatever a power cut left there) is
///    copied beside the file, then cut off and reported;
///  - where a later frame proves that damaged bytes were once safe on the disk, it is Corrupt and
///    nothing is changed; so it is for all damage of the base section;
///  - a file that is not ours, of another format, or a backup, is refused as it is.
/// Every step may be interrupted and begun anew. After an error the table is to be thrown away.
base::Result<OpenFile> recoverFile(FileSystem &files, const DataPaths &paths, store::Table &table,
                                   const RecoveryOptions &options);

} // namespace dynakv::storage
