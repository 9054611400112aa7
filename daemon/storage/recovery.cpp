// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/recovery.h"

#include "daemon/storage/file_window.h"
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
    "nothing was changed: restore the file from a backup, or move the directory away, so that this "
    "node starts empty and fetches everything from the other members";

/// One run of recovery over one file.
class Recovery
{
public:
    Recovery(FileSystem &files, const DataPaths &paths, store::Table &table)
        : m_files(files)
        , m_paths(paths)
        , m_table(table)
    {
    }

    base::Result<OpenFile> run();

private:
    base::Result<void> openFile();
    /// Takes the frame that the chain expects; false if there is none.
    base::Result<bool> takeFrame();
    base::Result<void> takeEntries(const FrameHeader &header, QByteArrayView payload);
    /// How far later frames prove that the file was once safe.
    base::Result<qint64> provenOffset();
    base::Result<void> repairTail();
    base::Result<QString> keepRemains();
    base::Result<void> copyRemains(File &copy);
    base::Result<bool> holdsRemains(const QString &path);

    FileSystem &m_files;
    const DataPaths &m_paths;
    store::Table &m_table;
    OpenFile m_open;
    std::unique_ptr<FileWindow> m_window;
};

base::Result<OpenFile> Recovery::run()
{
    if (const auto opened = openFile(); !opened)
        return opened.error();
    for (;;) {
        const auto taken = takeFrame();
        if (!taken)
            return taken.error();
        if (!*taken)
            break;
    }
    if (m_open.chain.offset < m_window->fileBytes()) {
        if (const auto repaired = repairTail(); !repaired)
            return repaired.error();
    }
    // A process that was killed may have left frames that the disk does not have yet; from here on
    // new frames will say that it has them.
    if (!isPlanted(PlantedBug::NoSyncAtOpen)) {
        if (const auto synced = m_open.file->sync(); !synced)
            return explained(synced.error(), m_paths, "check the disk, then start again");
    }
    // Likewise the name: the start that founded the file may have failed to make it safe.
    if (const auto synced = m_files.syncDirectory(m_paths.directory); !synced)
        return explained(synced.error(), m_paths, "check the disk, then start again");
    m_open.report.fileBytes = m_open.chain.offset;
    return std::move(m_open);
}

base::Result<void> Recovery::openFile()
{
    auto file = m_files.open(m_paths.file, FileSystem::OpenMode::ReadWrite);
    if (!file)
        return explained(file.error(), m_paths, "make it readable and writable for this user");
    m_open.file = *std::move(file);
    const auto size = m_open.file->size();
    if (!size)
        return size.error();
    m_window = std::make_unique<FileWindow>(*m_open.file, *size);
    const auto bytes = m_window->at(0, kSuperblockBytes);
    if (!bytes)
        return explained(bytes.error(), m_paths, "check the disk");
    const auto superblock = decodeSuperblock(*bytes);
    if (!superblock) {
        const bool isNewer = superblock.error().code == base::ErrorCode::Unsupported;
        return explained(superblock.error(), m_paths,
                         isNewer ? QByteArrayView("run the newer version on it") : kRestoreRemedy);
    }
    m_open.chain = {superblock->identity.fileId, kSuperblockBytes, superblock->crc, 1};
    return {};
}

base::Result<bool> Recovery::takeFrame()
{
    const FrameChain &chain = m_open.chain;
    const auto head = m_window->at(chain.offset, kFrameHeaderBytes);
    if (!head)
        return explained(head.error(), m_paths, "check the disk");
    const auto header = readFrameHeader(*head, chain.fileId, chain.offset);
    const bool isComplete = header && header->continues(chain) &&
                            chain.offset + header->frameBytes() <= m_window->fileBytes();
    if (!isComplete)
        return false;
    const auto payload = m_window->at(chain.offset + kFrameHeaderBytes, header->payloadBytes);
    if (!payload)
        return explained(payload.error(), m_paths, "check the disk");
    if (!isPayloadIntact(*header, *payload, chain.fileId, chain.offset))
        return false;
    if (const auto taken = takeEntries(*header, *payload); !taken)
        return taken.error();
    m_open.chain = chainBehind(*header, chain);
    return true;
}

base::Result<void> Recovery::takeEntries(const FrameHeader &header, QByteArrayView payload)
{
    const EntrySink sink = {[this](core::Record record) {
                                ++m_open.report.records;
                                m_table.apply(std::move(record));
                            },
                            [this](QByteArray name, QByteArray value) {
                                m_open.metas.insert_or_assign(std::move(name), std::move(value));
                            }};
    const auto taken = readEntries(header, payload, sink);
    if (taken)
        return {};
    const bool isNewer = taken.error().code == base::ErrorCode::Unsupported;
    const base::Error error = {taken.error().code, "the intact frame at byte " +
                                                       QByteArray::number(m_open.chain.offset) +
                                                       " holds " + taken.error().message};
    return explained(error, m_paths,
                     isNewer ? QByteArrayView("run the newer version on it") : kRestoreRemedy);
}

