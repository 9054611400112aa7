// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/batch_handler.h"

#include "daemon/http/batch.h"
#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/put_body.h"
#include "daemon/http/write_options.h"
#include "daemon/http/write_reply.h"
#include "daemon/store/table.h"
#include "shared/base/limits.h"

#include <algorithm>
#include <memory>

namespace dynakv::http {
namespace {

constexpr const char *kLinesType = "application/x-ndjson";

std::optional<HttpReply> refusedLines(const HttpRequest &request)
{
    if (!request.hasBody)
        return lengthRequiredReply(request);
    if (bareType(request.contentType) != kLinesType || !isIdentity(request.contentEncoding)) {
        HttpReply reply =
            problemReply(415, "unsupported_type", "Send lines of JSON as application/x-ndjson.",
                         request.requestId);
        reply.headers.emplace_back("Accept", kLinesType);
        return reply;
    }
    const qsizetype ends = request.body.count('\n');
    const qsizetype lines = request.body.isEmpty() || request.body.endsWith('\n') ? ends : ends + 1;
    if (lines <= base::limits::kBatchLinesMax)
        return std::nullopt;
    return problemReply(413, "too_many_lines",
                        "A batch has at most " + QByteArray::number(base::limits::kBatchLinesMax) +
                            " lines; nothing was changed.",
                        request.requestId);
}

void addLines(Batch &batch, QByteArrayView body, qsizetype valueBytesMax)
{
    while (!body.isEmpty()) {
        const qsizetype end = body.indexOf('\n');
        batch.add(parseBatchLine(end < 0 ? body : body.first(end), valueBytesMax));
        body = end < 0 ? QByteArrayView() : body.sliced(end + 1);
    }
}

HttpReply linesReply(const QByteArray &lines)
{
    return {200, kLinesType, lines, {{"Cache-Control", "no-store"}}};
}

/// The weakest of what was done, if anything was.
std::optional<core::WriteOutcome> weakest(const std::vector<core::WriteOutcome> &outcomes)
{
    std::optional<core::WriteOutcome> weakest;
    for (const core::WriteOutcome &each : outcomes) {
        if (each.status != core::WriteOutcome::Status::Done)
            continue;
        if (!weakest)
            weakest = each;
        weakest->durability = std::min(weakest->durability, each.durability);
        weakest->acked = std::min(weakest->acked, each.acked);
    }
    return weakest;
}

} // namespace

Answer postBatch(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {"w", "durability", "timeout"}))
        return *std::move(refused);
    if (auto refused = refusedLines(request))
        return *std::move(refused);
    core::WriteRequest options;
    if (auto refused = readWriteOptions(request, query, context, options))
        return *std::move(refused);
    if (auto refused = refusedUntilCaughtUp(request, *context.coordinator.clusterView()))
        return *std::move(refused);

    const auto batch = std::make_shared<Batch>(
        [&table = context.table, wallMs = context.wallMs()](const QByteArray &key) {
            auto record = table.find(key);
            return record && record->isLive(wallMs) ? std::move(record) : std::nullopt;
        });
    addLines(*batch, request.body, context.valueBytesMax);
    if (!batch->hasWrites())
        return linesReply(batch->answer({}, core::Readiness::Ready));
    return PendingGroup{batch->takeWrites(options),
                        [batch, &coordinator = context.coordinator](const auto &outcomes) {
                            HttpReply reply = linesReply(
                                batch->answer(outcomes, coordinator.clusterView()->readiness));
                            if (const auto held = weakest(outcomes))
                                addDurability(reply, *held);
                            return reply;
                        }};
}

} // namespace dynakv::http
