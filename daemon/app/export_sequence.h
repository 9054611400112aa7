// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/export_line.h"

#include <QCryptographicHash>

namespace dynakv::app {

/// Follows the lines of an export from the first one on and holds them against each other: one
/// header, keys in strictly rising byte order, all below the prefix, and at the end the count and
/// the sum of what came before. Used to write, to check and to resume. Pure.
class ExportSequence
{
public:
    /// \a line without its end. The error begins with the number of the line. After one the
    /// sequence stands before the line that it refused.
    base::Result<ExportLine> take(QByteArrayView line);

    [[nodiscard]] qint64 lines() const { return m_lines; } ///< Taken so far.
    [[nodiscard]] qint64 records() const { return m_records; }
    [[nodiscard]] bool hasHeader() const { return m_lines > 0; }
    [[nodiscard]] bool isComplete() const { return m_isComplete; } ///< The trailer was right.
    [[nodiscard]] const ExportHeader &header() const { return m_header; }
    [[nodiscard]] const QByteArray &lastKey() const { return m_lastKey; } ///< Empty: none.
    /// The trailer for what was taken; to be asked for once, at the end.
    [[nodiscard]] ExportTrailer trailer() const;

private:
    base::Result<void> check(const ExportLine &line) const;

    QCryptographicHash m_hash{QCryptographicHash::Sha256};
    ExportHeader m_header = {};
    QByteArray m_lastKey = {};
    qint64 m_lines = 0;
    qint64 m_records = 0;
    bool m_isComplete = false;
};

} // namespace dynakv::app
