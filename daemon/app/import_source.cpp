// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/import_source.h"

#include <QFile>
#include <QFileInfo>

namespace dynakv::app {

using base::ErrorCode;
using base::Result;

namespace {

/// The descriptor: whatever C's stream had read ahead would be lost to us.
constexpr int kStandardInput = 0;

} // namespace

ImportSource::ImportSource(LineReader::Source source)
    : m_reader(std::move(source), kExportLineBytesMax)
{
}

Result<std::unique_ptr<ImportSource>> ImportSource::open(storage::FileSystem &files,
                                                         const QString &path)
{
    if (path == QLatin1String("-")) {
        auto input = std::make_shared<QFile>();
        if (!input->open(kStandardInput, QIODevice::ReadOnly | QIODevice::Unbuffered))
            return {ErrorCode::Io, "cannot read standard input"};
        return std::make_unique<ImportSource>([input](qint64 bytesMax) -> Result<QByteArray> {
            QByteArray piece(bytesMax, Qt::Uninitialized);
            const qint64 length = input->read(piece.data(), bytesMax);
            if (length < 0)
                return {ErrorCode::Io,
                        "cannot read standard input: " + input->errorString().toUtf8()};
            piece.truncate(length);
            return piece;
        });
    }
    auto opened =
        files.open(QFileInfo(path).absoluteFilePath(), storage::FileSystem::OpenMode::Read);
    if (!opened)
        return opened.error();
    const std::shared_ptr<storage::File> file = std::move(*opened);
    return std::make_unique<ImportSource>(
        [file, place = qint64{0}](qint64 bytesMax) mutable -> Result<QByteArray> {
            auto piece = file->readAt(place, bytesMax);
            place += piece ? piece->size() : 0;
            return piece;
        });
}

Result<std::optional<ExportLine>> ImportSource::next()
{
    const auto place = [this] { return "line " + QByteArray::number(m_sequence.lines() + 1); };
    const auto line = m_reader.next();
    if (!line)
        return line.error();
    if (!*line) {
        if (m_sequence.isComplete())
            return std::optional<ExportLine>();
        return {ErrorCode::Invalid, place() + ": it is missing: the file is cut"};
    }
    if (!(*line)->isWhole)
        return {ErrorCode::Invalid, place() + ": it has no end: the file is cut"};
    auto taken = m_sequence.take((*line)->text);
    if (!taken)
        return taken.error();
    return std::optional<ExportLine>(*std::move(taken));
}

Result<ImportPlan> planImport(ImportSource &source)
{
    ImportPlan plan;
    while (true) {
        const auto line = source.next();
        if (!line && !source.sequence().hasHeader())
            return line.error();
        if (!line)
            plan.damage = line.error();
        if (!line || !*line)
            break;
    }
    plan.header = source.sequence().header();
    plan.records = source.sequence().records();
    plan.sha256 = source.sequence().trailer().sha256;
    return plan;
}

} // namespace dynakv::app
