// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_engine.h"

#include "daemon/storage/planted_bugs.h"

#include <QElapsedTimer>
#include <QLoggingCategory>

#include <algorithm>
#include <chrono>

namespace dynakv::storage {
namespace {

Q_LOGGING_CATEGORY(lcEngine, "dynakv.storage.engine")

base::Error inDirectory(const base::Error &error, const QString &directory, QByteArrayView remedy)
{
    return {error.code, "data directory " + directory.toUtf8() + ": " + error.message + "; " +
                            remedy.toByteArray()};
}

CommitResult::Status statusOf(const base::Error &error)
{
    return error.code == base::ErrorCode::NoSpace ? CommitResult::Status::NoSpace
                                                  : CommitResult::Status::Failed;
}

QString parentOf(const QString &directory)
{
    const auto slash = directory.lastIndexOf(QLatin1Char('/'));
    return slash <= 0 ? QStringLiteral("/") : directory.first(slash);
}

} // namespace

StorageEngine::StorageEngine(FileSystem &files, store::Table &table, Options options)
    : m_files(files)
    , m_table(table)
    , m_options(std::move(options))
    , m_paths(QString())
{
}

StorageEngine::~StorageEngine()
{
    close();
}

base::Result<OpenReport> StorageEngine::open(const QString &directory, const FileIdentity &identity)
{
    if (m_options.durability == core::Durability::Memory)
        return OpenReport{.isNew = true};
    m_paths = DataPaths(directory);
    if (const auto made = makeDirectory(directory); !made)
        return inDirectory(made.error(), directory, "choose one that this user may write");
    auto lock = m_files.lock(m_paths.lock);
    if (!lock && lock.error().code == base::ErrorCode::Busy) {
        return {base::ErrorCode::Busy, "data directory " + directory.toUtf8() +
                                           " is in use by another dynakvd; stop that one or "
                                           "choose another directory with --data-dir"};
    }
    if (!lock)
        return inDirectory(lock.error(), directory, "choose one that this user may write");

    if (isPlanted(PlantedBug::LoadDraft))
        (void)m_files.rename(m_paths.unfinished, m_paths.file);
    const auto isThere = hasFile();
    if (!isThere)
        return isThere.error();
    if (!*isThere) {
        if (const auto synced = syncAncestors(directory); !synced)
            return inDirectory(synced.error(), directory, "check the disk");
    }
    auto open = *isThere ? recoverFile(m_files, m_paths, m_table, m_options.recovery)
                         : foundFile(m_files, m_paths, identity);
    if (!open && *isThere && isPlanted(PlantedBug::StartEmptyOnBadFile))
        open = foundFile(m_files, m_paths, identity);
    if (!open)
        return open.error();
    m_lock = *std::move(lock);
    m_open = *std::move(open);
    // In these modes a torn end may hold what was acknowledged before the power went.
    if (m_options.durability != core::Durability::Sync && m_open.report.tornBytes > 0)
        m_open.report.mayLack = true;
    m_isSealed = m_open.endsWithSeal;
    m_dataEnd = m_ackedEnd = m_syncedEnd = m_open.chain.offset;
    m_statedEnd = m_isSealed || m_open.report.isNew ? m_dataEnd : 0;
    m_logEnd.store(m_dataEnd, std::memory_order_release);
    return m_open.report;
}

void StorageEngine::close()
{
    if (!m_open.file || m_broken)
        return;
    const auto step = [](const base::Result<void> &done) {
        if (!done)
            qCWarning(lcEngine, "at the stop: %s", done.error().message.constData());
        return done.ok();
    };
    if (m_isSealed && !hasUnsynced())
        return;
    m_isClosing = true;
    // A mark may be there that was not synced: the seal will vouch for that too.
    if (m_syncedEnd < m_open.chain.offset && !isPlanted(PlantedBug::UnsyncedSeal) && !step(sync()))
        return;
    if (m_open.reservedBytes > m_open.chain.offset) {
        if (!step(m_open.file->truncate(m_open.chain.offset)))
            return;
        m_open.reservedBytes = m_open.chain.offset;
    }
    m_frame.clear(FrameType::Seal);
    m_syncedEnd = m_open.chain.offset;
    if (step(writeFrame(m_frame)))
        step(m_open.file->sync());
}

base::Result<void> StorageEngine::makeDirectory(const QString &directory)
{
    const auto listed = m_files.list(directory);
    if (listed)
        return {};
    if (listed.error().code != base::ErrorCode::NotFound)
        return listed.error();
    const QString parent = parentOf(directory);
    if (parent != directory) {
        if (const auto made = makeDirectory(parent); !made)
            return made;
    }
    return m_files.makeDirectory(directory);
}

base::Result<void> StorageEngine::syncAncestors(const QString &directory)
{
    // All of them, each time: an earlier start may have made them and failed to sync one.
    for (QString child = directory; child != QStringLiteral("/"); child = parentOf(child)) {
        const auto synced = m_files.syncDirectory(parentOf(child));
        // What this user may not even open was not made by it.
        if (!synced && synced.error().code != base::ErrorCode::Denied)
            return synced;
    }
    return {};
}

base::Result<bool> StorageEngine::hasFile()
{
    const auto names = m_files.list(m_paths.directory);
    if (!names)
        return inDirectory(names.error(), m_paths.directory, "make it readable for this user");
    const auto nameOf = [this](const QString &path) {
        return path.sliced(m_paths.directory.size() + 1);
    };
    bool isThere = false;
    QByteArray stranger;
    for (const QString &name : *names) {
        const bool isExpected = name == nameOf(m_paths.lock) ||
                                name == nameOf(m_paths.unfinished) ||
                                name == nameOf(m_paths.tornDraft);
        if (name == nameOf(m_paths.file))
            isThere = true;
        else if (!isExpected && name.startsWith(nameOf(m_paths.file)))
            stranger = name.toUtf8();
    }
    // Somebody lost the file itself: an empty start now would hide that.
    if (!isThere && !stranger.isEmpty()) {
        return {base::ErrorCode::Corrupt,
                "data directory " + m_paths.directory.toUtf8() + " has " + stranger +
                    " but no storage.db; put that back, or choose an empty directory"};
    }
    return isThere;
}

core::Durability StorageEngine::modeOf(const CommitRequest &request) const
{
    if (m_options.durability == core::Durability::Memory)
        return core::Durability::Memory;
    return qMax(request.durability.value_or(m_options.durability), core::Durability::Os);
}

std::vector<CommitResult> StorageEngine::commit(std::vector<CommitRequest> requests)
{
    std::vector<CommitResult> results(requests.size());
    commit(std::move(requests), [&results](std::size_t request, CommitResult result) {
        results[request] = std::move(result);
    });
    return results;
}

void StorageEngine::commit(std::vector<CommitRequest> requests, const Done &done)
{
    m_frame.clear(FrameType::Batch);
    std::vector<base::Result<void>> added(requests.size());
    bool wantsSync = false;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        dropHeld(requests[i]);
        added[i] = m_frame.add(requests[i]);
        wantsSync |= added[i] && modeOf(requests[i]) == core::Durability::Sync;
        m_hasInterval |= added[i] && modeOf(requests[i]) == core::Durability::Interval;
    }
    const auto finish = [&](std::size_t i, const base::Result<void> &written) {
        const core::Durability mode = modeOf(requests[i]);
        if (!written)
            return done(i, {statusOf(written.error()), mode, written.error().message});
        apply(requests[i]);
        done(i, {CommitResult::Status::Done, mode, {}});
    };
    const auto isWeak = [&](std::size_t i) {
        return added[i] && (modeOf(requests[i]) != core::Durability::Sync ||
                            isPlanted(PlantedBug::ApplyBeforeSync));
    };

