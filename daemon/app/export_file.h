// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/export_sequence.h"
#include "daemon/storage/file_system.h"

#include <QFile>

#include <memory>

namespace dynakv::app {

/// Where an export goes: standard output, or FILE.partial, which takes its name FILE only when it
/// is complete and on the disk. Keeps the count and the sum of what it was given.
///
/// Thread: one.
class ExportFile
{
public:
    /// Empty \a path: standard output.
    ExportFile(storage::FileSystem &files, QString path);

    /// Begins anew; a partial file of before is lost.
    base::Result<void> create(const ExportHeader &header);
    /// Goes on behind the last whole line of FILE.partial. Conflict where that one is of another
    /// cluster or prefix, Invalid where a line of it is damaged.
    base::Result<void> resume(const ExportHeader &header);

    /// Holds the line back until flush().
    base::Result<void> add(const ExportRecord &record);
    base::Result<void> flush();
    /// The trailer, the sync and the name.
    base::Result<ExportTrailer> finish();

    [[nodiscard]] qint64 records() const { return m_sequence.records(); }
    [[nodiscard]] const QByteArray &lastKey() const { return m_sequence.lastKey(); }
    [[nodiscard]] bool isFile() const { return !m_path.isEmpty(); }

private:
    [[nodiscard]] QString partialPath() const { return m_path + QLatin1String(".partial"); }
    base::Result<void> addLine(const ExportLine &line);
    base::Result<void> writeOut(QByteArrayView bytes);

    storage::FileSystem &m_files;
    QString m_path; ///< Absolute.
    std::unique_ptr<storage::File> m_file;
    QFile m_stdout;
    qint64 m_size = 0;
    QByteArray m_pending = {};
    ExportSequence m_sequence;
};

} // namespace dynakv::app
