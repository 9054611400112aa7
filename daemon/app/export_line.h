// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/limits.h"
#include "shared/base/result.h"

#include <QByteArray>

#include <optional>
#include <variant>

/// The lines of an export: NDJSON, described in docs/formats/export.md. Pure: bytes in, values out.
namespace dynakv::app {

/// The greatest value as base64, and what stands around it.
inline constexpr qsizetype kExportLineBytesMax =
    base::limits::kValueBytesMax / 3 * 4 + (qsizetype{64} << 10);

/// The first line: where the records come from.
struct ExportHeader
{
    QByteArray clusterId = {};
    QByteArray nodeId = {};
    QByteArray prefix = {};
    qint64 startedMs = 0; ///< Unix ms.
    bool operator==(const ExportHeader &) const = default;
};

/// One live key as it was when its page was read.
struct ExportRecord
{
    QByteArray key = {};
    QByteArray value = {};       ///< Exact JSON text, or raw bytes.
    QByteArray contentType = {}; ///< Empty: `value` is JSON text.
    QByteArray version = {};
    qint64 updatedAtMs = 0;
    std::optional<qint64> expiresAtMs = {};
    bool operator==(const ExportRecord &) const = default;
};

/// The last line: a file without it, or with another sum, is cut or damaged.
struct ExportTrailer
{
    qint64 count = 0;       ///< Records.
    QByteArray sha256 = {}; ///< Hexadecimal, of all lines before with their ends.
    bool operator==(const ExportTrailer &) const = default;
};

using ExportLine = std::variant<ExportHeader, ExportRecord, ExportTrailer>;

/// With the line end. A JSON text that has a line break of its own stands in base64.
QByteArray toLine(const ExportLine &line);

/// \a line without its end. Invalid where it is none of the three, has a member that its kind does
/// not have, or breaks a limit; Unsupported where a header is of a later version. The message is
/// the rest of a sentence that begins with the line's number.
base::Result<ExportLine> parseExportLine(QByteArrayView line);

} // namespace dynakv::app
