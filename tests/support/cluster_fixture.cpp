// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QTest>

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace dynakv::test {

Cluster::Cluster(int nodes)
{
    for (int i = 0; i < nodes; ++i)
        add();
}

Cluster::~Cluster()
{
    for (const auto &each : m_nodes) {
        // A node that was killed cannot tell by its exit code.
        const QByteArray log = each->log();
        if (log.contains("Sanitizer: ") || log.contains("runtime error: "))
            QTest::qFail("a sanitizer found something in a node", __FILE__, __LINE__);
    }
    if (!QTest::currentTestFailed())
        return;
    for (const auto &each : m_nodes) {
        std::fprintf(stderr, "--- log of %s\n%s", each->address().toString().constData(),
                     each->log().constData());
    }
}

bool Cluster::start()
{
    for (int i = 0; i < size(); ++i) {
        const bool isFounder = i == 0;
        if (!node(i).start(isFounder ? QList<QByteArray>{}
                                     : QList<QByteArray>{node(0).address().toString()}))
            return false;
    }
    return waitForAll() && waitForLinks();
}

DaemonProcess &Cluster::add()
{
    m_nodes.push_back(std::make_unique<DaemonProcess>(freeAddress(), m_directory.path()));
    return *m_nodes.back();
}

bool Cluster::waitForMembers(const std::vector<int> &indices, int timeoutMs)
{
    QList<QByteArray> expected;
    for (const int index : indices)
        expected.push_back(node(index).address().toString());
    std::sort(expected.begin(), expected.end());
    return waitUntil(
        [&] {
            return std::all_of(indices.begin(), indices.end(), [&](int index) {
                return rest(index).members() == expected && rest(index).isReady();
            });
        },
        timeoutMs);
}

bool Cluster::waitForAll(int timeoutMs)
{
    std::vector<int> indices(m_nodes.size());
    std::iota(indices.begin(), indices.end(), 0);
    return waitForMembers(indices, timeoutMs);
}

bool Cluster::waitForLinks(int timeoutMs)
{
    const auto isLinked = [](const QJsonValue &member) {
        return member[QLatin1String("clock_offset_ms")].isDouble();
    };
    const auto isLinkedWithAll = [&](const auto &each) {
        const QJsonArray members =
            each->rest().get("/v1/cluster").object()[QLatin1String("members")].toArray();
        return std::count_if(members.begin(), members.end(), isLinked) >= size() - 1;
    };
    return waitUntil([&] { return std::all_of(m_nodes.begin(), m_nodes.end(), isLinkedWithAll); },
                     timeoutMs);
}

bool Cluster::waitForValue(const QByteArray &key, const QByteArray &json, int timeoutMs)
{
    const int wanted = json.isEmpty() ? 404 : 200;
    return waitUntil(
        [&] {
            return std::all_of(m_nodes.begin(), m_nodes.end(), [&](const auto &each) {
                return !each->isRunning() || (each->rest().get("/key/" + key).status == wanted &&
                                              each->rest().value(key) == json);
            });
        },
        timeoutMs);
}

} // namespace dynakv::test
