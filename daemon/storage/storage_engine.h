// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/commit.h"
#include "daemon/storage/recovery.h"

#include <memory>
#include <optional>
#include <vector>

namespace dynakv::storage {

/// storage.db without a thread: opens, recovers, commits. The daemon gives it the storage thread
/// (StorageWorker), a simulation calls it directly.
///
/// What holds: a commit is appended, synced (in `sync` mode), applied to the table, and only then
/// reported Done. A failed append is cut off again and the next commit tries anew. A failed sync is
/// final: the system may have dropped the pages and would report success the next time, so nothing
/// is written to this file again, while reads go on.
///
/// Thread: one at a time. \a files and \a table outlive it.
class StorageEngine
{
public:
    StorageEngine(FileSystem &files, store::Table &table, core::Durability durability);
    /// Closes; in `interval` and `os` mode after a last sync.
    ~StorageEngine();
    StorageEngine(const StorageEngine &) = delete;
    StorageEngine &operator=(const StorageEngine &) = delete;

    /// As StorageWorker::open(), with an absolute path. \a identity is for a file to be founded.
    base::Result<OpenReport> open(const QString &directory, const FileIdentity &identity);
    [[nodiscard]] const Metas &metas() const { return m_open.metas; }

    /// One group commit, in one frame; the results are in the order of the requests.
    std::vector<CommitResult> commit(std::vector<CommitRequest> requests);

    /// Whether sync() has something to do.
    [[nodiscard]] bool hasUnsynced() const;
    base::Result<void> sync();

    [[nodiscard]] core::Durability durability() const { return m_durability; }

private:
    base::Result<void> makeDirectory(const QString &directory);
    base::Result<void> syncAncestors(const QString &directory);
    base::Result<bool> hasFile(const DataPaths &paths);
    /// What the table holds, or something greater, is in the file already: replication and repair
    /// may hand the same record in several times.
    void dropHeld(CommitRequest &request) const;
    base::Result<void> writeFrame(FrameBuilder &frame);
    base::Result<void> append(const QByteArray &frame);
    base::Result<void> cutBack();
    void apply(CommitRequest request);

    FileSystem &m_files;
    store::Table &m_table;
    core::Durability m_durability = core::Durability::Sync;
    std::unique_ptr<FileLock> m_lock;
    OpenFile m_open;
    qint64 m_syncedOffset = 0;
    bool m_hasHalfFrame = false;         ///< Something may stand behind the last frame.
    std::optional<base::Error> m_broken; ///< Why nothing is written any more.
};

} // namespace dynakv::storage
