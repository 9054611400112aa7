// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/log_rules.h"
#include "daemon/app/options.h"

#include <QByteArray>
#include <QString>

namespace dynakv::app {

struct LogEntry
{
    qint64 wallMs = 0; ///< Unix ms.
    LogLevel level = LogLevel::Info;
    QByteArray category = {};
    QString text = {};
    QByteArray requestId = {}; ///< Of the request that the thread worked on; empty: none.
};

/// \a text so that it stays on one line and changes nothing on a terminal: control characters, line
/// and paragraph separators, bidirectional overrides and lone surrogates become `\u00XX`; cut after
/// 4096 characters.
QByteArray escapedForLog(QStringView text);

/// One line with its end, e.g. `2025-11-22T20:15:04.123Z info  dynakv.app: ...` or the same as
/// JSON; the request's id stands in brackets at the end or as `request_id`. \a forJournal puts the
/// priority in front (`<6>`), which journald takes off again.
QByteArray formatLogLine(const LogEntry &entry, LogFormat format, bool forJournal);

} // namespace dynakv::app
