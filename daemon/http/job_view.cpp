// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/job_view.h"

#include "daemon/http/prefix_deletions.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/query.h"
#include "daemon/storage/file_keeper.h"
#include "shared/base/api/key_text.h"
#include "shared/base/api/timestamp.h"

#include <QJsonDocument>

#include <algorithm>

namespace dynakv::http {
namespace {

constexpr char kDeletionMark = 'd';

QString timeOf(qint64 unixMs)
{
    return QString::fromLatin1(base::api::toTimestamp(unixMs));
}

} // namespace

QJsonObject toJson(const storage::StorageJob &job)
{
    QJsonObject object{
        {QStringLiteral("id"), QString::number(job.id)},
        {QStringLiteral("kind"), QString::fromLatin1(toText(job.kind))},
        {QStringLiteral("state"), QString::fromLatin1(toText(job.state))},
        {QStringLiteral("started_at"), timeOf(job.startedMs)},
        {QStringLiteral("records"), static_cast<qint64>(job.records)},
        {QStringLiteral("records_expected"), static_cast<qint64>(job.recordsExpected)},
        {QStringLiteral("bytes"), job.bytes}};
    if (job.endedMs != 0) {
        object.insert(QStringLiteral("ended_at"), timeOf(job.endedMs));
        object.insert(QStringLiteral("writes_paused_us"), job.pausedUs);
    }
    if (!job.sha256.isEmpty()) {
        const qsizetype slash = job.path.lastIndexOf(QLatin1Char('/'));
        object.insert(QStringLiteral("file"), job.path.sliced(slash + 1));
        object.insert(QStringLiteral("sha256"), QString::fromLatin1(job.sha256));
    }
    if (!job.detail.isEmpty())
        object.insert(QStringLiteral("detail"), QString::fromUtf8(job.detail));
    return object;
}

QJsonObject toJson(const PrefixDeletion &job)
{
    QJsonObject object{
        {QStringLiteral("id"), QLatin1Char(kDeletionMark) + QString::number(job.number)},
        {QStringLiteral("kind"), QStringLiteral("delete_prefix")},
        {QStringLiteral("state"), QString::fromLatin1(toText(job.state))},
        {QStringLiteral("started_at"), timeOf(job.startedMs)},
        {QStringLiteral("records"), job.deleted},
        {QStringLiteral("records_expected"), job.expected}};
    base::api::putBytes(object, QLatin1String("prefix"), job.prefix);
    if (job.endedMs != 0)
        object.insert(QStringLiteral("ended_at"), timeOf(job.endedMs));
    if (!job.detail.isEmpty())
        object.insert(QStringLiteral("detail"), QString::fromUtf8(job.detail));
    return object;
}

HttpReply acceptedReply(const QJsonObject &job)
{
    const QJsonObject body{{QStringLiteral("job"), job}};
    HttpReply reply = jsonReply(QJsonDocument(body).toJson(QJsonDocument::Compact));
    reply.status = 202;
    reply.headers.emplace_back("Location",
                               "/v1/jobs/" + job.value(QLatin1String("id")).toString().toLatin1());
    return reply;
}

std::vector<QJsonObject> allJobs(const ApiContext &context)
{
    std::vector<std::pair<qint64, QJsonObject>> jobs;
    for (const storage::StorageJob &job : context.file.jobs())
        jobs.emplace_back(job.startedMs, toJson(job));
    for (const PrefixDeletion &job : context.deletions.all())
        jobs.emplace_back(job.startedMs, toJson(job));
    std::stable_sort(jobs.begin(), jobs.end(),
                     [](const auto &left, const auto &right) { return left.first > right.first; });
    std::vector<QJsonObject> rows;
    rows.reserve(jobs.size());
    for (auto &[startedMs, job] : jobs)
        rows.push_back(std::move(job));
    return rows;
}

std::optional<QJsonObject> findJob(const ApiContext &context, QByteArrayView id)
{
    const bool isDeletion = id.startsWith(kDeletionMark);
    const auto number = decimalFrom(isDeletion ? id.sliced(1) : id);
    if (!number)
        return std::nullopt;
    if (isDeletion) {
        const auto job = context.deletions.find(static_cast<quint64>(*number));
        return job ? std::optional(toJson(*job)) : std::nullopt;
    }
    const auto job = context.file.job(static_cast<quint64>(*number));
    return job ? std::optional(toJson(*job)) : std::nullopt;
}

} // namespace dynakv::http
