// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/recovery.h"

#include "daemon/storage/base_loader.h"
#include "daemon/storage/frame_reader.h"
#include "daemon/storage/log_end.h"
#include "daemon/storage/planted_bugs.h"

namespace dynakv::storage {
namespace {

constexpr qint64 kCopyStepBytes = qint64{1} << 20;
constexpr int kTornRemainsMax = 1000;

base::Error explained(const base::Error &error, const DataPaths &paths, QByteArrayView remedy)
{
    return {error.code, paths.file.toUtf8() + ": " + error.message + "; " + remedy.toByteArray()};
}

constexpr QByteArrayView kRestoreRemedy =
    "nothing was changed: `dynakvd verify` shows what is readable and `dynakvd recover` writes it "
    "to a new file; or restore a backup, or move the directory away, so that this node starts "
    "empty and fetches everything from the other members";

/// What to do about a file that was read but cannot be used.
QByteArrayView remedyFor(base::ErrorCode code)
{
    switch (code) {
    case base::ErrorCode::Corrupt:
        return kRestoreRemedy;
    case base::ErrorCode::Unsupported:
        return "run the version on it that wrote it";
    case base::ErrorCode::NoSpace:
        return "nothing was changed: make room on the disk, then start again";
    case base::ErrorCode::Invalid:
    case base::ErrorCode::NotFound:
    case base::ErrorCode::Conflict:
    case base::ErrorCode::Busy:
    case base::ErrorCode::Denied:
    case base::ErrorCode::Io:
    case base::ErrorCode::Unavailable:
    case base::ErrorCode::TimedOut:
        break;
    }
    return "check the disk, then start again";
}

/// One run of recovery over one file.
class Recovery
{
public:
    Recovery(FileSystem &files, const DataPaths &paths, store::Table &table,
             const RecoveryOptions &options)
        : m_files(files)
        , m_paths(paths)
        , m_table(table)
        , m_options(options)
    {
    }

    base::Result<OpenFile> run();

private:
    base::Result<void> openFile();
    base::Result<void> readSuperblock();
    base::Result<void> readBase();
    base::Result<void> readLog();
    base::Result<void> takeLogFrame(const FrameReader::Frame &frame);
    void keyTree();
    base::Result<void> settleEnd();
    base::Result<void> repairTail();
    [[nodiscard]] base::Error damage() const;
    base::Result<QString> keepRemains();
    base::Result<void> copyRemains(File &copy);
    base::Result<bool> holdsRemains(const QString &path);
    base::Result<void> makeSafe();

