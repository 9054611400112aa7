// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>

namespace dynakv::base {

/// A host name or IP literal with a port. IPv6 literals are kept without brackets.
/// The host is lower case and IPv6 canonical where the caller made it so; text form is `host:port`
/// or `[v6]:port`.
struct Endpoint
{
    QByteArray host = {};
    quint16 port = 0;

    [[nodiscard]] bool isEmpty() const { return host.isEmpty(); }
    [[nodiscard]] QByteArray toString() const;
    /// Whether the host is 0.0.0.0 or ::, which others cannot dial.
    [[nodiscard]] bool isWildcard() const;
    /// Whether the host is an IP literal of the loopback range, or `localhost`.
    [[nodiscard]] bool isLoopback() const;
    bool operator==(const Endpoint &) const = default;
};

/// `HOST:PORT`, `[V6]:PORT` or, where \a defaultPort is not 0, a host alone. Invalid if the host is
/// empty or has a character no host has, or the port is not 1..65535 (0 allowed with \a allowZero).
Result<Endpoint> parseEndpoint(QByteArrayView text, quint16 defaultPort = 0,
                               bool allowZero = false);

/// The cluster port that belongs to an API port: + 10000, or - 10000 where that passes 65535.
quint16 defaultClusterPort(quint16 apiPort);

/// A member to join: its API address and the cluster address derived from it or given.
struct JoinTarget
{
    Endpoint api = {};
    Endpoint cluster = {};
    bool operator==(const JoinTarget &) const = default;
};

/// `HOST:APIPORT[/CLUSTERPORT]`.
Result<JoinTarget> parseJoinTarget(QByteArrayView text);

} // namespace dynakv::base