base::Result<qint64> Recovery::provenOffset()
{
    const qint64 damage = m_open.chain.offset;
    qint64 proven = 0;
    for (qint64 offset = damage + kFrameAlignment;
         offset + kFrameHeaderBytes <= m_window->fileBytes(); offset += kFrameAlignment) {
        const auto head = m_window->at(offset, kFrameHeaderBytes);
        if (!head)
            return explained(head.error(), m_paths, "check the disk");
        if (const auto header = readFrameHeader(*head, m_open.chain.fileId, offset))
            proven = qMax(proven, header->syncedOffset);
    }
    return proven;
}

base::Result<void> Recovery::repairTail()
{
    const qint64 damage = m_open.chain.offset;
    const auto proven = provenOffset();
    if (!proven)
        return proven.error();
    if (*proven > damage && !isPlanted(PlantedBug::DamageIsTail)) {
        const base::Error error = {
            base::ErrorCode::Corrupt,
            "acknowledged data is damaged at byte " + QByteArray::number(damage) + ", up to byte " +
                QByteArray::number(*proven) + " the disk once had all of it"};
        return explained(error, m_paths, kRestoreRemedy);
    }
    if (!isPlanted(PlantedBug::DropTornTail)) {
        auto kept = keepRemains();
        if (!kept)
            return explained(kept.error(), m_paths, "its torn end must be kept beside it first");
        m_open.report.tornKeptAt = *kept;
    }
    m_open.report.tornBytes = m_window->fileBytes() - damage;
    if (const auto cut = m_open.file->truncate(damage); !cut)
        return explained(cut.error(), m_paths, "its torn end could not be cut off");
    return {};
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
    if (const auto copied = copyRemains(**copy); !copied)
        return copied.error();
    copy->reset();
    if (const auto renamed = m_files.rename(m_paths.tornDraft, path); !renamed)
        return renamed.error();
    if (const auto synced = m_files.syncDirectory(m_paths.directory); !synced)
        return synced.error();
    return path;
}

base::Result<void> Recovery::copyRemains(File &copy)
{
    const qint64 damage = m_open.chain.offset;
    for (qint64 offset = damage; offset < m_window->fileBytes(); offset += kCopyStepBytes) {
        const auto bytes = m_window->at(offset, kCopyStepBytes);
        if (!bytes)
            return bytes.error();
        const Written written = copy.writeAt(offset - damage, *bytes);
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
    if (*size != m_window->fileBytes() - damage)
        return false;
    for (qint64 offset = 0; offset < *size; offset += kCopyStepBytes) {
        const auto keptBytes = (*kept)->readAt(offset, qMin(kCopyStepBytes, *size - offset));
        if (!keptBytes)
            return keptBytes.error();
        const auto bytes = m_window->at(damage + offset, kCopyStepBytes);
        if (!bytes)
            return bytes.error();
        if (*bytes != *keptBytes)
            return false;
    }
    return true;
}

} // namespace

DataPaths::DataPaths(const QString &directoryPath)
    : directory(directoryPath)
    , file(directory + QStringLiteral("/storage.db"))
    , lock(file + QStringLiteral(".lock"))
    , unfinished(file + QStringLiteral(".new"))
    , tornDraft(file + QStringLiteral(".torn.new"))
{
}

QString DataPaths::tornRemains(qint64 offset, int number) const
{
    const QString path = file + QStringLiteral(".torn-%1").arg(offset);
    return number == 1 ? path : path + QStringLiteral(".%1").arg(number);
}

base::Result<OpenFile> foundFile(FileSystem &files, const DataPaths &paths,
                                 const FileIdentity &identity)
{
    constexpr QByteArrayView kRemedy = "check the disk and its free space";
    Superblock superblock;
    superblock.identity = identity;
    const QByteArray bytes = encodeSuperblock(superblock);
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
    open.chain = {identity.fileId, kSuperblockBytes, superblock.crc, 1};
    open.report.isNew = true;
    open.report.fileBytes = kSuperblockBytes;
    return open;
}

base::Result<OpenFile> recoverFile(FileSystem &files, const DataPaths &paths, store::Table &table)
{
    return Recovery(files, paths, table).run();
}

} // namespace dynakv::storage
