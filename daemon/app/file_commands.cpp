// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/file_commands.h"

#include "daemon/app/exit_code.h"
#include "daemon/cluster/persisted_state_codec.h"
#include "daemon/storage/rescue.h"
#include "daemon/storage/storage_worker.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <cstdio>

namespace dynakv::app {
namespace {

QString absolute(const QString &path)
{
    return QDir::cleanPath(QDir::current().absoluteFilePath(path));
}

void print(std::FILE *stream, const QByteArray &text)
{
    std::fwrite(text.constData(), 1, static_cast<std::size_t>(text.size()), stream);
}

int fail(const base::Error &error)
{
    print(stderr, "dynakvd: " + error.message + '\n');
    return static_cast<int>(exitCodeOf(error.code));
}

const char *verdictOf(const storage::FileReport &report)
{
    if (!report.isIntact())
        return "damaged";
    return report.tornBytes > 0 ? "torn" : "intact";
}

QByteArray toText(const storage::Damage &damage)
{
    QByteArray text = "damage     byte " + QByteArray::number(damage.offset) + ", " +
                      QByteArray::number(damage.bytes) + " bytes" +
                      (damage.isInBase ? " of the base section" : " of the log");
    if (damage.lastSeq != 0) {
        text += ", entries " + QByteArray::number(damage.firstSeq) + " to " +
                QByteArray::number(damage.lastSeq);
    }
    if (damage.savedRecords != 0)
        text += ", " + QByteArray::number(damage.savedRecords) + " records of it saved";
    return text + '\n';
}

QByteArray line(const char *name, const QByteArray &value)
{
    return QByteArray(name).leftJustified(11) + value + '\n';
}

/// As `sha256sum` writes it beside a file. Nothing where there is none.
base::Result<void> checkHashBeside(const QString &path)
{
    QFile beside(path + QStringLiteral(".sha256"));
    if (!beside.open(QIODevice::ReadOnly))
        return {};
    QFile file(path);
    QCryptographicHash hash(QCryptographicHash::Sha256);
    if (!file.open(QIODevice::ReadOnly) || !hash.addData(&file))
        return {base::ErrorCode::Io, "cannot read " + path.toUtf8()};
    if (!beside.read(64).startsWith(hash.result().toHex())) {
        return {base::ErrorCode::Corrupt, path.toUtf8() + " is not the file whose hash stands in " +
                                              beside.fileName().toUtf8()};
    }
    return {};
}

ExitCode exitCodeOf(const storage::FileReport &report)
{
    if (!report.isIntact())
        return ExitCode::BadData;
    return report.tornBytes > 0 ? ExitCode::TornEnd : ExitCode::Done;
}

/// Of the node that the file belongs to, as far as that can be read. Later words win.
struct Owner
{
    core::NodeId node = 0;
    quint64 clusterId = 0;
};

storage::EntrySink lookForOwner(Owner &owner)
{
    return {[](const core::RecordView &) {},
            [&owner](QByteArrayView name, QByteArrayView value) {
                if (name != cluster::kStateMetaName)
                    return;
                if (const auto state = cluster::decodeState(value.toByteArray()))
                    owner = {state->node, state->clusterId};
            }};
}

QByteArray toText(const Owner &owner)
{
    if (owner.node == 0)
        return "unknown: no node's identity is in what can be read";
    return core::toHex16(owner.node) + " of cluster " + core::toHex16(owner.clusterId);
}

QByteArray toText(const storage::FileReport &report)
{
    const storage::Superblock &superblock = report.superblock;
    QByteArray text = line("verdict", verdictOf(report));
    text += line("file", superblock.identity.fileId.toHex() + ", generation " +
                             QByteArray::number(superblock.generation) +
                             (superblock.isBackup ? ", a backup" : ""));
    text += line("created", QDateTime::fromMSecsSinceEpoch(superblock.identity.createdMs)
                                .toUTC()
                                .toString(Qt::ISODate)
                                .toUtf8());
    text += line("base", QByteArray::number(report.baseRecords) + " records, content " +
                             QByteArray::number(report.contentHash, 16).rightJustified(16, '0'));
    text += line("log", QByteArray::number(report.logRecords) + " records, up to entry " +
                            QByteArray::number(report.lastSeq) +
                            (report.isSealed ? ", sealed by a clean stop" : ""));
    text += line("bytes", QByteArray::number(report.fileBytes) + ", the log ends at " +
                              QByteArray::number(report.logEnd));
    if (report.tornBytes > 0) {
        text += line("torn end", QByteArray::number(report.tornBytes) +
                                     " bytes that were never acknowledged; a start keeps them "
                                     "beside the file and cuts them off");
    }
    if (report.isSuperblockDamaged)
        text += "damage     one of the two superblocks; a start rewrites the file\n";
    if (!report.isIndexRight)
        text += "damage     the base section is not what its index says\n";
    for (const storage::Damage &damage : report.damages)
        text += toText(damage);
    return text;
}

QByteArray toJson(const storage::FileReport &report, const Owner &owner)
{
    const auto idOrNull = [](quint64 id) {
        return id == 0 ? QJsonValue() : QJsonValue(QString::fromLatin1(core::toHex16(id)));
    };
    const storage::Superblock &superblock = report.superblock;
    QJsonArray damages;
    for (const storage::Damage &damage : report.damages) {
        QJsonObject each{
            {QStringLiteral("offset"), damage.offset},
            {QStringLiteral("bytes"), damage.bytes},
            {QStringLiteral("section"),
             damage.isInBase ? QStringLiteral("base") : QStringLiteral("log")},
            {QStringLiteral("saved_records"), static_cast<qint64>(damage.savedRecords)}};
        if (damage.lastSeq != 0) {
            each.insert(QStringLiteral("first_missing"), static_cast<qint64>(damage.firstSeq));
            each.insert(QStringLiteral("last_missing"), static_cast<qint64>(damage.lastSeq));
        }
        damages.append(each);
    }
    const QJsonObject object{
        {QStringLiteral("verdict"), QString::fromLatin1(verdictOf(report))},
        {QStringLiteral("file_id"), QString::fromLatin1(superblock.identity.fileId.toHex())},
        {QStringLiteral("generation"), static_cast<qint64>(superblock.generation)},
        {QStringLiteral("is_backup"), superblock.isBackup},
        {QStringLiteral("created_ms"), superblock.identity.createdMs},
        {QStringLiteral("node_id"), idOrNull(owner.node)},
        {QStringLiteral("cluster_id"), idOrNull(owner.clusterId)},
        {QStringLiteral("base_records"), static_cast<qint64>(report.baseRecords)},
        {QStringLiteral("log_records"), static_cast<qint64>(report.logRecords)},
        {QStringLiteral("last_entry"), static_cast<qint64>(report.lastSeq)},
        {QStringLiteral("content_hash"),
         QString::fromLatin1(QByteArray::number(report.contentHash, 16).rightJustified(16, '0'))},
        {QStringLiteral("file_bytes"), report.fileBytes},
        {QStringLiteral("log_end"), report.logEnd},
        {QStringLiteral("is_sealed"), report.isSealed},
        {QStringLiteral("torn_bytes"), report.tornBytes},
        {QStringLiteral("superblock_damaged"), report.isSuperblockDamaged},
        {QStringLiteral("index_right"), report.isIndexRight},
        {QStringLiteral("damages"), damages}};
    return QJsonDocument(object).toJson();
}

} // namespace

int runVerify(const FileOptions &options)
{
    Owner owner;
    const auto report = storage::walkFile(storage::realFileSystem(), absolute(options.file),
                                          storage::OnDamage::Skip, lookForOwner(owner));
    if (!report)
        return fail(report.error());
    print(stdout,
          options.isJson ? toJson(*report, owner) : toText(*report) + line("node", toText(owner)));
    return static_cast<int>(exitCodeOf(*report));
}

int runRecover(const FileOptions &options)
{
    const auto report = storage::recoverInto(
        storage::realFileSystem(), absolute(options.file), absolute(options.newFile),
        options.salvages ? storage::OnDamage::Skip : storage::OnDamage::Stop);
    if (!report)
        return fail(report.error());
    print(stdout, toText(*report));
    print(stdout, "written    " + options.newFile.toUtf8() +
                      "; put it in the place of the old file, which is kept as it is. The node "
                      "will compare itself with the other members before it answers.\n");
    return static_cast<int>(ExitCode::Done);
}

int runRestore(const FileOptions &options)
{
    const QString backup = absolute(options.file);
    if (const auto checked = checkHashBeside(backup); !checked)
        return fail(checked.error());
    const QString directory = absolute(options.dataDir);
    const auto restored = storage::restoreInto(storage::realFileSystem(), backup, directory,
                                               storage::newFileIdentity());
    if (!restored)
        return fail(restored.error());
    print(stdout, "restored " + QByteArray::number(restored->records) + " records to " +
                      directory.toUtf8() +
                      "; start a node on it without JOIN: it founds a new cluster\n");
    return static_cast<int>(ExitCode::Done);
}

} // namespace dynakv::app
