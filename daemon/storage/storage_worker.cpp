// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_worker.h"

#include "daemon/storage/frame_codec.h"
#include "daemon/storage/storage_engine.h"

#include <QDateTime>
#include <QDir>
#include <QLoggingCategory>
#include <QRandomGenerator>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace dynakv::storage {
namespace {

Q_LOGGING_CATEGORY(lcWorker, "dynakv.storage.worker")

constexpr qsizetype kBatchBytesMax = qsizetype{4} << 20;
constexpr qsizetype kQueuedBytesMax = qsizetype{256} << 20;
constexpr auto kSyncInterval = std::chrono::seconds(1);

FileIdentity newIdentity()
{
    FileIdentity identity;
    identity.fileId.resize(kFileIdBytes);
    for (char &byte : identity.fileId)
        byte = static_cast<char>(QRandomGenerator::system()->generate());
    identity.createdMs = QDateTime::currentMSecsSinceEpoch();
    return identity;
}

} // namespace

/// Shared between the callers and the storage thread: the queue, under the mutex. The engine
/// belongs to the storage thread from open() until that has ended.
class StorageWorker::Impl
{
public:
    Impl(FileSystem &files, store::Table &table, core::Durability durability)
        : m_engine(std::make_unique<StorageEngine>(files, table, durability))
        , m_durability(durability)
    {
    }
    ~Impl();

    base::Result<OpenReport> open(const QString &directory);
    [[nodiscard]] const Metas &metas() const { return m_metas; }
    void commit(CommitRequest request, Completion done);
    void runBetweenCommits(std::function<void()> task);
    [[nodiscard]] core::Durability durability() const { return m_durability; }

private:
    using Clock = std::chrono::steady_clock;

    /// Either a commit or a task.
    struct Job
    {
        CommitRequest request = {};
        Completion done = {};
        std::function<void()> task = {};
        qsizetype bytes = 0;
        bool isRefused = false; ///< The queue was full; still answered in its turn.
    };
    using Batch = std::vector<Job>;

    void push(Job job);
    void run();
    Batch takeBatch();
    void commitBatch(Batch batch);
    void syncIfDue();

    std::unique_ptr<StorageEngine> m_engine;
    core::Durability m_durability = core::Durability::Sync;
    Metas m_metas;
    std::atomic<bool> m_isOpen = false;
    Clock::time_point m_nextSync = {};

    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<Job> m_jobs;
    qsizetype m_queuedBytes = 0;
    bool m_isStopping = false;
    std::thread m_thread;
};

StorageWorker::Impl::~Impl()
{
    if (!m_thread.joinable())
        return;
    {
        const std::scoped_lock lock(m_mutex);
        m_isStopping = true;
    }
    m_changed.notify_one();
    m_thread.join();
}

base::Result<OpenReport> StorageWorker::Impl::open(const QString &directory)
{
    const QString absolute = QDir::cleanPath(QDir::current().absoluteFilePath(directory));
    auto report = m_engine->open(absolute, newIdentity());
    if (!report)
        return report;
    m_metas = m_engine->metas();
    m_isOpen = true;
    m_thread = std::thread([this] { run(); });
    return report;
}

void StorageWorker::Impl::commit(CommitRequest request, Completion done)
{
    Job job;
    job.bytes = encodedSize(request);
    job.request = std::move(request);
    job.done = std::move(done);
    push(std::move(job));
}

void StorageWorker::Impl::runBetweenCommits(std::function<void()> task)
{
    Job job;
    job.task = std::move(task);
    push(std::move(job));
}

void StorageWorker::Impl::push(Job job)
{
    if (!m_isOpen) {
        if (job.done)
            job.done({CommitResult::Status::Failed, m_durability, "storage.db is not open"});
        return;
    }
    {
        const std::scoped_lock lock(m_mutex);
        if (m_queuedBytes + job.bytes > kQueuedBytesMax) {
            job.isRefused = true;
            job.request = {};
            job.bytes = 0;
        }
        m_queuedBytes += job.bytes;
        m_jobs.push_back(std::move(job));
    }
    m_changed.notify_one();
}

