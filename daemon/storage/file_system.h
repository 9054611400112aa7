// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QByteArrayView>
#include <QString>

#include <memory>
#include <optional>
#include <vector>

namespace dynakv::storage {

/// How far a write came. `written` counts even where an error ended it: what was asked beyond that
/// may be in the file or not.
struct Written
{
    qint64 written = 0;
    std::optional<base::Error> error = {};
};

/// An open file. Closed when it dies, without a sync.
class File
{
public:
    virtual ~File() = default;

    /// Up to \a length bytes; fewer only where the file ends.
    virtual base::Result<QByteArray> readAt(qint64 offset, qint64 length) = 0;
    /// One contiguous write; beyond the end it appends. Short only together with an error.
    virtual Written writeAt(qint64 offset, QByteArrayView bytes) = 0;
    /// Returns once the disk itself has content and size. After a failure nothing is known about
    /// any byte since the last success, and a later success proves nothing about them.
    virtual base::Result<void> sync() = 0;
    virtual base::Result<void> truncate(qint64 size) = 0;
    /// From now on reads come from the disk where they can, not from what the system still has in
    /// memory: for those who verify what they wrote. Best effort.
    virtual void forgetCached() = 0;
    virtual base::Result<qint64> size() = 0;
};

/// Held as long as it lives; a process that dies loses it.
class FileLock
{
public:
    virtual ~FileLock() = default;
};

/// Of a file system, in bytes.
struct DiskSpace
{
    qint64 free = 0; ///< What an unprivileged process may still write.
    qint64 total = 0;
};

/// The only way by which storage reaches a disk, so that a test can lose, tear and refuse every
/// single call. Paths are absolute and have '/' between their parts. Names made, changed or removed
/// are durable only after syncDirectory() of the directory they are in.
///
/// Errors: NotFound, Denied, NoSpace, Busy (lock), else Io, with the path in the message.
/// Thread: any, but one file at a time from one.
class FileSystem
{
public:
    enum class OpenMode : quint8 {
        Read,      ///< NotFound if there is none.
        ReadWrite, ///< NotFound if there is none.
        Replace,   ///< For writing, empty; readable by its owner only.
    };

    virtual ~FileSystem() = default;

    virtual base::Result<std::unique_ptr<File>> open(const QString &path, OpenMode mode) = 0;
    /// The names in a directory, without "." and "..", in any order.
    virtual base::Result<std::vector<QString>> list(const QString &directory) = 0;
    /// Makes one level, for its owner only. Fine if it is there already.
    virtual base::Result<void> makeDirectory(const QString &directory) = 0;
    /// Replaces \a to if it is there, in one step.
    virtual base::Result<void> rename(const QString &from, const QString &to) = 0;
    virtual base::Result<void> remove(const QString &path) = 0;
    virtual base::Result<void> syncDirectory(const QString &directory) = 0;
    /// Makes the file at \a path if need be and locks it against everybody, this process included.
    virtual base::Result<std::unique_ptr<FileLock>> lock(const QString &path) = 0;
    /// Whether rename() replaces a file that somebody has open; its bytes then live as long as the
    /// handle.
    [[nodiscard]] virtual bool canReplaceOpenFiles() const = 0;
    /// Of the file system that \a directory is on.
    virtual base::Result<DiskSpace> space(const QString &directory) = 0;
};

} // namespace dynakv::storage
