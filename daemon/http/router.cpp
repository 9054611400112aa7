// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/router.h"

#include "daemon/http/admin_handler.h"
#include "daemon/http/batch_handler.h"
#include "daemon/http/cluster_handler.h"
#include "daemon/http/document_handler.h"
#include "daemon/http/delete_keys_handler.h"
#include "daemon/http/health_handler.h"
#include "daemon/http/key_handler.h"
#include "daemon/http/list_handler.h"
#include "daemon/http/member_handler.h"
#include "daemon/http/metrics_handler.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/query.h"
#include "daemon/http/replicas_handler.h"
#include "daemon/http/stats_handler.h"
#include "daemon/http/watch_handler.h"

#include <array>
#include <utility>

namespace dynakv::http {
namespace {

using Handler = Answer (*)(const HttpRequest &, const Query &, const ApiContext &);

/// One path with its handlers; where there is none the method is not allowed.
struct Route
{
    const char *path;
    bool isPrefix;
    Handler get;
    Handler put = nullptr;
    Handler remove = nullptr;
    Handler post = nullptr;
    const char *parameter = ""; ///< How the rest of a prefix is called.
};

constexpr std::array kRoutes{
    Route{"/key/", true, getKey, putKey, deleteKey, nullptr, "{key}"},
    Route{"/key", false, getKey, putKey, deleteKey},
    Route{"/membership", false, getMembership},
    Route{"/v1/keys", false, getKeys, nullptr, deleteKeys},
    Route{"/v1/cluster", false, getCluster},
    Route{"/livez", false, getLiveness},
    Route{"/readyz", false, getReadiness},
    Route{"/version", false, getVersion},
    Route{"/", false, getIndex},
    Route{"/v1/batch", false, nullptr, nullptr, nullptr, postBatch},
    Route{"/v1/watch", false, getWatch},
    Route{"/v1/stats", false, getStats},
    Route{"/v1/key-replicas/", true, getKeyReplicas, nullptr, nullptr, nullptr, "{key}"},
    Route{"/v1/admin/compact", false, nullptr, nullptr, nullptr, postCompact},
    Route{"/v1/admin/backup", false, nullptr, nullptr, nullptr, postBackup},
    Route{"/v1/admin/log-level", false, nullptr, nullptr, nullptr, postLogLevel},
    Route{"/v1/admin/forget", false, nullptr, nullptr, nullptr, postForget},
    Route{"/v1/admin/repair", false, nullptr, nullptr, nullptr, postRepair},
    Route{"/v1/admin/leave", false, nullptr, nullptr, nullptr, postLeave},
    Route{"/v1/jobs", false, getJobs},
    Route{"/v1/jobs/", true, getJob, nullptr, nullptr, nullptr, "{id}"},
    Route{"/metrics", false, getMetrics},
    Route{"/openapi.json", false, getDocument},
};

const Route *findRoute(QByteArrayView path)
{
    for (const Route &route : kRoutes) {
        if (route.isPrefix ? path.startsWith(route.path) : path == route.path)
            return &route;
    }
    return nullptr;
}

Handler handlerOf(const Route &route, Method method)
{
    switch (method) {
    case Method::Get:
    case Method::Head:
        return route.get;
    case Method::Put:
        return route.put;
    case Method::Delete:
        return route.remove;
    case Method::Post:
        return route.post;
    case Method::Patch:
    case Method::Options:
        return nullptr;
    }
    return nullptr;
}

QByteArray allowedOn(const Route &route)
{
    QByteArray allowed = route.get ? "GET, HEAD, " : "";
    if (route.post)
        allowed += "POST, ";
    if (route.put)
        allowed += "PUT, ";
    if (route.remove)
        allowed += "DELETE, ";
    return allowed + "OPTIONS";
}

constexpr int kMethodsPerRoute = 4;

std::array<std::pair<const char *, Handler>, kMethodsPerRoute> handlersOf(const Route &route)
{
    return {
        {{"GET", route.get}, {"POST", route.post}, {"PUT", route.put}, {"DELETE", route.remove}}};
}

int indexOf(const Route &route, int method)
{
    return static_cast<int>(&route - kRoutes.data()) * kMethodsPerRoute + method + kNoEndpoint + 1;
}

int indexOf(const Route &route, Handler handler)
{
    const auto handlers = handlersOf(route);
    for (int method = 0; method < kMethodsPerRoute; ++method) {
        if (handlers[static_cast<std::size_t>(method)].second == handler)
            return indexOf(route, method);
    }
    return kNoEndpoint;
}

/// What is answered without a handler, or the endpoint's own answer.
Routed served(const Route &found, const HttpRequest &request, const ApiContext &context)
{
    const Handler handler = handlerOf(found, request.method);
    if (!handler) {
        const QByteArray allowed = allowedOn(found);
        if (request.method == Method::Options)
            return {HttpReply{204, {}, {}, {{"Allow", allowed}}}};
        HttpReply reply = problemReply(405, "method_not_allowed",
                                       "This path takes only: " + allowed + ".", request.requestId);
        reply.headers.emplace_back("Allow", allowed);
        return {std::move(reply)};
    }
    const int endpoint = indexOf(found, handler);
    const auto query = Query::parse(request.query);
    if (!query) {
        return {problemReply(400, "bad_parameter", query.error().message, request.requestId),
                endpoint};
    }
    return {handler(request, *query, context), endpoint};
}

} // namespace

std::vector<Endpoint> endpoints()
{
    std::vector<Endpoint> all;
    for (const Route &route : kRoutes) {
        const auto handlers = handlersOf(route);
        for (int method = 0; method < kMethodsPerRoute; ++method) {
            const auto [name, handler] = handlers[static_cast<std::size_t>(method)];
            if (handler)
                all.push_back(
                    {indexOf(route, method), name, QByteArray(route.path) + route.parameter});
        }
    }
    return all;
}

int endpointIndexEnd()
{
    return static_cast<int>(kRoutes.size()) * kMethodsPerRoute + kNoEndpoint + 1;
}

Routed dispatch(const HttpRequest &request, const ApiContext &context)
{
    if (request.path == "*")
        return {HttpReply{204, {}, {}, {{"Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS"}}}};
    const Route *const found = findRoute(request.path);
    if (!found) {
        return {problemReply(404, "no_such_path",
                             "Nothing is served under this path; '/' lists what is.",
                             request.requestId)};
    }
    return served(*found, request, context);
}

Answer route(const HttpRequest &request, const ApiContext &context)
{
    return dispatch(request, context).answer;
}

} // namespace dynakv::http