    const bool hasFile = m_options.durability != core::Durability::Memory;
    base::Result<void> written;
    if (hasFile && !m_frame.isEmpty())
        written = writeFrame(m_frame);
    bool hasAcked = false;
    for (std::size_t i = 0; written && i < requests.size(); ++i) {
        if (!isWeak(i))
            continue;
        finish(i, written);
        hasAcked = true;
    }
    const bool areWeakDone = written.ok();
    if (hasAcked)
        m_ackedEnd = m_dataEnd;
    // Even without a frame: a record held already may have come with a weaker promise.
    if (written && hasFile && wantsSync && hasUnsynced())
        written = sync();
    if (written)
        m_ackedEnd = m_dataEnd;
    else if (isPlanted(PlantedBug::AckWhileBroken))
        written = {};
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if (areWeakDone && isWeak(i))
            continue;
        finish(i, added[i] ? written : added[i]);
    }
    if (!m_broken)
        m_logEnd.store(m_open.chain.offset, std::memory_order_release);
}

void StorageEngine::dropHeld(CommitRequest &request) const
{
    std::erase_if(request.records, [this](const core::Record &record) {
        // What is newer than all is the rule, and needs no search.
        if (record.version.clock > m_table.newestClock())
            return false;
        const auto held = m_table.stampOf(record.key);
        if (!held || held->version < record.version)
            return false;
        return *held >= core::stampOf(record);
    });
}

