// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/network_cluster.h"

#include "tests/support/file_bytes.h"

#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace dynakv::test {
namespace {

constexpr quint16 kPort = 6660;

} // namespace

NetworkCluster::NetworkCluster(int machines)
    : m_network(machines)
{
    const QString secret = m_directory.filePath(QStringLiteral("secret"));
    const bool isWritten = writeFile(secret, "what the nodes of this network share");
    for (int machine = 0; machine < machines && isWritten; ++machine) {
        const QString directory = m_directory.filePath(QString::number(machine));
        QDir().mkpath(directory);
        m_nodes.push_back(
            std::make_unique<DaemonProcess>(base::Endpoint{"127.0.0.1", kPort}, directory));
        m_nodes.back()->setListenHost("0.0.0.0");
        m_nodes.back()->setOptions({QStringLiteral("--insecure-allow-remote"),
                                    QStringLiteral("--cluster-secret-file"), secret});
    }
}

NetworkCluster::~NetworkCluster()
{
    for (std::size_t machine = 0; machine < m_nodes.size(); ++machine) {
        const QByteArray log = m_nodes[machine]->log();
        // A node that was killed cannot tell by its exit code.
        if (log.contains("Sanitizer: ") || log.contains("runtime error: "))
            QTest::qFail("a sanitizer found something in a node", __FILE__, __LINE__);
        if (QTest::currentTestFailed())
            std::fprintf(stderr, "--- log of machine %zu\n%s", machine, log.constData());
    }
}

bool NetworkCluster::start(int nodes)
{
    std::vector<int> all(static_cast<std::size_t>(nodes));
    std::iota(all.begin(), all.end(), 0);
    return std::all_of(all.begin(), all.end(),
                       [this](int machine) { return startNode(machine); }) &&
           waitForMembers(all, all, 30'000) && waitForLinks(all);
}

bool NetworkCluster::waitForLinks(const std::vector<int> &machines, int timeoutMs)
{
    return std::all_of(machines.begin(), machines.end(), [&](int machine) {
        return waitUntil(
            [&] {
                const QByteArray target = "/key/never-there?w=all&timeout=500";
                return ask(machine, "DELETE", target).status == 200;
            },
            timeoutMs);
    });
}

bool NetworkCluster::startNode(int machine)
{
    const LocalNetwork::At at(m_network, machine);
    return node(machine).start(machine == 0 ? QList<QByteArray>{}
                                            : QList<QByteArray>{addressOf(0)});
}

QByteArray NetworkCluster::addressOf(int machine)
{
    return base::Endpoint{LocalNetwork::hostOf(machine), kPort}.toString();
}

HttpAnswer NetworkCluster::ask(int machine, const QByteArray &method, const QByteArray &target,
                               const QByteArray &body, int timeoutMs)
{
    const LocalNetwork::At at(m_network, machine);
    return node(machine).rest().begin(method, target, body).finish(timeoutMs);
}

QList<QByteArray> NetworkCluster::statesAt(int machine)
{
    QList<QByteArray> states;
    const QJsonObject cluster = ask(machine, "GET", "/v1/cluster").object();
    for (const QJsonValue each : cluster.value(QLatin1String("members")).toArray()) {
        states.push_back(each[QLatin1String("address")].toString().toLatin1() + ' ' +
                         each[QLatin1String("state")].toString().toLatin1());
    }
    return states;
}

QByteArray NetworkCluster::contentOf(int machine)
{
    QJsonArray content;
    QByteArray after;
    do {
        const QJsonObject page =
            ask(machine, "GET", "/v1/keys?values=true&limit=1000" + after).object();
        for (const QJsonValue each : page.value(QLatin1String("keys")).toArray()) {
            content.append(QJsonArray{each[QLatin1String("key")], each[QLatin1String("version")],
                                      each[QLatin1String("value")]});
        }
        const QByteArray next = page.value(QLatin1String("next")).toString().toUtf8();
        after = next.isEmpty() ? QByteArray() : "&after=" + next;
    } while (!after.isEmpty());
    return QJsonDocument(content).toJson(QJsonDocument::Compact);
}

bool NetworkCluster::lists(int machine, const std::vector<int> &members)
{
    QList<QByteArray> expected;
    for (const int member : members)
        expected.push_back(addressOf(member));
    std::sort(expected.begin(), expected.end());
    const LocalNetwork::At at(m_network, machine);
    return node(machine).rest().members() == expected && node(machine).rest().isReady();
}

bool NetworkCluster::waitForMembers(const std::vector<int> &asked, const std::vector<int> &members,
                                    int timeoutMs)
{
    return waitUntil(
        [&] {
            return std::all_of(asked.begin(), asked.end(),
                               [&](int machine) { return lists(machine, members); });
        },
        timeoutMs);
}

bool NetworkCluster::waitForEqual(const std::vector<int> &machines, int timeoutMs)
{
    return waitUntil(
        [&] {
            const QByteArray first = contentOf(machines.front());
            return std::all_of(machines.begin() + 1, machines.end(),
                               [&](int machine) { return contentOf(machine) == first; });
        },
        timeoutMs);
}

} // namespace dynakv::test
