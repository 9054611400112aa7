// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/key_handler.h"

#include "daemon/http/conditions.h"
#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/put_body.h"
#include "daemon/http/read_reply.h"
#include "daemon/http/write_options.h"
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

/// What every write takes from its request; the answer that refuses it
/// otherwise.
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
    core::WriteRequest write;
    if (auto refused = readWriteOptions(request, query, context, write))
        return *std::move(refused);
    write.key = *std::move(key);
    write.condition = *std::move(condition);
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
    if (auto refused = refusedParameters(request, query, {"k64", "raw", "meta", "timeout", "r"}))
        return *std::move(refused);
    auto key = keyOf(request, query);
    if (!key)
        return badRequest(request, "bad_key", key.error().message);
    auto read = readOptionsFrom(request, query, context);
    if (!read)
        return badRequest(request, "bad_parameter", read.error().message);
    const auto cluster = context.coordinator.clusterView();
    const bool isFenced = refusedUntilCaughtUp(request, *cluster).has_value();
    if (!isFenced && read->request.concern == core::ReadConcern{}) {
        auto record = context.table.find(*key);
        const auto &atLeast = read->request.atLeast;
        if (!atLeast || (record && record->version >= *atLeast))
            return readReply(request, read->view, {.record = std::move(record)}, *cluster,
                             context.wallMs());
    }
    read->request.key = *std::move(key);
    return PendingRead{std::move(read->request),
                       [request, view = read->view, wallMs = context.wallMs,
                        &coordinator = context.coordinator](const core::ReadOutcome &outcome) {
                           return readReply(request, view, outcome, *coordinator.clusterView(),
                                            wallMs());
                       }};
}

Answer putKey(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused =
            refusedParameters(request, query, {"k64", "raw", "ttl", "w", "durability", "timeout"}))
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
    if (auto refused = refusedParameters(request, query, {"k64", "w", "durability", "timeout"}))
        return *std::move(refused);
    auto begun = beginWrite(request, query, context);
    if (auto *refused = std::get_if<HttpReply>(&begun))
        return std::move(*refused);
    auto write = std::get<core::WriteRequest>(std::move(begun));
    write.kind = core::RecordKind::Tombstone;
    return pending(std::move(write), request, context, deleteReply);
}

} // namespace dynakv::http
