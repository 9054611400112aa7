// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>

#include <functional>
#include <optional>

namespace dynakv::http {

/// What the system tells of this process; nothing where it does not tell.
struct ProcessStats
{
    std::optional<qint64> residentBytes = {};
    std::optional<qint64> virtualBytes = {};
    std::optional<double> cpuSeconds = {};
    std::optional<qint64> openDescriptors = {};
    std::optional<qint64> descriptorsMax = {};
    std::optional<double> startedSeconds = {}; ///< Unix time.
};

/// The log rules before and after a change, as `--log-level` takes them.
struct LogRulesChange
{
    QByteArray before = {};
    QByteArray now = {};
};

/// What only the process as a whole can tell or do. Any thread may call it.
struct ProcessHooks
{
    std::function<ProcessStats()> stats = [] { return ProcessStats{}; };
    /// Sets the log rules; an empty text changes nothing. Invalid says what is wrong with it.
    std::function<base::Result<LogRulesChange>(const QByteArray &rules)> changeLogRules =
        [](const QByteArray &) -> base::Result<LogRulesChange> {
        return {base::ErrorCode::Unsupported, "this process has no log"};
    };
    qint64 memoryBytesMax = 0; ///< What the table may take in memory; 0: no limit.
    int slowRequestMs = 1000;  ///< Requests that take longer are logged; 0: none.
};

} // namespace dynakv::http
