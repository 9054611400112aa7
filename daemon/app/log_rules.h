// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QtGlobal>

#include <vector>

namespace dynakv::app {

enum class LogLevel : quint8 { Debug = 0, Info = 1, Warning = 2, Error = 3 };

/// `debug`, `info`, `warning` or `error`.
QByteArray toText(LogLevel level);
LogLevel logLevelOf(QtMsgType type);

/// Which categories log from which level on: `info`, `debug`, or a list such as
/// `info,cluster=debug,http.front_door=warning`. Our own categories may leave out their leading
/// `dynakv.`; a rule holds for the category and everything below it, and the last that fits counts.
/// A value, so that it can be tested and handed to any thread.
class LogRules
{
public:
    /// Ours from Info on, the libraries' from Warning on.
    LogRules() = default;
    /// Invalid names the part that is wrong.
    static base::Result<LogRules> parse(QByteArrayView text);

    /// As parse() takes them.
    [[nodiscard]] QByteArray toText() const;
    [[nodiscard]] bool isEnabled(QByteArrayView category, LogLevel level) const;
    bool operator==(const LogRules &) const = default;

private:
    struct Rule
    {
        QByteArray category = {}; ///< In full.
        LogLevel from = LogLevel::Info;
        bool operator==(const Rule &) const = default;
    };

    LogLevel m_ownFrom = LogLevel::Info;
    std::vector<Rule> m_rules = {};
};

} // namespace dynakv::app
