// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/cluster_status.h"

#include "shared/base/api/json_reader.h"
#include "shared/base/api/timestamp.h"
#include "shared/base/limits.h"

#include <QJsonArray>

namespace dynakv::base::api {
namespace {

void putText(QJsonObject &object, const char *name, const QByteArray &text)
{
    object.insert(QLatin1String(name), QString::fromUtf8(text));
}

QJsonObject memberToJson(const MemberStatus &member)
{
    QJsonObject object;
    putText(object, "id", member.id);
    putText(object, "address", member.address);
    putText(object, "cluster_address", member.clusterAddress);
    putText(object, "state", member.state);
    putText(object, "since", toTimestamp(member.sinceMs));
    object.insert(QLatin1String("self"), member.isSelf);
    if (!member.version.isEmpty())
        putText(object, "version", member.version);
    if (member.keys)
        object.insert(QLatin1String("keys"), *member.keys);
    if (member.bytes)
        object.insert(QLatin1String("bytes"), *member.bytes);
    if (member.rttMs)
        object.insert(QLatin1String("rtt_ms"), *member.rttMs);
    if (member.memoryUsedPermille)
        object.insert(QLatin1String("memory_used_permille"), *member.memoryUsedPermille);
    if (member.mayLack)
        object.insert(QLatin1String("may_lack"), true);
    if (member.clockOffsetMs)
        object.insert(QLatin1String("clock_offset_ms"), *member.clockOffsetMs);
    if (member.replicationLagMs)
        object.insert(QLatin1String("replication_lag_ms"), *member.replicationLagMs);
    if (member.hintsPending)
        object.insert(QLatin1String("hints_pending"), *member.hintsPending);
    if (member.areHintsDropped)
        object.insert(QLatin1String("hints_dropped"), true);
    if (member.partitionsEqual)
        object.insert(QLatin1String("partitions_equal"), *member.partitionsEqual);
    if (member.comparedMs)
        putText(object, "compared_at", toTimestamp(*member.comparedMs));
    if (member.holdsPurgeBack)
        object.insert(QLatin1String("holds_purge_back"), true);
    return object;
}

Result<MemberStatus> memberFromJson(const QJsonObject &object)
{
    JsonReader reader(object, "cluster member");
    MemberStatus member;
    member.id = reader.text("id");
    member.address = reader.text("address");
    member.clusterAddress = reader.text("cluster_address");
    member.state = reader.text("state");
    member.sinceMs = reader.timestamp("since");
    member.isSelf = reader.optionalFlag("self");
    member.version = reader.optionalText("version");
    member.keys = reader.optionalInteger("keys");
    member.bytes = reader.optionalInteger("bytes");
    member.rttMs = reader.optionalNumber("rtt_ms");
    member.memoryUsedPermille = reader.optionalInteger("memory_used_permille");
    member.mayLack = reader.optionalFlag("may_lack");
    member.clockOffsetMs = reader.optionalNumber("clock_offset_ms");
    member.replicationLagMs = reader.optionalInteger("replication_lag_ms");
    member.hintsPending = reader.optionalInteger("hints_pending");
    member.areHintsDropped = reader.optionalFlag("hints_dropped");
    member.partitionsEqual = reader.optionalInteger("partitions_equal");
    member.comparedMs = reader.optionalTimestamp("compared_at");
    member.holdsPurgeBack = reader.optionalFlag("holds_purge_back");
    if (!reader.ok())
        return reader.error();
    return member;
}

} // namespace

QJsonObject toJson(const ClusterStatus &status)
{
    QJsonArray members;
    for (const MemberStatus &member : status.members)
        members.append(memberToJson(member));
    QJsonObject object;
    putText(object, "cluster_id", status.clusterId);
    putText(object, "node_id", status.nodeId);
    putText(object, "state", status.state);
    if (!status.detail.isEmpty())
        putText(object, "detail", status.detail);
    object.insert(QLatin1String("members"), members);
    if (status.purgedUpToMs)
        putText(object, "purged_up_to", toTimestamp(*status.purgedUpToMs));
    return object;
}

Result<ClusterStatus> clusterStatusFromJson(const QJsonObject &object)
{
    JsonReader reader(object, "cluster status");
    ClusterStatus status;
    status.clusterId = reader.text("cluster_id");
    status.nodeId = reader.text("node_id");
    status.state = reader.text("state");
    status.detail = reader.optionalText("detail");
    status.purgedUpToMs = reader.optionalTimestamp("purged_up_to");
    const QJsonArray members = reader.array("members");
    if (!reader.ok())
        return reader.error();
    if (members.size() > limits::kMembersMax)
        return {ErrorCode::Invalid, "cluster status: more members than a cluster can have"};
    status.members.reserve(static_cast<std::size_t>(members.size()));
    for (const QJsonValue &value : members) {
        auto member = memberFromJson(value.toObject());
        if (!member)
            return member.error();
        status.members.push_back(*std::move(member));
    }
    return status;
}

} // namespace dynakv::base::api
