// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/host_rule.h"

#include "daemon/http/head_parser.h"

#include <QHostAddress>

namespace dynakv::http {
namespace {

constexpr qsizetype kHostBytesMax = 255;

bool isPort(QByteArrayView text)
{
    for (const char c : text) {
        if (c < '0' || c > '9')
            return false;
    }
    return text.size() <= 5;
}

bool isNameChar(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/// Exactly four decimal numbers: the one form that no resolver takes for a name.
bool isIpv4(QByteArrayView host)
{
    int parts = 0;
    int digits = 0;
    int number = 0;
    for (const char c : host) {
        if (c == '.') {
            if (digits == 0 || ++parts > 3)
                return false;
            digits = number = 0;
            continue;
        }
        if (c < '0' || c > '9' || ++digits > 3)
            return false;
        number = number * 10 + (c - '0');
        if (number > 255)
            return false;
    }
    return parts == 3 && digits > 0;
}

bool isIpv6(QByteArrayView host)
{
    if (host.contains('%') || !host.contains(':'))
        return false;
    QHostAddress address;
    return address.setAddress(QString::fromLatin1(host)) &&
           address.protocol() == QAbstractSocket::IPv6Protocol;
}

bool isOurs(const Authority &authority, const HostRule &rule)
{
    if (authority.isIpLiteral)
        return true;
    QByteArrayView host = authority.host;
    if (host.endsWith('.'))
        host = host.chopped(1);
    if (equalsIgnoringCase(host, "localhost"))
        return true;
    for (const QByteArray &name : rule.names) {
        if (equalsIgnoringCase(host, name))
            return true;
    }
    return false;
}

bool isSafe(Method method)
{
    return method == Method::Get || method == Method::Head || method == Method::Options;
}

/// Whether \a origin, e.g. `http://localhost:6660`, is the very host and port of the request.
bool isSameOrigin(QByteArrayView origin, QByteArrayView authority)
{
    const qsizetype colon = origin.indexOf("://");
    return colon > 0 && origin.sliced(colon + 3).compare(authority, Qt::CaseInsensitive) == 0;
}

} // namespace

std::optional<Authority> parseAuthority(QByteArrayView text)
{
    if (text.isEmpty() || text.size() > kHostBytesMax)
        return std::nullopt;
    Authority authority;
    qsizetype colon = 0;
    if (text.front() == '[') {
        const qsizetype end = text.indexOf(']');
        if (end < 0 || !isIpv6(text.sliced(1, end - 1)))
            return std::nullopt;
        authority.host = text.sliced(1, end - 1);
        authority.isIpLiteral = true;
        colon = end + 1;
    } else {
        while (colon < text.size() && isNameChar(text[colon]))
            ++colon;
        authority.host = text.first(colon);
        authority.isIpLiteral = isIpv4(authority.host);
    }
    if (authority.host.isEmpty())
        return std::nullopt;
    if (colon == text.size())
        return authority;
    if (text[colon] != ':')
        return std::nullopt;
    authority.port = text.sliced(colon + 1);
    if (!isPort(authority.port))
        return std::nullopt;
    return authority;
}

std::optional<Refusal> refusalOf(const RequestHead &head, const HostRule &rule)
{
    if (!rule.isOff && !head.authority.isEmpty()) {
        const auto authority = parseAuthority(head.authority);
        if (!authority || !isOurs(*authority, rule))
            return Refusal{421, "wrong_host",
                           "This node does not answer under that host name. Use its IP address or "
                           "localhost, or start it with --allowed-host NAME."};
    }
    constexpr Refusal crossOrigin{403, "cross_origin",
                                  "Requests that another web site sends are refused."};
    const QByteArrayView site = head.value("sec-fetch-site");
    if (!site.isNull()) {
        if (site == "cross-site" ||
            (!isSafe(head.method) && site != "same-origin" && site != "none"))
            return crossOrigin;
        return std::nullopt;
    }
    const QByteArrayView origin = head.value("origin");
    if (!origin.isNull() && !isSafe(head.method) && !isSameOrigin(origin, head.authority))
        return crossOrigin;
    return std::nullopt;
}

} // namespace dynakv::http