base::Result<void> StorageEngine::writeFrame(FrameBuilder &frame)
{
    if (!m_open.file)
        return m_broken ? *m_broken
                        : base::Error{base::ErrorCode::Unavailable, "storage.db is not open"};
    if (m_broken)
        return *m_broken;
    const qint64 start = m_open.chain.offset;
    const QByteArrayView bytes = frame.seal(m_open.chain, m_syncedEnd);
    if (const auto appended = append(bytes); !appended)
        return appended;
    const auto header = readFrameHeader(bytes, m_open.chain.fileSeed, start);
    // The frame was sealed a moment ago; if it does not read back, memory cannot be trusted.
    if (!header)
        qFatal("storage: a sealed frame does not read back");
    m_open.chain = chainBehind(*header, m_open.chain);
    m_statedEnd = m_syncedEnd;
    m_isSealed = header->is(FrameType::Seal);
    if (header->is(FrameType::Batch))
        m_dataEnd = m_open.chain.offset;
    return {};
}

base::Result<void> StorageEngine::append(QByteArrayView frame)
{
    if (const auto cut = cutBack(); !cut)
        return cut;
    const Written written = m_open.file->writeAt(m_open.chain.offset, frame);
    if (isPlanted(PlantedBug::IgnoreShortWrite))
        return {};
    if (!written.error && written.written == frame.size()) {
        m_metrics.bytesWritten.add(frame.size());
        reserveBehind(m_open.chain.offset + frame.size(), frame.size());
        return {};
    }
    base::Error error = written.error.value_or(base::Error{base::ErrorCode::Io, "short write"});
    if (error.code == base::ErrorCode::NoSpace)
        error.message =
            "the disk is full; writes resume when there is space again: " + error.message;
    if (isPlanted(PlantedBug::NoCutBack)) {
        m_open.chain.offset += written.written;
        return error;
    }
    m_hasHalfFrame = true;
    // If this fails too, the next commit begins with it.
    if (const auto cut = cutBack(); !cut)
        qCWarning(lcEngine, "%s", cut.error().message.constData());
    return error;
}

/// Zeros behind the log, so that the next small frames change no more of the file than content:
/// neither its size nor what the file system notes of its blocks. That makes their syncs a third
/// cheaper, which is why others zero their logs too (PostgreSQL's wal_init_zero). Large frames are
/// not worth writing everything twice.
void StorageEngine::reserveBehind(qint64 end, qint64 frameBytes)
{
    if (end <= m_open.reservedBytes || frameBytes > m_options.reserveBytes || m_isClosing)
        return;
    if (m_zeros.isEmpty())
        m_zeros = QByteArray(m_options.reserveBytes, '\0');
    // If there is no room for it, the next frame will tell.
    m_open.reservedBytes = end + m_open.file->writeAt(end, m_zeros).written;
}

base::Result<void> StorageEngine::cutBack()
{
    if (!m_hasHalfFrame)
        return {};
    if (const auto cut = m_open.file->truncate(m_open.chain.offset); !cut)
        return cut;
    m_open.reservedBytes = m_open.chain.offset;
    m_hasHalfFrame = false;
    return {};
}

bool StorageEngine::hasUnsynced() const
{
    return m_open.file && !m_broken && m_syncedEnd < m_dataEnd;
}

bool StorageEngine::isSyncDue() const
{
    return hasUnsynced() && (m_hasInterval || m_options.durability != core::Durability::Os);
}

base::Result<void> StorageEngine::sync()
{
    if (m_broken)
        return *m_broken;
    if (isPlanted(PlantedBug::AckBeforeSync))
        return {};
    QElapsedTimer timer;
    timer.start();
    auto synced = m_open.file->sync();
    m_syncUs = timer.nsecsElapsed() / 1000;
    if (!synced && isPlanted(PlantedBug::RetrySync))
        synced = m_open.file->sync();
    if (!synced) {
        m_metrics.syncsFailed.add();
        return breakOff(synced.error());
    }
    m_metrics.syncUs.add(*m_syncUs);
    m_syncedEnd = m_open.chain.offset;
    m_hasInterval = false;
    return {};
}

base::Error StorageEngine::breakOff(const base::Error &why)
{
    m_broken = base::Error{base::ErrorCode::Io,
                           "writing storage.db failed in a way that only a new file can heal, so "
                           "writes are refused until it is there (reads go on): " +
                               why.message};
    ++m_epoch;
    qCWarning(lcEngine, "%s", m_broken->message.constData());
    // What is neither safe nor acknowledged is cut off, so that the next start cannot read it back
    // from memory, take it for safe and build upon it.
    if (m_open.file) {
        if (const auto cut = m_open.file->truncate(qMax(m_syncedEnd, m_ackedEnd)); !cut)
            qCWarning(lcEngine, "%s", cut.error().message.constData());
    }
    return *m_broken;
}

