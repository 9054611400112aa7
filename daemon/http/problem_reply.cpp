// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/problem_reply.h"

#include "daemon/http/head_parser.h"
#include "shared/base/api/problem.h"

namespace dynakv::http {
namespace {

constexpr const char *kRetryAfterSeconds = "1";

}

HttpReply problemReply(int status, const QByteArray &code, const QByteArray &detail,
                       const QByteArray &requestId, const QJsonObject &extra)
{
    const base::api::Problem problem{status, code,      reasonPhrase(status).toByteArray(),
                                     detail, requestId, extra};
    return {status,
            "application/problem+json",
            base::api::toJsonBytes(problem),
            {{"Cache-Control", "no-store"}}};
}

HttpReply unavailableReply(const QByteArray &code, const QByteArray &detail,
                           const QByteArray &requestId, const QJsonObject &extra)
{
    HttpReply reply = problemReply(503, code, detail, requestId, extra);
    reply.headers.emplace_back("Retry-After", kRetryAfterSeconds);
    return reply;
}

HttpReply conditionFailedReply(const std::optional<core::Version> &version,
                               const QByteArray &detail, const QByteArray &requestId)
{
    const QByteArray text = version ? version->toString() : QByteArray();
    const QJsonValue member =
        version ? QJsonValue(QString::fromLatin1(text)) : QJsonValue(QJsonValue::Null);
    HttpReply reply = problemReply(412, "precondition_failed", detail, requestId,
                                   {{QLatin1String("version"), member}});
    if (version)
        reply.headers.emplace_back("ETag", '"' + text + '"');
    return reply;
}

HttpReply refusalReply(const Refusal &refusal, const QByteArray &requestId)
{
    if (refusal.status == 503)
        return unavailableReply(refusal.code, refusal.detail, requestId);
    return problemReply(refusal.status, refusal.code, refusal.detail, requestId);
}

HttpReply jsonReply(const QByteArray &body)
{
    return {200, "application/json", body, {{"Cache-Control", "no-cache"}}};
}

} // namespace dynakv::http
