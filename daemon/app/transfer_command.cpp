// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/transfer_command.h"

#include "daemon/app/log_line.h"
#include "daemon/app/service.h"

#include <QCoreApplication>

#include <cstdio>

namespace dynakv::app {
namespace {

void writeToStderr(const QByteArray &bytes)
{
    std::fwrite(bytes.constData(), 1, static_cast<std::size_t>(bytes.size()), stderr);
}

} // namespace

TransferCommand::TransferCommand(const Options &options, QByteArray verb)
    : m_options(options)
    , m_client({options.target})
    , m_meter(std::move(verb), isStderrTerminal())
    , m_showsProgress(options.transfer.showsProgress || isStderrTerminal())
{
    // The file is to come from the node that was named, as for `health`.
    m_client.setFailover(false);
    m_elapsed.start();
}

int TransferCommand::run()
{
    return m_isOver ? static_cast<int>(m_code) : QCoreApplication::exec();
}

void TransferCommand::askCluster(Begin begin)
{
    m_client.cluster(this, [this, begin = std::move(begin)](
                               const client::Answer<base::api::ClusterStatus> &answer) {
        if (isOver())
            return;
        if (!answer.ok())
            end(ExitCode::NoConnection, answer.failure.message);
        else if (answer.value->clusterId.isEmpty())
            end(ExitCode::Stopped,
                m_options.target.toString() + " has not joined a cluster yet; try again later");
        else
            begin(*answer.value);
    });
}

void TransferCommand::onSignal(const std::function<void()> &stop)
{
    m_signals = std::make_unique<StopSignals>();
    connect(m_signals.get(), &StopSignals::stopRequested, this, stop);
}

void TransferCommand::showProgress(qint64 done, qint64 total)
{
    if (!m_showsProgress || m_isOver)
        return;
    if (const auto line = m_meter.update(done, total, elapsedMs()))
        writeToStderr(*line);
}

void TransferCommand::tell(const QByteArray &line)
{
    writeToStderr(m_meter.end() + "dynakvd: " + escapedForLog(QString::fromUtf8(line)) + '\n');
}

void TransferCommand::end(ExitCode code, const QByteArray &line)
{
    if (m_isOver)
        return;
    if (!line.isEmpty())
        tell(line);
    m_isOver = true;
    m_code = code;
    QCoreApplication::exit(static_cast<int>(code));
}

ExitCode fileExitCode(base::ErrorCode code)
{
    switch (code) {
    case base::ErrorCode::Invalid:
    case base::ErrorCode::Corrupt:
    case base::ErrorCode::Unsupported:
    case base::ErrorCode::Conflict:
        return ExitCode::BadData;
    case base::ErrorCode::NotFound:
    case base::ErrorCode::Denied:
    case base::ErrorCode::Busy:
        return ExitCode::CannotCreate;
    case base::ErrorCode::NoSpace:
    case base::ErrorCode::Io:
    case base::ErrorCode::Unavailable:
    case base::ErrorCode::TimedOut:
        break;
    }
    return ExitCode::Io;
}

} // namespace dynakv::app
