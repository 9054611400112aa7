// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/endpoint.h"

#include <QList>

namespace dynakv::base {
namespace {

Error invalid(QByteArrayView text, const char *why)
{
    return {ErrorCode::Invalid, "'" + text.toByteArray() + "' is not an address: " + why +
                                    "; use HOST:PORT, for example 127.0.0.1:6660 or [::1]:6660"};
}

bool isHostText(QByteArrayView host)
{
    if (host.isEmpty() || host.size() > 253)
        return false;
    for (const char c : host) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        if (!plain)
            return false;
    }
    return true;
}

/// The characters of an IPv6 literal; whether it is one is told by the bind or the dial.
bool isIpv6Text(QByteArrayView host)
{
    if (host.size() < 2 || host.size() > 45 || host.count(':') < 2)
        return false;
    for (const char c : host) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
                           (c >= 'A' && c <= 'F') || c == ':' || c == '.';
        if (!plain)
            return false;
    }
    return true;
}

bool isIpv4(const QByteArray &host)
{
    const QList<QByteArray> parts = host.split('.');
    if (parts.size() != 4)
        return false;
    for (const QByteArray &part : parts) {
        bool isNumber = false;
        if (part.size() > 3 || part.toUInt(&isNumber) > 255 || !isNumber)
            return false;
    }
    return true;
}

/// -1 where \a text is not a decimal port.
int portFrom(QByteArrayView text)
{
    if (text.isEmpty() || text.size() > 5)
        return -1;
    int port = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return -1;
        port = port * 10 + (c - '0');
    }
    return port <= 65535 ? port : -1;
}

} // namespace

QByteArray Endpoint::toString() const
{
    const bool v6 = host.contains(':');
    return (v6 ? "[" + host + "]" : host) + ":" + QByteArray::number(port);
}

bool Endpoint::isWildcard() const
{
    return host == "0.0.0.0" || host == "::";
}

bool Endpoint::isLoopback() const
{
    return host == "localhost" || host == "::1" || (host.startsWith("127.") && isIpv4(host));
}

Result<Endpoint> parseEndpoint(QByteArrayView text, quint16 defaultPort, bool allowZero)
{
    QByteArrayView host = text;
    QByteArrayView portText;
    bool hasPort = false;
    if (text.startsWith('[')) {
        const qsizetype end = text.indexOf(']');
        if (end < 0)
            return invalid(text, "the bracket is not closed");
        host = text.sliced(1, end - 1);
        const QByteArrayView rest = text.sliced(end + 1);
        if (!rest.isEmpty() && rest.front() != ':')
            return invalid(text, "a port follows the bracket with ':'");
        hasPort = !rest.isEmpty();
        portText = hasPort ? rest.sliced(1) : rest;
        if (!isIpv6Text(host))
            return invalid(text, "no IPv6 address stands in the brackets");
    } else {
        const qsizetype colon = text.lastIndexOf(':');
        if (colon >= 0) {
            host = text.first(colon);
            portText = text.sliced(colon + 1);
            hasPort = true;
        }
        if (host.contains(':'))
            return invalid(text, "an IPv6 address needs brackets");
        if (!isHostText(host))
            return invalid(text, "the host is missing or has a character that no host has");
    }
    int port = defaultPort;
    if (hasPort)
        port = portFrom(portText);
    if (port < 0 || (port == 0 && !(hasPort && allowZero)))
        return invalid(text, "the port must be a number from 1 to 65535");
    return Endpoint{host.toByteArray().toLower(), static_cast<quint16>(port)};
}

quint16 defaultClusterPort(quint16 apiPort)
{
    constexpr int offset = 10'000;
    const int above = apiPort + offset;
    return static_cast<quint16>(above <= 65535 ? above : apiPort - offset);
}

Result<JoinTarget> parseJoinTarget(QByteArrayView text)
{
    const qsizetype slash = text.indexOf('/');
    auto api = parseEndpoint(slash < 0 ? text : text.first(slash));
    if (!api)
        return api.error();
    JoinTarget target{*api, {api->host, defaultClusterPort(api->port)}};
    if (slash >= 0) {
        const int port = portFrom(text.sliced(slash + 1));
        if (port <= 0)
            return invalid(text, "the cluster port after '/' must be a number from 1 to 65535");
        target.cluster.port = static_cast<quint16>(port);
    }
    return target;
}

} // namespace dynakv::base
