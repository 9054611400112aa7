// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/histogram.h"

#include <array>
#include <vector>

namespace dynakv::core {

/// How many values WriteOutcome::Status has.
inline constexpr std::size_t kWriteStatuses = 7;

/// Anti-entropy led by this node.
struct SyncCounts
{
    qint64 completed = 0;
    qint64 failed = 0;
    qint64 outOfRoom = 0; ///< Over, but this node had no room for all that it lacked.
    qint64 fetched = 0;   ///< Records.
    qint64 pushed = 0;    ///< Likewise.
    bool operator==(const SyncCounts &) const = default;
};

/// Keys that others lacked of the writes that this node coordinated.
struct HintCounts
{
    qint64 replayed = 0; ///< Acknowledged as stored.
    qint64 dropped = 0;  ///< For want of room, and left to the comparison.
    bool operator==(const HintCounts &) const = default;
};

/// Messages of one kind of the cluster protocol.
struct MessageCount
{
    const char *kind = "";
    qint64 sent = 0;
    qint64 received = 0;
    bool operator==(const MessageCount &) const = default;
};

struct TrafficCounts
{
    std::vector<MessageCount> messages = {}; ///< One for each kind there is.
    qint64 bytesSent = 0;                    ///< Handed to sockets.
    qint64 bytesReceived = 0;
    qint64 overflows = 0;   ///< A peer read too slowly, and records for it were dropped.
    qint64 faults = 0;      ///< Links ended because of what the peer did.
    qint64 dialsFailed = 0; ///< Connections to others that did not come about.
    qint64 links = 0;       ///< Open now.
    bool operator==(const TrafficCounts &) const = default;
};

/// What a node counts of its cluster from its start on. Plain values, which travel with the
/// ClusterView: up to a second old, and free for the threads that read them.
struct ClusterCounts
{
    SyncCounts syncs = {};
    HintCounts hints = {};
    qint64 refusedRecords = 0; ///< Pushed by a peer, but purged here already.
    TrafficCounts traffic = {};
    std::array<qint64, kWriteStatuses> writes = {}; ///< By WriteOutcome::Status.
    base::HistogramCounts turnUs = {};     ///< How long the node thread was busy at a time.
    base::HistogramCounts tickLateUs = {}; ///< How late its timer was served.
    bool operator==(const ClusterCounts &) const = default;
};

} // namespace dynakv::core
