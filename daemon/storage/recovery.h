// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/commit.h"
#include "daemon/storage/file_system.h"
#include "daemon/storage/frame_codec.h"
#include "daemon/storage/superblock.h"
#include "daemon/store/table.h"
#include "shared/base/result.h"

namespace dynakv::storage {

class FileWindow;

/// The names in a data directory.
struct DataPaths
{
    explicit DataPaths(const QString &directoryPath);

    QString directory;
    QString file;       ///< storage.db
    QString lock;       ///< storage.db.lock, kept for ever.
    QString unfinished; ///< storage.db.new, a file being founded; never loaded.
    QString tornDraft;  ///< storage.db.torn.new, remains being kept; never loaded.

    /// Where the remains cut off at \a offset are kept; \a number from 1 on makes it free.
    [[nodiscard]] QString tornRemains(qint64 offset, int number) const;
};

/// storage.db as it can be appended to.
struct OpenFile
{
    std::unique_ptr<File> file = {};
    FrameChain chain = {}; ///< Of the next frame; its offset is the end of the file.
    OpenReport report = {};
    Metas metas = {};
};

/// Founds storage.db under a temporary name, which it loses only once its content is safe: the
/// file is there as a whole or not at all.
base::Result<OpenFile> foundFile(FileSystem &files, const DataPaths &paths,
                                 const FileIdentity &identity);

/// Reads storage.db into \a table and makes it fit for appending. It never guesses:
///  - what was never acknowledged (the end of the file, up to whatever a power cut left there) is
///    copied beside the file, then cut off and reported;
///  - where a later frame proves that damaged bytes were once safe on the disk, it is Corrupt and
///    nothing is changed;
///  - a file that is not ours, or of a newer program, is refused as it is.
/// Every step may be interrupted and begun anew. After an error the table is to be thrown away.
base::Result<OpenFile> recoverFile(FileSystem &files, const DataPaths &paths, store::Table &table);

} // namespace dynakv::storage
