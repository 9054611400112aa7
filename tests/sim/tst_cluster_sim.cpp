// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_questions.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

/// One situation each, on the whole core in virtual time.
class TestClusterSim : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aWriteAnywhereIsSeenEverywhere();
    void versionsRiseAlsoWhereTheClockIsBehind();
    void aCrashedProcessIsDownWithinTwoSeconds();
    void aVanishedHostIsDownWithinSevenSeconds();
    void aStoppedProcessIsDownAndReturnsByItself();
    void aRestartedNodeFetchesWhatItMissedAndKeepsWhatItHad();
    void aDeleteMadeWhileANodeWasDownDoesNotComeBack();
    void bothSidesOfACutKeepTheirWritesAndTheLaterOneWins();
    void aOneWayCutDoesNotDeclareAnyoneDown();
    void whoRefutesASuspicionIsNotSuspectedAtOnceAgain();
    void aNodeThatSaysReadyTakesWrites();
    void quorumWritesSayHowManyHaveThem();
    void aMinorityCannotWriteWithQuorum();
    void aNodeWithAWrongClockRefusesWrites();
    void aRecordFromTheFutureIsToppedAndMovesNobodysClock();
    void aDeleteOfACutOffNodeReachesTheOthers();
    void aDurabilityAskedForIsAnsweredByTheWeakestCopy();
    void nobodyHealthyIsDeclaredDown();
    void sameSeedSameRun();
};

void TestClusterSim::aWriteAnywhereIsSeenEverywhere()
{
    SimCluster cluster(2);
    QVERIFY(cluster.form(3));
    for (int node = 0; node < 3; ++node)
        cluster.put(node, "key" + QByteArray::number(node), "\"v\"");
    cluster.run(50);
    for (const auto &told : cluster.allTold())
        QCOMPARE(told.outcome.status, core::WriteOutcome::Status::Done);
    QVERIFY(cluster.recordsAgree());
    QCOMPARE(cluster.records(1).liveCount(), 3);
}

