// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/put_body.h"

#include "daemon/http/head_parser.h"
#include "daemon/http/key_view.h"
#include "daemon/http/problem_reply.h"
#include "daemon/http/strict_json.h"
#include "shared/base/limits.h"

namespace dynakv::http {
namespace {

namespace limits = base::limits;

constexpr const char *kBytesType = "application/octet-stream";

/// Types that cannot be meant as JSON, whatever the client's defaults are. A form is not among
/// them: it is what curl says of any `-d`.
bool isNeverJson(const QByteArray &type)
{
    for (const char *prefix : {"multipart/", "image/", "audio/", "video/", "font/"}) {
        if (type.startsWith(prefix))
            return true;
    }
    return false;
}

HttpReply unsupported(const HttpRequest &request)
{
    HttpReply reply = problemReply(
        415, "unsupported_type",
        "Send {\"value\": <any JSON>} as JSON, or bytes as application/octet-stream or with ?raw.",
        request.requestId);
    reply.headers.emplace_back("Accept", "application/json, application/octet-stream");
    return reply;
}

HttpReply tooLarge(const HttpRequest &request, qsizetype valueBytesMax)
{
    return problemReply(413, "too_large",
                        "A value has at most " + QByteArray::number(valueBytesMax) +
                            " bytes here; see --max-value-bytes.",
                        request.requestId);
}

base::Result<std::optional<qint64>> ttlMsOf(const Query &query,
                                            const std::optional<QByteArray> &member)
{
    const auto parameter = query.value("ttl");
    if (parameter && member)
        return {base::ErrorCode::Invalid,
                "The time to live is given twice, as a parameter and in the body."};
    const auto &text = parameter ? parameter : member;
    if (!text)
        return std::optional<qint64>();
    const auto ttlMs = ttlMsFrom(*text);
    if (!ttlMs)
        return ttlMs.error();
    return std::optional<qint64>(*ttlMs);
}

} // namespace

base::Result<qint64> ttlMsFrom(QByteArrayView text)
{
    constexpr qint64 secondsMin = limits::kTtlMsMin / 1000;
    constexpr qint64 secondsMax = limits::kTtlMsMax / 1000;
    const auto seconds = decimalFrom(text);
    if (!seconds || *seconds < secondsMin || *seconds > secondsMax)
        return {base::ErrorCode::Invalid, "'ttl' must be a whole number of seconds from 1 to " +
                                              QByteArray::number(secondsMax) +
                                              ", which is ten years."};
    return *seconds * 1000;
}

QByteArray bareType(const QByteArray &contentType)
{
    const qsizetype semicolon = contentType.indexOf(';');
    return contentType.first(semicolon < 0 ? contentType.size() : semicolon).trimmed().toLower();
}

bool isIdentity(const QByteArray &contentEncoding)
{
    return contentEncoding.isEmpty() || equalsIgnoringCase(contentEncoding, "identity");
}

HttpReply lengthRequiredReply(const HttpRequest &request)
{
    return problemReply(411, "length_required",
                        "This carries a body: Content-Length or Transfer-Encoding is missing.",
                        request.requestId);
}

std::optional<HttpReply> readPutBody(const HttpRequest &request, const Query &query,
                                     qsizetype valueBytesMax, core::WriteRequest &write)
{
    if (!request.hasBody)
        return lengthRequiredReply(request);
    if (!isIdentity(request.contentEncoding)) {
        HttpReply reply = unsupported(request);
        reply.headers.emplace_back("Accept-Encoding", "identity");
        return reply;
    }
    const auto raw = query.flag("raw");
    if (!raw)
        return problemReply(400, "bad_parameter", raw.error().message, request.requestId);
    const QByteArray type = bareType(request.contentType);
    std::optional<QByteArray> ttl;
    if (*raw || type == kBytesType) {
        write.contentType = request.contentType.isEmpty() ? kBytesType : request.contentType;
        if (!isMediaType(write.contentType))
            return problemReply(400, "bad_type", "Content-Type is no media type.",
                                request.requestId);
        write.value = request.body;
    } else {
        if (isNeverJson(type))
            return unsupported(request);
        auto envelope = parsePutBody(request.body);
        if (!envelope)
            return problemReply(400, "bad_json", envelope.error().message, request.requestId);
        write.value = std::move(envelope->value);
        ttl = std::move(envelope->ttl);
    }
    if (write.value.size() > valueBytesMax)
        return tooLarge(request, valueBytesMax);
    const auto ttlMs = ttlMsOf(query, ttl);
    if (!ttlMs)
        return problemReply(400, "bad_ttl", ttlMs.error().message, request.requestId);
    write.ttlMs = *ttlMs;
    return std::nullopt;
}

} // namespace dynakv::http