void StorageWorker::Impl::run()
{
    for (;;) {
        Batch batch = takeBatch();
        if (batch.empty())
            return;
        if (batch.front().task)
            batch.front().task();
        else
            commitBatch(std::move(batch));
        syncIfDue();
    }
}

/// What has come in while the last batch was written, as one task or as commits up to the cap. An
/// empty one only at the end.
StorageWorker::Impl::Batch StorageWorker::Impl::takeBatch()
{
    const auto isReady = [this] { return !m_jobs.empty() || m_isStopping; };
    std::unique_lock lock(m_mutex);
    while (!isReady()) {
        const bool mustSync = m_durability == core::Durability::Interval && m_engine->hasUnsynced();
        if (!mustSync) {
            m_changed.wait(lock, isReady);
        } else if (!m_changed.wait_until(lock, m_nextSync, isReady)) {
            lock.unlock();
            syncIfDue();
            lock.lock();
        }
    }
    Batch batch;
    qsizetype bytes = 0;
    while (!m_jobs.empty()) {
        const Job &next = m_jobs.front();
        const bool isAlone = next.task != nullptr;
        if (!batch.empty() && (isAlone || bytes + next.bytes > kBatchBytesMax))
            break;
        bytes += next.bytes;
        batch.push_back(std::move(m_jobs.front()));
        m_jobs.pop_front();
        if (isAlone)
            break;
    }
    m_queuedBytes -= bytes;
    return batch;
}

void StorageWorker::Impl::commitBatch(Batch batch)
{
    const bool wasSynced = !m_engine->hasUnsynced();
    std::vector<CommitRequest> requests;
    requests.reserve(batch.size());
    for (Job &job : batch)
        requests.push_back(std::move(job.request));
    std::vector<CommitResult> results = m_engine->commit(std::move(requests));
    if (wasSynced)
        m_nextSync = Clock::now() + kSyncInterval;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        if (batch[i].isRefused) {
            results[i] = {CommitResult::Status::Failed, m_durability,
                          "the disk cannot keep up: 256 MiB wait to be written"};
        }
        batch[i].done(std::move(results[i]));
    }
}

void StorageWorker::Impl::syncIfDue()
{
    if (m_durability != core::Durability::Interval || !m_engine->hasUnsynced() ||
        Clock::now() < m_nextSync)
        return;
    if (const auto synced = m_engine->sync(); !synced)
        qCWarning(lcWorker, "up to a second of acknowledged writes may not survive a power cut");
}

StorageWorker::StorageWorker(FileSystem &files, store::Table &table, core::Durability durability)
    : m_impl(std::make_unique<Impl>(files, table, durability))
{
}

StorageWorker::~StorageWorker() = default;

base::Result<OpenReport> StorageWorker::open(const QString &directory)
{
    return m_impl->open(directory);
}

const Metas &StorageWorker::metas() const
{
    return m_impl->metas();
}

void StorageWorker::commit(CommitRequest request, Completion done)
{
    m_impl->commit(std::move(request), std::move(done));
}

void StorageWorker::runBetweenCommits(std::function<void()> task)
{
    m_impl->runBetweenCommits(std::move(task));
}

base::Result<void> StorageWorker::commitAndWait(CommitRequest request)
{
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<CommitResult> result;
    commit(std::move(request), [&](CommitResult committed) {
        const std::scoped_lock lock(mutex);
        result = std::move(committed);
        changed.notify_one();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&result] { return result.has_value(); });
    switch (result->status) {
    case CommitResult::Status::Done:
        return {};
    case CommitResult::Status::NoSpace:
        return {base::ErrorCode::NoSpace, result->detail};
    case CommitResult::Status::Failed:
        break;
    }
    return {base::ErrorCode::Io, result->detail};
}

core::Durability StorageWorker::durability() const
{
    return m_impl->durability();
}

} // namespace dynakv::storage
