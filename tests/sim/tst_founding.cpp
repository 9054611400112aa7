// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_questions.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

/// Who founds a cluster, who joins which one, and when they are ready.
class TestFounding : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void nodesJoinThroughAnyMember();
    void joinersOfARestartedClusterAreReadySoonAfterIt();
    void allNodesReturnFromACommonRestart();
    void aLoneSurvivorOfARestartServes();
    void aJoiningNodeTakesOverAllRecordsBeforeItIsReady();
    void aJoiningNodeTakesEachRecordOnce();
    void aSoleMemberStartedWithJoinMergesItsData();
    void anEmptyFounderIsAdopted();
    void grownClustersRefuseEachOther();
    void aNodeThatNamesOnlyItselfFounds();
    void aFounderThatCrashesAtOnceStrandsNobody();
    void twoNodesThatJoinEachOtherWait();
    void aWildcardListenerLearnsItsAddress();
    void aJoiningNodeRefusesWrites();
    void aCopiedDirectoryIsRefused();
};

void TestFounding::nodesJoinThroughAnyMember()
{
    SimCluster cluster(1);
    QVERIFY(cluster.form(3));
    QCOMPARE(cluster.view(0).clusterId, cluster.view(2).clusterId);
    QCOMPARE(cluster.view(2).members.size(), size_t{3});
}

/// While none of the old members was ready they compared with one that was not either; that must
/// not be the last time for long.
void TestFounding::joinersOfARestartedClusterAreReadySoonAfterIt()
{
    for (quint64 seed = 400; seed < 410; ++seed) {
        SimCluster cluster(seed);
        QVERIFY(cluster.form(3));
        for (int i = 0; i < 50; ++i)
            cluster.put(i % 3, "k" + QByteArray::number(i), "1");
        cluster.run(500);
        for (int node = 0; node < 3; ++node)
            cluster.crash(node);
        cluster.addNode({0});
        cluster.addNode({1});
        for (int node = 0; node < 5; ++node)
            cluster.start(node);
        QVERIFY(cluster.runUntil(5000,
                                 [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
        QVERIFY(cluster.recordsAgree());
    }
}

void TestFounding::allNodesReturnFromACommonRestart()
{
    SimCluster cluster(11);
    QVERIFY(cluster.form(3));
    for (int i = 0; i < 50; ++i)
        cluster.put(i % 3, "k" + QByteArray::number(i), QByteArray::number(i));
    cluster.run(500);
    for (int node = 0; node < 3; ++node)
        cluster.crash(node);
    cluster.run(1000);
    for (int node = 0; node < 3; ++node)
        cluster.start(node);
    QVERIFY(cluster.runUntil(10'000, [&] {
        return cluster.allReady() && cluster.membershipsAgree() && cluster.recordsAgree();
    }));
    QCOMPARE(cluster.records(1).liveCount(), 50);
}

void TestFounding::aLoneSurvivorOfARestartServes()
{
    SimCluster cluster(12);
    QVERIFY(cluster.form(3));
    for (int node = 0; node < 3; ++node)
        cluster.crash(node);
    cluster.start(1);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.allReady(); }));
    const auto write = cluster.put(1, "k", "1");
    cluster.run(100);
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
    QCOMPARE(cluster.told(write).outcome.replicas, 3);
}

void TestFounding::aJoiningNodeTakesOverAllRecordsBeforeItIsReady()
{
    SimCluster cluster(13);
    cluster.addNode({});
    cluster.start(0);
    cluster.run(200);
    for (int i = 0; i < 5000; ++i) {
        cluster.put(0, "k" + QByteArray::number(i), QByteArray(100, 'v'));
        if (i % 100 == 0)
            cluster.run(10);
    }
    cluster.run(30'000);
    cluster.addNode({0});
    cluster.start(1);
    QVERIFY(cluster.runUntil(60'000, [&] {
        if (cluster.view(1).readiness == core::Readiness::Ready)
            return true;
        // Until then it says so itself.
        [&] { QCOMPARE(cluster.view(1).readiness, core::Readiness::Joining); }();
        return false;
    }));
    QVERIFY(cluster.recordsAgree());
    QCOMPARE(cluster.records(1).liveCount(), 5000);
}

