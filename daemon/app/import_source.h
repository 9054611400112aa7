// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/export_sequence.h"
#include "daemon/app/line_reader.h"
#include "daemon/storage/file_system.h"

#include <memory>
#include <optional>

namespace dynakv::app {

/// The lines of an export on their way in, each checked as it comes. Reading blocks.
class ImportSource
{
public:
    /// \a path: of a regular file, or `-` for standard input.
    static base::Result<std::unique_ptr<ImportSource>> open(storage::FileSystem &files,
                                                            const QString &path);
    /// For tests: any bytes.
    explicit ImportSource(LineReader::Source source);

    /// The next line; nothing behind a right trailer. An error begins with the line's number:
    /// Invalid where the file is cut or a line malformed, Corrupt where lines are well-formed and
    /// others than those that were written.
    base::Result<std::optional<ExportLine>> next();
    /// Whether next() would have to ask for more bytes.
    [[nodiscard]] bool mayBlock() const { return !m_reader.hasBuffered(); }
    [[nodiscard]] const ExportSequence &sequence() const { return m_sequence; }

private:
    LineReader m_reader;
    ExportSequence m_sequence = {};
};

/// What a file holds, found by reading all of it.
struct ImportPlan
{
    ExportHeader header = {};
    qint64 records = 0;                     ///< Intact ones, in the lines 2 to `records` + 1.
    QByteArray sha256 = {};                 ///< Of the header and the records.
    std::optional<base::Error> damage = {}; ///< Why it is not whole.
    bool operator==(const ImportPlan &) const = default;
};

/// Reads \a source to its end. Fails where there is not even a header.
base::Result<ImportPlan> planImport(ImportSource &source);

} // namespace dynakv::app
