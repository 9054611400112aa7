// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/qt_file_system.h"

#include "daemon/storage/platform.h"
#include "daemon/storage/storage_worker.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QStorageInfo>

namespace dynakv::storage {
namespace {

constexpr auto kOwnerFile = QFileDevice::ReadOwner | QFileDevice::WriteOwner;
constexpr auto kOwnerDirectory = kOwnerFile | QFileDevice::ExeOwner;

/// Above it some systems and older versions of Qt shorten the length of one call.
constexpr qint64 kCallBytesMax = qint64{64} << 20;

/// To be called right after the failure, while the system still knows its reason.
base::Error fileError(const QFile &file, QByteArrayView verb)
{
    const base::ErrorCode code = platform::lastErrorCode();
    return {code, "cannot " + verb.toByteArray() + " " + file.fileName().toUtf8() + ": " +
                      file.errorString().toUtf8()};
}

class QtFile final : public File
{
public:
    explicit QtFile(std::unique_ptr<QFile> file)
        : m_file(std::move(file))
    {
    }

    base::Result<QByteArray> readAt(qint64 offset, qint64 length) override
    {
        begin();
        if (!m_file->seek(offset))
            return fileError(*m_file, "read");
        QByteArray bytes(length, Qt::Uninitialized);
        qint64 done = 0;
        while (done < length) {
            const qint64 part =
                m_file->read(bytes.data() + done, qMin(length - done, kCallBytesMax));
            if (part < 0)
                return fileError(*m_file, "read");
            if (part == 0)
                break;
            done += part;
        }
        bytes.truncate(done);
        return bytes;
    }

    Written writeAt(qint64 offset, QByteArrayView bytes) override
    {
        begin();
        Written result;
        if (!m_file->seek(offset)) {
            result.error = fileError(*m_file, "write");
            return result;
        }
        // On a full disk QFile returns fewer bytes and no error; the next try brings the reason.
        while (result.written < bytes.size()) {
            begin();
            const qint64 part =
                m_file->write(bytes.data() + result.written,
                              qMin<qint64>(bytes.size() - result.written, kCallBytesMax));
            if (part <= 0) {
                result.error = fileError(*m_file, "write");
                return result;
            }
            result.written += part;
        }
        return result;
    }

    base::Result<void> sync() override
    {
        return platform::syncFile(m_file->handle(), m_file->fileName());
    }

    base::Result<void> truncate(qint64 size) override
    {
        begin();
        if (!m_file->resize(size))
            return fileError(*m_file, "truncate");
        return {};
    }

    void forgetCached() override { platform::forgetCached(m_file->handle()); }

    base::Result<qint64> size() override { return m_file->size(); }

private:
    void begin()
    {
        m_file->unsetError();
        platform::clearLastError();
    }

    std::unique_ptr<QFile> m_file;
};

} // namespace

base::Result<std::unique_ptr<File>> QtFileSystem::open(const QString &path, OpenMode mode)
{
    auto file = std::make_unique<QFile>(path);
    const auto flagsOf = [](OpenMode wanted) -> QIODevice::OpenMode {
        switch (wanted) {
        case OpenMode::Read:
            return QIODevice::ReadOnly | QIODevice::ExistingOnly;
        case OpenMode::ReadWrite:
            return QIODevice::ReadWrite | QIODevice::ExistingOnly;
        case OpenMode::Replace:
            return QIODevice::ReadWrite | QIODevice::Truncate;
        }
        Q_UNREACHABLE();
    };
    platform::clearLastError();
    if (!file->open(flagsOf(mode) | QIODevice::Unbuffered, kOwnerFile))
        return fileError(*file, "open");
    if (file->isSequential())
        return {base::ErrorCode::Io, path.toUtf8() + " is not a regular file"};
    return std::unique_ptr<File>(std::make_unique<QtFile>(std::move(file)));
}

base::Result<std::vector<QString>> QtFileSystem::list(const QString &directory)
{
    const QFileInfo info(directory);
    if (!info.exists())
        return {base::ErrorCode::NotFound, directory.toUtf8() + " does not exist"};
    if (!info.isDir())
        return {base::ErrorCode::Denied, directory.toUtf8() + " is not a directory"};
    // QDir would show an unreadable directory as an empty one.
    if (!info.isReadable() || !info.isExecutable())
        return {base::ErrorCode::Denied, "cannot read " + directory.toUtf8()};
    const QStringList names = QDir(directory).entryList(QDir::AllEntries | QDir::System |
                                                        QDir::Hidden | QDir::NoDotAndDotDot);
    return std::vector<QString>(names.begin(), names.end());
}

base::Result<void> QtFileSystem::makeDirectory(const QString &directory)
{
    if (QFileInfo(directory).isDir())
        return {};
    platform::clearLastError();
    if (QDir().mkdir(directory, kOwnerDirectory))
        return {};
    return {platform::lastErrorCode(), "cannot make the directory " + directory.toUtf8()};
}

base::Result<void> QtFileSystem::rename(const QString &from, const QString &to)
{
    return platform::replaceFile(from, to);
}

base::Result<void> QtFileSystem::remove(const QString &path)
{
    QFile file(path);
    platform::clearLastError();
    if (!file.remove())
        return fileError(file, "remove");
    return {};
}

base::Result<void> QtFileSystem::syncDirectory(const QString &directory)
{
    return platform::syncDirectory(directory);
}

base::Result<std::unique_ptr<FileLock>> QtFileSystem::lock(const QString &path)
{
    return platform::lockFile(path);
}

bool QtFileSystem::canReplaceOpenFiles() const
{
    return platform::canReplaceOpenFiles();
}

base::Result<DiskSpace> QtFileSystem::space(const QString &directory)
{
    const QStorageInfo volume(directory);
    if (!volume.isValid())
        return {base::ErrorCode::Io, "cannot tell the free space of " + directory.toUtf8()};
    return DiskSpace{volume.bytesAvailable(), volume.bytesTotal()};
}

FileSystem &realFileSystem()
{
    static QtFileSystem files;
    return files;
}

} // namespace dynakv::storage
