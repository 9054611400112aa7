// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/write_reply.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/key_view.h"
#include "daemon/http/problem_reply.h"

#include <QJsonObject>

namespace dynakv::http {
namespace {

using Status = core::WriteOutcome::Status;

/// \a start, then `"key":...,"version":"..."}`: by hand, since a QJsonObject took a tenth of all
/// that a PUT costs.
QByteArray bodyOf(const char *start, const QByteArray &key, const QByteArray &version)
{
    QByteArray body;
    body.reserve(128 + key.size());
    body.append(start);
    appendKey(body, key);
    return body.append(",\"version\":\"").append(version).append("\"}");
}

HttpReply doneReply(QByteArray body, const core::WriteOutcome &outcome)
{
    HttpReply reply{200, QByteArrayLiteral("application/json"), std::move(body), {}};
    reply.headers.reserve(2);
    addDurability(reply, outcome);
    return reply;
}

} // namespace

WriteFailure failureOf(const core::WriteOutcome &outcome, core::Readiness readiness)
{
    const auto failure = [&outcome](const QByteArray &code, const char *detail) {
        return WriteFailure{503, code, outcome.detail.isEmpty() ? detail : outcome.detail};
    };
    switch (outcome.status) {
    case Status::TooFewReplicas:
        return failure("too_few_replicas",
                       "Too few replicas have it in time. It may still spread: read the key, or "
                       "repeat the request.");
    case Status::NotReady:
        return failure(readiness == core::Readiness::Ready ? QByteArray("not_ready")
                                                           : readinessCode(readiness),
                       "This node takes no writes now; nothing was changed.");
    case Status::ClockOff:
        return failure("clock", "The clock of this node is off; nothing was changed.");
    case Status::NoSpace:
        return failure("full", "The disk or the memory is full; nothing was changed.");
    case Status::ConditionFailed:
        return {412, "precondition_failed",
                outcome.existed ? "The value there does not fit the condition; nothing was changed."
                                : "There is no value under this key; nothing was changed."};
    case Status::Failed:
    case Status::Done:
        break;
    }
    return failure("storage_failed",
                   "The file of this node refused the write: it is not acknowledged.");
}

HttpReply failureReply(const FinishedWrite &write)
{
    const core::WriteOutcome &outcome = write.outcome;
    const WriteFailure failure = failureOf(outcome, write.readiness);
    if (outcome.status == Status::ConditionFailed) {
        return conditionFailedReply(outcome.existed ? std::optional(outcome.version) : std::nullopt,
                                    failure.detail, write.requestId);
    }
    if (outcome.status != Status::TooFewReplicas)
        return unavailableReply(failure.code, failure.detail, write.requestId);
    const QJsonObject extra{{QLatin1String("outcome"), QLatin1String("unknown")},
                            {QLatin1String("acked"), outcome.acked},
                            {QLatin1String("required"), outcome.required}};
    HttpReply reply = unavailableReply(failure.code, failure.detail, write.requestId, extra);
    addDurability(reply, outcome);
    return reply;
}

void addDurability(HttpReply &reply, const core::WriteOutcome &outcome)
{
    QByteArray text;
    text.reserve(48);
    text.append(core::toText(outcome.durability)).append("; replicas=");
    text.append(QByteArray::number(outcome.acked)).append('/');
    text.append(QByteArray::number(outcome.replicas));
    reply.headers.emplace_back(QByteArrayLiteral("DynaKV-Durability"), std::move(text));
}

HttpReply putReply(const FinishedWrite &write)
{
    if (write.outcome.status != Status::Done)
        return failureReply(write);
    const QByteArray version = write.outcome.version.toString();
    HttpReply reply = doneReply(bodyOf("{", write.key, version), write.outcome);
    reply.headers.emplace_back(QByteArrayLiteral("ETag"), '"' + version + '"');
    return reply;
}

HttpReply deleteReply(const FinishedWrite &write)
{
    if (write.outcome.status != Status::Done)
        return failureReply(write);
    return doneReply(bodyOf(write.outcome.existed ? "{\"existed\":true," : "{\"existed\":false,",
                            write.key, write.outcome.version.toString()),
                     write.outcome);
}

} // namespace dynakv::http
