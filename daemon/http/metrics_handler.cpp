// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/metrics_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/metrics_families.h"

namespace dynakv::http {

Answer getMetrics(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    MetricsText text;
    addProcessFamilies(text, context);
    addHttpFamilies(text, *countedByAll(context));
    addStorageFamilies(text, context);
    addClusterFamilies(text, *context.coordinator.clusterView());
    return HttpReply{200,
                     "text/plain; version=0.0.4; charset=utf-8",
                     text.take(),
                     {{"Cache-Control", "no-store"}}};
}

} // namespace dynakv::http
