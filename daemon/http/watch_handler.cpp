// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/watch_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "shared/base/limits.h"

namespace dynakv::http {

Answer getWatch(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {"prefix", "values", "after"}))
        return *std::move(refused);
    const auto hasValues = query.flag("values");
    if (!hasValues)
        return problemReply(400, "bad_parameter", hasValues.error().message, request.requestId);
    PendingWatch watch;
    watch.request.hasValues = *hasValues;
    watch.request.prefix = query.value("prefix").value_or(QByteArray());
    if (watch.request.prefix.size() > base::limits::kKeyBytesMax) {
        return problemReply(400, "bad_parameter",
                            "The parameter 'prefix' is too long: no key has more than 1024 bytes.",
                            request.requestId);
    }
    // A client that comes back to the same address knows more than that says.
    watch.request.after = request.lastEventId ? request.lastEventId : query.value("after");
    // What a node fetches to catch up is not news.
    if (auto refused = refusedUntilCaughtUp(request, *context.coordinator.clusterView()))
        return *std::move(refused);
    watch.head.contentType = "text/event-stream";
    watch.head.headers.emplace_back("Cache-Control", "no-store");
    return watch;
}

} // namespace dynakv::http
