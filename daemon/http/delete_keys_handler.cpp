// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/delete_keys_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/job_view.h"
#include "daemon/http/prefix_deletions.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/write_options.h"
#include "daemon/http/write_reply.h"
#include "daemon/store/table.h"
#include "shared/base/limits.h"

#include <algorithm>

namespace dynakv::http {
namespace {

using Status = core::WriteOutcome::Status;

HttpReply badParameter(const HttpRequest &request, const QByteArray &detail)
{
    return problemReply(400, "bad_parameter", detail, request.requestId);
}

/// What this request must not have: a body, or conditions, which hold for one key only.
std::optional<HttpReply> refusedExtras(const HttpRequest &request)
{
    if (!request.body.isEmpty())
        return problemReply(400, "bad_body", "This takes its parameters from the address, no body.",
                            request.requestId);
    if (request.ifMatch || request.ifNoneMatch || !request.atLeast.isEmpty())
        return problemReply(400, "bad_condition", "A prefix has no version to compare with.",
                            request.requestId);
    return std::nullopt;
}

base::Result<QByteArray> prefixFrom(const Query &query)
{
    const QByteArray prefix = query.value("prefix").value_or(QByteArray());
    const auto isAll = query.flag("all");
    if (!isAll)
        return isAll.error();
    if (prefix.size() > base::limits::kKeyBytesMax)
        return {base::ErrorCode::Invalid, "No key is longer than 1024 bytes."};
    if (prefix.isEmpty() && !*isAll)
        return {base::ErrorCode::Invalid, "Without a prefix this deletes every key: nothing was "
                                          "changed. Name one, or say so with ?all=true."};
    if (!prefix.isEmpty() && *isAll)
        return {base::ErrorCode::Invalid, "'all' goes without a prefix only: nothing was changed."};
    return prefix;
}

HttpReply countReply(const store::Listing &listing)
{
    const auto listed = static_cast<qint64>(listing.keys.size());
    QByteArray body = "{\"count\":";
    if (listing.hasMore)
        body += QByteArray::number(std::max(listed + 1, listing.totalEstimate)) +
                ",\"estimated\":true}";
    else
        body += QByteArray::number(listed) + '}';
    return jsonReply(body);
}

HttpReply deletedReply(qint64 deleted)
{
    return jsonReply("{\"deleted\":" + QByteArray::number(deleted) + '}');
}

/// The first step is done with the request itself; what it cannot reach becomes a job.
struct FirstStep
{
    PrefixDeletions::Order rest = {};
    bool hasMore = false;
    QByteArray requestId = {};

    HttpReply toReply(const std::vector<core::WriteOutcome> &outcomes, const ApiContext &context)
    {
        const auto failed = std::find_if(outcomes.begin(), outcomes.end(), [](const auto &each) {
            return each.status != Status::Done;
        });
        if (failed != outcomes.end())
            return failureReply(
                {{}, *failed, context.coordinator.clusterView()->readiness, requestId});
        rest.deleted = std::count_if(outcomes.begin(), outcomes.end(),
                                     [](const auto &each) { return each.existed; });
        if (!hasMore) {
            HttpReply reply = deletedReply(rest.deleted);
            addDurability(reply, outcomes.front());
            return reply;
        }
        rest.asOfClock = outcomes.front().version.clock;
        const qint64 deleted = rest.deleted;
        if (const auto job = context.deletions.begin(std::move(rest)))
            return acceptedReply(toJson(*job));
        return unavailableReply("overload",
                                "Too many deletions wait: " + QByteArray::number(deleted) +
                                    " keys were deleted, the others were not. Repeat the request.",
                                requestId);
    }
};

} // namespace

Answer deleteKeys(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(
            request, query, {"prefix", "all", "dry_run", "w", "durability", "timeout"}))
        return *std::move(refused);
    if (auto refused = refusedExtras(request))
        return *std::move(refused);
    const auto prefix = prefixFrom(query);
    if (!prefix)
        return badParameter(request, prefix.error().message);
    const auto isDryRun = query.flag("dry_run");
    if (!isDryRun)
        return badParameter(request, isDryRun.error().message);
    core::WriteRequest options;
    options.kind = core::RecordKind::Tombstone;
    if (auto refused = readWriteOptions(request, query, context, options))
        return *std::move(refused);
    if (auto refused = refusedUntilCaughtUp(request, *context.coordinator.clusterView()))
        return *std::move(refused);

    store::ListQuery list;
    list.prefix = *prefix;
    list.limit = base::limits::kPageKeysMax;
    list.wallMs = context.wallMs();
    const store::Listing listing = context.table.list(list);
    if (*isDryRun)
        return countReply(listing);
    if (listing.keys.empty())
        return deletedReply(0);
    PendingGroup group;
    group.requests.reserve(listing.keys.size());
    for (const store::ListedKey &listed : listing.keys)
        group.requests.emplace_back(options).key = listed.key;
    group.toReply = [&context, step = FirstStep{
                                   {*prefix, listing.lastRow, 0, options, 0, listing.totalEstimate},
                                   listing.hasMore,
                                   request.requestId}](const auto &outcomes) mutable {
        return step.toReply(outcomes, context);
    };
    return group;
}

} // namespace dynakv::http
