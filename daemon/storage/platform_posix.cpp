// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/platform.h"

#include <QFile>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dynakv::storage::platform {
namespace {

base::Error systemError(int number, QByteArrayView verb, const QString &path)
{
    errno = number;
    return {lastErrorCode(), "cannot " + verb.toByteArray() + " " + path.toUtf8() + ": " +
                                 qt_error_string(number).toUtf8()};
}

/// Repeats a call for as long as a signal interrupts it.
template <typename Call>
int retried(Call call)
{
    int result = 0;
    do {
        result = call();
    } while (result == -1 && errno == EINTR);
    return result;
}

class PosixLock final : public FileLock
{
public:
    explicit PosixLock(int descriptor)
        : m_descriptor(descriptor)
    {
    }
    // The file stays: removing it would let two processes lock two different inodes.
    ~PosixLock() override { ::close(m_descriptor); }
    PosixLock(const PosixLock &) = delete;
    PosixLock &operator=(const PosixLock &) = delete;

private:
    int m_descriptor = -1;
};

} // namespace

base::Result<void> syncFile(int handle, const QString &path)
{
#if defined(Q_OS_MACOS)
    // fsync() leaves the data in the drive's cache there; some file systems know only that.
    if (retried([handle] { return ::fcntl(handle, F_FULLFSYNC); }) == 0)
        return {};
    if (errno != ENOTSUP && errno != EINVAL && errno != ENOTTY)
        return systemError(errno, "sync", path);
    if (retried([handle] { return ::fsync(handle); }) == 0)
        return {};
#else
    if (retried([handle] { return ::fdatasync(handle); }) == 0)
        return {};
#endif
    return systemError(errno, "sync", path);
}

void forgetCached(int handle)
{
#if defined(POSIX_FADV_DONTNEED)
    ::posix_fadvise(handle, 0, 0, POSIX_FADV_DONTNEED);
#else
    Q_UNUSED(handle);
#endif
}

base::Result<void> syncDirectory(const QString &directory)
{
    const QByteArray name = QFile::encodeName(directory);
    const int handle =
        retried([&name] { return ::open(name.constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (handle == -1)
        return systemError(errno, "open", directory);
    const int result = retried([handle] { return ::fsync(handle); });
    const int number = errno;
    ::close(handle);
    // A file system that cannot sync a directory keeps its names by other means.
    if (result == 0 || number == EINVAL || number == ENOTSUP)
        return {};
    return systemError(number, "sync", directory);
}

bool canReplaceOpenFiles()
{
    return true;
}

base::Result<void> replaceFile(const QString &from, const QString &to)
{
    const QByteArray fromName = QFile::encodeName(from);
    const QByteArray toName = QFile::encodeName(to);
    if (std::rename(fromName.constData(), toName.constData()) == 0)
        return {};
    return systemError(errno, "rename to", to);
}

base::Result<std::unique_ptr<FileLock>> lockFile(const QString &path)
{
    const QByteArray name = QFile::encodeName(path);
    const int handle = retried([&name] {
        return ::open(name.constData(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
    });
    if (handle == -1)
        return systemError(errno, "open", path);
    // flock() belongs to this opening of the file: unlike a record lock it also refuses a second
    // one in this process, and closing some other descriptor does not drop it.
    if (retried([handle] { return ::flock(handle, LOCK_EX | LOCK_NB); }) == 0)
        return std::unique_ptr<FileLock>(std::make_unique<PosixLock>(handle));
    const int number = errno;
    ::close(handle);
    base::Error error = systemError(number, "lock", path);
    if (number == EWOULDBLOCK)
        error.code = base::ErrorCode::Busy;
    return error;
}

base::ErrorCode lastErrorCode()
{
    switch (errno) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return base::ErrorCode::NoSpace;
    case EACCES:
    case EPERM:
    case EROFS:
        return base::ErrorCode::Denied;
    case ENOENT:
        return base::ErrorCode::NotFound;
    default:
        return base::ErrorCode::Io;
    }
}

void clearLastError()
{
    errno = 0;
}

} // namespace dynakv::storage::platform
