// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/read_reply.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/write_options.h"
#include "shared/base/limits.h"

namespace dynakv::http {
namespace {

namespace limits = base::limits;
using Status = core::ReadOutcome::Status;

} // namespace

base::Result<KeyRead> readOptionsFrom(const HttpRequest &request, const Query &query,
                                      const ApiContext &context)
{
    const auto raw = query.flag("raw");
    if (!raw)
        return raw.error();
    const auto meta = query.flag("meta");
    if (!meta)
        return meta.error();
    const auto timeoutMs =
        query.number("timeout", limits::kRequestTimeoutMsDefault, 1, limits::kRequestTimeoutMsMax);
    if (!timeoutMs)
        return timeoutMs.error();
    const auto concern = concernFrom(query, "r", *context.coordinator.clusterView());
    if (!concern)
        return concern.error();
    KeyRead read{{{}, *concern, {}, static_cast<int>(*timeoutMs)},
                 {*raw || prefersBytes(request.accept), *meta}};
    if (!request.atLeast.isEmpty()) {
        read.request.atLeast = core::parseVersion(request.atLeast);
        if (!read.request.atLeast)
            return {base::ErrorCode::Invalid,
                    "DynaKV-At-Least must be a version as the answer to a write tells it."};
    }
    return read;
}

HttpReply readReply(const HttpRequest &request, KeyViewOptions view,
                    const core::ReadOutcome &outcome, const core::ClusterView &cluster,
                    qint64 wallMs)
{
    const bool isReady = cluster.readiness == core::Readiness::Ready;
    switch (outcome.status) {
    case Status::Done: {
        const bool isLive = outcome.record && outcome.record->isLive(wallMs);
        return keyReply(request, isLive ? &*outcome.record : nullptr, view);
    }
    case Status::TooFewReplicas:
        // Who could ask nobody at all has not joined, or lost everybody: that says more.
        if (outcome.acked == 0 && !isReady)
            break;
        return unavailableReply("too_few_replicas",
                                "Too few replicas told what they hold: " + outcome.detail + '.',
                                request.requestId,
                                {{QLatin1String("acked"), outcome.acked},
                                 {QLatin1String("required"), outcome.required}});
    case Status::TooOld:
        return unavailableReply("version_not_reached",
                                "No replica that could be asked holds the version of "
                                "DynaKV-At-Least or a later one.",
                                request.requestId);
    case Status::NotReady:
        if (isReady)
            return unavailableReply("overload", outcome.detail, request.requestId);
        break;
    }
    return unavailableReply(readinessCode(cluster.readiness), readinessDetail(cluster),
                            request.requestId);
}

} // namespace dynakv::http
