// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_worker.h"

#include "daemon/storage/frame_codec.h"
#include "daemon/storage/storage_engine.h"
#include "daemon/storage/storage_jobs.h"
#include "shared/base/wakes.h"

#include <QDateTime>
#include <QDir>
#include <QLoggingCategory>
#include <QRandomGenerator>
#include <QThread>

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
/// Once nothing came for so long, the end of the file is marked as safe.
constexpr auto kMarkAfter = std::chrono::seconds(1);
constexpr auto kStatusInterval = std::chrono::milliseconds(100);
/// So many jobs are not kept waiting for the end of a poster's turn.
constexpr std::size_t kJobsPerWake = 64;
constexpr int kLoadThreadsMax = store::Table::kLoadGroups;

} // namespace

FileIdentity newFileIdentity()
{
    FileIdentity identity;
    identity.fileId.resize(kFileIdBytes);
    for (char &byte : identity.fileId)
        byte = static_cast<char>(QRandomGenerator::system()->generate());
    identity.createdMs = QDateTime::currentMSecsSinceEpoch();
    return identity;
}

/// What the storage thread sleeps on.
class Alarm final : public base::Waker
{
public:
    void wake() override { changed.notify_one(); }

    std::condition_variable changed;
};

/// Shared between the callers and the storage thread: the queue, under the mutex. The engine
/// belongs to the storage thread from open() until that has ended.
class StorageWorker::Impl
{
public:
    Impl(FileSystem &files, store::Table &table, core::Durability durability, TreeKeyOf treeKeyOf)
        : m_engine(std::make_unique<StorageEngine>(
              files, table,
              StorageEngine::Options{
                  durability,
                  {qBound(1, QThread::idealThreadCount(), kLoadThreadsMax), std::move(treeKeyOf)}}))
        , m_durability(durability)
        , m_rewrites(files, *m_engine, table,
                     [this](const std::function<void()> &task) { runAndWait(task); })
    {
    }
    ~Impl();

    base::Result<OpenReport> open(const QString &directory);
    [[nodiscard]] const Metas &metas() const { return m_metas; }
    void commit(CommitRequest request, Completion done);
    void runBetweenCommits(std::function<void()> task);
    [[nodiscard]] core::Durability durability() const { return m_durability; }
    [[nodiscard]] StorageJobs &rewrites() { return m_rewrites; }
    [[nodiscard]] FileStatus status() const;
    [[nodiscard]] const StorageMetrics &metrics() const { return m_engine->metrics(); }

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
    void count(CommitResult::Status status);
    void runAndWait(const std::function<void()> &task);
    void syncIfDue();
    /// When something is to be done even though nobody hands anything in.
    [[nodiscard]] std::optional<Clock::time_point> nextChore() const;
    void doChores();
    void publishStatus();

    std::unique_ptr<StorageEngine> m_engine;
    core::Durability m_durability = core::Durability::Sync;
    StorageJobs m_rewrites;
    Metas m_metas;
    std::atomic<bool> m_isOpen = false;
    // Storage thread only:
    Clock::time_point m_nextSync = {};
    Clock::time_point m_nextMark = {};
    Clock::time_point m_nextStatus = {};

    const std::shared_ptr<Alarm> m_alarm = std::make_shared<Alarm>();
    mutable std::mutex m_mutex;
    FileStatus m_status;
    std::deque<Job> m_jobs;
    qsizetype m_queuedBytes = 0;
    bool m_isStopping = false;
    std::thread m_thread;
};

StorageWorker::Impl::~Impl()
{
    if (!m_thread.joinable())
        return;
    // It may want a moment of the storage thread once more.
    m_rewrites.stop();
    {
        const std::scoped_lock lock(m_mutex);
        m_isStopping = true;
    }
    m_alarm->wake();
    m_thread.join();
}

base::Result<OpenReport> StorageWorker::Impl::open(const QString &directory)
{
    const QString absolute = QDir::cleanPath(QDir::current().absoluteFilePath(directory));
    auto report = m_engine->open(absolute, newFileIdentity());
    if (!report)
        return report;
    m_metas = m_engine->metas();
    m_isOpen = true;
    publishStatus();
    if (m_durability != core::Durability::Memory)
        m_rewrites.start(absolute, report->isSuperblockDamaged);
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
    std::size_t waiting = 0;
    {
        const std::scoped_lock lock(m_mutex);
        if (m_queuedBytes + job.bytes > kQueuedBytesMax) {
            job.isRefused = true;
            job.request = {};
            job.bytes = 0;
        }
        m_queuedBytes += job.bytes;
        m_jobs.push_back(std::move(job));
        waiting = m_jobs.size();
    }
    if (waiting == 1)
        base::Wakes::request(m_alarm);
    else if (waiting % kJobsPerWake == 0)
        m_alarm->wake();
}

void StorageWorker::Impl::runAndWait(const std::function<void()> &task)
{
    std::mutex mutex;
    std::condition_variable changed;
    bool isDone = false;
    runBetweenCommits([&] {
        task();
        const std::scoped_lock lock(mutex);
        isDone = true;
        changed.notify_one();
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&isDone] { return isDone; });
}

