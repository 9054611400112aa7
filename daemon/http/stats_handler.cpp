// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/stats_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/router.h"
#include "daemon/storage/file_keeper.h"
#include "daemon/store/table.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace dynakv::http {
namespace {

QJsonObject latency(const base::HistogramCounts &us)
{
    return {{QStringLiteral("p50_us"), us.percentile(500)},
            {QStringLiteral("p99_us"), us.percentile(990)},
            {QStringLiteral("p999_us"), us.percentile(999)}};
}

/// What clients do with keys, whichever of its paths they take.
QJsonObject operation(const HttpMetrics &metrics, const QByteArray &method,
                      std::initializer_list<const char *> paths)
{
    base::HistogramCounts us;
    qint64 failed = 0;
    for (const Endpoint &endpoint : endpoints()) {
        if (endpoint.method != method ||
            std::find(paths.begin(), paths.end(), endpoint.path) == paths.end())
            continue;
        const EndpointMetrics &counted =
            metrics.endpoints[static_cast<std::size_t>(endpoint.index)];
        us += counted.tookUs().counts();
        for (const int status : EndpointMetrics::kStatuses)
            failed += status >= 500 || status == 0 ? counted.count(status) : 0;
    }
    QJsonObject object = latency(us);
    object.insert(QStringLiteral("count"), us.count);
    object.insert(QStringLiteral("failed"), failed);
    return object;
}

QJsonObject operations(const HttpMetrics &metrics)
{
    const std::initializer_list<const char *> keyPaths{"/key/{key}", "/key"};
    return {{QStringLiteral("get"), operation(metrics, "GET", keyPaths)},
            {QStringLiteral("put"), operation(metrics, "PUT", keyPaths)},
            {QStringLiteral("delete"), operation(metrics, "DELETE", keyPaths)},
            {QStringLiteral("list"), operation(metrics, "GET", {"/v1/keys"})}};
}

QJsonObject connections(const DoorMetrics &door)
{
    qint64 refused = 0;
    for (const base::Counter &each : door.refusals)
        refused += each.value();
    return {{QStringLiteral("open"), door.accepted.value() - door.closed.value()},
            {QStringLiteral("accepted"), door.accepted.value()},
            {QStringLiteral("requests_refused"), refused}};
}

QJsonObject commits(const storage::StorageMetrics &metrics)
{
    const base::HistogramCounts syncs = metrics.syncUs.counts();
    QJsonObject sync = latency(syncs);
    sync.insert(QStringLiteral("count"), syncs.count);
    return {
        {QStringLiteral("count"), metrics.commits.value()},
        {QStringLiteral("failed"), metrics.commitsFailed.value() + metrics.commitsNoSpace.value()},
        {QStringLiteral("sync"), sync}};
}

QJsonObject about(const storage::FileStatus &file)
{
    QJsonObject object{{QStringLiteral("bytes"), file.fileBytes},
                       {QStringLiteral("base_bytes"), file.baseBytes},
                       {QStringLiteral("dead_bytes"), file.deadBytes},
                       {QStringLiteral("generation"), static_cast<qint64>(file.generation)},
                       {QStringLiteral("writable"), file.broken.isEmpty()}};
    if (!file.broken.isEmpty())
        object.insert(QStringLiteral("detail"), QString::fromUtf8(file.broken));
    return object;
}

} // namespace

Answer getStats(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    const store::TableStats stats = context.table.stats();
    const auto counted = countedByAll(context);
    QJsonObject object{{QStringLiteral("keys"), stats.records - stats.tombstones},
                       {QStringLiteral("tombstones"), stats.tombstones},
                       {QStringLiteral("bytes"), stats.bytes},
                       {QStringLiteral("memory_bytes"), stats.memoryBytes},
                       {QStringLiteral("operations"), operations(*counted)},
                       {QStringLiteral("connections"), connections(counted->door)},
                       {QStringLiteral("commits"), commits(context.file.metrics())}};
    if (context.process.memoryBytesMax > 0)
        object.insert(QStringLiteral("memory_limit_bytes"), context.process.memoryBytesMax);
    if (const auto resident = context.process.stats().residentBytes)
        object.insert(QStringLiteral("resident_bytes"), *resident);
    const storage::FileStatus file = context.file.status();
    if (file.generation != 0)
        object.insert(QStringLiteral("file"), about(file));
    return jsonReply(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

} // namespace dynakv::http
