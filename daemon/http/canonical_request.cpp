// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/canonical_request.h"

namespace dynakv::http {
namespace {

/// Lists that may be split over several fields are joined again (RFC 9110, 5.3).
void appendField(QByteArray &text, const RequestHead &head, QByteArrayView name)
{
    bool isFirst = true;
    for (const HeadField &field : head.fields) {
        if (!equalsIgnoringCase(field.name, name))
            continue;
        if (isFirst)
            text.append(name).append(": ");
        else
            text.append(", ");
        text.append(field.value);
        isFirst = false;
    }
    if (!isFirst)
        text.append("\r\n");
}

constexpr QByteArrayView kAsteriskTarget = "/.x";
constexpr const char *kRequestIdField = "id";
constexpr const char *kLengthField = "content-length";

bool isPlain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

/// A slash after a slash is not written as one: a target that starts with two names a host to QUrl.
void appendEncoded(QByteArray &text, QByteArrayView bytes)
{
    static constexpr char digits[] = "0123456789abcdef";
    bool isAfterSlash = false;
    for (const char c : bytes) {
        const bool isSlash = c == '/' && !isAfterSlash;
        if (isPlain(c) || isSlash) {
            text.append(c);
        } else {
            const auto u = static_cast<unsigned char>(c);
            const char escaped[] = {'.', digits[u >> 4], digits[u & 15]};
            text.append(escaped, sizeof(escaped));
        }
        isAfterSlash = isSlash;
    }
}

int hexDigit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

} // namespace

QByteArray toCanonicalHead(const RequestHead &head, const QByteArray &requestId)
{
    QByteArray text;
    text.reserve(256 + head.path.size() + head.query.size());
    text.append(toText(head.method == Method::Head ? Method::Get : head.method)).append(' ');
    if (head.path == "*") {
        text.append(kAsteriskTarget);
    } else {
        appendEncoded(text, head.path);
        if (!head.query.isNull()) {
            appendEncoded(text, "?");
            appendEncoded(text, head.query);
        }
    }
    text.append(" HTTP/1.1\r\nHost: h\r\n");
    text.append(kRequestIdField).append(": ").append(requestId).append("\r\n");
    for (const char *name : {"content-type", "content-encoding", "accept", "if-match",
                             "if-none-match", "dynakv-at-least", "last-event-id"})
        appendField(text, head, name);
    return text;
}

void endCanonicalHead(QByteArray &head, qsizetype bodyBytes)
{
    if (bodyBytes >= 0)
        head.append(kLengthField).append(": ").append(QByteArray::number(bodyBytes)).append("\r\n");
    head.append("\r\n");
}

bool readCanonicalTarget(QByteArrayView canonical, HttpRequest &request)
{
    if (canonical == kAsteriskTarget) {
        request.path = "*";
        return true;
    }
    QByteArray target;
    target.reserve(canonical.size());
    for (qsizetype i = 0; i < canonical.size(); ++i) {
        if (canonical[i] != '.') {
            target.append(canonical[i]);
            continue;
        }
        const int high = i + 2 < canonical.size() ? hexDigit(canonical[i + 1]) : -1;
        const int low = i + 2 < canonical.size() ? hexDigit(canonical[i + 2]) : -1;
        if (high < 0 || low < 0)
            return false;
        target.append(static_cast<char>(high * 16 + low));
        i += 2;
    }
    if (!target.startsWith('/'))
        return false;
    const qsizetype mark = target.indexOf('?');
    if (mark >= 0)
        request.query = target.sliced(mark + 1);
    request.path = mark < 0 ? std::move(target) : target.first(mark);
    return true;
}

void takeCanonicalField(QByteArrayView name, const QByteArray &value, HttpRequest &request)
{
    if (equalsIgnoringCase(name, kRequestIdField))
        request.requestId = value;
    else if (equalsIgnoringCase(name, kLengthField))
        request.hasBody = true;
    else if (equalsIgnoringCase(name, "content-type"))
        request.contentType = value;
    else if (equalsIgnoringCase(name, "content-encoding"))
        request.contentEncoding = value;
    else if (equalsIgnoringCase(name, "accept"))
        request.accept = value;
    else if (equalsIgnoringCase(name, "if-match"))
        request.ifMatch = value;
    else if (equalsIgnoringCase(name, "if-none-match"))
        request.ifNoneMatch = value;
    else if (equalsIgnoringCase(name, "dynakv-at-least"))
        request.atLeast = value;
    else if (equalsIgnoringCase(name, "last-event-id"))
        request.lastEventId = value;
}

} // namespace dynakv::http
