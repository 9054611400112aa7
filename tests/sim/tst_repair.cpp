// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

namespace {

constexpr qint64 kRepairMsMax = 20'000;

core::Record recordOf(const QByteArray &key, quint64 clock, const QByteArray &value)
{
    core::Record record;
    record.key = key;
    record.version = {clock, 77};
    record.value = value;
    return record;
}

/// What was planted: the greatest record of one key.
bool isOnAll(const SimCluster &cluster, const core::Record &record)
{
    for (int node = 0; node < cluster.count(); ++node) {
        if (cluster.records(node).find(record.key) != record)
            return false;
    }
    return true;
}

enum class Who { OneHasIt, OneLacksIt, OneIsNewer };

} // namespace

Q_DECLARE_METATYPE(Who)

/// Replicas that differ, however that came about, and no link was lost that would have them
/// compared.
class TestRepair : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aDifferenceIsRepairedInTime_data();
    void aDifferenceIsRepairedInTime();
    void equalTablesAreSeldomCompared();
    void writesOnTheirWayAreNoDifference();
};

void TestRepair::aDifferenceIsRepairedInTime_data()
{
    QTest::addColumn<int>("nodes");
    QTest::addColumn<Who>("who");
    QTest::addColumn<int>("writeEveryMs");
    for (const int nodes : {3, 10}) {
        for (const int everyMs : {0, 20}) {
            const char *how = everyMs > 0 ? "beside writes" : "at rest";
            QTest::addRow("%d nodes %s: one has it", nodes, how)
                << nodes << Who::OneHasIt << everyMs;
            QTest::addRow("%d nodes %s: one lacks it", nodes, how)
                << nodes << Who::OneLacksIt << everyMs;
            QTest::addRow("%d nodes %s: one is newer", nodes, how)
                << nodes << Who::OneIsNewer << everyMs;
        }
    }
}

void TestRepair::aDifferenceIsRepairedInTime()
{
    QFETCH(const int, nodes);
    QFETCH(const Who, who);
    QFETCH(const int, writeEveryMs);
    qint64 longestMs = 0;
    for (quint64 seed = 1; seed <= (nodes == 3 ? 20U : 6U); ++seed) {
        SimCluster cluster(seed);
        QVERIFY(cluster.form(nodes));
        for (int i = 0; i < 100; ++i)
            cluster.put(i % nodes, "k" + QByteArray::number(i), "1");
        // Some time after the comparisons with which links begin.
        cluster.run(30'000 + static_cast<qint64>(cluster.random().below(10'000)));
        const int odd = static_cast<int>(cluster.random().below(static_cast<quint64>(nodes)));
        // What is older than the watermark would be refused.
        const quint64 clock = cluster.records(0).newestClock();
        const core::Record older = recordOf("planted", clock + 1, "1");
        const core::Record newer = recordOf("planted", clock + 2, "2");
        for (int node = 0; node < nodes; ++node) {
            if (who != Who::OneHasIt && (node != odd || who == Who::OneIsNewer))
                cluster.plant(node, who == Who::OneIsNewer ? older : newer);
            if (who != Who::OneLacksIt && node == odd)
                cluster.plant(node, newer);
        }
        QVERIFY(!isOnAll(cluster, newer));
        const qint64 startMs = cluster.nowMs();
        qint64 writtenMs = startMs;
        int writes = 0;
        while (!isOnAll(cluster, newer) && cluster.nowMs() - startMs <= kRepairMsMax) {
            if (writeEveryMs > 0 && cluster.nowMs() - writtenMs >= writeEveryMs) {
                writtenMs = cluster.nowMs();
                ++writes;
                cluster.put(writes % nodes, "w" + QByteArray::number(writes % 500), "1");
            }
            cluster.run(10);
        }
        longestMs = std::max(longestMs, cluster.nowMs() - startMs);
        QVERIFY2(isOnAll(cluster, newer), QByteArray::number(seed).constData());
    }
    qInfo("repaired after %.2f s at most", static_cast<double>(longestMs) / 1000);
}

void TestRepair::equalTablesAreSeldomCompared()
{
    const int nodes = 10;
    SimCluster cluster(1);
    QVERIFY(cluster.form(nodes));
    for (int i = 0; i < 100; ++i)
        cluster.put(i % nodes, "k" + QByteArray::number(i), "1");
    cluster.run(30'000);
    int roots = 0;
    int further = 0;
    cluster.countBytes([&](const core::Message &message) {
        roots += std::holds_alternative<core::RootsRequest>(message) ? 1 : 0;
        further += std::holds_alternative<core::LeavesRequest>(message) ? 1 : 0;
        return qint64{0};
    });
    cluster.run(100'000);
    QVERIFY(roots > 0);
    QVERIFY2(roots <= nodes * 15, QByteArray::number(roots).constData()); // Each in 7 s at least.
    QCOMPARE(further, 0);
}

/// One write each second makes tables differ for some milliseconds, which no comparison follows.
void TestRepair::writesOnTheirWayAreNoDifference()
{
    const int nodes = 10;
    SimCluster cluster(2);
    QVERIFY(cluster.form(nodes));
    cluster.run(30'000);
    int roots = 0;
    cluster.countBytes([&](const core::Message &message) {
        roots += std::holds_alternative<core::RootsRequest>(message) ? 1 : 0;
        return qint64{0};
    });
    for (int i = 0; i < 100; ++i) {
        cluster.put(i % nodes, "k" + QByteArray::number(i), "1");
        cluster.run(1000);
    }
    QVERIFY2(roots <= nodes * 15, QByteArray::number(roots).constData());
}

QTEST_APPLESS_MAIN(TestRepair)
#include "tst_repair.moc"
