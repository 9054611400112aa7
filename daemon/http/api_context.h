// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/http/http_message.h"
#include "daemon/http/http_metrics.h"
#include "daemon/http/process_hooks.h"

#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace dynakv::store {
class Table;
}

namespace dynakv::storage {
class FileKeeper;
}

namespace dynakv::http {

class PrefixDeletions;

/// What handlers are given: all of it outlives them. Any thread may use it at any time.
struct ApiContext
{
    const store::Table &table;
    core::Coordinator &coordinator;
    storage::FileKeeper &file;
    qsizetype valueBytesMax;
    QByteArray programVersion;
    std::function<qint64()> wallMs; ///< Decides what has expired.
    core::Durability durability;    ///< What this node's file gives where nobody asks for another.
    PrefixDeletions &deletions;
    ProcessHooks process = {};
    std::shared_ptr<HttpMetrics> metrics = std::make_shared<HttpMetrics>(); ///< Of this thread.
    std::vector<std::shared_ptr<HttpMetrics>> otherMetrics = {}; ///< Of the other HTTP threads.
};

/// What all HTTP threads have counted together, now.
inline std::unique_ptr<const HttpMetrics> countedByAll(const ApiContext &context)
{
    auto sum = std::make_unique<HttpMetrics>();
    *sum += *context.metrics;
    for (const auto &other : context.otherMetrics)
        *sum += *other;
    return sum;
}

/// A write to be handed to the coordinator, and the answer that its outcome makes.
struct PendingWrite
{
    core::WriteRequest request = {};
    std::function<HttpReply(const core::WriteOutcome &)> toReply = {};
};

/// A question to the replicas, and the answer that theirs make.
struct PendingQuestion
{
    core::ReplicaQuestion question = {};
    std::function<HttpReply(const std::vector<core::ReplicaView> &)> toReply = {};
};

/// A read that this node's table alone does not answer.
struct PendingRead
{
    core::ReadRequest request = {};
    std::function<HttpReply(const core::ReadOutcome &)> toReply = {};
};

/// A page of keys that this node's table must not give.
struct PendingListing
{
    core::ListingRequest request = {};
    std::function<HttpReply(const core::ListingOutcome &)> toReply = {};
};

/// The same of several writes that go together, at least one.
struct PendingGroup
{
    std::vector<core::WriteRequest> requests = {};
    std::function<HttpReply(const std::vector<core::WriteOutcome> &)> toReply = {};
};

/// What an operator asks of the cluster, and the answer that its outcome makes.
struct PendingOperation
{
    core::OperatorRequest request = {};
    std::function<HttpReply(const core::OperatorOutcome &)> toReply = {};
};

/// What a client wants to be told of.
struct WatchRequest
{
    QByteArray prefix = {};
    bool hasValues = false;
    std::optional<QByteArray> after = {}; ///< An event id, as the client has it.
};

/// A stream of changes: \a head, and behind it events for as long as both sides want.
struct PendingWatch
{
    WatchRequest request = {};
    HttpReply head = {};
};

/// What a handler makes of a request: the answer, or what must come before or behind it.
using Answer = std::variant<HttpReply, PendingWrite, PendingGroup, PendingQuestion, PendingRead,
                            PendingListing, PendingOperation, PendingWatch>;

} // namespace dynakv::http
