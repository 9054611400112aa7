// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/head_limits.h"
#include "daemon/http/host_rule.h"

#include <QByteArray>

#include <utility>
#include <vector>

namespace dynakv::http {

/// The bounds of one front door. Everything a client can make us keep or wait for has one.
struct FrontDoorConfig
{
    HeadLimits head = {};
    HostRule hosts = {};
    qsizetype bodyBytesMax = qsizetype{2} << 20;
    /// Of single paths, where it is another.
    std::vector<std::pair<QByteArray, qsizetype>> bodyBytesMaxOf = {};
    qsizetype bodyBytesInFlightMax = qsizetype{256} << 20; ///< Of all connections together.
    qsizetype backlogBytesMax = qsizetype{4} << 20; ///< Unsent answers; above it nothing is read.
    /// Unsent answers of all connections together; above it whoever has more than its share is cut.
    qsizetype unsentBytesMax = qsizetype{256} << 20;
    int connectionsMax = 1024;
    int descriptorsSpare = 64; ///< Left for the rest of the process; below it nobody is accepted.
    int headTimeoutMs = 10'000;
    int bodyGraceMs = 10'000;         ///< Then a body must have come at
    int bodyBytesPerSecondMin = 1024; ///< this rate on average.
    int idleTimeoutMs = 60'000;
    int writeStallMs = 30'000;
    int answerTimeoutMs = 75'000; ///< Above every time-out a client may ask for.
    int lingerMs = 2000;
    int watchBeatMs = 15'000; ///< Between signs of life on a stream of events.
};

} // namespace dynakv::http