void StorageWorker::Impl::run()
{
    base::Wakes wakes;
    for (;;) {
        wakes.flush();
        Batch batch = takeBatch();
        if (batch.empty())
            return;
        if (batch.front().task) {
            batch.front().task();
            m_nextStatus = {}; // It may have been a swap.
            doChores();
            continue;
        }
        const auto start = Clock::now();
        commitBatch(std::move(batch));
        const auto end = Clock::now();
        m_nextMark = end + kMarkAfter;
        m_engine->metrics().commitUs.add(
            std::chrono::duration_cast<std::chrono::microseconds>(end - start).count());
        doChores();
    }
}

/// What has come in while the last batch was written, as one task or as commits up to the cap. An
/// empty one only at the end.
StorageWorker::Impl::Batch StorageWorker::Impl::takeBatch()
{
    const auto isReady = [this] { return !m_jobs.empty() || m_isStopping; };
    std::unique_lock lock(m_mutex);
    while (!isReady()) {
        const auto chore = nextChore();
        if (!chore) {
            m_alarm->changed.wait(lock, isReady);
        } else if (!m_alarm->changed.wait_until(lock, *chore, isReady)) {
            lock.unlock();
            doChores();
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

std::optional<StorageWorker::Impl::Clock::time_point> StorageWorker::Impl::nextChore() const
{
    if (m_engine->isSyncDue())
        return m_nextSync;
    if (m_engine->broken())
        return Clock::now() + kSyncInterval;
    if (m_engine->needsMark())
        return m_nextMark;
    return std::nullopt;
}

void StorageWorker::Impl::doChores()
{
    syncIfDue();
    const auto now = Clock::now();
    if (m_engine->needsMark() && now >= m_nextMark) {
        m_engine->mark();
        // Where there was no room for it.
        m_nextMark = now + kMarkAfter;
    }
    m_rewrites.consider(m_engine->takeSyncUs());
    if (now >= m_nextStatus || m_engine->broken()) {
        m_nextStatus = now + kStatusInterval;
        publishStatus();
    }
}

void StorageWorker::Impl::publishStatus()
{
    if (m_durability == core::Durability::Memory)
        return;
    FileStatus status;
    status.fileBytes = m_engine->logEnd();
    status.baseBytes = m_engine->baseBytes();
    status.generation = m_engine->generation();
    if (const auto &broken = m_engine->broken())
        status.broken = broken->message;
    const std::scoped_lock lock(m_mutex);
    m_status = std::move(status);
}

FileStatus StorageWorker::Impl::status() const
{
    FileStatus status;
    {
        const std::scoped_lock lock(m_mutex);
        status = m_status;
    }
    if (status.generation != 0)
        status.deadBytes = m_rewrites.deadBytes();
    return status;
}

void StorageWorker::Impl::count(CommitResult::Status status)
{
    StorageMetrics &metrics = m_engine->metrics();
    switch (status) {
    case CommitResult::Status::Done:
        return metrics.commits.add();
    case CommitResult::Status::NoSpace:
        return metrics.commitsNoSpace.add();
    case CommitResult::Status::Failed:
        return metrics.commitsFailed.add();
    }
}

void StorageWorker::Impl::commitBatch(Batch batch)
{
    m_engine->metrics().batchCommits.add(static_cast<qint64>(batch.size()));
    const bool wasSyncDue = m_engine->isSyncDue();
    std::vector<CommitRequest> requests;
    requests.reserve(batch.size());
    for (Job &job : batch)
        requests.push_back(std::move(job.request));
    m_engine->commit(std::move(requests), [this, &batch](std::size_t i, CommitResult result) {
        if (batch[i].isRefused) {
            result = {CommitResult::Status::Failed, m_durability,
                      "the disk cannot keep up: 256 MiB wait to be written"};
        }
        count(result.status);
        batch[i].done(std::move(result));
    });
    if (!wasSyncDue)
        m_nextSync = Clock::now() + kSyncInterval;
}

void StorageWorker::Impl::syncIfDue()
{
    if (!m_engine->isSyncDue() || Clock::now() < m_nextSync)
        return;
    if (const auto synced = m_engine->sync(); !synced)
        qCWarning(lcWorker, "up to a second of acknowledged writes may not survive a power cut");
}

StorageWorker::StorageWorker(FileSystem &files, store::Table &table, core::Durability durability,
                             TreeKeyOf treeKeyOf)
    : m_impl(std::make_unique<Impl>(files, table, durability, std::move(treeKeyOf)))
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

base::Result<quint64> StorageWorker::compact()
{
    return m_impl->rewrites().compact();
}

base::Result<quint64> StorageWorker::backup(const QByteArray &name)
{
    return m_impl->rewrites().backup(name);
}

std::optional<StorageJob> StorageWorker::job(quint64 id) const
{
    return m_impl->rewrites().find(id);
}

std::vector<StorageJob> StorageWorker::jobs() const
{
    return m_impl->rewrites().all();
}

FileStatus StorageWorker::status() const
{
    return m_impl->status();
}

const StorageMetrics &StorageWorker::metrics() const
{
    return m_impl->metrics();
}

} // namespace dynakv::storage
