// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/exit_code.h"
#include "daemon/app/options.h"
#include "daemon/app/progress_meter.h"
#include "daemon/app/stop_signals.h"
#include "shared/base/api/cluster_status.h"
#include "shared/client/rest_client.h"

#include <QElapsedTimer>
#include <QObject>

#include <functional>
#include <memory>

namespace dynakv::app {

/// What `export` and `import` have in common: they ask one node which cluster it is of, tell about
/// their way on standard error, stop at the first signal, and end the event loop with a code.
///
/// Thread: main, whose event loop runs.
class TransferCommand : public QObject
{
public:
    TransferCommand(const Options &options, QByteArray verb);

    /// Runs the event loop until end(), unless that was before; the process's code.
    int run();

protected:
    using Begin = std::function<void(const base::api::ClusterStatus &)>;

    /// Asks the node; \a begin runs where it is a member of a cluster, else the command ends.
    void askCluster(Begin begin);
    /// From here on the first signal does not end the process, but runs \a stop.
    void onSignal(const std::function<void()> &stop);

    void showProgress(qint64 done, qint64 total);
    /// One line for people on standard error; what a node or a file said in it is escaped.
    void tell(const QByteArray &line);
    /// Tells the line, where there is one, and ends the event loop. What comes later is not told.
    void end(ExitCode code, const QByteArray &line);
    [[nodiscard]] bool isOver() const { return m_isOver; }

    [[nodiscard]] const TransferOptions &options() const { return m_options.transfer; }
    [[nodiscard]] client::RestClient &node() { return m_client; }
    [[nodiscard]] qint64 elapsedMs() const { return m_elapsed.elapsed(); }

private:
    const Options m_options;
    client::RestClient m_client;
    std::unique_ptr<StopSignals> m_signals;
    ProgressMeter m_meter;
    bool m_showsProgress = false;
    bool m_isOver = false;
    ExitCode m_code = ExitCode::Done;
    QElapsedTimer m_elapsed;
};

/// The code for a file that could not be read or written.
ExitCode fileExitCode(base::ErrorCode code);

} // namespace dynakv::app
