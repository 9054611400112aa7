// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/admin_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/job_view.h"
#include "daemon/http/problem_reply.h"
#include "daemon/storage/file_keeper.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace dynakv::http {
namespace {

constexpr QByteArrayView kJobsPath("/v1/jobs/");

HttpReply jsonReply(const QJsonObject &object)
{
    return http::jsonReply(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

HttpReply failureReply(const base::Error &error, const QByteArray &requestId)
{
    switch (error.code) {
    case base::ErrorCode::Invalid:
        return problemReply(400, "bad_parameter", error.message, requestId);
    case base::ErrorCode::Conflict:
        return problemReply(409, "conflict", error.message, requestId);
    case base::ErrorCode::NoSpace:
        return unavailableReply("full", error.message, requestId);
    case base::ErrorCode::NotFound:
    case base::ErrorCode::Busy:
    case base::ErrorCode::Denied:
    case base::ErrorCode::Io:
    case base::ErrorCode::Corrupt:
    case base::ErrorCode::Unsupported:
    case base::ErrorCode::Unavailable:
    case base::ErrorCode::TimedOut:
        break;
    }
    return unavailableReply("unavailable", error.message, requestId);
}

/// Waiting brings no file to a node that shall have none.
std::optional<HttpReply> refusedWithoutFile(const HttpRequest &request, const ApiContext &context)
{
    if (context.durability != core::Durability::Memory)
        return std::nullopt;
    return problemReply(
        409, "memory_mode",
        "This node runs with --durability memory and has no file: ask another node.",
        request.requestId);
}

HttpReply begunReply(const base::Result<quint64> &begun, const HttpRequest &request,
                     const ApiContext &context)
{
    if (!begun)
        return failureReply(begun.error(), request.requestId);
    const auto job = context.file.job(*begun);
    return acceptedReply(job ? toJson(*job) : QJsonObject());
}

} // namespace

Answer postCompact(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    if (auto refused = refusedBody(request))
        return *std::move(refused);
    if (auto refused = refusedWithoutFile(request, context))
        return *std::move(refused);
    return begunReply(context.file.compact(), request, context);
}

Answer postBackup(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {"name"}))
        return *std::move(refused);
    if (auto refused = refusedBody(request))
        return *std::move(refused);
    if (auto refused = refusedWithoutFile(request, context))
        return *std::move(refused);
    const QByteArray now = QDateTime::fromMSecsSinceEpoch(context.wallMs())
                               .toUTC()
                               .toString(QStringLiteral("yyyyMMdd-HHmmss"))
                               .toLatin1();
    return begunReply(context.file.backup(query.value("name").value_or(now)), request, context);
}

Answer getJobs(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    QJsonArray jobs;
    for (const QJsonObject &job : allJobs(context))
        jobs.append(job);
    return jsonReply({{QStringLiteral("jobs"), jobs}});
}

Answer getJob(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    const auto job = findJob(context, QByteArrayView(request.path).sliced(kJobsPath.size()));
    if (!job) {
        return problemReply(404, "no_such_job",
                            "There is no job of this number; a node forgets them when it stops.",
                            request.requestId);
    }
    return jsonReply(*job);
}

Answer postLogLevel(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {"level"}))
        return *std::move(refused);
    if (auto refused = refusedBody(request))
        return *std::move(refused);
    const auto rules = query.value("level");
    if (rules && rules->isEmpty())
        return problemReply(400, "bad_parameter", "The parameter 'level' is empty.",
                            request.requestId);
    const auto changed = context.process.changeLogRules(rules.value_or(QByteArray()));
    if (!changed)
        return failureReply(changed.error(), request.requestId);
    return jsonReply({{QStringLiteral("level"), QString::fromUtf8(changed->now)},
                      {QStringLiteral("before"), QString::fromUtf8(changed->before)}});
}

} // namespace dynakv::http
