// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_system.h"
#include "tests/bench/times.h"

#include <chrono>
#include <mutex>

namespace dynakv::bench {

/// Passes every call on, and notes how long the syncs of one file take.
class TimedFiles : public storage::FileSystem
{
public:
    /// \a name: the end of the path of the file whose syncs count.
    TimedFiles(storage::FileSystem &files, QString name)
        : m_files(files)
        , m_name(std::move(name))
    {
    }

    Times takeSyncTimes()
    {
        const std::scoped_lock lock(m_mutex);
        return std::exchange(m_syncTimes, {});
    }

    base::Result<std::unique_ptr<storage::File>> open(const QString &path, OpenMode mode) override
    {
        auto file = m_files.open(path, mode);
        if (!file || !path.endsWith(m_name))
            return file;
        return std::unique_ptr<storage::File>(new TimedFile(*this, *std::move(file)));
    }
    base::Result<std::vector<QString>> list(const QString &directory) override
    {
        return m_files.list(directory);
    }
    base::Result<void> makeDirectory(const QString &directory) override
    {
        return m_files.makeDirectory(directory);
    }
    base::Result<void> rename(const QString &from, const QString &to) override
    {
        return m_files.rename(from, to);
    }
    base::Result<void> remove(const QString &path) override { return m_files.remove(path); }
    base::Result<void> syncDirectory(const QString &directory) override
    {
        return m_files.syncDirectory(directory);
    }
    base::Result<std::unique_ptr<storage::FileLock>> lock(const QString &path) override
    {
        return m_files.lock(path);
    }
    [[nodiscard]] bool canReplaceOpenFiles() const override
    {
        return m_files.canReplaceOpenFiles();
    }
    base::Result<qint64> freeSpace(const QString &directory) override
    {
        return m_files.freeSpace(directory);
    }

private:
    using Clock = std::chrono::steady_clock;

    class TimedFile : public storage::File
    {
    public:
        TimedFile(TimedFiles &owner, std::unique_ptr<storage::File> file)
            : m_owner(owner)
            , m_file(std::move(file))
        {
        }
        base::Result<QByteArray> readAt(qint64 offset, qint64 length) override
        {
            return m_file->readAt(offset, length);
        }
        storage::Written writeAt(qint64 offset, QByteArrayView bytes) override
        {
            return m_file->writeAt(offset, bytes);
        }
        base::Result<void> sync() override
        {
            const auto start = Clock::now();
            auto synced = m_file->sync();
            const std::chrono::duration<double> took = Clock::now() - start;
            const std::scoped_lock lock(m_owner.m_mutex);
            m_owner.m_syncTimes.add(took.count());
            return synced;
        }
        base::Result<void> truncate(qint64 size) override { return m_file->truncate(size); }
        void forgetCached() override { m_file->forgetCached(); }
        base::Result<qint64> size() override { return m_file->size(); }

    private:
        TimedFiles &m_owner;
        std::unique_ptr<storage::File> m_file;
    };

    storage::FileSystem &m_files;
    QString m_name;
    std::mutex m_mutex;
    Times m_syncTimes;
};

} // namespace dynakv::bench
