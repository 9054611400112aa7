// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/storage_job.h"
#include "daemon/storage/storage_metrics.h"
#include "shared/base/result.h"

#include <optional>
#include <vector>

namespace dynakv::storage {

/// How the file does, for operators.
struct FileStatus
{
    qint64 fileBytes = 0;   ///< Without room that is reserved behind the log.
    qint64 baseBytes = 0;   ///< Of them in front of the log.
    quint64 generation = 0; ///< 0: there is no file.
    QByteArray broken = {}; ///< Why writes are refused until it is healed; empty: they are not.
    qint64 deadBytes = 0;   ///< About what a compaction would save.
    bool operator==(const FileStatus &) const = default;
};

/// What an operator may ask of the data file while the node serves. Implemented by StorageWorker;
/// by a fake in tests. Thread: any; nothing of it waits for the disk.
class FileKeeper
{
public:
    virtual ~FileKeeper() = default;

    /// The id of the job that begins now; Conflict if one runs, NoSpace without room for a second
    /// file, Unavailable if there is none.
    virtual base::Result<quint64> compact() = 0;
    /// Likewise; Invalid name, Conflict if there is such a backup.
    virtual base::Result<quint64> backup(const QByteArray &name) = 0;
    [[nodiscard]] virtual std::optional<StorageJob> job(quint64 id) const = 0;
    /// The last of them, newest first.
    [[nodiscard]] virtual std::vector<StorageJob> jobs() const = 0;
    [[nodiscard]] virtual FileStatus status() const = 0;
    [[nodiscard]] virtual const StorageMetrics &metrics() const = 0;
};

} // namespace dynakv::storage
