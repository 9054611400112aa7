// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/logging.h"

#include "daemon/app/log_line.h"
#include "daemon/app/repeat_limiter.h"
#include "daemon/app/service.h"

#include <QDateTime>
#include <QElapsedTimer>
#include <QLoggingCategory>

#include <cstdio>
#include <mutex>

namespace dynakv::app {
namespace {

/// The one log of the process: Qt's message handler is a plain function, so its state is too.
struct Log
{
    std::mutex mutex;
    LogRules rules;
    LogFormat format = LogFormat::Text;
    bool isJournal = false;
    QElapsedTimer clock;
    RepeatLimiter repeats;
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
        write({QDateTime::currentMSecsSinceEpoch(), LogLevel::Info, "dynakv.app.log",
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
    const std::lock_guard lock(log.mutex);
    // Asked again here: Qt lets plain qDebug() and the like through without the filter.
    if (type != QtFatalMsg && !log.rules.isEnabled(category, level))
        return;
    const qint64 monoMs = log.clock.elapsed();
    writeHeld(log.repeats.takeExpired(monoMs));
    if (log.repeats.passes(category + ": " + text.toUtf8(), monoMs))
        write({QDateTime::currentMSecsSinceEpoch(), level, category, text});
}

void enableByRules(QLoggingCategory *category)
{
    // Runs under Qt's registry lock; the rules are settled before it is installed.
    for (const QtMsgType type : {QtDebugMsg, QtInfoMsg, QtWarningMsg, QtCriticalMsg})
        category->setEnabled(type,
                             theLog().rules.isEnabled(category->categoryName(), logLevelOf(type)));
}

} // namespace

void startLogging(const LogRules &rules, LogFormat format)
{
    Log &log = theLog();
    {
        const std::lock_guard lock(log.mutex);
        log.rules = rules;
        log.format = format;
        log.isJournal = isStderrJournal();
        log.clock.start();
    }
    QLoggingCategory::installFilter(enableByRules);
    qInstallMessageHandler(handleMessage);
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
