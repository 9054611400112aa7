// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/http/front_door_config.h"
#include "daemon/http/process_hooks.h"
#include "shared/base/endpoint.h"
#include "shared/base/limits.h"
#include "shared/base/result.h"

#include <QByteArray>

#include <memory>
#include <optional>
#include <vector>

namespace dynakv::store {
class Table;
}

namespace dynakv::storage {
class FileKeeper;
}

namespace dynakv::http {

struct RestServerConfig
{
    base::Endpoint listen = {};                ///< Port 0 binds any, for tests.
    std::vector<QByteArray> allowedHosts = {}; ///< Besides IP literals and localhost.
    bool isHostCheckOff = false;               ///< `--insecure-allow-remote` without allowed hosts.
    qsizetype valueBytesMax = 0;               ///< 0: limits::kValueBytesDefault.
    core::Durability durability = core::Durability::Sync;   ///< The node's mode.
    int connectionsMax = base::limits::kConnectionsDefault; ///< Further clients wait.
    int threads = 1;                                        ///< That serve clients.
    QByteArray programVersion = {};
    ProcessHooks process = {};
    /// Time-outs and bounds other than the usual ones, for tests. Host rule and body bound follow
    /// from the fields above all the same.
    std::optional<FrontDoorConfig> door = {};
};

/// The REST API: a strict front door, QtHttpServer behind it, router and handlers, on threads of
/// their own ("http", "http2", ...). The first accepts, all serve in turn. Reads go straight to the
/// table; writes through the coordinator.
///
/// Thread: start() and stop() from the owner's.
class RestServer
{
public:
    /// What is handed in must outlive the server.
    RestServer(RestServerConfig config, const store::Table &table, core::Coordinator &coordinator,
               storage::FileKeeper &file);
    ~RestServer();

    /// Busy: the port is in use; Denied: not allowed to bind it. Both name port and remedy.
    base::Result<void> start();
    /// Stops accepting, lets requests in flight finish (2 s), closes. Idempotent.
    void stop();
    [[nodiscard]] quint16 port() const;

private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace dynakv::http
