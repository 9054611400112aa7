// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

/// Members that have no room.
class TestFullMembers : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aFullMemberStopsValuesEverywhereUntilThereIsRoom();
    void aMemberThatComesBackToTooMuchTakesWhatFitsAndHealsLater();
};

/// The least member is the measure for all: a value needs room at every replica.
void TestFullMembers::aFullMemberStopsValuesEverywhereUntilThereIsRoom()
{
    SimCluster cluster(41);
    cluster.addNode({});
    cluster.addNode({0});
    cluster.addNode({1});
    cluster.setMemoryMax(1, 20'000);
    cluster.setMemoryMax(2, 10'000);
    for (int node = 0; node < 3; ++node)
        cluster.start(node);
    QVERIFY(cluster.runUntil(10'000, [&] { return cluster.allReady(); }));
    const QByteArray value(300, 'v');
    int stored = 0;
    for (int i = 0; i < 100; ++i) {
        const auto write = cluster.put(i % 2, "k" + QByteArray::number(i), value);
        cluster.run(300);
        if (cluster.told(write).outcome.status != core::WriteOutcome::Status::Done)
            break;
        ++stored;
    }
    QVERIFY(stored > 20 && stored < 40);
    cluster.run(1000);
    for (int node = 0; node < 3; ++node) {
        const auto refused = cluster.put(node, "more", value);
        cluster.run(50);
        QCOMPARE(cluster.told(refused).outcome.status, core::WriteOutcome::Status::NoSpace);
    }
    for (int node = 0; node < 3; ++node) {
        const auto passed = cluster.remove(node, "k" + QByteArray::number(node));
        cluster.run(50);
        QCOMPARE(cluster.told(passed).outcome.status, core::WriteOutcome::Status::Done);
    }
    cluster.run(1000);
    QVERIFY(cluster.recordsAgree());
    QCOMPARE(cluster.records(2).recordCount(), stored); // Its tombstones stay where they are.
    QVERIFY(cluster.records(2).memoryBytes() < 9500);
    for (int node = 0; node < 3; ++node) {
        const auto taken = cluster.put(node, "k" + QByteArray::number(node), "\"v\"");
        cluster.run(100);
        QCOMPARE(cluster.told(taken).outcome.status, core::WriteOutcome::Status::Done);
    }
    QVERIFY(cluster.recordsAgree());
}

void TestFullMembers::aMemberThatComesBackToTooMuchTakesWhatFitsAndHealsLater()
{
    SimCluster cluster(42);
    cluster.addNode({});
    cluster.addNode({0});
    cluster.addNode({0});
    cluster.setMemoryMax(2, 10'000);
    for (int node = 0; node < 3; ++node)
        cluster.start(node);
    QVERIFY(cluster.runUntil(10'000, [&] { return cluster.allReady(); }));
    cluster.crash(2);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.membershipsAgree(); }));
    const QByteArray value(300, 'v');
    for (int i = 0; i < 60; ++i) {
        const auto write = cluster.put(0, "k" + QByteArray::number(i), value);
        cluster.run(20);
        QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
    }
    cluster.start(2);
    cluster.run(30'000);
    // Filled up to its reserve and no further, and no reader is told what it does not know.
    QVERIFY(cluster.records(2).memoryBytes() > 9500);
    QVERIFY(cluster.records(2).memoryBytes() <= 11'000);
    QVERIFY(cluster.view(2).readiness != core::Readiness::Ready);
    // It asks again at leisure: a full table does not keep the cluster busy.
    const qint64 appended = cluster.recordsAppended(2);
    const auto lines = cluster.log().size();
    cluster.run(30'000);
    QCOMPARE(cluster.recordsAppended(2), appended);
    QCOMPARE(cluster.log().size(), lines);
    const auto refused = cluster.put(0, "more", value);
    cluster.run(100);
    QCOMPARE(cluster.told(refused).outcome.status, core::WriteOutcome::Status::NoSpace);
    for (int i = 0; i < 60; ++i) {
        cluster.remove(1, "k" + QByteArray::number(i));
        cluster.run(20);
    }
    QVERIFY(cluster.runUntil(40'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
    QCOMPARE(cluster.records(2).liveCount(), 0);
    cluster.run(1000); // The next heartbeat tells that there is room.
    const auto taken = cluster.put(0, "more", value);
    cluster.run(100);
    QCOMPARE(cluster.told(taken).outcome.status, core::WriteOutcome::Status::Done);
}

QTEST_APPLESS_MAIN(TestFullMembers)
#include "tst_full_members.moc"
