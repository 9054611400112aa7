// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/export_command.h"

#include "daemon/storage/storage_worker.h"

#include <QDateTime>
#include <QTimer>

#include <algorithm>

namespace dynakv::app {
namespace {

constexpr int kUnavailable = 503;
/// A page of large values over a slow line.
constexpr int kSilenceMs = 30'000;

ExportRecord recordOf(const client::ListedValue &listed)
{
    return {listed.entry.key,     listed.value.bytes,       listed.value.contentType,
            listed.entry.version, listed.entry.updatedAtMs, listed.entry.expiresAtMs};
}

} // namespace

ExportCommand::ExportCommand(const Options &options)
    : TransferCommand(options, "exported")
    , m_file(storage::realFileSystem(), options.transfer.file)
{
    m_query.prefix = options.transfer.prefix;
    m_query.limit = base::limits::kPageKeysMax;
    node().setSilenceTimeoutMs(kSilenceMs);
}

void ExportCommand::start()
{
    askCluster([this](const base::api::ClusterStatus &status) { begin(status); });
}

void ExportCommand::begin(const base::api::ClusterStatus &status)
{
    const ExportHeader header{status.clusterId, status.nodeId, m_query.prefix,
                              QDateTime::currentMSecsSinceEpoch()};
    if (const auto opened = options().resumes ? m_file.resume(header) : m_file.create(header);
        !opened) {
        end(fileExitCode(opened.error().code), opened.error().message);
        return;
    }
    onSignal([this] { stop(ExitCode::Stopped, "stopped"); });
    m_query.from = m_file.lastKey();
    ask();
}

void ExportCommand::ask()
{
    node().values(m_query, this,
                  [this](const client::Answer<client::ValuePage> &answer) { take(answer); });
}

void ExportCommand::take(const client::Answer<client::ValuePage> &answer)
{
    if (isOver())
        return;
    if (!answer.ok()) {
        refused(answer.failure);
        return;
    }
    m_pause.succeeded();
    const client::ValuePage &page = *answer.value;
    m_total = std::max(m_total, page.totalEstimate);
    m_query.after = page.next;
    if (!page.next.isEmpty())
        ask();
    if (!write(page))
        return;
    showProgress(m_file.records(), m_total);
    if (page.next.isEmpty())
        finish();
}

void ExportCommand::refused(const client::Failure &failure)
{
    const auto pauseMs = failure.problem.status == kUnavailable
                             ? m_pause.refused(failure.retryAfterSeconds, elapsedMs())
                             : std::nullopt;
    if (pauseMs)
        QTimer::singleShot(*pauseMs, this, [this] {
            if (!isOver())
                ask();
        });
    else
        stop(ExitCode::Stopped, failure.message);
}

bool ExportCommand::write(const client::ValuePage &page)
{
    for (const client::ListedValue &listed : page.keys) {
        // `from` is the last key of the file that goes on, and is in it already.
        const bool isThere = listed.entry.key <= m_query.from && !m_query.from.isEmpty();
        if (!isThere && !holds(m_file.add(recordOf(listed))))
            return false;
    }
    return holds(m_file.flush());
}

void ExportCommand::finish()
{
    const auto trailer = m_file.finish();
    if (!trailer) {
        stop(fileExitCode(trailer.error().code), trailer.error().message);
        return;
    }
    end(ExitCode::Done, "exported " + QByteArray::number(trailer->count) + " keys in " +
                            QByteArray::number(static_cast<double>(elapsedMs()) / 1000, 'f', 1) +
                            " s, sha256 " + trailer->sha256);
}

void ExportCommand::stop(ExitCode code, const QByteArray &why)
{
    QByteArray line = why + "; exported " + QByteArray::number(m_file.records()) +
                      " keys, the export is not complete";
    if (m_file.isFile())
        line += "; --resume goes on";
    end(code, line);
}

bool ExportCommand::holds(const base::Result<void> &done)
{
    if (!done)
        stop(fileExitCode(done.error().code), done.error().message);
    return done.ok();
}

int runExport(const Options &options)
{
    ExportCommand command(options);
    command.start();
    return command.run();
}

} // namespace dynakv::app
