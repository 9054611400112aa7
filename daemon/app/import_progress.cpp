// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/import_progress.h"

#include "shared/base/api/json_reader.h"

#include <QFileInfo>
#include <QJsonDocument>

namespace dynakv::app {
namespace {

using base::ErrorCode;
using base::Result;
using Mode = storage::FileSystem::OpenMode;

constexpr qint64 kFileBytesMax = 4096;
constexpr qint64 kForm = 1;

} // namespace

QByteArray toText(const ImportProgress &progress)
{
    QJsonObject object;
    const auto text = [&object](const char *name, const QByteArray &value) {
        object.insert(QLatin1String(name), QString::fromUtf8(value));
    };
    const auto number = [&object](const char *name, qint64 value) {
        object.insert(QLatin1String(name), value);
    };
    number("dynakv_import", kForm);
    text("cluster_id", progress.clusterId);
    text("mode", toText(progress.mode));
    text("sha256", progress.sha256);
    number("line", progress.line);
    number("written", progress.counts.written);
    number("existing", progress.counts.existing);
    number("expired", progress.counts.expired);
    number("failed", progress.counts.failed);
    return QJsonDocument(object).toJson(QJsonDocument::Compact) + '\n';
}

Result<ImportProgress> parseImportProgress(const QByteArray &text)
{
    const QJsonObject object = QJsonDocument::fromJson(text).object();
    base::api::JsonReader reader(object, "import progress");
    ImportProgress progress;
    const qint64 form = reader.integer("dynakv_import");
    progress.clusterId = reader.text("cluster_id");
    const QByteArray mode = reader.text("mode");
    progress.sha256 = reader.text("sha256");
    progress.line = reader.integer("line");
    progress.counts.written = reader.integer("written");
    progress.counts.existing = reader.integer("existing");
    progress.counts.expired = reader.integer("expired");
    progress.counts.failed = reader.integer("failed");
    if (!reader.ok())
        return reader.error();
    if (form != kForm)
        return {ErrorCode::Unsupported, "import progress: it is of another version"};
    for (const ImportMode each : {ImportMode::OnlyMissing, ImportMode::Overwrite}) {
        if (mode == toText(each)) {
            progress.mode = each;
            return progress;
        }
    }
    return {ErrorCode::Invalid, "import progress: its mode is not known"};
}

ImportProgressFile::ImportProgressFile(storage::FileSystem &files, const QString &importPath)
    : m_files(files)
    , m_path(QFileInfo(importPath).absoluteFilePath() + QLatin1String(".import-progress"))
{
}

Result<ImportProgress> ImportProgressFile::load()
{
    auto file = m_files.open(m_path, Mode::Read);
    if (!file)
        return file.error();
    const auto text = (*file)->readAt(0, kFileBytesMax);
    if (!text)
        return text.error();
    auto progress = parseImportProgress(*text);
    if (!progress)
        return {progress.error().code,
                m_path.toUtf8() + ": " + progress.error().message + "; remove it and begin anew"};
    return progress;
}

Result<void> ImportProgressFile::save(const ImportProgress &progress)
{
    const QString partial = m_path + QLatin1String(".partial");
    auto file = m_files.open(partial, Mode::Replace);
    if (!file)
        return file.error();
    if (auto written = (*file)->writeAt(0, toText(progress)); written.error)
        return *std::move(written.error);
    if (auto synced = (*file)->sync(); !synced)
        return synced;
    file->reset();
    return m_files.rename(partial, m_path);
}

Result<void> ImportProgressFile::remove()
{
    auto removed = m_files.remove(m_path);
    if (!removed && removed.error().code == ErrorCode::NotFound)
        return {};
    return removed;
}

} // namespace dynakv::app
