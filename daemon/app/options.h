// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/file_options.h"
#include "daemon/app/log_rules.h"
#include "daemon/app/transfer_options.h"
#include "daemon/core/coordinator.h"
#include "shared/base/endpoint.h"
#include "shared/base/limits.h"
#include "shared/base/result.h"

#include <QByteArray>
#include <QString>

#include <functional>
#include <map>
#include <vector>

namespace dynakv::app {

enum class Action : quint8 {
    Run,
    Help,
    Version,
    NoListen, ///< Nothing says where to listen: the help is shown as an error.
    Health,
    Status,
    Export,
    Import,
    Verify,
    Recover,
    Restore,
    SetAside,
};

enum class LogFormat : quint8 { Text, Json };

/// `--max-memory`: so many bytes or, where that is 0, so much of what the process can have.
struct MemoryLimit
{
    qint64 bytes = 0;
    int percent = 70;
    bool operator==(const MemoryLimit &) const = default;
};

/// What the process was asked to do: the sum of command line, environment, configuration file and
/// defaults, each value checked for its form. What depends on the machine (whether a name resolves,
/// a port is free, a directory can be written) is found out at the start.
struct Options
{
    Action action = Action::Run;

    base::Endpoint listen = {}; ///< IP literals canonical; may be a host name.
    std::vector<base::JoinTarget> join = {};
    QString dataDir = {};
    quint16 clusterPort = 0;
    QString clusterSecretFile = {};
    base::Endpoint advertise = {}; ///< No host: learned. Port 0: that of `listen`.
    core::Durability durability = core::Durability::Sync;
    MemoryLimit memoryMax = {};
    LogRules logRules = {};
    LogFormat logFormat = LogFormat::Text;
    int purgeAfterS = 300;    ///< How old what is dead must be before it may be purged.
    int slowRequestMs = 1000; ///< 0: no request is told as slow.
    int httpThreads = 0;      ///< 0: as many as suit the machine.
    int connectionsMax = base::limits::kConnectionsDefault;
    qsizetype valueBytesMax = base::limits::kValueBytesDefault;
    std::vector<QByteArray> allowedHosts = {};
    bool allowsRemote = false;

    base::Endpoint target = {};    ///< Of every command that asks a node.
    bool isJson = false;           ///< Of `status`.
    TransferOptions transfer = {}; ///< Of `export` and `import`.
    FileOptions file = {};         ///< Of `verify`, `recover`, `restore` and `set-aside`.

    std::vector<QByteArray> remarks = {}; ///< What was odd but harmless; for the log.
    bool operator==(const Options &) const = default;
};

/// What surrounds the command line, handed in so that parsing stays a pure function.
struct Surroundings
{
    std::map<QByteArray, QByteArray> environment = {}; ///< The `DYNAKV_` variables.
    std::function<base::Result<QByteArray>(const QByteArray &path)> readFile = {};
};
/// The process's own, and its arguments without its name.
Surroundings realSurroundings();
std::vector<QByteArray> realArguments();

/// \a arguments without the program's name, UTF-8. Command line before environment before file
/// before defaults; a list is taken whole from the first that names it. The error is one line that
/// begins with where the wrong value stands.
base::Result<Options> parseOptions(const std::vector<QByteArray> &arguments,
                                   const Surroundings &surroundings);

} // namespace dynakv::app
