// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/platform.h"

#include <QDir>

#include <io.h>
#include <windows.h>

namespace dynakv::storage::platform {
namespace {

base::ErrorCode codeOf(DWORD number)
{
    switch (number) {
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_DISK_QUOTA_EXCEEDED:
    case ERROR_FILE_TOO_LARGE:
        return base::ErrorCode::NoSpace;
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
        return base::ErrorCode::Denied;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        return base::ErrorCode::NotFound;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
        return base::ErrorCode::Busy;
    default:
        return base::ErrorCode::Io;
    }
}

base::Error systemError(DWORD number, QByteArrayView verb, const QString &path)
{
    return {codeOf(number), "cannot " + verb.toByteArray() + " " + path.toUtf8() + ": " +
                                qt_error_string(static_cast<int>(number)).toUtf8()};
}

std::wstring nativeName(const QString &path)
{
    return QDir::toNativeSeparators(path).toStdWString();
}

class WindowsLock final : public FileLock
{
public:
    explicit WindowsLock(HANDLE handle)
        : m_handle(handle)
    {
    }
    ~WindowsLock() override { ::CloseHandle(m_handle); }
    WindowsLock(const WindowsLock &) = delete;
    WindowsLock &operator=(const WindowsLock &) = delete;

private:
    HANDLE m_handle = INVALID_HANDLE_VALUE;
};

} // namespace

base::Result<void> syncFile(int handle, const QString &path)
{
    const auto native = reinterpret_cast<HANDLE>(::_get_osfhandle(handle));
    if (::FlushFileBuffers(native) != 0)
        return {};
    return systemError(::GetLastError(), "sync", path);
}

void forgetCached(int handle)
{
    // Only a handle opened without buffering would read past the system's cache.
    Q_UNUSED(handle);
}

base::Result<void> syncDirectory(const QString &directory)
{
    // There is no such call: replaceFile() writes through, and NTFS journals its names.
    Q_UNUSED(directory);
    return {};
}

bool canReplaceOpenFiles()
{
    return false; // QFile opens without FILE_SHARE_DELETE.
}

base::Result<void> replaceFile(const QString &from, const QString &to)
{
    // Virus scanners hold a new file for moments; waiting a little is what everybody does.
    constexpr int kAttempts = 50;
    constexpr DWORD kPauseMs = 20;
    DWORD number = 0;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        if (::MoveFileExW(nativeName(from).c_str(), nativeName(to).c_str(),
                          MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0)
            return {};
        number = ::GetLastError();
        if (number != ERROR_SHARING_VIOLATION && number != ERROR_ACCESS_DENIED)
            break;
        ::Sleep(kPauseMs);
    }
    return systemError(number, "rename to", to);
}

base::Result<std::unique_ptr<FileLock>> lockFile(const QString &path)
{
    constexpr DWORD kShareNothing = 0;
    const HANDLE handle =
        ::CreateFileW(nativeName(path).c_str(), GENERIC_READ | GENERIC_WRITE, kShareNothing,
                      nullptr, OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (handle != INVALID_HANDLE_VALUE)
        return std::unique_ptr<FileLock>(std::make_unique<WindowsLock>(handle));
    return systemError(::GetLastError(), "lock", path);
}

base::ErrorCode lastErrorCode()
{
    return codeOf(::GetLastError());
}

void clearLastError()
{
    ::SetLastError(ERROR_SUCCESS);
}

} // namespace dynakv::storage::platform