bool StorageEngine::needsMark() const
{
    return m_open.file && !m_broken && !hasUnsynced() && m_statedEnd < m_dataEnd;
}

void StorageEngine::mark()
{
    if (!needsMark())
        return;
    m_frame.clear(FrameType::Mark);
    // Whatever went wrong, the next commit meets it too and tells somebody.
    if (writeFrame(m_frame))
        m_logEnd.store(m_open.chain.offset, std::memory_order_release);
}

void StorageEngine::apply(const CommitRequest &request)
{
    for (const core::Record &record : request.records)
        m_table.apply(core::viewOf(record));
    m_metrics.records.add(static_cast<qint64>(request.records.size()));
    for (const auto &[name, value] : request.metas)
        m_open.metas.insert_or_assign(name, value);
}

SnapshotWriter::Source StorageEngine::source() const
{
    const bool hasLog = !m_broken && !isPlanted(PlantedBug::SkipLogTail);
    return {&m_table, m_open.metas, hasLog ? m_paths.file : QString(), m_open.chain};
}

base::Result<std::unique_ptr<SnapshotWriter>> StorageEngine::beginRewrite()
{
    if (m_open.identity.fileId.isEmpty())
        return {base::ErrorCode::Unavailable, "there is no storage.db"};
    m_writerEpoch = m_epoch;
    return std::make_unique<SnapshotWriter>(
        m_files, source(),
        SnapshotWriter::Target{m_paths.unfinished, m_open.identity, m_open.generation + 1});
}

base::Result<std::unique_ptr<SnapshotWriter>> StorageEngine::beginBackup(const QString &path)
{
    if (m_open.identity.fileId.isEmpty())
        return {base::ErrorCode::Unavailable, "there is no storage.db"};
    if (m_broken)
        return *m_broken;
    return std::make_unique<SnapshotWriter>(
        m_files, source(), SnapshotWriter::Target{path, m_open.identity, m_open.generation, true});
}

void StorageEngine::abandonRewrite()
{
    // If it stays, the next start does not look at it and the next rewriting replaces it.
    (void)m_files.remove(m_paths.unfinished);
}

base::Result<void> StorageEngine::finishRewrite(SnapshotWriter &writer)
{
    if (m_writerEpoch != m_epoch)
        return {base::ErrorCode::Conflict, "the file broke or was replaced meanwhile"};
    // What the old file has not synced yet is in the new one, which is synced as a whole.
    if (!m_broken) {
        if (const auto copied = writer.copyLog(m_open.chain.offset); !copied)
            return copied;
    }
    return swapFiles(writer);
}

base::Result<void> StorageEngine::swapFiles(SnapshotWriter &writer)
{
    const auto chain = writer.finish(false);
    if (!chain)
        return chain.error();
    std::unique_ptr<File> old;
    if (isPlanted(PlantedBug::KeepOldFile))
        old = std::move(m_open.file);
    // Windows renames only what is closed.
    m_open.file.reset();
    if (const auto renamed = m_files.rename(m_paths.unfinished, m_paths.file); !renamed) {
        if (!m_broken) {
            if (const auto opened = reopen(m_open.chain); !opened)
                return breakOff(opened.error());
        }
        return renamed;
    }
    ++m_epoch;
    m_open.generation = writer.target().generation;
    m_open.baseBytes = chain->offset;
    if (!isPlanted(PlantedBug::NoSyncAfterSwap)) {
        // Without it a power cut could bring the old file back, without what is committed from here
        // on.
        if (const auto synced = m_files.syncDirectory(m_paths.directory); !synced)
            return breakOff(synced.error());
    }
    if (const auto opened = reopen(*chain); !opened)
        return breakOff(opened.error());
    if (old)
        m_open.file = std::move(old);
    m_broken.reset();
    m_hasHalfFrame = false;
    m_dataEnd = m_ackedEnd = m_syncedEnd = m_open.chain.offset;
    m_statedEnd = 0;
    m_isSealed = false;
    m_hasInterval = false;
    m_logEnd.store(m_open.chain.offset, std::memory_order_release);
    return {};
}

base::Result<void> StorageEngine::reopen(const FrameChain &chain)
{
    auto file = m_files.open(m_paths.file, FileSystem::OpenMode::ReadWrite);
    if (!file)
        return file.error();
    const auto size = (*file)->size();
    if (!size)
        return size.error();
    m_open.file = *std::move(file);
    m_open.chain = chain;
    m_open.reservedBytes = *size;
    return {};
}

} // namespace dynakv::storage
