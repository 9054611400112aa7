// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/health_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace dynakv::http {
namespace {

HttpReply okReply()
{
    return {200, "text/plain; charset=utf-8", "ok\n", {{"Cache-Control", "no-store"}}};
}

QJsonArray checksOf(const core::ClusterView &view)
{
    using core::Readiness;
    const auto check = [](const char *name, bool isOk) {
        return QJsonObject{{QLatin1String("name"), QLatin1String(name)},
                           {QLatin1String("ok"), isOk}};
    };
    const bool hasJoined = view.readiness != Readiness::Joining;
    return {check("joined", hasJoined),
            check("caught_up", hasJoined && view.readiness != Readiness::CatchingUp),
            check("not_leaving", view.readiness != Readiness::Leaving),
            check("not_stopping", view.readiness != Readiness::Stopping)};
}

QByteArray toBytes(const QJsonObject &object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

} // namespace

Answer getLiveness(const HttpRequest &request, const Query &query, const ApiContext &)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    return okReply();
}

Answer getReadiness(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {"verbose"}))
        return *std::move(refused);
    const auto isVerbose = query.flag("verbose");
    if (!isVerbose)
        return problemReply(400, "bad_parameter", isVerbose.error().message, request.requestId);
    const auto view = context.coordinator.clusterView();
    if (view->readiness != core::Readiness::Ready) {
        return unavailableReply(readinessCode(view->readiness), readinessDetail(*view),
                                request.requestId, {{QLatin1String("checks"), checksOf(*view)}});
    }
    if (!*isVerbose)
        return okReply();
    HttpReply reply = okReply();
    reply.contentType = "application/json";
    reply.body = toBytes({{QLatin1String("status"), QLatin1String("ready")},
                          {QLatin1String("checks"), checksOf(*view)}});
    return reply;
}

Answer getVersion(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    return jsonReply(toBytes({{QLatin1String("name"), QLatin1String("dynakvd")},
                              {QLatin1String("version"), QString::fromUtf8(context.programVersion)},
                              {QLatin1String("qt"), QLatin1String(qVersion())}}));
}

Answer getIndex(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    QJsonObject links;
    for (const auto &[name, target] :
         {std::pair("key", "/key/{key}"), std::pair("membership", "/membership"),
          std::pair("keys", "/v1/keys"), std::pair("cluster", "/v1/cluster"),
          std::pair("replicas", "/v1/key-replicas/{key}"), std::pair("stats", "/v1/stats"),
          std::pair("jobs", "/v1/jobs"), std::pair("metrics", "/metrics"),
          std::pair("live", "/livez"), std::pair("ready", "/readyz"),
          std::pair("version", "/version"), std::pair("document", "/openapi.json")})
        links.insert(QLatin1String(name), QLatin1String(target));
    return jsonReply(toBytes({{QLatin1String("name"), QLatin1String("DynaKV")},
                              {QLatin1String("version"), QString::fromUtf8(context.programVersion)},
                              {QLatin1String("links"), links}}));
}

} // namespace dynakv::http
