// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/handler_checks.h"

#include "daemon/http/problem_reply.h"

namespace dynakv::http {
namespace {

/// Names from outside, fit for a sentence.
QByteArray quoted(const QByteArray &name)
{
    return "'" + name.left(64).toPercentEncoding() + "'";
}

} // namespace

std::optional<HttpReply> refusedParameters(const HttpRequest &request, const Query &query,
                                           std::initializer_list<const char *> known)
{
    if (const auto name = query.unknown(known)) {
        return problemReply(400, "bad_parameter",
                            "The parameter " + quoted(*name) + " is not known here.",
                            request.requestId);
    }
    return std::nullopt;
}

std::optional<HttpReply> refusedBody(const HttpRequest &request)
{
    if (request.body.isEmpty())
        return std::nullopt;
    return problemReply(400, "bad_body", "This takes its parameters from the address, no body.",
                        request.requestId);
}

std::optional<HttpReply> refusedUntilCaughtUp(const HttpRequest &request,
                                              const core::ClusterView &view)
{
    switch (view.readiness) {
    case core::Readiness::Joining:
    case core::Readiness::CatchingUp:
        return unavailableReply(readinessCode(view.readiness), readinessDetail(view),
                                request.requestId);
    case core::Readiness::Ready:
    case core::Readiness::Leaving:
    case core::Readiness::Stopping:
        return std::nullopt;
    }
    return std::nullopt;
}

QByteArray readinessCode(core::Readiness readiness)
{
    switch (readiness) {
    case core::Readiness::Joining:
        return "joining";
    case core::Readiness::CatchingUp:
        return "catching_up";
    case core::Readiness::Ready:
        return "ready";
    case core::Readiness::Leaving:
        return "leaving";
    case core::Readiness::Stopping:
        return "stopping";
    }
    return {};
}

QByteArray readinessDetail(const core::ClusterView &view)
{
    if (!view.detail.isEmpty())
        return view.detail;
    switch (view.readiness) {
    case core::Readiness::Joining:
        return "This node has not joined a cluster yet.";
    case core::Readiness::CatchingUp:
        return "This node is still fetching what it lacks.";
    case core::Readiness::Ready:
        return "This node is ready.";
    case core::Readiness::Leaving:
        return "This node is leaving its cluster.";
    case core::Readiness::Stopping:
        return "This node is stopping.";
    }
    return {};
}

} // namespace dynakv::http
