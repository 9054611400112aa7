// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/addresses.h"

#include <QHostAddress>
#include <QHostInfo>
#include <QNetworkInterface>
#include <QTcpServer>

#include <algorithm>

namespace dynakv::app {
namespace {

using base::Endpoint;
using base::JoinTarget;

QByteArray literalOf(const QHostAddress &address)
{
    QHostAddress plain = address;
    plain.setScopeId({});
    return plain.toString().toLatin1().toLower();
}

StartFailure bindFailure(const Endpoint &where, const char *what, const char *option,
                         QAbstractSocket::SocketError error, const QString &text)
{
    const QByteArray place = "cannot listen on " + where.toString() + " (" + what + "): ";
    switch (error) {
    case QAbstractSocket::AddressInUseError:
        return {ExitCode::Unavailable,
                place + "the port is in use; stop the program that holds it or choose another " +
                    option};
    case QAbstractSocket::SocketAccessError:
        return {ExitCode::Unavailable,
                place + "the system denies it; ports below 1024 need a privilege, choose another " +
                    option};
    case QAbstractSocket::SocketAddressNotAvailableError:
        return {ExitCode::Unavailable,
                place +
                    "this machine does not have that address; name one that it has, for example "
                    "127.0.0.1"};
    default:
        return {ExitCode::Unavailable, place + text.toUtf8()};
    }
}

std::optional<StartFailure> probe(const Endpoint &where, const char *what, const char *option)
{
    QTcpServer server;
    if (server.listen(QHostAddress(QString::fromLatin1(where.host)), where.port))
        return std::nullopt;
    return bindFailure(where, what, option, server.serverError(), server.errorString());
}

} // namespace

base::Result<Endpoint> resolveListen(const Endpoint &listen)
{
    if (listen.host == "localhost")
        return Endpoint{"127.0.0.1", listen.port};
    if (!QHostAddress(QString::fromLatin1(listen.host)).isNull())
        return listen;
    const QHostInfo info = QHostInfo::fromName(QString::fromLatin1(listen.host));
    QList<QHostAddress> addresses = info.addresses();
    if (addresses.isEmpty()) {
        return {base::ErrorCode::NotFound,
                "cannot listen on " + listen.toString() + ": the name " + listen.host +
                    " has no address; use an IP address of this machine"};
    }
    std::stable_partition(addresses.begin(), addresses.end(), [](const QHostAddress &each) {
        return each.protocol() == QAbstractSocket::IPv4Protocol;
    });
    return Endpoint{literalOf(addresses.front()), listen.port};
}

std::optional<StartFailure> probeAddresses(const Endpoint &api, const Endpoint &cluster)
{
    if (const auto failure = probe(api, "REST API", "LISTEN port"))
        return failure;
    return probe(cluster, "other nodes", "--cluster-port");
}

std::vector<QByteArray> ownHosts()
{
    std::vector<QByteArray> hosts{"localhost", QHostInfo::localHostName().toLatin1().toLower()};
    for (const QHostAddress &address : QNetworkInterface::allAddresses())
        hosts.push_back(literalOf(address));
    return hosts;
}

JoinPlan planJoin(const std::vector<JoinTarget> &asked, const Endpoint &listen,
                  const std::vector<QByteArray> &ownHosts)
{
    JoinPlan plan;
    for (const JoinTarget &each : asked) {
        JoinTarget target = each;
        const bool isOwnHost =
            target.api.isWildcard() || target.api.host == listen.host ||
            (listen.isLoopback() && target.api.host == "localhost") ||
            (listen.isWildcard() &&
             (target.api.isLoopback() ||
              std::find(ownHosts.begin(), ownHosts.end(), target.api.host) != ownHosts.end()));
        if (isOwnHost && target.api.port == listen.port) {
            plan.remarks.push_back("JOIN " + each.api.toString() +
                                   " is this node's own address; not dialled");
            continue;
        }
        if (target.api.isWildcard()) {
            target.api.host = target.api.host.contains(':') ? "::1" : "127.0.0.1";
            target.cluster.host = target.api.host;
            plan.remarks.push_back("JOIN " + each.api.toString() +
                                   " is no address to dial; taken as " + target.api.toString());
        }
        if (std::find(plan.targets.begin(), plan.targets.end(), target) == plan.targets.end())
            plan.targets.push_back(std::move(target));
    }
    return plan;
}

} // namespace dynakv::app
