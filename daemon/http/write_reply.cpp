// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/write_reply.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "shared/base/api/key_text.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace dynakv::http {
namespace {

using Status = core::WriteOutcome::Status;

QByteArray detailOr(const core::WriteOutcome &outcome, const char *otherwise)
{
    return outcome.detail.isEmpty() ? QByteArray(otherwise) : outcome.detail;
}

void addDurability(HttpReply &reply, const core::WriteOutcome &outcome)
{
    reply.headers.emplace_back("DynaKV-Durability",
                               core::toText(outcome.durability) +
                                   "; replicas=" + QByteArray::number(outcome.acked) + '/' +
                                   QByteArray::number(outcome.replicas));
}

HttpReply tooFewReply(const core::WriteOutcome &outcome, const QByteArray &requestId)
{
    QJsonObject extra{{QLatin1String("outcome"), QLatin1String("unknown")},
                      {QLatin1String("acked"), outcome.acked},
                      {QLatin1String("required"), outcome.required}};
    HttpReply reply = unavailableReply(
        "too_few_replicas",
        detailOr(outcome, "Too few replicas have it in time. It may still spread: read the key, or "
                          "repeat the request."),
        requestId, extra);
    addDurability(reply, outcome);
    return reply;
}

struct Failure
{
    QByteArray code = {};
    const char *detail = "";
};

Failure failureOf(const FinishedWrite &write)
{
    switch (write.outcome.status) {
    case Status::NotReady:
        return {write.readiness == core::Readiness::Ready ? QByteArray("not_ready")
                                                          : readinessCode(write.readiness),
                "This node takes no writes now; nothing was changed."};
    case Status::ClockOff:
        return {"clock", "The clock of this node is off; nothing was changed."};
    case Status::NoSpace:
        return {"full", "The disk or the memory is full; nothing was changed."};
    case Status::Failed:
    case Status::TooFewReplicas:
    case Status::ConditionFailed:
    case Status::Done:
        break;
    }
    return {"storage_failed", "The file of this node refused the write: it is not acknowledged."};
}

/// Whoever lost learns what is there now, and need not ask.
HttpReply conditionFailedReply(const FinishedWrite &write)
{
    const QByteArray version = write.outcome.version.toString();
    const bool isThere = write.outcome.existed;
    HttpReply reply = problemReply(
        412, "precondition_failed",
        isThere ? QByteArray("The value there does not fit the condition; nothing was changed.")
                : QByteArray("There is no value under this key; nothing was changed."),
        write.requestId,
        {{QLatin1String("version"),
          isThere ? QJsonValue(QString::fromLatin1(version)) : QJsonValue(QJsonValue::Null)}});
    if (isThere)
        reply.headers.emplace_back("ETag", '"' + version + '"');
    return reply;
}

/// The answer to a write that is not known to be done.
HttpReply failureReply(const FinishedWrite &write)
{
    if (write.outcome.status == Status::ConditionFailed)
        return conditionFailedReply(write);
    if (write.outcome.status == Status::TooFewReplicas)
        return tooFewReply(write.outcome, write.requestId);
    const Failure failure = failureOf(write);
    return unavailableReply(failure.code, detailOr(write.outcome, failure.detail), write.requestId);
}

QJsonObject bodyOf(const FinishedWrite &write)
{
    QJsonObject body{
        {QLatin1String("version"), QString::fromLatin1(write.outcome.version.toString())}};
    base::api::putKey(body, write.key);
    return body;
}

HttpReply doneReply(const QJsonObject &body, const core::WriteOutcome &outcome)
{
    HttpReply reply{
        200, "application/json", QJsonDocument(body).toJson(QJsonDocument::Compact), {}};
    addDurability(reply, outcome);
    return reply;
}

} // namespace

HttpReply putReply(const FinishedWrite &write)
{
    if (write.outcome.status != Status::Done)
        return failureReply(write);
    HttpReply reply = doneReply(bodyOf(write), write.outcome);
    reply.headers.emplace_back("ETag", '"' + write.outcome.version.toString() + '"');
    return reply;
}

HttpReply deleteReply(const FinishedWrite &write)
{
    if (write.outcome.status != Status::Done)
        return failureReply(write);
    QJsonObject body = bodyOf(write);
    body.insert(QLatin1String("existed"), write.outcome.existed);
    return doneReply(body, write.outcome);
}

} // namespace dynakv::http