void TestClusterSim::versionsRiseAlsoWhereTheClockIsBehind()
{
    SimCluster cluster(3);
    QVERIFY(cluster.form(3));
    cluster.setWallOffset(1, -30'000);
    const auto first = cluster.put(0, "k", "1");
    cluster.run(100);
    const auto second = cluster.put(1, "k", "2");
    cluster.run(100);
    QVERIFY(cluster.told(first).outcome.version < cluster.told(second).outcome.version);
    QCOMPARE(sim::valueOn(cluster, 0, "k"), "2");
    QVERIFY(cluster.told(second).outcome.existed);
}

void TestClusterSim::aCrashedProcessIsDownWithinTwoSeconds()
{
    SimCluster cluster(4);
    QVERIFY(cluster.form(3));
    cluster.run(2000);
    cluster.crash(1);
    QVERIFY(cluster.runUntil(2000, [&] { return cluster.membershipsAgree(); }));
    cluster.start(1);
    QVERIFY(
        cluster.runUntil(6000, [&] { return cluster.membershipsAgree() && cluster.allReady(); }));
}

void TestClusterSim::aVanishedHostIsDownWithinSevenSeconds()
{
    SimCluster cluster(5);
    QVERIFY(cluster.form(3));
    cluster.run(2000);
    cluster.vanish(2);
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    QVERIFY(cluster.runUntil(7000, [&] { return cluster.membershipsAgree(); }));
    cluster.mendAll();
    cluster.start(2);
    QVERIFY(
        cluster.runUntil(9000, [&] { return cluster.membershipsAgree() && cluster.allReady(); }));
}

void TestClusterSim::aStoppedProcessIsDownAndReturnsByItself()
{
    SimCluster cluster(6);
    QVERIFY(cluster.form(3));
    cluster.run(2000);
    cluster.setPaused(1, true);
    QVERIFY(cluster.runUntil(7000, [&] {
        return cluster.aliveSeenBy(0) == std::vector{0, 2} &&
               cluster.aliveSeenBy(2) == std::vector{0, 2};
    }));
    cluster.put(0, "k", "1");
    cluster.run(10'000);
    cluster.setPaused(1, false);
    QVERIFY(cluster.runUntil(8000, [&] { return cluster.membershipsAgree(); }));
    QVERIFY(cluster.runUntil(12'000, [&] { return cluster.recordsAgree(); }));
    QCOMPARE(sim::valueOn(cluster, 1, "k"), "1");
}

void TestClusterSim::aRestartedNodeFetchesWhatItMissedAndKeepsWhatItHad()
{
    SimCluster cluster(7);
    QVERIFY(cluster.form(3));
    // Node 2 alone has a newer value when it dies.
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    cluster.put(2, "own", "\"kept\"");
    cluster.run(200);
    cluster.crash(2);
    cluster.put(0, "missed", "1");
    cluster.put(1, "own-not", "2");
    cluster.run(20'000);
    cluster.mendAll();
    cluster.start(2);
    QVERIFY(cluster.runUntil(10'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
    QCOMPARE(sim::valueOn(cluster, 0, "own"), "\"kept\"");
    QCOMPARE(sim::valueOn(cluster, 2, "missed"), "1");
}

void TestClusterSim::aDeleteMadeWhileANodeWasDownDoesNotComeBack()
{
    SimCluster cluster(8);
    QVERIFY(cluster.form(3));
    cluster.put(0, "k", "1");
    cluster.run(500);
    cluster.crash(2);
    cluster.run(5000);
    const auto removed = cluster.remove(0, "k");
    cluster.run(500);
    QVERIFY(cluster.told(removed).outcome.existed);
    cluster.start(2);
    QVERIFY(cluster.runUntil(10'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
    for (int node = 0; node < 3; ++node)
        QCOMPARE(sim::valueOn(cluster, node, "k"), "(deleted)");
}

void TestClusterSim::bothSidesOfACutKeepTheirWritesAndTheLaterOneWins()
{
    SimCluster cluster(9);
    QVERIFY(cluster.form(3));
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    cluster.run(10'000);
    cluster.put(0, "both", "\"early\"");
    cluster.put(0, "left", "1");
    cluster.run(1000);
    cluster.put(2, "both", "\"late\"");
    cluster.put(2, "right", "2");
    cluster.run(60'000);
    cluster.mendAll();
    QVERIFY(cluster.runUntil(10'000,
                             [&] { return cluster.membershipsAgree() && cluster.recordsAgree(); }));
    QCOMPARE(sim::valueOn(cluster, 0, "both"), "\"late\"");
    QCOMPARE(sim::valueOn(cluster, 0, "right"), "2");
    QCOMPARE(sim::valueOn(cluster, 2, "left"), "1");
}

void TestClusterSim::aOneWayCutDoesNotDeclareAnyoneDown()
{
    SimCluster cluster(10);
    QVERIFY(cluster.form(3));
    cluster.run(2000);
    cluster.setCut(0, 1, true);
    for (int i = 0; i < 60; ++i) {
        cluster.run(500);
        const auto seen = cluster.view(2);
        for (const core::MemberView &row : seen.members)
            QVERIFY(row.state != core::MemberState::Down);
    }
}

/// It was refused a connection there, and cannot have one now; the third one sees that it is back.
void TestClusterSim::whoRefutesASuspicionIsNotSuspectedAtOnceAgain()
{
    SimCluster cluster(31);
    QVERIFY(cluster.form(3));
    cluster.run(2000);
    cluster.crash(2);
    cluster.run(500);
    cluster.setCutBothWays(0, 2, true);
    cluster.start(2);
    const auto lines = cluster.log().size();
    cluster.run(10'000);
    const auto suspicions = std::count_if(
        cluster.log().begin() + static_cast<std::ptrdiff_t>(lines), cluster.log().end(),
        [](const QByteArray &line) { return line.endsWith("is suspect"); });
    QVERIFY2(suspicions < 5, QByteArray::number(suspicions).constData());
    QCOMPARE(cluster.stateSeenBy(0, 2), core::MemberState::Alive);
}

void TestClusterSim::aNodeThatSaysReadyTakesWrites()
{
    SimCluster cluster(30);
    cluster.addNode({});
    cluster.start(0);
    while (!cluster.allReady())
        cluster.run(1);
    const auto write = cluster.put(0, "k", "1");
    cluster.run(100);
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
}

void TestClusterSim::quorumWritesSayHowManyHaveThem()
{
    SimCluster cluster(22);
    QVERIFY(cluster.form(3));
    const auto quorum = cluster.put(0, "q", "1", {core::WriteConcern::Kind::Quorum});
    const auto all = cluster.put(1, "a", "1", {core::WriteConcern::Kind::All});
    const auto tooMany = cluster.put(1, "n", "1", {core::WriteConcern::Kind::Count, 4});
    cluster.run(200);
    QCOMPARE(cluster.told(quorum).outcome.status, core::WriteOutcome::Status::Done);
    QVERIFY(cluster.told(quorum).outcome.acked >= 2);
    QCOMPARE(cluster.told(all).outcome.acked, 3);
    QCOMPARE(cluster.told(tooMany).outcome.status, core::WriteOutcome::Status::NotReady);
}

void TestClusterSim::aMinorityCannotWriteWithQuorum()
{
    SimCluster cluster(23);
    QVERIFY(cluster.form(3));
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    cluster.run(10'000);
    const auto write = cluster.put(2, "k", "1", {core::WriteConcern::Kind::Quorum});
    const auto one = cluster.put(2, "k1", "1");
    cluster.run(4000);
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::TooFewReplicas);
    QCOMPARE(cluster.told(write).outcome.acked, 1);
    QCOMPARE(cluster.told(one).outcome.status, core::WriteOutcome::Status::Done);
}

void TestClusterSim::aNodeWithAWrongClockRefusesWrites()
{
    SimCluster cluster(25);
    QVERIFY(cluster.form(3));
    cluster.setWallOffset(1, 3'600'000);
    cluster.run(2000);
    const auto wrong = cluster.put(1, "k", "1");
    const auto right = cluster.put(0, "k", "2");
    cluster.run(100);
    QCOMPARE(cluster.told(wrong).outcome.status, core::WriteOutcome::Status::ClockOff);
    QCOMPARE(cluster.told(right).outcome.status, core::WriteOutcome::Status::Done);
}

void TestClusterSim::aRecordFromTheFutureIsToppedAndMovesNobodysClock()
{
    SimCluster cluster(28);
    QVERIFY(cluster.form(3));
    // Alone, nobody tells node 2 that its clock is two hours ahead.
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    cluster.run(10'000);
    cluster.setWallOffset(2, 7'200'000);
    cluster.run(1000);
    const auto future = cluster.put(2, "k", "1");
    cluster.run(1000);
    QCOMPARE(cluster.told(future).outcome.status, core::WriteOutcome::Status::Done);
    cluster.setWallOffset(2, 0);
    cluster.mendAll();
    QVERIFY(cluster.runUntil(15'000,
                             [&] { return cluster.membershipsAgree() && cluster.recordsAgree(); }));
    const auto next = cluster.put(0, "k", "2");
    const auto other = cluster.put(0, "other", "3");
    cluster.run(1000);
    QCOMPARE(sim::valueOn(cluster, 1, "k"), "2");
    QVERIFY(cluster.told(future).outcome.version < cluster.told(next).outcome.version);
    QVERIFY(cluster.told(other).outcome.version < cluster.told(future).outcome.version);
}

void TestClusterSim::aDeleteOfACutOffNodeReachesTheOthers()
{
    SimCluster cluster(29);
    QVERIFY(cluster.form(3));
    cluster.put(0, "k", "1");
    cluster.run(500);
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    cluster.run(10'000);
    cluster.remove(2, "k");
    cluster.run(10'000);
    cluster.mendAll();
    QVERIFY(cluster.runUntil(15'000,
                             [&] { return cluster.membershipsAgree() && cluster.recordsAgree(); }));
    for (int node = 0; node < 3; ++node)
        QCOMPARE(sim::valueOn(cluster, node, "k"), "(deleted)");
}

void TestClusterSim::aDurabilityAskedForIsAnsweredByTheWeakestCopy()
{
    SimCluster cluster(43);
    QVERIFY(cluster.form(3));
    for (const core::Durability durability : {core::Durability::Os, core::Durability::Sync}) {
        for (const auto kind : {core::WriteConcern::Kind::Count, core::WriteConcern::Kind::All}) {
            const auto write = cluster.put(0, "k", "1", {kind}, durability);
            cluster.run(100);
            QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
            QCOMPARE(cluster.told(write).outcome.durability, durability);
        }
    }
}

void TestClusterSim::nobodyHealthyIsDeclaredDown()
{
    SimCluster cluster(26);
    cluster.addNode({});
    for (int node = 1; node < 10; ++node)
        cluster.addNode({0});
    for (int node = 0; node < 10; ++node)
        cluster.start(node);
    QVERIFY(
        cluster.runUntil(20'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
    cluster.watchDowns();
    for (int minute = 0; minute < 10; ++minute) {
        const int sleepy = static_cast<int>(cluster.random().below(10));
        cluster.setPaused(sleepy, true);
        cluster.run(1500);
        cluster.setPaused(sleepy, false);
        cluster.run(58'500);
    }
    QCOMPARE(cluster.falseDowns(), 0);
    QVERIFY(cluster.membershipsAgree());
}

void TestClusterSim::sameSeedSameRun()
{
    quint64 hashes[2] = {};
    for (quint64 &hash : hashes) {
        SimCluster cluster(27);
        QVERIFY(cluster.form(3));
        for (int i = 0; i < 100; ++i) {
            cluster.put(i % 3, "k" + QByteArray::number(i % 7), QByteArray::number(i));
            cluster.run(13);
        }
        hash = cluster.traceHash();
    }
    QCOMPARE(hashes[0], hashes[1]);
}

QTEST_APPLESS_MAIN(TestClusterSim)
#include "tst_cluster_sim.moc"
