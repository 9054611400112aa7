// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <span>

namespace dynakv::app {

enum class OptionId : quint8 {
    Listen,
    Join,
    Config,
    DataDir,
    ClusterPort,
    ClusterSecretFile,
    Advertise,
    Durability,
    LogLevel,
    LogFormat,
    SlowRequestMs,
    PurgeAfterS,
    HttpThreads,
    MaxConnections,
    MaxMemory,
    MaxValueBytes,
    AllowedHost,
    InsecureAllowRemote,
};

/// An option under its one name: `--name` on the command line, `DYNAKV_NAME` in the environment,
/// `name = value` in the file.
struct OptionSpec
{
    OptionId id = OptionId::Listen;
    const char *name = nullptr;
    bool isSwitch = false;     ///< Takes no value on the command line.
    bool isRepeatable = false; ///< In the environment: separated by commas or spaces.
};

std::span<const OptionSpec> optionTable();
const OptionSpec *findOption(QByteArrayView name);
/// `DYNAKV_DATA_DIR` for `data-dir`.
QByteArray environmentNameOf(const OptionSpec &option);
/// The known name that \a name was probably meant to be, or nothing.
QByteArray nearestOptionName(QByteArrayView name);

} // namespace dynakv::app
