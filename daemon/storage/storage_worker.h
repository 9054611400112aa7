// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/core/record.h"
#include "daemon/store/table.h"
#include "shared/base/result.h"

#include <QByteArray>
#include <QString>

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace dynakv::storage {

class FileSystem;

/// What opening the file found: told to the operator as it is.
struct OpenReport
{
    bool isNew = false;        ///< The directory was empty; a file was founded.
    qint64 records = 0;        ///< Records read, superseded ones included.
    qint64 fileBytes = 0;
    qint64 tornBytes = 0;      ///< Unacknowledged bytes cut off the end, 0 for none,
    QString tornKeptAt = {};   ///< and the file they were kept in.
    bool operator==(const OpenReport &) const = default;
};

/// One unit of a commit: all of it or nothing survives a crash.
struct CommitRequest
{
    std::vector<core::Record> records = {};
    /// Small named values of the node itself (identity, member table): the newest of a name counts.
    std::map<QByteArray, QByteArray> metas = {};
};

struct CommitResult
{
    enum class Status : quint8 { Done, NoSpace, Failed };
    Status status = Status::Done;
    core::Durability durability = core::Durability::Sync;
    QByteArray detail = {};
};

/// Owns storage.db, its lock and the one thread that writes it. Group commit: while one sync runs
/// the next batch forms. In `sync` mode a commit is applied to the table, and completed, only after
/// the disk has it.
///
/// Thread: open() and close() from the owner's, commit() from any; completions run on the storage
/// thread, in the order of the commits.
class StorageWorker
{
public:
    using Completion = std::function<void(CommitResult)>;

    /// \a table must outlive the worker; from open() on only the worker changes it.
    StorageWorker(FileSystem &files, store::Table &table, core::Durability durability);
    /// Commits what was handed in, then closes.
    ~StorageWorker();

    /// Makes the directory if need be, locks it, recovers `storage.db` into the table and starts the
    /// thread. Errors name cause and remedy: Busy (another process), Denied, Corrupt (never started
    /// empty from a file that cannot be read), Unsupported, Io. In `memory` mode there is no file.
    base::Result<OpenReport> open(const QString &directory);
    /// The metas found by open().
    [[nodiscard]] const std::map<QByteArray, QByteArray> &metas() const;

    void commit(CommitRequest request, Completion done);
    /// Runs \a task on the storage thread, after the commits handed in before it are completed and
    /// before any later one is applied: nobody else changes the table meanwhile.
    void runBetweenCommits(std::function<void()> task);
    /// Commits and waits; for start-up only, before the event loops run.
    base::Result<void> commitAndWait(CommitRequest request);

    [[nodiscard]] core::Durability durability() const;

private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

/// The real disk: unbuffered QFile plus the platform's sync, lock and rename.
FileSystem &realFileSystem();

} // namespace dynakv::storage
