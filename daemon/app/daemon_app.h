// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/exit_code.h"
#include "daemon/app/options.h"
#include "daemon/app/stop_signals.h"
#include "daemon/cluster/node_service.h"
#include "daemon/http/rest_server.h"
#include "daemon/storage/storage_worker.h"
#include "daemon/store/table.h"

#include <QTimer>

#include <memory>
#include <optional>

namespace dynakv::app {

/// The composition root: makes the parts, hands each the ones it stands on, and takes them down in
/// the opposite order. What it does at the start, and why in this order:
///  1. refuse what is unsafe, before anything is touched;
///  2. bind both ports for a moment: a port in use is told at once, not after a long recovery;
///  3. lock the data directory and recover the file: identity and generation come from there;
///  4. the cluster's side, then the API's, so that no client is let in before writes have a way.
///
/// Thread: main, with an event loop.
class DaemonApp final
{
public:
    explicit DaemonApp(Options options);
    ~DaemonApp();
    Q_DISABLE_COPY_MOVE(DaemonApp)

    /// Nothing: the node serves. Otherwise nothing runs any more, and this says why.
    std::optional<StartFailure> start();
    /// Runs the event loop until a signal says stop, then stops. Returns the process's code.
    int serve();

private:
    std::optional<StartFailure> settleAddresses();
    std::optional<StartFailure> openStorage();
    std::optional<StartFailure> startNode();
    void settleMemory();
    std::optional<StartFailure> forgetLoss();
    std::optional<StartFailure> startApi();
    void tellOfFile() const;
    void announce() const;
    void tellStatus();
    void stop();

    Options m_options;
    base::Endpoint m_listen; ///< With an IP literal.
    StopSignals m_signals;
    store::Table m_table;
    storage::OpenReport m_report;
    core::PersistedState m_state;
    qint64 m_memoryBytesMax = 0; ///< 0: there is no limit.
    std::unique_ptr<storage::StorageWorker> m_storage;
    std::unique_ptr<cluster::NodeService> m_node;
    std::unique_ptr<http::RestServer> m_rest;
    QTimer m_statusTimer;
    QByteArray m_status;
};

/// Logging, start, service and stop of one daemon: the whole life of the process.
int runDaemon(const Options &options);

} // namespace dynakv::app
