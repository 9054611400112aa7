// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_jobs.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QLoggingCategory>

#include <algorithm>
#include <chrono>
#include <limits>

namespace dynakv::storage {
namespace {

Q_LOGGING_CATEGORY(lcJobs, "dynakv.storage.jobs")

constexpr std::size_t kJobsKept = 100;
constexpr qsizetype kBackupNameBytesMax = 100;
/// So much of the log, and no more, may be left for the moment in which writes stand still.
constexpr qint64 kLogLeftBytes = qint64{64} << 10;
constexpr qint64 kCopyStepBytes = qint64{256} << 10;
constexpr int kCatchUpRoundsMax = 20;
/// Smaller files are not worth a rewriting nobody asked for.
constexpr qint64 kCompactFromBytes = qint64{64} << 20;
/// Unless the disk is so small that a file of that size leaves no room for a second one.
constexpr qint64 kCompactFromPartOfDisk = 4;
constexpr qint64 kConsiderUs = 1'000'000;
constexpr qint64 kHealPauseUsMax = 60'000'000;
constexpr qint64 kHashStepBytes = qint64{1} << 20;
/// What a record takes in the file besides its bytes.
constexpr qint64 kRecordOverheadBytes = 30;
/// What may be committed while a second file is written, and what others need.
constexpr qint64 kSpareBytes = qint64{16} << 20;
constexpr qint64 kSparePartOfDisk = 16;

qint64 nowUs()
{
    using namespace std::chrono;
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

bool isNameGood(const QByteArray &name)
{
    const auto isGood = [](char each) {
        return (each >= 'A' && each <= 'Z') || (each >= 'a' && each <= 'z') ||
               (each >= '0' && each <= '9') || each == '.' || each == '_' || each == '-';
    };
    return !name.isEmpty() && name.size() <= kBackupNameBytesMax && !name.startsWith('.') &&
           std::all_of(name.begin(), name.end(), isGood);
}

qint64 liveBytes(const store::Table &table)
{
    const store::TableStats stats = table.stats();
    return stats.bytes + stats.records * kRecordOverheadBytes;
}

} // namespace

QByteArray toText(StorageJob::Kind kind)
{
    switch (kind) {
    case StorageJob::Kind::Compaction:
        return "compaction";
    case StorageJob::Kind::Backup:
        return "backup";
    case StorageJob::Kind::Healing:
        return "healing";
    }
    return {};
}

QByteArray toText(StorageJob::State state)
{
    switch (state) {
    case StorageJob::State::Running:
        return "running";
    case StorageJob::State::Done:
        return "done";
    case StorageJob::State::Failed:
        return "failed";
    }
    return {};
}

StorageJobs::StorageJobs(FileSystem &files, StorageEngine &engine, store::Table &table,
                         OnStorageThread onStorageThread)
    : m_files(files)
    , m_engine(engine)
    , m_table(table)
    , m_onStorageThread(std::move(onStorageThread))
    , m_paths(QString())
    , m_isStopping(true)
{
}

StorageJobs::~StorageJobs()
{
    stop();
}

void StorageJobs::start(const QString &directory, bool mustRewrite)
{
    const std::scoped_lock lock(m_mutex);
    m_mustRewrite = mustRewrite;
    m_paths = DataPaths(directory);
    const auto space = m_files.space(directory);
    const qint64 disk = space ? space->total : std::numeric_limits<qint64>::max();
    m_compactFromBytes = qMin(kCompactFromBytes, disk / kCompactFromPartOfDisk);
    m_spareBytes = qMin(kSpareBytes, disk / kSparePartOfDisk);
    m_isStopping = false;
}

void StorageJobs::stop()
{
    {
        const std::scoped_lock lock(m_mutex);
        m_isStopping = true;
    }
    m_stopping.notify_all();
    if (m_thread.joinable())
        m_thread.join();
}

base::Result<quint64> StorageJobs::begin(StorageJob job)
{
    const std::scoped_lock lock(m_mutex);
    if (m_isStopping)
        return {base::ErrorCode::Unavailable, "storage is not open"};
    if (m_isRunning) {
        return {base::ErrorCode::Conflict, "a " + toText(m_jobs.front().kind) + " runs already (" +
                                               QByteArray::number(m_jobs.front().id) + ')'};
    }
    if (m_thread.joinable())
        m_thread.join();
    job.id = ++m_lastId;
    job.startedMs = QDateTime::currentMSecsSinceEpoch();
    job.recordsExpected = static_cast<quint64>(m_table.stats().records);
    m_jobs.push_front(job);
    if (m_jobs.size() > kJobsKept)
        m_jobs.pop_back();
    m_isRunning = true;
    m_pacer.begin(nowUs());
    m_thread = std::thread([this, job] { run(job); });
    return job.id;
}

base::Result<quint64> StorageJobs::compact()
{
    if (const auto checked = checkSpace(); !checked)
        return checked.error();
    StorageJob job;
    job.kind = StorageJob::Kind::Compaction;
    return begin(std::move(job));
}

base::Result<quint64> StorageJobs::backup(const QByteArray &name)
{
    if (!isNameGood(name)) {
        return {base::ErrorCode::Invalid,
                "a backup's name has 1 to 100 letters, digits and . _ - and does not begin with a "
                "dot"};
    }
    if (const auto checked = checkSpace(); !checked)
        return checked.error();
    StorageJob job;
    job.kind = StorageJob::Kind::Backup;
    job.path =
        m_paths.backups + QLatin1Char('/') + QString::fromLatin1(name) + QStringLiteral(".db");
    if (m_files.open(job.path, FileSystem::OpenMode::Read))
        return {base::ErrorCode::Conflict, "there is a backup of that name"};
    return begin(std::move(job));
}

base::Result<void> StorageJobs::checkSpace() const
{
    const auto space = m_files.space(m_paths.directory);
    const qint64 needed = liveBytes(m_table) + m_spareBytes;
    if (space && space->free < needed) {
        return {base::ErrorCode::NoSpace,
                "the disk has room for " + QByteArray::number(space->free) +
                    " bytes, a second file needs about " + QByteArray::number(needed)};
    }
    return {};
}

bool StorageJobs::isCompactionWorthIt() const
{
    const qint64 file = m_engine.logEnd();
    const qint64 live = liveBytes(m_table);
    // The first for space. The second for the next start, which reads a base much faster than a
    // log; since it takes a log as long as the base, all of it is rewritten once, on average.
    return file > m_compactFromBytes && (live < file / 2 || file > 2 * m_engine.baseBytes());
}

qint64 StorageJobs::deadBytes() const
{
    return std::max<qint64>(m_engine.logEnd() - liveBytes(m_table), 0);
}

void StorageJobs::consider(std::optional<qint64> syncUs)
{
    const qint64 now = nowUs();
    StorageJob job;
    bool mustRewrite = false;
    {
        const std::scoped_lock lock(m_mutex);
        mustRewrite = m_mustRewrite;
        if (syncUs)
            m_pacer.addSync(*syncUs, now);
        if (now < m_considerUs || m_isRunning || m_isStopping)
            return;
    }
    m_considerUs = now + kConsiderUs;
    if (m_engine.broken()) {
        job.kind = StorageJob::Kind::Healing;
        m_healPauseUs = qBound(kConsiderUs, 2 * m_healPauseUs, kHealPauseUsMax);
        m_considerUs = now + m_healPauseUs;
    } else {
        m_healPauseUs = 0;
        if (!mustRewrite && !isCompactionWorthIt())
            return;
        if (const auto checked = checkSpace(); !checked) {
            // Said again each minute, since only an operator can change it.
            m_considerUs = now + kHealPauseUsMax;
            qCWarning(lcJobs, "no compaction: %s", checked.error().message.constData());
            return;
        }
    }
    if (const auto begun = begin(std::move(job)); !begun)
        qCWarning(lcJobs, "%s", begun.error().message.constData());
}

void StorageJobs::run(StorageJob job)
{
    const auto done = job.kind == StorageJob::Kind::Backup ? writeBackup(job) : rewrite(job);
    job.endedMs = QDateTime::currentMSecsSinceEpoch();
    job.state = done ? StorageJob::State::Done : StorageJob::State::Failed;
    m_engine.metrics().jobs.at(static_cast<std::size_t>(job.kind)).at(done ? 0 : 1).add();
    if (done) {
        qCInfo(lcJobs, "%s: %llu records, %lld bytes in %lld ms, writes stood still for %lld us",
               toText(job.kind).constData(), static_cast<unsigned long long>(job.records),
               static_cast<long long>(job.bytes),
               static_cast<long long>(job.endedMs - job.startedMs),
               static_cast<long long>(job.pausedUs));
    } else {
        job.detail = done.error().message;
        qCWarning(lcJobs, "%s failed, the file goes on as it is: %s", toText(job.kind).constData(),
                  job.detail.constData());
    }
    publish(job);
    const std::scoped_lock lock(m_mutex);
    if (done && job.kind != StorageJob::Kind::Backup)
        m_mustRewrite = false;
    m_pacer.end();
    m_isRunning = false;
}

void StorageJobs::publish(const StorageJob &job)
{
    const std::scoped_lock lock(m_mutex);
    for (StorageJob &each : m_jobs) {
        if (each.id == job.id)
            each = job;
    }
}

bool StorageJobs::pause(qint64 us)
{
    std::unique_lock lock(m_mutex);
    if (us > 0)
        m_stopping.wait_for(lock, std::chrono::microseconds(us), [this] { return m_isStopping; });
    return !m_isStopping;
}

base::Result<void> StorageJobs::writeBase(SnapshotWriter &writer, StorageJob &job)
{
    constexpr qint64 kPublishUs = 100'000;
    qint64 publishUs = 0;
    for (bool isDone = false; !isDone;) {
        const qint64 before = writer.writtenBytes();
        const auto step = writer.step();
        if (!step)
            return step.error();
        isDone = *step;
        if (const auto rested = rest(writer.writtenBytes() - before); !rested)
            return rested;
        const qint64 now = nowUs();
        if (now < publishUs)
            continue;
        publishUs = now + kPublishUs;
        job.records = qMin(writer.writtenRecords(), job.recordsExpected);
        job.bytes = writer.writtenBytes();
        publish(job);
    }
    job.records = writer.index().records();
    return catchUp(writer);
}

/// Each round copies what came in during the one before, so each is shorter, since copying is at
/// least twice as fast as committing.
base::Result<void> StorageJobs::catchUp(SnapshotWriter &writer)
{
    const qint64 start = nowUs();
    const qint64 startEnd = m_engine.logEnd();
    for (int round = 0; round < kCatchUpRoundsMax; ++round) {
        const qint64 end = m_engine.logEnd();
        while (writer.logOffset() < end) {
            const qint64 before = writer.logOffset();
            if (const auto copied = writer.copyLog(end, kCopyStepBytes); !copied)
                return copied;
            const auto grown = static_cast<double>(m_engine.logEnd() - startEnd);
            const auto us = static_cast<double>(qMax(qint64{1}, nowUs() - start));
            const double growth = 1e6 * grown / us;
            if (const auto rested = rest(writer.logOffset() - before, 2 * growth); !rested)
                return rested;
        }
        if (const auto synced = writer.sync(); !synced)
            return synced;
        if (m_engine.logEnd() - writer.logOffset() < kLogLeftBytes)
            break;
    }
    return {};
}

/// Leaves the disk to the commits for as long as writing \a bytes asks for.
base::Result<void> StorageJobs::rest(qint64 bytes, double bytesPerSecondMin)
{
    qint64 us = 0;
    {
        const std::scoped_lock lock(m_mutex);
        us = m_pacer.pauseUs(bytes, nowUs(), bytesPerSecondMin);
    }
    if (!pause(us))
        return {base::ErrorCode::Unavailable, "the node stops"};
    return {};
}

base::Result<void> StorageJobs::rewrite(StorageJob &job)
{
    base::Result<std::unique_ptr<SnapshotWriter>> writer = base::Error{};
    m_onStorageThread([&] { writer = m_engine.beginRewrite(); });
    if (!writer)
        return writer.error();
    auto done = writeBase(**writer, job);
    m_onStorageThread([&] {
        const qint64 start = nowUs();
        if (done)
            done = m_engine.finishRewrite(**writer);
        if (!done)
            m_engine.abandonRewrite();
        job.pausedUs = nowUs() - start;
    });
    job.bytes = (*writer)->writtenBytes();
    return done;
}

base::Result<void> StorageJobs::writeBackup(StorageJob &job)
{
    const QString draft = job.path + QStringLiteral(".partial");
    if (const auto made = m_files.makeDirectory(m_paths.backups); !made)
        return made;
    base::Result<std::unique_ptr<SnapshotWriter>> writer = base::Error{};
    m_onStorageThread([&] { writer = m_engine.beginBackup(draft); });
    if (!writer)
        return writer.error();
    const auto write = [&, this]() -> base::Result<void> {
        if (const auto written = writeBase(**writer, job); !written)
            return written;
        if (const auto copied = (*writer)->copyLog(m_engine.logEnd()); !copied)
            return copied;
        if (const auto finished = (*writer)->finish(true); !finished)
            return finished.error();
        job.bytes = (*writer)->writtenBytes();
        const auto hash = hashOf(draft);
        if (!hash)
            return hash.error();
        job.sha256 = *hash;
        const QByteArray fileName = job.path.sliced(m_paths.backups.size() + 1).toUtf8();
        // As sha256sum writes and checks it.
        if (const auto written = writeText(job.path + QStringLiteral(".sha256"),
                                           job.sha256 + "  " + fileName + '\n');
            !written)
            return written;
        if (const auto renamed = m_files.rename(draft, job.path); !renamed)
            return renamed;
        if (const auto synced = m_files.syncDirectory(m_paths.backups); !synced)
            return synced;
        return m_files.syncDirectory(m_paths.directory);
    };
    const auto written = write();
    if (!written)
        (void)m_files.remove(draft);
    return written;
}

base::Result<QByteArray> StorageJobs::hashOf(const QString &path)
{
    auto file = m_files.open(path, FileSystem::OpenMode::Read);
    if (!file)
        return file.error();
    QCryptographicHash hash(QCryptographicHash::Sha256);
    for (qint64 offset = 0;; offset += kHashStepBytes) {
        const auto bytes = (*file)->readAt(offset, kHashStepBytes);
        if (!bytes)
            return bytes.error();
        hash.addData(*bytes);
        if (bytes->size() < kHashStepBytes)
            return hash.result().toHex();
        if (!pause(0))
            return {base::ErrorCode::Unavailable, "the node stops"};
    }
}

base::Result<void> StorageJobs::writeText(const QString &path, const QByteArray &text)
{
    auto file = m_files.open(path, FileSystem::OpenMode::Replace);
    if (!file)
        return file.error();
    const Written written = (*file)->writeAt(0, text);
    if (written.error)
        return *written.error;
    return (*file)->sync();
}

std::optional<StorageJob> StorageJobs::find(quint64 id) const
{
    const std::scoped_lock lock(m_mutex);
    for (const StorageJob &job : m_jobs) {
        if (job.id == id)
            return job;
    }
    return std::nullopt;
}

std::vector<StorageJob> StorageJobs::all() const
{
    const std::scoped_lock lock(m_mutex);
    return {m_jobs.begin(), m_jobs.end()};
}

} // namespace dynakv::storage
