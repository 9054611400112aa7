// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/logging.h"

#include "daemon/app/log_line.h"
#include "daemon/app/repeat_limiter.h"
#include "daemon/app/service.h"
#include "shared/base/request_scope.h"

#include <QDateTime>
#include <QElapsedTimer>
#include <QLoggingCategory>

#include <cstdio>
#include <mutex>

namespace dynakv::app {
namespace {

constexpr const char *kLogCategory = "dynakv.app.log";

/// The one log of the process: Qt's message handler is a plain function, so its state is too.
struct Log
{
    std::mutex mutex;
    std::mutex rulesMutex; ///< Apart from the other, since Qt asks under a lock of its own.
    LogRules rules;
    LogFormat format = LogFormat::Text;
    bool isJournal = false;
    QElapsedTimer clock;
    RepeatLimiter repeats;

    bool isEnabled(QByteArrayView category, LogLevel level)
    {
        const std::lock_guard lock(rulesMutex);
        return rules.isEnabled(category, level);
    }
};

Log &theLog()
{
    static Log log;
    return log;
}

void write(const LogEntry &entry)
{
    const Log &log = theLog();
    const QByteArray line = formatLogLine(entry, log.format, log.isJournal);
    // One call a line, so that the lines of two processes on one terminal do not mix.
    std::fwrite(line.constData(), 1, static_cast<std::size_t>(line.size()), stderr);
    std::fflush(stderr);
}

void writeHeld(const std::vector<RepeatLimiter::Held> &held)
{
    for (const RepeatLimiter::Held &each : held) {
        write({QDateTime::currentMSecsSinceEpoch(), LogLevel::Info, kLogCategory,
               QStringLiteral("%1 more times: %2")
                   .arg(each.count)
                   .arg(QString::fromUtf8(each.message))});
    }
}

void handleMessage(QtMsgType type, const QMessageLogContext &context, const QString &text)
{
    Log &log = theLog();
    const LogLevel level = logLevelOf(type);
    const QByteArray category = context.category ? context.category : "default";
    // Asked again here: Qt lets plain qDebug() and the like through without the filter.
    if (type != QtFatalMsg && !log.isEnabled(category, level))
        return;
    const std::lock_guard lock(log.mutex);
    const qint64 monoMs = log.clock.elapsed();
    writeHeld(log.repeats.takeExpired(monoMs));
    if (log.repeats.passes(category + ": " + text.toUtf8(), monoMs))
        write({QDateTime::currentMSecsSinceEpoch(), level, category, text,
               base::RequestScope::current()});
}

void enableByRules(QLoggingCategory *category)
{
    for (const QtMsgType type : {QtDebugMsg, QtInfoMsg, QtWarningMsg, QtCriticalMsg})
        category->setEnabled(type, theLog().isEnabled(category->categoryName(), logLevelOf(type)));
}

} // namespace

void startLogging(const LogRules &rules, LogFormat format)
{
    Log &log = theLog();
    {
        const std::scoped_lock lock(log.mutex, log.rulesMutex);
        log.rules = rules;
        log.format = format;
        log.isJournal = isStderrJournal();
        log.clock.start();
    }
    QLoggingCategory::installFilter(enableByRules);
    qInstallMessageHandler(handleMessage);
}

base::Result<http::LogRulesChange> changeLogRules(const QByteArray &text)
{
    Log &log = theLog();
    http::LogRulesChange change;
    {
        const std::lock_guard lock(log.rulesMutex);
        change.before = change.now = log.rules.toText();
    }
    if (text.isEmpty())
        return change;
    const auto rules = LogRules::parse(text);
    if (!rules)
        return rules.error();
    {
        const std::lock_guard lock(log.rulesMutex);
        log.rules = *rules;
    }
    // Asks the filter anew for every category there is.
    QLoggingCategory::installFilter(enableByRules);
    change.now = rules->toText();
    // Told whatever the rules say: it explains why other lines begin or end here.
    const std::lock_guard lock(log.mutex);
    write({QDateTime::currentMSecsSinceEpoch(), LogLevel::Info, kLogCategory,
           QStringLiteral("the log rules are %1 now, they were %2")
               .arg(QString::fromUtf8(change.now), QString::fromUtf8(change.before)),
           base::RequestScope::current()});
    return change;
}

void finishLogging()
{
    Log &log = theLog();
    const std::lock_guard lock(log.mutex);
    writeHeld(log.repeats.takeAll());
}

int reportFailure(const StartFailure &failure)
{
    Log &log = theLog();
    const std::lock_guard lock(log.mutex);
    const QString text = QString::fromUtf8(failure.message);
    if (log.format == LogFormat::Json || log.isJournal) {
        write({QDateTime::currentMSecsSinceEpoch(), LogLevel::Error, "dynakv.app", text});
    } else {
        const QByteArray line = "dynakvd: " + escapedForLog(text) + '\n';
        std::fwrite(line.constData(), 1, static_cast<std::size_t>(line.size()), stderr);
    }
    return static_cast<int>(failure.code);
}

} // namespace dynakv::app
