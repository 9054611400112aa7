// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/key_view.h"

#include "daemon/http/answer_framing.h"
#include "daemon/http/conditions.h"
#include "daemon/http/head_parser.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/strict_json.h"
#include "shared/base/api/key_text.h"
#include "shared/base/api/timestamp.h"
#include "shared/base/limits.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace dynakv::http {
namespace {

constexpr const char *kBytesType = "application/octet-stream";

QByteArray safeType(const core::Record &record)
{
    if (record.contentType.isEmpty())
        return "application/json";
    return isMediaType(record.contentType) ? record.contentType : QByteArray(kBytesType);
}

/// A stored page must never run in the origin of this API, whatever type it was stored with.
HttpReply bytesReply(const core::Record &record)
{
    return {200,
            safeType(record),
            record.value,
            {{"X-Content-Type-Options", "nosniff"},
             {"Content-Security-Policy", "sandbox; default-src 'none'"},
             {"Content-Disposition", "attachment"}}};
}

QJsonObject metaOf(const core::Record &record)
{
    QJsonObject meta;
    base::api::putKey(meta, record.key);
    const auto put = [&meta](const char *name, const QByteArray &text) {
        meta.insert(QLatin1String(name), QString::fromLatin1(text));
    };
    put("version", record.version.toString());
    put("updated_at", base::api::toTimestamp(record.version.wallMs()));
    put("node", core::toHex16(record.version.node));
    meta.insert(QLatin1String("size"), static_cast<qint64>(record.value.size()));
    if (record.expiresAtMs != 0)
        put("expires_at", base::api::toTimestamp(record.expiresAtMs));
    return meta;
}

HttpReply jsonViewReply(const core::Record &record, bool withMeta)
{
    QByteArray body;
    body.reserve(record.value.size() + 64);
    body.append('{');
    appendValue(body, record);
    if (withMeta) {
        const QByteArray meta = QJsonDocument(metaOf(record)).toJson(QJsonDocument::Compact);
        body.append(',').append(QByteArrayView(meta).sliced(1));
    } else {
        body.append('}');
    }
    return {200, QByteArrayLiteral("application/json"), body, {}};
}

std::optional<HttpReply> conditionReply(const HttpRequest &request, const core::Record *record)
{
    const auto condition = conditionOf(request);
    if (!condition)
        return problemReply(400, "bad_condition", condition.error().message, request.requestId);
    const auto live = record ? std::optional(record->version) : std::nullopt;
    if (condition->ifMatch && !condition->ifMatch->contains(live))
        return conditionFailedReply(
            live, live ? "The value has another version." : "There is no value under this key.",
            request.requestId);
    if (condition->ifNoneMatch && condition->ifNoneMatch->contains(live))
        return HttpReply{304, {}, {}, {}};
    return std::nullopt;
}

} // namespace

HttpReply keyReply(const HttpRequest &request, const core::Record *record, KeyViewOptions options)
{
    auto reply = conditionReply(request, record);
    if (reply && reply->status != 304)
        return *std::move(reply);
    if (!record)
        return problemReply(404, "not_found", "There is no value under this key.",
                            request.requestId);
    if (!reply)
        reply = options.asBytes ? bytesReply(*record) : jsonViewReply(*record, options.withMeta);
    reply->headers.reserve(reply->headers.size() + 4);
    reply->headers.emplace_back(QByteArrayLiteral("ETag"), '"' + record->version.toString() + '"');
    reply->headers.emplace_back(QByteArrayLiteral("Last-Modified"),
                                toHttpDate(record->version.wallMs() / 1000));
    reply->headers.emplace_back(QByteArrayLiteral("Cache-Control"), QByteArrayLiteral("no-cache"));
    reply->headers.emplace_back(QByteArrayLiteral("Vary"), QByteArrayLiteral("Accept"));
    return *std::move(reply);
}

void appendValue(QByteArray &json, const core::Record &record)
{
    json.append("\"value\":");
    if (record.contentType.isEmpty()) {
        json.append(record.value);
        return;
    }
    json.append('"').append(record.value.toBase64()).append("\",\"encoding\":\"base64\"");
    json.append(",\"content_type\":").append(toJsonString(safeType(record)));
}

void appendKey(QByteArray &json, const QByteArray &key)
{
    if (base::api::isPlainText(key))
        json.append("\"key\":").append(toJsonString(key));
    else
        json.append("\"key_b64\":\"").append(key.toBase64()).append('"');
}

bool prefersBytes(QByteArrayView accept)
{
    double bytesQuality = 0;
    double jsonQuality = 0;
    while (!accept.isEmpty()) {
        const qsizetype comma = accept.indexOf(',');
        const QByteArrayView part = trimmedWhiteSpace(comma < 0 ? accept : accept.first(comma));
        accept = comma < 0 ? QByteArrayView() : accept.sliced(comma + 1);
        const qsizetype semicolon = part.indexOf(';');
        const QByteArrayView type = trimmedWhiteSpace(semicolon < 0 ? part : part.first(semicolon));
        const qsizetype q = part.indexOf("q=");
        bool isNumber = true;
        const double quality = q < 0 ? 1.0 : part.sliced(q + 2).toDouble(&isNumber);
        if (!isNumber)
            continue;
        if (equalsIgnoringCase(type, kBytesType))
            bytesQuality = quality;
        else if (equalsIgnoringCase(type, "application/json") || type == "*/*" ||
                 equalsIgnoringCase(type, "application/*"))
            jsonQuality = qMax(jsonQuality, quality);
    }
    return bytesQuality > 0 && bytesQuality >= jsonQuality;
}

bool isMediaType(QByteArrayView text)
{
    if (text.size() > base::limits::kContentTypeBytesMax)
        return false;
    const qsizetype semicolon = text.indexOf(';');
    const QByteArrayView type = trimmedWhiteSpace(semicolon < 0 ? text : text.first(semicolon));
    const qsizetype slash = type.indexOf('/');
    if (slash < 0 || !isToken(type.first(slash)) || !isToken(type.sliced(slash + 1)))
        return false;
    for (const char c : text) {
        if (c < 0x20 || c > 0x7e)
            return false;
    }
    return true;
}

} // namespace dynakv::http
