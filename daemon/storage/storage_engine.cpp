// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_engine.h"

#include "daemon/storage/planted_bugs.h"

#include <QLoggingCategory>

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

StorageEngine::StorageEngine(FileSystem &files, store::Table &table, core::Durability durability)
    : m_files(files)
    , m_table(table)
    , m_durability(durability)
{
}

StorageEngine::~StorageEngine()
{
    if (!hasUnsynced())
        return;
    if (const auto synced = sync(); !synced)
        qCWarning(lcEngine, "at the stop: %s", synced.error().message.constData());
}

base::Result<OpenReport> StorageEngine::open(const QString &directory, const FileIdentity &identity)
{
    if (m_durability == core::Durability::Memory)
        return OpenReport{.isNew = true};
    const DataPaths paths(directory);
    if (const auto made = makeDirectory(directory); !made)
        return inDirectory(made.error(), directory, "choose one that this user may write");
    auto lock = m_files.lock(paths.lock);
    if (!lock && lock.error().code == base::ErrorCode::Busy) {
        return {base::ErrorCode::Busy, "data directory " + directory.toUtf8() +
                                           " is in use by another dynakvd; stop that one or "
                                           "choose another directory with --data-dir"};
    }
    if (!lock)
        return inDirectory(lock.error(), directory, "choose one that this user may write");

    const auto isThere = hasFile(paths);
    if (!isThere)
        return isThere.error();
    if (!*isThere) {
        if (const auto synced = syncAncestors(directory); !synced)
            return inDirectory(synced.error(), directory, "check the disk");
    }
    auto open =
        *isThere ? recoverFile(m_files, paths, m_table) : foundFile(m_files, paths, identity);
    if (!open && *isThere && isPlanted(PlantedBug::StartEmptyOnBadFile))
        open = foundFile(m_files, paths, identity);
    if (!open)
        return open.error();
    m_lock = *std::move(lock);
    m_open = *std::move(open);
    m_syncedOffset = m_open.chain.offset;
    return m_open.report;
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

base::Result<bool> StorageEngine::hasFile(const DataPaths &paths)
{
    const auto names = m_files.list(paths.directory);
    if (!names)
        return inDirectory(names.error(), paths.directory, "make it readable for this user");
    const auto nameOf = [&paths](const QString &path) {
        return path.sliced(paths.directory.size() + 1);
    };
    bool isThere = false;
    QByteArray stranger;
    for (const QString &name : *names) {
        const bool isExpected = name == nameOf(paths.lock) || name == nameOf(paths.unfinished) ||
                                name == nameOf(paths.tornDraft);
        if (name == nameOf(paths.file))
            isThere = true;
        else if (!isExpected && name.startsWith(nameOf(paths.file)))
            stranger = name.toUtf8();
    }
    // Somebody lost the file itself: an empty start now would hide that.
    if (!isThere && !stranger.isEmpty()) {
        return {base::ErrorCode::Corrupt,
                "data directory " + paths.directory.toUtf8() + " has " + stranger +
                    " but no storage.db; put that back, or choose an empty directory"};
    }
    return isThere;
}

std::vector<CommitResult> StorageEngine::commit(std::vector<CommitRequest> requests)
{
    std::vector<CommitResult> results(requests.size(),
                                      {CommitResult::Status::Done, m_durability, {}});
    const auto fail = [](CommitResult &result, const base::Error &error) {
        result.status = statusOf(error);
        result.detail = error.message;
    };
    FrameBuilder frame;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        dropHeld(requests[i]);
        if (const auto added = frame.add(requests[i]); !added)
            fail(results[i], added.error());
    }
    const auto applyAll = [&] {
        for (std::size_t i = 0; i < requests.size(); ++i) {
            if (results[i].status == CommitResult::Status::Done)
                apply(std::move(requests[i]));
        }
    };
    if (frame.isEmpty())
        return results;
    if (m_durability == core::Durability::Memory) {
        applyAll();
        return results;
    }
    if (isPlanted(PlantedBug::ApplyBeforeSync))
        applyAll();
    if (const auto written = writeFrame(frame); !written) {
        for (CommitResult &result : results) {
            if (result.status == CommitResult::Status::Done)
                fail(result, written.error());
        }
        return results;
    }
    if (!isPlanted(PlantedBug::ApplyBeforeSync))
        applyAll();
    return results;
}

void StorageEngine::dropHeld(CommitRequest &request) const
{
    std::erase_if(request.records, [this](const core::Record &record) {
        const auto held = m_table.stampOf(record.key);
        return held && *held >= core::stampOf(record);
    });
}

base::Result<void> StorageEngine::writeFrame(FrameBuilder &frame)
{
    if (!m_open.file)
        return {base::ErrorCode::Unavailable, "storage.db is not open"};
    if (m_broken)
        return *m_broken;
    const qint64 start = m_open.chain.offset;
    const QByteArray bytes = frame.seal(m_open.chain, m_syncedOffset);
    if (const auto appended = append(bytes); !appended)
        return appended;
    const auto header = readFrameHeader(bytes, m_open.chain.fileId, start);
    // The frame was sealed a moment ago; if it does not read back, memory cannot be trusted.
    if (!header)
        qFatal("storage: a sealed frame does not read back");
    m_open.chain = chainBehind(*header, m_open.chain);
    if (m_durability != core::Durability::Sync)
        return {};
    return sync();
}

base::Result<void> StorageEngine::append(const QByteArray &frame)
{
    if (const auto cut = cutBack(); !cut)
        return cut;
    const Written written = m_open.file->writeAt(m_open.chain.offset, frame);
    if (isPlanted(PlantedBug::IgnoreShortWrite))
        return {};
    if (!written.error && written.written == frame.size())
        return {};
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

base::Result<void> StorageEngine::cutBack()
{
    if (!m_hasHalfFrame)
        return {};
    if (const auto cut = m_open.file->truncate(m_open.chain.offset); !cut)
        return cut;
    m_hasHalfFrame = false;
    return {};
}

bool StorageEngine::hasUnsynced() const
{
    return m_open.file && !m_broken && m_syncedOffset < m_open.chain.offset;
}

base::Result<void> StorageEngine::sync()
{
    if (m_broken)
        return *m_broken;
    if (isPlanted(PlantedBug::AckBeforeSync))
        return {};
    auto synced = m_open.file->sync();
    if (!synced && isPlanted(PlantedBug::RetrySync))
        synced = m_open.file->sync();
    if (synced) {
        m_syncedOffset = m_open.chain.offset;
        return {};
    }
    m_broken = base::Error{base::ErrorCode::Io,
                           "a sync of storage.db failed, so writes are refused until dynakvd is "
                           "restarted (reads go on): " +
                               synced.error().message};
    qCWarning(lcEngine, "%s", m_broken->message.constData());
    // Nothing behind the last sync was acknowledged in this mode. Cut off, it cannot be read back
    // from memory by the next start, taken for safe and built upon.
    if (m_durability == core::Durability::Sync) {
        if (const auto cut = m_open.file->truncate(m_syncedOffset); !cut)
            qCWarning(lcEngine, "%s", cut.error().message.constData());
    }
    return *m_broken;
}

void StorageEngine::apply(CommitRequest request)
{
    for (core::Record &record : request.records)
        m_table.apply(std::move(record));
    for (auto &[name, value] : request.metas)
        m_open.metas.insert_or_assign(name, std::move(value));
}

} // namespace dynakv::storage
