// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/replicas_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/problem_reply.h"
#include "shared/base/api/key_text.h"
#include "shared/base/api/timestamp.h"
#include "shared/base/limits.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace dynakv::http {
namespace {

namespace limits = base::limits;

constexpr QByteArrayView kPath("/v1/key-replicas/");

void addCopy(QJsonObject &object, const core::ReplicaCopy &copy, qint64 wallMs)
{
    object.insert(QStringLiteral("held"), copy.isHeld);
    if (!copy.isHeld)
        return;
    const auto text = [&object](const char *name, const QByteArray &value) {
        object.insert(QLatin1String(name), QString::fromLatin1(value));
    };
    const core::Version &version = copy.stamp.version;
    text("version", version.toString());
    text("hash", core::toHex16(copy.stamp.contentHash));
    text("kind", copy.kind == core::RecordKind::Tombstone ? "tombstone" : "value");
    text("updated_at", base::api::toTimestamp(version.wallMs()));
    object.insert(QStringLiteral("age_ms"), wallMs - version.wallMs());
    object.insert(QStringLiteral("size"), copy.valueBytes);
    if (copy.expiresAtMs > 0)
        text("expires_at", base::api::toTimestamp(copy.expiresAtMs));
}

QJsonObject toJson(const core::ReplicaView &replica, qint64 wallMs)
{
    QJsonObject object{{QStringLiteral("id"), QString::fromLatin1(core::toHex16(replica.id))},
                       {QStringLiteral("address"), QString::fromUtf8(replica.address)},
                       {QStringLiteral("state"), QString::fromLatin1(toText(replica.state))},
                       {QStringLiteral("self"), replica.isSelf},
                       {QStringLiteral("answered"), replica.copy.has_value()}};
    if (replica.copy)
        addCopy(object, *replica.copy, wallMs);
    else
        object.insert(QStringLiteral("detail"), QString::fromUtf8(replica.detail));
    return object;
}

/// Whether all that answered hold the same, or all of them nothing.
bool areEqual(const std::vector<core::ReplicaView> &replicas)
{
    const core::ReplicaCopy *first = nullptr;
    for (const core::ReplicaView &replica : replicas) {
        if (!replica.copy)
            continue;
        if (first && (first->isHeld != replica.copy->isHeld ||
                      (first->isHeld && first->stamp != replica.copy->stamp)))
            return false;
        first = &*replica.copy;
    }
    return true;
}

HttpReply replicasReply(const QByteArray &key, const std::vector<core::ReplicaView> &replicas,
                        qint64 wallMs)
{
    QJsonArray list;
    for (const core::ReplicaView &replica : replicas)
        list.append(toJson(replica, wallMs));
    QJsonObject object{{QStringLiteral("replicas"), list},
                       {QStringLiteral("equal"), areEqual(replicas)}};
    base::api::putKey(object, key);
    return jsonReply(QJsonDocument(object).toJson(QJsonDocument::Compact));
}

} // namespace

Answer getKeyReplicas(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {"timeout"}))
        return *std::move(refused);
    const auto timeoutMs =
        query.number("timeout", limits::kRequestTimeoutMsDefault, 1, limits::kRequestTimeoutMsMax);
    if (!timeoutMs)
        return problemReply(400, "bad_parameter", timeoutMs.error().message, request.requestId);
    const auto key = base::api::percentDecoded(QByteArrayView(request.path).sliced(kPath.size()));
    if (!key || key->isEmpty() || key->size() > limits::kKeyBytesMax) {
        return problemReply(400, "bad_key",
                            key ? "A key has 1 to 1024 bytes."
                                : "In the key " + key.error().message + ".",
                            request.requestId);
    }
    return PendingQuestion{
        {*key, static_cast<int>(*timeoutMs)},
        [key = *key, id = request.requestId,
         wallMs = context.wallMs](const std::vector<core::ReplicaView> &replicas) {
            if (replicas.empty())
                return unavailableReply("not_ready", "This node cannot ask the others now.", id);
            return replicasReply(key, replicas, wallMs());
        }};
}

} // namespace dynakv::http
