// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_keeper.h"

#include <mutex>

namespace dynakv::test {

/// A data file of which a test says how it does.
class FakeFileKeeper final : public storage::FileKeeper
{
public:
    base::Result<quint64> compact() override
    {
        const std::scoped_lock lock(m_mutex);
        return begin({});
    }
    base::Result<quint64> backup(const QByteArray &name) override
    {
        const std::scoped_lock lock(m_mutex);
        storage::StorageJob job;
        job.kind = storage::StorageJob::Kind::Backup;
        job.path =
            QStringLiteral("/data/backups/") + QString::fromLatin1(name) + QStringLiteral(".db");
        return begin(job);
    }
    [[nodiscard]] std::optional<storage::StorageJob> job(quint64 id) const override
    {
        const std::scoped_lock lock(m_mutex);
        if (id == 0 || id > m_jobs.size())
            return std::nullopt;
        return m_jobs[id - 1];
    }
    [[nodiscard]] std::vector<storage::StorageJob> jobs() const override
    {
        const std::scoped_lock lock(m_mutex);
        return {m_jobs.rbegin(), m_jobs.rend()};
    }
    [[nodiscard]] storage::FileStatus status() const override
    {
        const std::scoped_lock lock(m_mutex);
        return m_status;
    }

    [[nodiscard]] const storage::StorageMetrics &metrics() const override { return m_metrics; }
    [[nodiscard]] storage::StorageMetrics &metrics() { return m_metrics; }

    void refuseWith(const base::Error &error)
    {
        const std::scoped_lock lock(m_mutex);
        m_refusal = error;
    }
    void setStatus(const storage::FileStatus &status)
    {
        const std::scoped_lock lock(m_mutex);
        m_status = status;
    }
    void setJob(const storage::StorageJob &job)
    {
        const std::scoped_lock lock(m_mutex);
        m_jobs[job.id - 1] = job;
    }

private:
    base::Result<quint64> begin(storage::StorageJob job)
    {
        if (m_refusal)
            return *m_refusal;
        job.id = m_jobs.size() + 1;
        job.startedMs = 1'700'000'000'000;
        m_jobs.push_back(job);
        return job.id;
    }

    mutable std::mutex m_mutex;
    std::optional<base::Error> m_refusal;
    storage::FileStatus m_status;
    storage::StorageMetrics m_metrics;
    std::vector<storage::StorageJob> m_jobs;
};

} // namespace dynakv::test
