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

void appendHex(QByteArray &text, QByteArrayView bytes)
{
    static constexpr char digits[] = "0123456789abcdef";
    for (const char c : bytes) {
        const auto u = static_cast<unsigned char>(c);
        text.append(digits[u >> 4]).append(digits[u & 15]);
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
    text.reserve(256 + 2 * (head.path.size() + head.query.size()));
    text.append(toText(head.method == Method::Head ? Method::Get : head.method)).append(" /");
    appendHex(text, head.path);
    if (!head.query.isNull()) {
        appendHex(text, "?");
        appendHex(text, head.query);
    }
    text.append(" HTTP/1.1\r\nHost: localhost\r\n");
    text.append(kRequestIdField).append(": ").append(requestId).append("\r\n");
    for (const char *name : {"content-type", "content-encoding", "accept", "if-match",
                             "if-none-match", "dynakv-at-least"})
        appendField(text, head, name);
    return text;
}

void endCanonicalHead(QByteArray &head, qsizetype bodyBytes)
{
    if (bodyBytes >= 0)
        head.append("Content-Length: ").append(QByteArray::number(bodyBytes)).append("\r\n");
    head.append("\r\n");
}

bool readCanonicalPath(QByteArrayView canonicalPath, HttpRequest &request)
{
    if (!canonicalPath.startsWith('/') || canonicalPath.size() % 2 == 0)
        return false;
    QByteArray target;
    target.reserve(canonicalPath.size() / 2);
    for (qsizetype i = 1; i < canonicalPath.size(); i += 2) {
        const int high = hexDigit(canonicalPath[i]);
        const int low = hexDigit(canonicalPath[i + 1]);
        if (high < 0 || low < 0)
            return false;
        target.append(static_cast<char>(high * 16 + low));
    }
    const qsizetype mark = target.indexOf('?');
    if (mark >= 0)
        request.query = target.sliced(mark + 1);
    request.path = mark < 0 ? std::move(target) : target.first(mark);
    return true;
}

} // namespace dynakv::http
