// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/rewrite_pacer.h"
#include "daemon/storage/storage_engine.h"
#include "daemon/storage/storage_job.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace dynakv::storage {

/// Compaction, backup and healing beside commits: one at a time, on a thread that lives as long as
/// the job. What it writes comes from the table and from the log's safe part; the storage thread is
/// asked for its moment at the beginning and, to swap the files, at the end.
///
/// Thread: any, but stop() from the owner's. The engine outlives it.
class StorageJobs
{
public:
    /// Runs a task on the storage thread between two commits and returns when it is done.
    using OnStorageThread = std::function<void(const std::function<void()> &task)>;

    StorageJobs(FileSystem &files, StorageEngine &engine, store::Table &table,
                OnStorageThread onStorageThread);
    ~StorageJobs();

    /// Once the engine is open. \a mustRewrite: the file is damaged where it has a copy of itself.
    void start(const QString &directory, bool mustRewrite);
    /// Ends what runs, cleanly, and lets nothing begin any more. Not on the storage thread.
    void stop();

    /// The id of what begins now; Conflict if something runs, NoSpace if there is no room for a
    /// second file.
    base::Result<quint64> compact();
    /// \a name: 1 to 100 of A-Z a-z 0-9 . _ -, not beginning with a dot. The backup is
    /// `backups/NAME.db` in the data directory, its hash in `NAME.db.sha256`. Conflict also if
    /// there is one of that name.
    base::Result<quint64> backup(const QByteArray &name);
    /// On the storage thread: heals an engine that is broken, compacts a file that is mostly
    /// rubbish. \a syncUs: what a sync took, if there was one since the last time.
    void consider(std::optional<qint64> syncUs);

    /// About how much of the file a compaction would save. Any thread.
    [[nodiscard]] qint64 deadBytes() const;
    [[nodiscard]] std::optional<StorageJob> find(quint64 id) const;
    /// The last of them, newest first.
    [[nodiscard]] std::vector<StorageJob> all() const;

private:
    base::Result<quint64> begin(StorageJob job);
    void run(StorageJob job);
    base::Result<void> rewrite(StorageJob &job);
    base::Result<void> writeBackup(StorageJob &job);
    base::Result<void> writeBase(SnapshotWriter &writer, StorageJob &job);
    base::Result<void> catchUp(SnapshotWriter &writer);
    base::Result<void> rest(qint64 bytes, double bytesPerSecondMin = 0);
    base::Result<QByteArray> hashOf(const QString &path);
    base::Result<void> writeText(const QString &path, const QByteArray &text);
    base::Result<void> checkSpace() const;
    [[nodiscard]] bool isCompactionWorthIt() const;
    void publish(const StorageJob &job);
    bool pause(qint64 us);

    FileSystem &m_files;
    StorageEngine &m_engine;
    store::Table &m_table;
    OnStorageThread m_onStorageThread;
    DataPaths m_paths;

    mutable std::mutex m_mutex;
    std::condition_variable m_stopping;
    std::deque<StorageJob> m_jobs; ///< Newest first.
    bool m_isStopping = false;
    bool m_isRunning = false;
    bool m_mustRewrite = false;
    quint64 m_lastId = 0;
    RewritePacer m_pacer;
    std::thread m_thread;

    /// Both are less on a small disk; from start() on they stay.
    qint64 m_compactFromBytes = 0;
    qint64 m_spareBytes = 0;
    qint64 m_considerUs = 0; ///< Storage thread only, as is the next one.
    qint64 m_healPauseUs = 0;
};

} // namespace dynakv::storage
