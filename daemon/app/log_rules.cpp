// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/log_rules.h"

#include <QList>

#include <optional>

namespace dynakv::app {
namespace {

constexpr qsizetype kRulesBytesMax = 1024;
constexpr char kOwnPrefix[] = "dynakv.";

std::optional<LogLevel> levelFrom(QByteArrayView text)
{
    if (text == "debug")
        return LogLevel::Debug;
    if (text == "info")
        return LogLevel::Info;
    if (text == "warning")
        return LogLevel::Warning;
    if (text == "error")
        return LogLevel::Error;
    return std::nullopt;
}

bool isCategoryText(QByteArrayView text)
{
    if (text.isEmpty() || text.front() == '.' || text.back() == '.')
        return false;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
        if (!plain)
            return false;
    }
    return true;
}

QByteArray fullName(const QByteArray &category)
{
    const bool isFull = category == "dynakv" || category.startsWith("dynakv.") ||
                        category == "qt" || category.startsWith("qt.") || category == "default";
    return isFull ? category : kOwnPrefix + category;
}

bool isWithin(QByteArrayView category, QByteArrayView branch)
{
    return category.startsWith(branch) &&
           (category.size() == branch.size() || category[branch.size()] == '.');
}

base::Error invalid(const QByteArray &part)
{
    return {base::ErrorCode::Invalid,
            "'" + part +
                "' is not a log rule; use debug, info, warning or error, or CATEGORY=LEVEL, for "
                "example info,cluster=debug"};
}

} // namespace

QByteArray toText(LogLevel level)
{
    switch (level) {
    case LogLevel::Debug:
        return "debug";
    case LogLevel::Info:
        return "info";
    case LogLevel::Warning:
        return "warning";
    case LogLevel::Error:
        return "error";
    }
    return {};
}

LogLevel logLevelOf(QtMsgType type)
{
    switch (type) {
    case QtDebugMsg:
        return LogLevel::Debug;
    case QtInfoMsg:
        return LogLevel::Info;
    case QtWarningMsg:
        return LogLevel::Warning;
    case QtCriticalMsg:
    case QtFatalMsg:
        return LogLevel::Error;
    }
    return LogLevel::Error;
}

base::Result<LogRules> LogRules::parse(QByteArrayView text)
{
    if (text.size() > kRulesBytesMax)
        return {base::ErrorCode::Invalid, "the log rules are longer than 1024 bytes"};
    LogRules rules;
    for (const QByteArray &part : text.toByteArray().split(',')) {
        const QByteArray rule = part.trimmed().toLower();
        const qsizetype equals = rule.indexOf('=');
        const auto level = levelFrom(equals < 0 ? rule : rule.sliced(equals + 1).trimmed());
        if (!level)
            return invalid(rule);
        if (equals < 0) {
            rules.m_ownFrom = *level;
            continue;
        }
        const QByteArray category = rule.first(equals).trimmed();
        if (!isCategoryText(category))
            return invalid(rule);
        rules.m_rules.push_back({fullName(category), *level});
    }
    return rules;
}

QByteArray LogRules::toText() const
{
    QByteArray text = app::toText(m_ownFrom);
    for (const Rule &rule : m_rules) {
        const QByteArray name = rule.category.startsWith(kOwnPrefix)
                                    ? rule.category.sliced(sizeof(kOwnPrefix) - 1)
                                    : rule.category;
        const bool isShortEnough = fullName(name) == rule.category;
        text += ',' + (isShortEnough ? name : rule.category) + '=' + app::toText(rule.from);
    }
    return text;
}

bool LogRules::isEnabled(QByteArrayView category, LogLevel level) const
{
    // Qt's HTTP server prints every request header at this level, secrets included.
    if (level == LogLevel::Debug && isWithin(category, "qt.httpserver"))
        return false;
    LogLevel from = isWithin(category, "dynakv") ? m_ownFrom : LogLevel::Warning;
    for (const Rule &rule : m_rules) {
        if (isWithin(category, rule.category))
            from = rule.from;
    }
    return level >= from;
}

} // namespace dynakv::app
