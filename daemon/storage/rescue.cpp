// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/rescue.h"

#include "daemon/storage/data_paths.h"
#include "daemon/storage/snapshot_writer.h"

namespace dynakv::storage {
namespace {

/// All of a file, taken into memory.
struct Content
{
    store::Table table;
    Metas metas;

    [[nodiscard]] EntrySink sink()
    {
        return {[this](const core::RecordView &record) { table.apply(record); },
                [this](QByteArrayView name, QByteArrayView value) {
                    metas.insert_or_assign(name.toByteArray(), value.toByteArray());
                }};
    }
};

QString directoryOf(const QString &path)
{
    const auto slash = path.lastIndexOf(QLatin1Char('/'));
    return slash <= 0 ? QStringLiteral("/") : path.first(slash);
}

base::Result<qint64> write(FileSystem &files, const Content &content, quint64 nextSeq,
                           const SnapshotWriter::Target &target, const QString &path)
{
    SnapshotWriter::Source source;
    source.table = &content.table;
    source.metas = content.metas;
    source.cut.nextSeq = nextSeq;
    SnapshotWriter writer(files, std::move(source), target);
    for (;;) {
        const auto isDone = writer.step();
        if (!isDone)
            return isDone.error();
        if (*isDone)
            break;
    }
    if (const auto finished = writer.finish(true); !finished)
        return finished.error();
    if (const auto renamed = files.rename(target.path, path); !renamed)
        return renamed.error();
    if (const auto synced = files.syncDirectory(directoryOf(path)); !synced)
        return synced.error();
    return writer.writtenBytes();
}

QByteArray lossText(const FileReport &report)
{
    if (report.damages.empty())
        return "nothing acknowledged is known to be missing";
    const Damage &first = report.damages.front();
    return QByteArray::number(report.damages.size()) +
           " damaged places were left out, the first at byte " + QByteArray::number(first.offset);
}

} // namespace

base::Result<FileReport> recoverInto(FileSystem &files, const QString &from, const QString &to,
                                     OnDamage onDamage)
{
    if (files.open(to, FileSystem::OpenMode::Read))
        return {base::ErrorCode::Conflict, to.toUtf8() + " is there already; name another file"};
    Content content;
    auto report = walkFile(files, from, onDamage, content.sink());
    if (!report)
        return report;
    if (report->superblock.isBackup) {
        return {base::ErrorCode::Conflict,
                from.toUtf8() + " is a backup: take another one, or `dynakvd restore` it"};
    }
    content.metas.insert_or_assign(kLossMetaName.toByteArray(), lossText(*report));
    const SnapshotWriter::Target target = {to + QStringLiteral(".partial"),
                                           report->superblock.identity,
                                           report->superblock.generation + 1};
    const auto written = write(files, content, report->lastSeq + 1, target, to);
    if (!written)
        return written.error();
    return report;
}

base::Result<Restored> restoreInto(FileSystem &files, const QString &backup,
                                   const QString &directory, const FileIdentity &identity)
{
    Content content;
    const auto report = walkFile(files, backup, OnDamage::Stop, content.sink());
    if (!report)
        return report.error();
    if (!report->isIntact() || report->tornBytes != 0) {
        return {base::ErrorCode::Corrupt,
                backup.toUtf8() +
                    " is not intact: `dynakvd verify` says where; take another backup"};
    }
    if (const auto made = files.makeDirectory(directory); !made)
        return made.error();
    const DataPaths paths(directory);
    const auto lock = files.lock(paths.lock);
    if (!lock && lock.error().code == base::ErrorCode::Busy) {
        return {base::ErrorCode::Busy,
                directory.toUtf8() + " is in use by a dynakvd; choose an empty directory"};
    }
    if (!lock)
        return lock.error();
    if (files.open(paths.file, FileSystem::OpenMode::Read)) {
        return {base::ErrorCode::Conflict, directory.toUtf8() +
                                               " holds a storage.db already; choose an empty "
                                               "directory"};
    }
    content.metas = {{kRestoredMetaName.toByteArray(),
                      "from a backup of file " + report->superblock.identity.fileId.toHex() +
                          ", generation " + QByteArray::number(report->superblock.generation)}};
    const auto written = write(files, content, 1, {paths.unfinished, identity, 1}, paths.file);
    if (!written)
        return written.error();
    return Restored{content.table.recordCount(), *written};
}

} // namespace dynakv::storage
