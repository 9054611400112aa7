// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/write_options.h"

#include "daemon/http/problem_reply.h"
#include "shared/base/limits.h"

namespace dynakv::http {
namespace {

namespace limits = base::limits;

/// Takes the durability asked for, or gives the answer that refuses it.
std::optional<HttpReply> readDurability(const HttpRequest &request, const Query &query,
                                        core::Durability mode, core::WriteRequest &write)
{
    const auto text = query.value("durability");
    if (!text)
        return std::nullopt;
    write.durability = core::parseDurability(*text);
    if (!write.durability || *write.durability == core::Durability::Memory) {
        return problemReply(400, "bad_parameter",
                            "The parameter 'durability' must be sync, interval or os.",
                            request.requestId);
    }
    if (mode != core::Durability::Memory)
        return std::nullopt;
    return problemReply(409, "memory_mode",
                        "This node runs with --durability memory and writes no file: nothing was "
                        "changed. Leave 'durability' out, or ask another node.",
                        request.requestId);
}

} // namespace

base::Result<core::WriteConcern> concernFrom(const Query &query, const char *name,
                                             const core::ClusterView &view)
{
    const auto text = query.value(name);
    if (!text)
        return core::WriteConcern{};
    if (*text == "quorum")
        return core::WriteConcern{core::WriteConcern::Kind::Quorum};
    if (*text == "all")
        return core::WriteConcern{core::WriteConcern::Kind::All};
    const QByteArray parameter = QByteArray("The parameter '") + name + '\'';
    const auto count = decimalFrom(*text);
    if (!count || *count < 1 || *count > limits::kMembersMax)
        return {base::ErrorCode::Invalid,
                parameter + " must be quorum, all or a number of replicas from 1."};
    qint64 replicas = 0;
    for (const core::MemberView &member : view.members)
        replicas += member.state != core::MemberState::Left ? 1 : 0;
    // Before this node has joined the coordinator says what is wrong.
    if (replicas > 0 && *count > replicas) {
        return {base::ErrorCode::Invalid, parameter + " asks for more replicas than the " +
                                              QByteArray::number(replicas) + " there are."};
    }
    return core::WriteConcern{core::WriteConcern::Kind::Count, static_cast<int>(*count)};
}

std::optional<HttpReply> readWriteOptions(const HttpRequest &request, const Query &query,
                                          const ApiContext &context, core::WriteRequest &write)
{
    const auto concern = concernFrom(query, "w", *context.coordinator.clusterView());
    if (!concern)
        return problemReply(400, "bad_parameter", concern.error().message, request.requestId);
    const auto timeoutMs =
        query.number("timeout", limits::kRequestTimeoutMsDefault, 1, limits::kRequestTimeoutMsMax);
    if (!timeoutMs)
        return problemReply(400, "bad_parameter", timeoutMs.error().message, request.requestId);
    write.concern = *concern;
    write.timeoutMs = static_cast<int>(*timeoutMs);
    return readDurability(request, query, context.durability, write);
}

} // namespace dynakv::http
