// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/key_handler.h"

#include "daemon/http/conditions.h"
#include "daemon/http/handler_checks.h"
#include "daemon/http/key_view.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/put_body.h"
#include "daemon/http/write_reply.h"
#include "daemon/store/table.h"
#include "shared/base/api/key_text.h"
#include "shared/base/limits.h"

namespace dynakv::http {
namespace {

namespace limits = base::limits;

constexpr QByteArrayView kKeyPath = "/key/";

HttpReply badRequest(const HttpRequest &request, const QByteArray &code, const QByteArray &detail)
{
    return problemReply(400, code, detail, request.requestId);
}

base::Result<core::WriteConcern> concernFrom(const Query &query, const core::ClusterView &view)
{
    const auto text = query.value("w");
    if (!text)
        return core::WriteConcern{};
    if (*text == "quorum")
        return core::WriteConcern{core::WriteConcern::Kind::Quorum};
    if (*text == "all")
        return core::WriteConcern{core::WriteConcern::Kind::All};
    const auto count = decimalFrom(*text);
    if (!count || *count < 1 || *count > limits::kMembersMax)
        return {base::ErrorCode::Invalid,
                "The parameter 'w' must be quorum, all or a number of replicas from 1."};
    qint64 replicas = 0;
    for (const core::MemberView &member : view.members)
        replicas += member.state != core::MemberState::Left ? 1 : 0;
    // Before this node has joined the coordinator says what is wrong.
    if (replicas > 0 && *count > replicas) {
        return {base::ErrorCode::Invalid, "The parameter 'w' asks for more replicas than the " +
                                              QByteArray::number(replicas) + " there are."};
    }
    return core::WriteConcern{core::WriteConcern::Kind::Count, static_cast<int>(*count)};
}

/// Takes the durability asked for, or gives the answer that refuses it.
std::optional<HttpReply> readDurability(const HttpRequest &request, const Query &query,
                                        core::Durability mode, core::WriteRequest &write)
{
    const auto text = query.value("durability");
    if (!text)
        return std::nullopt;
    write.durability = core::parseDurability(*text);
    if (!write.durability || *write.durability == core::Durability::Memory) {
        return badRequest(request, "bad_parameter",
                          "The parameter 'durability' must be sync, interval or os.");
    }
    if (mode != core::Durability::Memory)
        return std::nullopt;
    return problemReply(409, "memory_mode",
                        "This node runs with --durability memory and writes no file: nothing was "
                        "changed. Leave 'durability' out, or ask another node.",
                        request.requestId);
}

/// The write together with what makes its answer.
PendingWrite pending(core::WriteRequest write, const HttpRequest &request,
                     const ApiContext &context, HttpReply (*toReply)(const FinishedWrite &))
{
    auto reply = [key = write.key, id = request.requestId, &coordinator = context.coordinator,
                  toReply](const core::WriteOutcome &outcome) {
        return toReply({key, outcome, coordinator.clusterView()->readiness, id});
    };
    return {std::move(write), std::move(reply)};
}

/// What every write takes from its request; the answer that refuses it otherwise.
std::variant<core::WriteRequest, HttpReply>
beginWrite(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (!request.atLeast.isEmpty())
        return badRequest(request, "bad_parameter", "DynaKV-At-Least is for reading only.");
    auto condition = conditionOf(request);
    if (!condition)
        return badRequest(request, "bad_condition", condition.error().message);
    auto key = keyOf(request, query);
    if (!key)
        return badRequest(request, "bad_key", key.error().message);
    const auto concern = concernFrom(query, *context.coordinator.clusterView());
    if (!concern)
        return badRequest(request, "bad_parameter", concern.error().message);
    const auto timeoutMs =
        query.number("timeout", limits::kRequestTimeoutMsDefault, 1, limits::kRequestTimeoutMsMax);
    if (!timeoutMs)
        return badRequest(request, "bad_parameter", timeoutMs.error().message);
    core::WriteRequest write;
    if (auto refused = readDurability(request, query, context.durability, write))
        return *std::move(refused);
    write.key = *std::move(key);
    write.concern = *concern;
    write.condition = *std::move(condition);
    write.timeoutMs = static_cast<int>(*timeoutMs);
    return write;
}

} // namespace

base::Result<QByteArray> keyOf(const HttpRequest &request, const Query &query)
{
    const auto encoded = query.value("k64");
    QByteArray key;
    if (request.path.startsWith(kKeyPath)) {
        if (encoded)
            return {base::ErrorCode::Invalid, "The key is given twice, in the path and as 'k64'."};
        auto decoded =
            base::api::percentDecoded(QByteArrayView(request.path).sliced(kKeyPath.size()));
        if (!decoded)
            return {base::ErrorCode::Invalid, "In the key " + decoded.error().message + "."};
        key = *std::move(decoded);
    } else {
        if (!encoded)
            return {base::ErrorCode::Invalid,
                    "Name the key: /key/KEY, or /key?k64= with base64url."};
        auto decoded = QByteArray::fromBase64Encoding(
            *encoded, QByteArray::Base64UrlEncoding | QByteArray::AbortOnBase64DecodingErrors);
        if (!decoded)
            return {base::ErrorCode::Invalid, "The parameter 'k64' is not base64url."};
        key = std::move(*decoded);
    }
    if (key.isEmpty() || key.size() > limits::kKeyBytesMax)
        return {base::ErrorCode::Invalid, "A key has 1 to 1024 bytes."};
    return key;
}

Answer getKey(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {"k64", "raw", "meta", "timeout"}, {"r"}))
        return *std::move(refused);
    if (!request.atLeast.isEmpty())
        return problemReply(501, "not_implemented", "DynaKV-At-Least has no effect yet.",
                            request.requestId);
    const auto key = keyOf(request, query);
    if (!key)
        return badRequest(request, "bad_key", key.error().message);
    const auto raw = query.flag("raw");
    const auto meta = query.flag("meta");
    const auto timeoutMs =
        query.number("timeout", limits::kRequestTimeoutMsDefault, 1, limits::kRequestTimeoutMsMax);
    if (!raw || !meta || !timeoutMs) {
        return badRequest(request, "bad_parameter",
                          (!raw    ? raw.error()
                           : !meta ? meta.error()
                                   : timeoutMs.error())
                              .message);
    }
    if (auto refused = refusedUntilCaughtUp(request, *context.coordinator.clusterView()))
        return *std::move(refused);
    const auto record = context.table.find(*key);
    const bool isLive = record && record->isLive(context.wallMs());
    return keyReply(request, isLive ? &*record : nullptr,
                    {*raw || prefersBytes(request.accept), *meta});
}

Answer putKey(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(
            request, query, {"k64", "raw", "ttl", "w", "durability", "timeout"}, {"r"}))
        return *std::move(refused);
    auto begun = beginWrite(request, query, context);
    if (auto *refused = std::get_if<HttpReply>(&begun))
        return std::move(*refused);
    auto write = std::get<core::WriteRequest>(std::move(begun));
    if (auto refused = readPutBody(request, query, context.valueBytesMax, write))
        return *std::move(refused);
    return pending(std::move(write), request, context, putReply);
}

Answer deleteKey(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused =
            refusedParameters(request, query, {"k64", "w", "durability", "timeout"}, {"r"}))
        return *std::move(refused);
    auto begun = beginWrite(request, query, context);
    if (auto *refused = std::get_if<HttpReply>(&begun))
        return std::move(*refused);
    auto write = std::get<core::WriteRequest>(std::move(begun));
    write.kind = core::RecordKind::Tombstone;
    return pending(std::move(write), request, context, deleteReply);
}

} // namespace dynakv::http
