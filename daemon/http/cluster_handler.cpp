// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/cluster_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "shared/base/api/cluster_status.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <set>

namespace dynakv::http {
namespace {

base::api::MemberStatus toStatus(const core::MemberView &member)
{
    return {core::toHex16(member.id),
            member.address,
            member.clusterAddress,
            core::toText(member.state),
            member.sinceMs,
            member.isSelf,
            member.programVersion,
            member.keys,
            member.bytes,
            member.rttMs,
            member.memoryUsedPermille,
            member.mayLack,
            member.clockOffsetMs,
            member.pushLagMs,
            member.isSelf ? std::nullopt : std::optional(member.hintsPending),
            member.areHintsDropped,
            member.partitionsEqual,
            member.comparedMs == 0 ? std::nullopt : std::optional(member.comparedMs),
            member.holdsPurgeBack};
}

base::api::ClusterStatus toStatus(const core::ClusterView &view)
{
    base::api::ClusterStatus status;
    if (view.clusterId != 0)
        status.clusterId = core::toHex16(view.clusterId);
    status.nodeId = core::toHex16(view.self);
    status.state = readinessCode(view.readiness);
    if (view.readiness != core::Readiness::Ready)
        status.detail = readinessDetail(view);
    if (view.purgedUpToMs != 0)
        status.purgedUpToMs = view.purgedUpToMs;
    for (const core::MemberView &member : view.members)
        status.members.push_back(toStatus(member));
    return status;
}

} // namespace

Answer getMembership(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    const auto view = context.coordinator.clusterView();
    std::set<QByteArray> addresses;
    for (const core::MemberView &member : view->members) {
        if (member.state == core::MemberState::Alive || member.state == core::MemberState::Suspect)
            addresses.insert(member.address);
    }
    QJsonArray list;
    for (const QByteArray &address : addresses)
        list.append(QString::fromUtf8(address));
    return jsonReply(QJsonDocument(list).toJson(QJsonDocument::Compact));
}

Answer getCluster(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {}))
        return *std::move(refused);
    const auto status = toStatus(*context.coordinator.clusterView());
    return jsonReply(QJsonDocument(toJson(status)).toJson(QJsonDocument::Compact));
}

} // namespace dynakv::http
