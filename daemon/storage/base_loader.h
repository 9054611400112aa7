// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/base_index.h"
#include "daemon/storage/frame_reader.h"
#include "daemon/storage/superblock.h"
#include "daemon/store/table.h"

namespace dynakv::storage {

/// Reads the base section of a file. All of it was safe before the file got its name, so whatever
/// is not as the index says is damage: Corrupt, with the byte where it was noticed.
///
/// Thread: its owner's. \a files, \a window and \a table outlive it.
class BaseLoader
{
public:
    /// \a window is over the file at \a path, whose superblock names an index.
    BaseLoader(FileSystem &files, const QString &path, FileWindow &window,
               const Superblock &superblock);

    /// The index, and the chain as the log continues it.
    base::Result<FrameChain> readIndex();
    base::Result<void> readMetas(Metas &metas);
    /// Fills the empty \a table, by up to \a threads threads that each open the file.
    base::Result<void> load(store::Table &table, int threads);

    [[nodiscard]] const BaseIndex &index() const { return m_index; }

private:
    base::Result<void> loadGroup(FileWindow &window, store::Table &table, int group) const;
    base::Result<void> loadPartition(FileWindow &window, std::size_t partition,
                                     const EntrySink &sink) const;
    [[nodiscard]] FrameChain chainOf(std::size_t partition) const;
    [[nodiscard]] FrameChain chainBehindOf(std::size_t partition) const;

    FileSystem &m_files;
    QString m_path;
    FileWindow &m_window;
    Superblock m_superblock;
    FrameChain m_start;
    FrameHeader m_indexHeader;
    BaseIndex m_index;
};

} // namespace dynakv::storage
