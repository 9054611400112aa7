// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/file_export.h"

#include "daemon/app/export_file.h"
#include "daemon/app/transfer_command.h"
#include "daemon/cluster/persisted_state_codec.h"
#include "daemon/storage/file_walk.h"
#include "daemon/storage/storage_worker.h"
#include "daemon/store/table.h"
#include "shared/base/limits.h"

#include <QDateTime>
#include <QDir>

#include <cstdio>

namespace dynakv::app {
namespace {

/// A file as it was read.
struct Content
{
    store::Table table;
    core::PersistedState state; ///< Nobody's, where the file tells of no node, as a restored one.
};

base::Result<void> readInto(Content &content, const QString &path)
{
    QByteArray state;
    const auto report =
        storage::walkFile(storage::realFileSystem(), path, storage::OnDamage::Stop,
                          {[&](const core::RecordView &record) { content.table.apply(record); },
                           [&](QByteArrayView name, QByteArrayView value) {
                               if (name == cluster::kStateMetaName)
                                   state = value.toByteArray();
                           }});
    if (!report)
        return report.error();
    if (!report->isIntact()) {
        return {base::ErrorCode::Corrupt,
                path.toUtf8() + " is damaged: `dynakvd recover` writes what it still holds to a "
                                "new file, which can be exported"};
    }
    if (state.isEmpty())
        return {};
    auto decoded = cluster::decodeState(state);
    if (!decoded)
        return decoded.error();
    content.state = *std::move(decoded);
    return {};
}

ExportRecord recordOf(const core::Record &record)
{
    return {record.key,
            record.value,
            record.contentType,
            record.version.toString(),
            record.version.wallMs(),
            record.expiresAtMs == 0 ? std::nullopt : std::optional(record.expiresAtMs)};
}

base::Result<ExportTrailer> write(const Content &content, const TransferOptions &options)
{
    const qint64 wallMs = QDateTime::currentMSecsSinceEpoch();
    ExportFile file(storage::realFileSystem(), options.file);
    if (const auto created =
            file.create({core::toHex16(content.state.clusterId), core::toHex16(content.state.node),
                         options.prefix, wallMs});
        !created)
        return created.error();
    store::ListQuery query;
    query.prefix = options.prefix;
    query.limit = base::limits::kPageKeysMax;
    query.wallMs = wallMs;
    for (bool hasMore = true; hasMore;) {
        const store::Listing page = content.table.list(query);
        for (const store::ListedKey &row : page.keys) {
            if (const auto added = file.add(recordOf(*content.table.find(row.key))); !added)
                return added.error();
        }
        if (const auto flushed = file.flush(); !flushed)
            return flushed.error();
        query.after = page.lastRow;
        hasMore = page.hasMore;
    }
    return file.finish();
}

base::Result<ExportTrailer> exportFile(const TransferOptions &options)
{
    const QString path = QDir::cleanPath(QDir::current().absoluteFilePath(options.source));
    Content content;
    if (const auto read = readInto(content, path); !read)
        return read.error();
    return write(content, options);
}

} // namespace

int runFileExport(const TransferOptions &options)
{
    const auto trailer = exportFile(options);
    const QByteArray line = trailer ? "exported " + QByteArray::number(trailer->count) +
                                          " keys, sha256 " + trailer->sha256
                                    : trailer.error().message;
    std::fputs(("dynakvd: " + line + '\n').constData(), stderr);
    return static_cast<int>(trailer ? ExitCode::Done : fileExitCode(trailer.error().code));
}

} // namespace dynakv::app
