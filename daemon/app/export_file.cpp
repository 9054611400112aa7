// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/export_file.h"

#include "daemon/app/line_reader.h"

#include <QFileInfo>

#include <utility>

namespace dynakv::app {
namespace {

using base::ErrorCode;
using base::Result;
using Mode = storage::FileSystem::OpenMode;

/// The descriptor, since C's stream has a buffer whose failure nobody would see.
constexpr int kStandardOutput = 1;

} // namespace

ExportFile::ExportFile(storage::FileSystem &files, QString path)
    : m_files(files)
    , m_path(path.isEmpty() ? path : QFileInfo(path).absoluteFilePath())
{
}

Result<void> ExportFile::create(const ExportHeader &header)
{
    if (isFile()) {
        auto opened = m_files.open(partialPath(), Mode::Replace);
        if (!opened)
            return opened.error();
        m_file = std::move(*opened);
    } else if (!m_stdout.open(kStandardOutput, QIODevice::WriteOnly | QIODevice::Unbuffered)) {
        return {ErrorCode::Io, "cannot write to standard output"};
    }
    return addLine(header);
}

Result<void> ExportFile::resume(const ExportHeader &header)
{
    const QByteArray name = partialPath().toUtf8();
    auto opened = m_files.open(partialPath(), Mode::ReadWrite);
    if (!opened)
        return opened.error();
    m_file = std::move(*opened);
    qint64 place = 0;
    LineReader reader(
        [this, &place](qint64 bytesMax) -> Result<QByteArray> {
            auto piece = m_file->readAt(place, bytesMax);
            place += piece ? piece->size() : 0;
            return piece;
        },
        kExportLineBytesMax);
    while (true) {
        const auto line = reader.next();
        if (!line)
            return {line.error().code, name + ": " + line.error().message};
        if (!*line || !(*line)->isWhole)
            break;
        // A trailer means that only the name was missing; more keys may have come since.
        if ((*line)->text.startsWith("{\"count\":"))
            break;
        if (const auto taken = m_sequence.take((*line)->text); !taken)
            return {taken.error().code,
                    name + ": " + taken.error().message + "; remove it and begin anew"};
        m_size = reader.offset();
    }
    if (!m_sequence.hasHeader())
        return {ErrorCode::Invalid, name + " has not even a header; remove it and begin anew"};
    const ExportHeader &found = m_sequence.header();
    if (found.clusterId != header.clusterId)
        return {ErrorCode::Conflict, name + " is of cluster " + found.clusterId +
                                         ", and the node is of cluster " + header.clusterId};
    if (found.prefix != header.prefix)
        return {ErrorCode::Conflict, name + " is an export of the prefix '" +
                                         found.prefix.toPercentEncoding() + "', not of '" +
                                         header.prefix.toPercentEncoding() + "'"};
    return m_file->truncate(m_size);
}

Result<void> ExportFile::add(const ExportRecord &record)
{
    return addLine(record);
}

Result<void> ExportFile::addLine(const ExportLine &line)
{
    const QByteArray text = toLine(line);
    // What cannot be read back must not be written: better no file than one that import refuses.
    const auto taken = m_sequence.take(QByteArrayView(text).chopped(1));
    if (!taken)
        return {taken.error().code, "what the node sent is no record: " + taken.error().message};
    m_pending += text;
    return {};
}

Result<void> ExportFile::writeOut(QByteArrayView bytes)
{
    if (m_file) {
        auto written = m_file->writeAt(m_size, bytes);
        m_size += written.written;
        if (written.error)
            return *std::move(written.error);
        return {};
    }
    while (!bytes.isEmpty()) {
        const qint64 part = m_stdout.write(bytes.data(), bytes.size());
        if (part <= 0)
            return {ErrorCode::Io,
                    "cannot write to standard output: " + m_stdout.errorString().toUtf8()};
        bytes = bytes.sliced(part);
    }
    return {};
}

Result<void> ExportFile::flush()
{
    const QByteArray bytes = std::exchange(m_pending, {});
    return bytes.isEmpty() ? Result<void>() : writeOut(bytes);
}

Result<ExportTrailer> ExportFile::finish()
{
    const ExportTrailer trailer = m_sequence.trailer();
    if (const auto added = addLine(trailer); !added)
        return added.error();
    if (const auto flushed = flush(); !flushed)
        return flushed.error();
    if (!m_file)
        return trailer;
    if (const auto synced = m_file->sync(); !synced)
        return synced.error();
    m_file.reset();
    if (const auto renamed = m_files.rename(partialPath(), m_path); !renamed)
        return renamed.error();
    if (const auto synced = m_files.syncDirectory(QFileInfo(m_path).absolutePath()); !synced)
        return synced.error();
    return trailer;
}

} // namespace dynakv::app