    FileSystem &m_files;
    const DataPaths &m_paths;
    store::Table &m_table;
    const RecoveryOptions &m_options;
    OpenFile m_open;
    std::unique_ptr<FileWindow> m_window;
    Superblock m_superblock;
    LogEnd m_end;
};

base::Result<OpenFile> Recovery::run()
{
    if (const auto opened = openFile(); !opened)
        return explained(opened.error(), m_paths, "make it readable and writable for this user");
    for (const auto step : {&Recovery::readSuperblock, &Recovery::readBase, &Recovery::readLog,
                            &Recovery::settleEnd, &Recovery::makeSafe}) {
        if (const auto done = (this->*step)(); !done)
            return explained(done.error(), m_paths, remedyFor(done.error().code));
    }
    m_open.report.generation = m_open.generation;
    m_open.report.fileBytes = m_open.chain.offset;
    const auto loss = m_open.metas.find(kLossMetaName.toByteArray());
    m_open.report.mayLack = loss != m_open.metas.end() && !loss->second.isEmpty();
    return std::move(m_open);
}

base::Result<void> Recovery::openFile()
{
    auto file = m_files.open(m_paths.file, FileSystem::OpenMode::ReadWrite);
    if (!file)
        return file.error();
    m_open.file = *std::move(file);
    const auto size = m_open.file->size();
    if (!size)
        return size.error();
    m_open.reservedBytes = *size;
    m_window = std::make_unique<FileWindow>(*m_open.file, *size);
    return {};
}

base::Result<void> Recovery::readSuperblock()
{
    const auto superblock = readSuperblocks(*m_window);
    if (!superblock)
        return superblock.error();
    m_superblock = superblock->superblock;
    m_open.report.isSuperblockDamaged = superblock->isOneDamaged;
    if (m_superblock.isBackup) {
        return {base::ErrorCode::Corrupt,
                "it is a backup, which has the identity of the node that wrote it; make a new node "
                "of it with `dynakvd restore`"};
    }
    m_open.identity = m_superblock.identity;
    m_open.generation = m_superblock.generation;
    m_open.baseBytes = m_superblock.logOffset;
    m_open.chain = chainAtStart(m_open.identity, m_open.generation);
    m_open.chain.nextSeq = m_superblock.logSeq;
    if (m_window->fileBytes() < m_superblock.logOffset) {
        return {base::ErrorCode::Corrupt,
                "it is cut off: it has " + QByteArray::number(m_window->fileBytes()) + " of the " +
                    QByteArray::number(m_superblock.logOffset) + " bytes of its base section"};
    }
    return {};
}

base::Result<void> Recovery::readBase()
{
    if (m_superblock.indexOffset == 0)
        return {};
    BaseLoader loader(m_files, m_paths.file, *m_window, m_superblock);
    const auto chain = loader.readIndex();
    if (!chain)
        return chain.error();
    m_open.chain = *chain;
    if (const auto read = loader.readMetas(m_open.metas); !read)
        return read;
    keyTree();
    m_open.report.records = static_cast<qint64>(loader.index().records());
    m_open.report.baseRecords = m_open.report.records;
    return loader.load(m_table, m_options.threads);
}

void Recovery::keyTree()
{
    if (m_options.treeKeyOf)
        m_table.setTreeKey(m_options.treeKeyOf(m_open.metas));
}

base::Result<void> Recovery::readLog()
{
    FrameReader reader(*m_window, m_open.chain);
    for (;;) {
        const auto frame = reader.next();
        if (!frame)
            return frame.error();
        if (!*frame)
            break;
        if (const auto taken = takeLogFrame(**frame); !taken) {
            return {taken.error().code, "the intact frame at byte " +
                                            QByteArray::number((*frame)->offset) + " holds " +
                                            taken.error().message};
        }
    }
    m_open.chain = reader.chain();
    return {};
}

base::Result<void> Recovery::takeLogFrame(const FrameReader::Frame &frame)
{
    m_open.endsWithSeal = frame.header.is(FrameType::Seal);
    if (frame.header.is(FrameType::Base) || frame.header.is(FrameType::Index))
        return {base::ErrorCode::Corrupt, "a part of the base section"};
    bool hasMeta = false;
    const EntrySink sink = {[this](const core::RecordView &record) {
                                ++m_open.report.records;
                                m_table.apply(record);
                            },
                            [this, &hasMeta](QByteArrayView name, QByteArrayView value) {
                                hasMeta = true;
                                m_open.metas.insert_or_assign(name.toByteArray(),
                                                              value.toByteArray());
                            }};
    if (const auto read = readEntries(frame.header, frame.payload, sink); !read)
        return read;
    if (hasMeta)
        keyTree();
    return {};
}

base::Result<void> Recovery::settleEnd()
{
    const auto end = examineLogEnd(*m_window, m_open.chain);
    if (!end)
        return end.error();
    m_end = *end;
    if (isPlanted(PlantedBug::TrustReserve) && m_end.torn == 0)
        m_open.chain.offset = m_window->fileBytes() / kFrameAlignment * kFrameAlignment;
    m_open.report.wasSealed = m_open.endsWithSeal && m_end.torn == 0;
    if (m_end.torn == 0)
        return {};
    if (m_end.isDamage(m_open.chain.offset) && !isPlanted(PlantedBug::DamageIsTail))
        return damage();
    return repairTail();
}

base::Error Recovery::damage() const
{
    const qint64 offset = m_open.chain.offset;
    QByteArray missing;
    if (m_end.laterSeq > m_open.chain.nextSeq) {
        missing = "; missing are the entries " + QByteArray::number(m_open.chain.nextSeq) + " to " +
                  QByteArray::number(m_end.laterSeq - 1) + ", behind them it goes on at byte " +
                  QByteArray::number(m_end.laterOffset);
    }
    return {base::ErrorCode::Corrupt,
            "acknowledged data is damaged at byte " + QByteArray::number(offset) + ", up to byte " +
                QByteArray::number(m_end.provenOffset) + " the disk once had all of it" + missing};
}

base::Result<void> Recovery::repairTail()
{
    if (!isPlanted(PlantedBug::DropTornTail)) {
        auto kept = keepRemains();
        if (!kept) {
            return {kept.error().code,
                    "its torn end of " + QByteArray::number(m_end.torn) +
                        " bytes must be kept beside it first: " + kept.error().message};
        }
        m_open.report.tornKeptAt = *kept;
    }
    m_open.report.tornBytes = m_end.torn;
    m_open.reservedBytes = m_open.chain.offset;
    return m_open.file->truncate(m_open.chain.offset);
}

base::Result<void> Recovery::makeSafe()
{
    // A process that was killed may have left frames that the disk does not have yet; from here on
    // new frames will say that it has them.
    if (!isPlanted(PlantedBug::NoSyncAtOpen)) {
        if (const auto synced = m_open.file->sync(); !synced)
            return synced;
    }
    // Likewise the name: the start that founded the file may have failed to make it safe.
    return m_files.syncDirectory(m_paths.directory);
}

base::Result<QString> Recovery::keepRemains()
{
    const qint64 damage = m_open.chain.offset;
    QString path;
    for (int number = 1; number <= kTornRemainsMax; ++number) {
        path = m_paths.tornRemains(damage, number);
        const auto holds = holdsRemains(path);
        if (!holds && holds.error().code == base::ErrorCode::NotFound)
            break;
        if (!holds)
            return holds.error();
        // An earlier recovery came this far before it was interrupted.
        if (*holds)
            return path;
        if (number == kTornRemainsMax)
            return {base::ErrorCode::Busy, "too many torn remains, remove the old ones"};
    }
    auto copy = m_files.open(m_paths.tornDraft, FileSystem::OpenMode::Replace);
    if (!copy)
        return copy.error();
    const auto copied = copyRemains(**copy);
    copy->reset();
    if (!copied) {
        // Where the disk is full it would take what is left of it.
        (void)m_files.remove(m_paths.tornDraft);
        return copied.error();
    }
    if (const auto renamed = m_files.rename(m_paths.tornDraft, path); !renamed)
        return renamed.error();
    if (const auto synced = m_files.syncDirectory(m_paths.directory); !synced)
        return synced.error();
    return path;
}

base::Result<void> Recovery::copyRemains(File &copy)
{
    const qint64 damage = m_open.chain.offset;
    for (qint64 offset = 0; offset < m_end.torn; offset += kCopyStepBytes) {
        const auto bytes = m_window->at(damage + offset, qMin(kCopyStepBytes, m_end.torn - offset));
        if (!bytes)
            return bytes.error();
        const Written written = copy.writeAt(offset, *bytes);
        if (written.error)
            return *written.error;
    }
    return copy.sync();
}

base::Result<bool> Recovery::holdsRemains(const QString &path)
{
    const auto kept = m_files.open(path, FileSystem::OpenMode::Read);
    if (!kept)
        return kept.error();
    const qint64 damage = m_open.chain.offset;
    const auto size = (*kept)->size();
    if (!size)
        return size.error();
    if (*size != m_end.torn)
        return false;
    for (qint64 offset = 0; offset < *size; offset += kCopyStepBytes) {
        const qint64 part = qMin(kCopyStepBytes, *size - offset);
        const auto keptBytes = (*kept)->readAt(offset, part);
        if (!keptBytes)
            return keptBytes.error();
        const auto bytes = m_window->at(damage + offset, part);
        if (!bytes)
            return bytes.error();
        if (*bytes != *keptBytes)
            return false;
    }
    return true;
}

} // namespace

base::Result<OpenFile> foundFile(FileSystem &files, const DataPaths &paths,
                                 const FileIdentity &identity)
{
    constexpr QByteArrayView kRemedy = "check the disk and its free space";
    Superblock superblock;
    superblock.identity = identity;
    const QByteArray bytes = encodeSuperblock(superblock).repeated(2);
    auto file = files.open(paths.unfinished, FileSystem::OpenMode::Replace);
    if (!file)
        return explained(file.error(), paths, "make the directory writable for this user");
    const Written written = (*file)->writeAt(0, bytes);
    if (written.error)
        return explained(*written.error, paths, kRemedy);
    if (!isPlanted(PlantedBug::NoSyncBeforeRename)) {
        if (const auto synced = (*file)->sync(); !synced)
            return explained(synced.error(), paths, kRemedy);
    }
    // Windows renames only what is closed.
    file->reset();
    if (const auto renamed = files.rename(paths.unfinished, paths.file); !renamed)
        return explained(renamed.error(), paths, kRemedy);
    if (!isPlanted(PlantedBug::NoDirectorySync)) {
        if (const auto synced = files.syncDirectory(paths.directory); !synced)
            return explained(synced.error(), paths, kRemedy);
    }
    file = files.open(paths.file, FileSystem::OpenMode::ReadWrite);
    if (!file)
        return explained(file.error(), paths, kRemedy);

    OpenFile open;
    open.file = *std::move(file);
    open.identity = identity;
    open.chain = chainAtStart(identity, open.generation);
    open.reservedBytes = kDataOffset;
    open.report.isNew = true;
    open.report.fileBytes = kDataOffset;
    return open;
}

base::Result<OpenFile> recoverFile(FileSystem &files, const DataPaths &paths, store::Table &table,
                                   const RecoveryOptions &options)
{
    return Recovery(files, paths, table, options).run();
}

} // namespace dynakv::storage
