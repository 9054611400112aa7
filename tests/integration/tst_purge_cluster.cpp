// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using test::Cluster;

namespace {

qint64 tombstones(Cluster &cluster, int node)
{
    return cluster.rest(node)
        .get("/v1/stats")
        .object()
        .value(QLatin1String("tombstones"))
        .toInteger(-1);
}

bool waitForNoTombstones(Cluster &cluster)
{
    return QTest::qWaitFor(
        [&cluster] {
            for (int node = 0; node < cluster.size(); ++node) {
                if (tombstones(cluster, node) != 0)
                    return false;
            }
            return true;
        },
        120'000);
}

/// Of every replica, whether it holds anything for \a key.
int holders(Cluster &cluster, const QByteArray &key)
{
    int held = 0;
    const QJsonObject answer = cluster.rest(0).get("/v1/key-replicas/" + key).object();
    for (const QJsonValue &replica : answer.value(QLatin1String("replicas")).toArray())
        held += replica[QLatin1String("held")].toBool() ? 1 : 0;
    return held;
}

} // namespace

/// Deleted and expired keys take no room for ever.
class TestPurgeCluster : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whatIsDeletedLeavesMemoryAndFile();
};

void TestPurgeCluster::whatIsDeletedLeavesMemoryAndFile()
{
    Cluster cluster(3);
    for (int node = 0; node < 3; ++node)
        cluster.node(node).setOptions({QStringLiteral("--purge-after-s=1")});
    QVERIFY(cluster.start());
    const test::RestProbe rest = cluster.rest(0);
    QVERIFY(rest.putValue("stays", "\"here\""));
    QVERIFY(rest.putValue("deleted", "\"deleted-value\""));
    QCOMPARE(rest.put("/key/expires?ttl=1&w=all", R"({"value": "expired-value"})").status, 200);
    QCOMPARE(cluster.rest(1).del("/key/deleted?w=all").status, 200);
    QCOMPARE(tombstones(cluster, 0), 1);
    QCOMPARE(holders(cluster, "deleted"), 3);
    QVERIFY(waitForNoTombstones(cluster));
    QVERIFY(QTest::qWaitFor([&] { return holders(cluster, "expires") == 0; }, 60'000));
    QCOMPARE(holders(cluster, "deleted"), 0);
    QCOMPARE(holders(cluster, "stays"), 3);
    QVERIFY(rest.get("/v1/cluster").object().contains(QLatin1String("purged_up_to")));

    // Its file holds them still; what is read from that is purged again at once.
    cluster.node(2).killHard();
    QVERIFY(cluster.node(2).restart());
    QVERIFY(cluster.waitForAll());
    QVERIFY(waitForNoTombstones(cluster));
    QVERIFY(cluster.waitForValue("deleted", {}));
    QVERIFY(cluster.waitForValue("stays", "\"here\""));

    QCOMPARE(cluster.rest(2).begin("POST", "/v1/admin/compact").finish().status, 202);
    QFile file(cluster.node(2).dataDirectory() + QStringLiteral("/storage.db"));
    QVERIFY(QTest::qWaitFor(
        [&file] {
            if (!file.open(QIODevice::ReadOnly))
                return false;
            const QByteArray bytes = file.readAll();
            file.close();
            return bytes.contains("here") && !bytes.contains("deleted-value") &&
                   !bytes.contains("expired-value");
        },
        30'000));
}

QTEST_GUILESS_MAIN(TestPurgeCluster)
#include "tst_purge_cluster.moc"
