// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/member_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "shared/base/api/timestamp.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace dynakv::http {
namespace {

using core::OperatorOutcome;
using core::OperatorRequest;

std::optional<HttpReply> refusal(const OperatorOutcome &outcome, const QByteArray &requestId)
{
    switch (outcome.status) {
    case OperatorOutcome::Status::UnknownMember:
        return problemReply(404, "no_such_member", outcome.detail, requestId);
    case OperatorOutcome::Status::Conflict:
        return problemReply(409, "conflict", outcome.detail, requestId);
    case OperatorOutcome::Status::NotInTime:
        return unavailableReply("not_handed_over", outcome.detail, requestId);
    case OperatorOutcome::Status::Done:
        break;
    }
    return std::nullopt;
}

HttpReply objectReply(const QJsonObject &object)
{
    return jsonReply(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

} // namespace

Answer postForget(const HttpRequest &request, const Query &query, const ApiContext &)
{
    if (auto refused = refusedParameters(request, query, {"node"}))
        return *std::move(refused);
    if (auto refused = refusedBody(request))
        return *std::move(refused);
    const auto id = core::parseHex16(query.value("node").value_or(QByteArray()));
    if (!id || *id == 0) {
        return problemReply(400, "bad_parameter",
                            "Name the member: ?node= and its id, 16 hex digits, as /v1/cluster "
                            "lists it.",
                            request.requestId);
    }
    return PendingOperation{
        {OperatorRequest::Kind::Forget, *id},
        [id = *id, requestId = request.requestId](const OperatorOutcome &outcome) {
            if (auto refused = refusal(outcome, requestId))
                return *std::move(refused);
            QJsonObject object{
                {QStringLiteral("forgotten"), QString::fromLatin1(core::toHex16(id))},
                {QStringLiteral("detail"), QString::fromUtf8(outcome.detail)}};
            const auto putTime = [&object](const char *name, std::optional<qint64> wallMs) {
                if (wallMs)
                    object.insert(QLatin1String(name),
                                  QString::fromLatin1(base::api::toTimestamp(*wallMs)));
            };
            putTime("last_contact", outcome.contactMs);
            putTime("compared_at", outcome.comparedMs);
            if (outcome.comparedMs)
                object.insert(QStringLiteral("partitions_equal"), outcome.partitionsEqual);
            return objectReply(object);
        }};
}

Answer postLeave(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    if (auto refused = refusedBody(request))
        return *std::move(refused);
    return PendingOperation{
        {OperatorRequest::Kind::Leave, 0},
        [requestId = request.requestId,
         self = context.coordinator.clusterView()->self](const OperatorOutcome &outcome) {
            if (auto refused = refusal(outcome, requestId))
                return *std::move(refused);
            return objectReply({{QStringLiteral("left"), QString::fromLatin1(core::toHex16(self))},
                                {QStringLiteral("handed_to"), outcome.members},
                                {QStringLiteral("detail"), QString::fromUtf8(outcome.detail)}});
        }};
}

Answer postRepair(const HttpRequest &request, const Query &query, const ApiContext &)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    if (auto refused = refusedBody(request))
        return *std::move(refused);
    return PendingOperation{
        {OperatorRequest::Kind::Repair, 0},
        [requestId = request.requestId](const OperatorOutcome &outcome) {
            if (auto refused = refusal(outcome, requestId))
                return *std::move(refused);
            return objectReply({{QStringLiteral("comparing_with"), outcome.members}});
        }};
}

} // namespace dynakv::http
