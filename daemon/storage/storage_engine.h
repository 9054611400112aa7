// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/commit.h"
#include "daemon/storage/recovery.h"
#include "daemon/storage/snapshot_writer.h"
#include "daemon/storage/storage_metrics.h"

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

namespace dynakv::storage {

/// storage.db without a thread: opens, recovers, commits, rewrites. The daemon gives it the storage
/// thread (StorageWorker), a simulation calls it directly.
///
/// What holds: a commit is appended, synced (in `sync` mode), applied to the table, and only then
/// reported Done. A failed append is cut off again and the next commit tries anew. A failed sync is
/// final for the file: the system may have dropped the pages and would report success the next
/// time, so nothing is written to it again, while reads go on. Since the table holds all that was
/// acknowledged, a rewriting to a new file heals that.
///
/// Thread: one at a time, but logEnd() from any. \a files and \a table outlive it.
class StorageEngine
{
public:
    struct Options
    {
        core::Durability durability = core::Durability::Sync;
        RecoveryOptions recovery = {};
        /// Room to make behind the log at a time, for frames up to this size; 0 for none.
        qint64 reserveBytes = qint64{128} << 10;
    };
    using Done = std::function<void(std::size_t request, CommitResult result)>;

    StorageEngine(FileSystem &files, store::Table &table, Options options);
    /// Syncs what is not yet, seals the file and closes it.
    ~StorageEngine();
    StorageEngine(const StorageEngine &) = delete;
    StorageEngine &operator=(const StorageEngine &) = delete;

    /// As StorageWorker::open(), with an absolute path. \a identity is for a file to be founded.
    base::Result<OpenReport> open(const QString &directory, const FileIdentity &identity);
    [[nodiscard]] const Metas &metas() const { return m_open.metas; }

    /// One group commit, in one frame. \a done is called once for each request: those that ask for
    /// no sync before it, then the others, each in their order.
    void commit(std::vector<CommitRequest> requests, const Done &done);
    /// The same, with the results in the order of the requests.
    std::vector<CommitResult> commit(std::vector<CommitRequest> requests);

    /// Whether anything is acknowledged that the disk need not have yet.
    [[nodiscard]] bool hasUnsynced() const;
    /// Whether it has to within a second.
    [[nodiscard]] bool isSyncDue() const;
    base::Result<void> sync();

    /// Whether the end of the file is safe but nothing in it says so: damage there would pass for
    /// a torn write. mark() says it, without a sync of its own.
    [[nodiscard]] bool needsMark() const;
    void mark();

    /// How long the last sync took, if there was one since this was asked last.
    std::optional<qint64> takeSyncUs() { return std::exchange(m_syncUs, std::nullopt); }

    /// Why nothing is written any more, if so.
    [[nodiscard]] const std::optional<base::Error> &broken() const { return m_broken; }
    /// A writer of the next generation of the file: compaction, or healing where it is broken.
    /// Its steps may run elsewhere, while commits go on here.
    base::Result<std::unique_ptr<SnapshotWriter>> beginRewrite();
    /// Brings it up to the present and puts it in the place of the file: two syncs. After an
    /// error the old file goes on, or the engine is broken.
    base::Result<void> finishRewrite(SnapshotWriter &writer);
    /// Throws away what a writer wrote.
    void abandonRewrite();
    /// A writer of a copy at \a path that nobody can take for the node's own file.
    base::Result<std::unique_ptr<SnapshotWriter>> beginBackup(const QString &path);
    /// All below is committed: what a writer may copy.
    [[nodiscard]] qint64 logEnd() const { return m_logEnd.load(std::memory_order_acquire); }

    [[nodiscard]] core::Durability durability() const { return m_options.durability; }
    [[nodiscard]] const FileIdentity &identity() const { return m_open.identity; }
    [[nodiscard]] quint64 generation() const { return m_open.generation; }
    /// Where the log began when the file was opened or rewritten.
    [[nodiscard]] qint64 baseBytes() const { return m_open.baseBytes; }
    /// To be read by any thread; whoever drives the engine counts in them too.
    [[nodiscard]] StorageMetrics &metrics() { return m_metrics; }

private:
    base::Result<void> makeDirectory(const QString &directory);
    base::Result<void> syncAncestors(const QString &directory);
    base::Result<bool> hasFile();
    [[nodiscard]] core::Durability modeOf(const CommitRequest &request) const;
    /// What the table holds, or something greater, is in the file already: replication and repair
    /// may hand the same record in several times.
    void dropHeld(CommitRequest &request) const;
    base::Result<void> writeFrame(FrameBuilder &frame);
    base::Result<void> append(QByteArrayView frame);
    void reserveBehind(qint64 end, qint64 frameBytes);
    base::Result<void> cutBack();
    void apply(const CommitRequest &request);
    [[nodiscard]] SnapshotWriter::Source source() const;
    base::Result<void> swapFiles(SnapshotWriter &writer);
    base::Result<void> reopen(const FrameChain &chain);
    base::Error breakOff(const base::Error &why);
    void close();

    FileSystem &m_files;
    store::Table &m_table;
    Options m_options;
    DataPaths m_paths;
    std::unique_ptr<FileLock> m_lock;
    OpenFile m_open;
    FrameBuilder m_frame;
    QByteArray m_zeros;          ///< Made when they are needed first.
    qint64 m_dataEnd = 0;        ///< Behind the last frame that holds anything.
    qint64 m_ackedEnd = 0;       ///< Behind the last one of which anything is acknowledged.
    qint64 m_syncedEnd = 0;      ///< All before it is on the disk.
    qint64 m_statedEnd = 0;      ///< What the file itself says of that.
    bool m_isSealed = false;     ///< The last frame is a seal.
    bool m_hasInterval = false;  ///< Something waits for its sync within a second.
    bool m_hasHalfFrame = false; ///< Something may stand behind the last frame.
    bool m_isClosing = false;
    std::optional<base::Error> m_broken;
    std::optional<qint64> m_syncUs;
    quint64 m_epoch = 0; ///< Counts what makes a writer begun before useless.
    quint64 m_writerEpoch = 0;
    std::atomic<qint64> m_logEnd = 0;
    StorageMetrics m_metrics;
};

} // namespace dynakv::storage
