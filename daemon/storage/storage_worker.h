// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/commit.h"
#include "daemon/storage/file_keeper.h"
#include "daemon/storage/recovery.h"
#include "daemon/store/table.h"
#include "shared/base/result.h"

#include <QString>

#include <functional>
#include <memory>

namespace dynakv::storage {

class FileSystem;

/// Owns storage.db, its lock and the one thread that writes it. Group commit: while one sync runs
/// the next batch forms. In `sync` mode a commit is applied to the table, and completed, only after
/// the disk has it. Compaction, backup and healing run beside that on a thread of their own.
///
/// Thread: open() and the destructor on the owner's, commit() from any; completions run on the
/// storage thread, in the order of the commits that make the same promise. A queue beyond 256 MiB
/// refuses what comes.
class StorageWorker final : public FileKeeper
{
public:
    using Completion = std::function<void(CommitResult)>;

    /// \a table must outlive the worker; from open() on only the worker changes it.
    StorageWorker(FileSystem &files, store::Table &table, core::Durability durability,
                  TreeKeyOf treeKeyOf = {});
    /// Commits what was handed in, then closes.
    ~StorageWorker() override;

    /// Makes the directory if need be, locks it, recovers `storage.db` into the table and starts
    /// the thread. Errors name cause and remedy: Busy (another process), Denied, Corrupt (never
    /// started empty from a file that cannot be read), Unsupported, Io. In `memory` mode there is
    /// no file.
    base::Result<OpenReport> open(const QString &directory);
    /// The metas found by open(); commits do not change them.
    [[nodiscard]] const Metas &metas() const;

    /// Fails at once, on the calling thread, where open() did not succeed before.
    void commit(CommitRequest request, Completion done);
    /// Runs \a task on the storage thread, after the commits handed in before it are completed and
    /// before any later one is applied: nobody else changes the table meanwhile.
    void runBetweenCommits(std::function<void()> task);
    /// Commits and waits; for start-up only, before the event loops run.
    base::Result<void> commitAndWait(CommitRequest request);

    [[nodiscard]] core::Durability durability() const;

    base::Result<quint64> compact() override;
    base::Result<quint64> backup(const QByteArray &name) override;
    [[nodiscard]] std::optional<StorageJob> job(quint64 id) const override;
    [[nodiscard]] std::vector<StorageJob> jobs() const override;
    [[nodiscard]] FileStatus status() const override;
    [[nodiscard]] const StorageMetrics &metrics() const override;

private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

/// For a file to be founded: random, and the present.
FileIdentity newFileIdentity();

/// The real disk: unbuffered QFile plus the platform's sync, lock and rename.
FileSystem &realFileSystem();

} // namespace dynakv::storage