void TestFounding::aJoiningNodeTakesEachRecordOnce()
{
    for (quint64 seed = 300; seed < 310; ++seed) {
        SimCluster cluster(seed);
        QVERIFY(cluster.form(3));
        for (int i = 0; i < 2000; ++i)
            cluster.put(i % 3, "k" + QByteArray::number(i), QByteArray(100, 'v'));
        cluster.run(20'000);
        const int joiner = cluster.addNode({1});
        cluster.start(joiner);
        QVERIFY(
            cluster.runUntil(30'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
        cluster.run(30'000);
        // Three members that each give it everything would make this three times as much.
        QVERIFY2(cluster.recordsAppended(joiner) < 2200,
                 QByteArray::number(cluster.recordsAppended(joiner)).constData());
    }
}

void TestFounding::aSoleMemberStartedWithJoinMergesItsData()
{
    SimCluster cluster(14);
    cluster.addNode({});
    cluster.addNode({0});
    cluster.addNode({});
    cluster.start(0);
    cluster.start(1);
    QVERIFY(
        cluster.runUntil(10'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
    cluster.put(0, "ours", "1");
    // Node 2 founds alone and takes data; then it is started with a join address.
    cluster.start(2);
    cluster.run(500);
    cluster.put(2, "theirs", "2");
    cluster.run(500);
    cluster.crash(2);
    cluster.setJoin(2, {1});
    cluster.start(2);
    QVERIFY(cluster.runUntil(10'000, [&] {
        return cluster.allReady() && cluster.membershipsAgree() && cluster.recordsAgree();
    }));
    QCOMPARE(cluster.view(2).clusterId, cluster.view(0).clusterId);
    QCOMPARE(sim::valueOn(cluster, 0, "theirs"), "2");
    QCOMPARE(sim::valueOn(cluster, 2, "ours"), "1");
}

void TestFounding::anEmptyFounderIsAdopted()
{
    SimCluster cluster(16);
    cluster.addNode({});
    cluster.addNode({0});
    cluster.start(0);
    cluster.start(1);
    QVERIFY(
        cluster.runUntil(10'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
    cluster.addNode({});
    cluster.start(2);
    cluster.run(500);
    // An operator names the empty one to a grown member.
    cluster.crash(1);
    cluster.setJoin(1, {2});
    cluster.setCutBothWays(0, 1, true);
    cluster.start(1);
    QVERIFY(cluster.runUntil(
        30'000, [&] { return cluster.view(2).clusterId == cluster.view(1).clusterId; }));
    cluster.mendAll();
    QVERIFY(
        cluster.runUntil(15'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
}

void TestFounding::grownClustersRefuseEachOther()
{
    SimCluster cluster(17);
    cluster.addNode({});
    cluster.addNode({0});
    cluster.addNode({});
    cluster.addNode({2});
    for (int node = 0; node < 4; ++node)
        cluster.start(node);
    cluster.run(10'000);
    QVERIFY(cluster.allReady());
    cluster.crash(3);
    cluster.setJoin(3, {0});
    cluster.setCutBothWays(2, 3, true);
    cluster.start(3);
    cluster.run(40'000);
    QVERIFY(cluster.view(3).clusterId != cluster.view(0).clusterId);
    QCOMPARE(cluster.view(0).members.size(), size_t{2});
    bool isSaid = false;
    for (const QByteArray &line : cluster.log())
        isSaid = isSaid || line.contains("grown clusters never merge");
    QVERIFY(isSaid);
}

void TestFounding::aNodeThatNamesOnlyItselfFounds()
{
    SimCluster cluster(18);
    cluster.addNode({0});
    cluster.start(0);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.allReady(); }));
}

void TestFounding::aFounderThatCrashesAtOnceStrandsNobody()
{
    for (quint64 seed = 200; seed < 300; ++seed) {
        SimCluster cluster(seed);
        cluster.addNode({});
        cluster.addNode({0});
        cluster.start(0);
        cluster.start(1);
        cluster.run(static_cast<qint64>(1 + seed % 8));
        cluster.crash(0);
        cluster.run(500);
        cluster.start(0);
        QVERIFY(cluster.runUntil(20'000,
                                 [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
    }
}

void TestFounding::twoNodesThatJoinEachOtherWait()
{
    SimCluster cluster(19);
    cluster.addNode({1});
    cluster.addNode({0});
    cluster.start(0);
    cluster.start(1);
    cluster.run(20'000);
    // Neither may found one: a cluster made during a cut would never merge with the real one.
    QCOMPARE(cluster.view(0).clusterId, quint64{0});
    QCOMPARE(cluster.view(1).readiness, core::Readiness::Joining);
}

void TestFounding::aWildcardListenerLearnsItsAddress()
{
    SimCluster cluster(20);
    cluster.addNode({}, true);
    cluster.addNode({0}, true);
    cluster.addNode({1});
    for (int node = 0; node < 3; ++node)
        cluster.start(node);
    QVERIFY(
        cluster.runUntil(10'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
    for (const core::MemberView &row : cluster.view(2).members)
        QVERIFY2(row.address.startsWith("10.0.0."), row.address.constData());
}

void TestFounding::aJoiningNodeRefusesWrites()
{
    SimCluster cluster(21);
    cluster.addNode({});
    cluster.addNode({0});
    cluster.start(1);
    cluster.run(1000);
    const auto write = cluster.put(1, "k", "1");
    cluster.run(100);
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::NotReady);
    QCOMPARE(cluster.records(1).recordCount(), 0);
}

void TestFounding::aCopiedDirectoryIsRefused()
{
    SimCluster cluster(24);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    cluster.addNode({0});
    cluster.copyDisk(2, 3);
    cluster.start(3);
    cluster.run(60'000);
    bool isSaid = false;
    for (const QByteArray &line : cluster.log())
        isSaid = isSaid || line.contains("one data directory is a copy");
    QVERIFY(isSaid);
    QCOMPARE(cluster.readiness(2), core::Readiness::Ready);
    QCOMPARE(cluster.readiness(3), core::Readiness::CatchingUp);
    QVERIFY(cluster.view(3).detail.contains("copy"));
    const auto refused = cluster.put(3, "k", "1");
    cluster.run(10);
    QCOMPARE(cluster.told(refused).outcome.status, core::WriteOutcome::Status::NotReady);
    // Once the other one is gone it may well be the one to go on.
    cluster.crash(2);
    QVERIFY(
        cluster.runUntil(20'000, [&] { return cluster.readiness(3) == core::Readiness::Ready; }));
}

QTEST_APPLESS_MAIN(TestFounding)
#include "tst_founding.moc"
