// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

namespace {

/// Three nodes of one cluster, ready. Node 1 joins through 0 and node 2 through 1.
void formThree(SimCluster &cluster)
{
    cluster.addNode({});
    cluster.addNode({0});
    cluster.addNode({1});
    for (int node = 0; node < 3; ++node)
        cluster.start(node);
    QVERIFY(
        cluster.runUntil(10'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
}

QByteArray valueOn(const SimCluster &cluster, int node, const QByteArray &key)
{
    const auto record = cluster.records(node).find(key);
    if (!record)
        return "(none)";
    return record->kind == core::RecordKind::Tombstone ? QByteArray("(deleted)") : record->value;
}

} // namespace

/// One situation each, on the whole core in virtual time.
class TestClusterSim : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void nodesJoinThroughAnyMember();
    void aWriteAnywhereIsSeenEverywhere();
    void versionsRiseAlsoWhereTheClockIsBehind();
    void aCrashedProcessIsDownWithinTwoSeconds();
    void aVanishedHostIsDownWithinSevenSeconds();
    void aStoppedProcessIsDownAndReturnsByItself();
    void aRestartedNodeFetchesWhatItMissedAndKeepsWhatItHad();
    void aDeleteMadeWhileANodeWasDownDoesNotComeBack();
    void bothSidesOfACutKeepTheirWritesAndTheLaterOneWins();
    void aOneWayCutDoesNotDeclareAnyoneDown();
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
    void aNodeThatSaysReadyTakesWrites();
    void aJoiningNodeRefusesWrites();
    void quorumWritesSayHowManyHaveThem();
    void aMinorityCannotWriteWithQuorum();
    void aCopiedDirectoryIsRefused();
    void aNodeWithAWrongClockRefusesWrites();
    void aRecordFromTheFutureIsToppedAndMovesNobodysClock();
    void aDeleteOfACutOffNodeReachesTheOthers();
    void aFullMemberStopsValuesEverywhereUntilThereIsRoom();
    void aMemberThatComesBackToTooMuchTakesWhatFitsAndHealsLater();
    void aDurabilityAskedForIsAnsweredByTheWeakestCopy();
    void aNodeWhoseFileWasCutIsFencedUntilItIsRepaired();
    void aNodeWhoseFileWasCutAsksEveryMemberThatIsUp();
    void versionsDoNotRepeatAfterAFileWasCut();
    void membersWhoseFilesWereAllCutRepairEachOther();
    void aSoleMemberWhoseFileWasCutServesWhatIsLeft();
    void nobodyHealthyIsDeclaredDown();
    void sameSeedSameRun();
};

void TestClusterSim::nodesJoinThroughAnyMember()
{
    SimCluster cluster(1);
    formThree(cluster);
    QCOMPARE(cluster.view(0).clusterId, cluster.view(2).clusterId);
    QCOMPARE(cluster.view(2).members.size(), size_t{3});
}

void TestClusterSim::aWriteAnywhereIsSeenEverywhere()
{
    SimCluster cluster(2);
    formThree(cluster);
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
    formThree(cluster);
    cluster.setWallOffset(1, -30'000);
    const auto first = cluster.put(0, "k", "1");
    cluster.run(100);
    const auto second = cluster.put(1, "k", "2");
    cluster.run(100);
    QVERIFY(cluster.told(first).outcome.version < cluster.told(second).outcome.version);
    QCOMPARE(valueOn(cluster, 0, "k"), "2");
    QVERIFY(cluster.told(second).outcome.existed);
}

void TestClusterSim::aCrashedProcessIsDownWithinTwoSeconds()
{
    SimCluster cluster(4);
    formThree(cluster);
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
    formThree(cluster);
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
    formThree(cluster);
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
    QCOMPARE(valueOn(cluster, 1, "k"), "1");
}

void TestClusterSim::aRestartedNodeFetchesWhatItMissedAndKeepsWhatItHad()
{
    SimCluster cluster(7);
    formThree(cluster);
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
    QCOMPARE(valueOn(cluster, 0, "own"), "\"kept\"");
    QCOMPARE(valueOn(cluster, 2, "missed"), "1");
}

void TestClusterSim::aDeleteMadeWhileANodeWasDownDoesNotComeBack()
{
    SimCluster cluster(8);
    formThree(cluster);
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
        QCOMPARE(valueOn(cluster, node, "k"), "(deleted)");
}

void TestClusterSim::bothSidesOfACutKeepTheirWritesAndTheLaterOneWins()
{
    SimCluster cluster(9);
    formThree(cluster);
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
    QCOMPARE(valueOn(cluster, 0, "both"), "\"late\"");
    QCOMPARE(valueOn(cluster, 0, "right"), "2");
    QCOMPARE(valueOn(cluster, 2, "left"), "1");
}

void TestClusterSim::aOneWayCutDoesNotDeclareAnyoneDown()
{
    SimCluster cluster(10);
    formThree(cluster);
    cluster.run(2000);
    cluster.setCut(0, 1, true);
    for (int i = 0; i < 60; ++i) {
        cluster.run(500);
        const auto seen = cluster.view(2);
        for (const core::MemberView &row : seen.members)
            QVERIFY(row.state != core::MemberState::Down);
    }
}

void TestClusterSim::allNodesReturnFromACommonRestart()
{
    SimCluster cluster(11);
    formThree(cluster);
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

void TestClusterSim::aLoneSurvivorOfARestartServes()
{
    SimCluster cluster(12);
    formThree(cluster);
    for (int node = 0; node < 3; ++node)
        cluster.crash(node);
    cluster.start(1);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.allReady(); }));
    const auto write = cluster.put(1, "k", "1");
    cluster.run(100);
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
    QCOMPARE(cluster.told(write).outcome.replicas, 3);
}

void TestClusterSim::aJoiningNodeTakesOverAllRecordsBeforeItIsReady()
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

void TestClusterSim::aJoiningNodeTakesEachRecordOnce()
{
    for (quint64 seed = 300; seed < 310; ++seed) {
        SimCluster cluster(seed);
        formThree(cluster);
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

void TestClusterSim::aSoleMemberStartedWithJoinMergesItsData()
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
    QCOMPARE(valueOn(cluster, 0, "theirs"), "2");
    QCOMPARE(valueOn(cluster, 2, "ours"), "1");
}

void TestClusterSim::anEmptyFounderIsAdopted()
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

void TestClusterSim::grownClustersRefuseEachOther()
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

void TestClusterSim::aNodeThatNamesOnlyItselfFounds()
{
    SimCluster cluster(18);
    cluster.addNode({0});
    cluster.start(0);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.allReady(); }));
}

void TestClusterSim::aFounderThatCrashesAtOnceStrandsNobody()
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

void TestClusterSim::twoNodesThatJoinEachOtherWait()
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

void TestClusterSim::aWildcardListenerLearnsItsAddress()
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

void TestClusterSim::aJoiningNodeRefusesWrites()
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

void TestClusterSim::quorumWritesSayHowManyHaveThem()
{
    SimCluster cluster(22);
    formThree(cluster);
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
    formThree(cluster);
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

void TestClusterSim::aCopiedDirectoryIsRefused()
{
    SimCluster cluster(24);
    formThree(cluster);
    cluster.run(1000);
    cluster.addNode({0});
    cluster.copyDisk(2, 3);
    cluster.start(3);
    cluster.run(5000);
    bool isSaid = false;
    for (const QByteArray &line : cluster.log())
        isSaid = isSaid || line.contains("one data directory is a copy");
    QVERIFY(isSaid);
}

void TestClusterSim::aNodeWithAWrongClockRefusesWrites()
{
    SimCluster cluster(25);
    formThree(cluster);
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
    formThree(cluster);
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
    QCOMPARE(valueOn(cluster, 1, "k"), "2");
    QVERIFY(cluster.told(future).outcome.version < cluster.told(next).outcome.version);
    QVERIFY(cluster.told(other).outcome.version < cluster.told(future).outcome.version);
}

void TestClusterSim::aDeleteOfACutOffNodeReachesTheOthers()
{
    SimCluster cluster(29);
    formThree(cluster);
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
        QCOMPARE(valueOn(cluster, node, "k"), "(deleted)");
}

/// The least member is the measure for all: a value needs room at every replica.
void TestClusterSim::aFullMemberStopsValuesEverywhereUntilThereIsRoom()
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

void TestClusterSim::aMemberThatComesBackToTooMuchTakesWhatFitsAndHealsLater()
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
    const auto taken = cluster.put(0, "more", value);
    cluster.run(100);
    QCOMPARE(cluster.told(taken).outcome.status, core::WriteOutcome::Status::Done);
}

void TestClusterSim::aDurabilityAskedForIsAnsweredByTheWeakestCopy()
{
    SimCluster cluster(43);
    formThree(cluster);
    for (const core::Durability durability : {core::Durability::Os, core::Durability::Sync}) {
        for (const auto kind : {core::WriteConcern::Kind::Count, core::WriteConcern::Kind::All}) {
            const auto write = cluster.put(0, "k", "1", {kind}, durability);
            cluster.run(100);
            QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
            QCOMPARE(cluster.told(write).outcome.durability, durability);
        }
    }
}

/// Keys that all three acknowledged, then a disk that has only the first half of them.
void TestClusterSim::aNodeWhoseFileWasCutIsFencedUntilItIsRepaired()
{
    SimCluster cluster(44);
    formThree(cluster);
    std::vector<size_t> writes;
    for (int i = 0; i < 60; ++i) {
        writes.push_back(cluster.put(2, "k" + QByteArray::number(i), QByteArray::number(i),
                                     {core::WriteConcern::Kind::All}));
        cluster.run(30);
        QCOMPARE(cluster.told(writes.back()).outcome.status, core::WriteOutcome::Status::Done);
    }
    const quint64 generation = cluster.diskState(2).generation;
    cluster.crash(2);
    cluster.cutDisk(2, cluster.diskWrites(2) / 2);
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    cluster.start(2);
    QVERIFY(cluster.diskState(2).generation > generation);
    cluster.run(20'000);
    QVERIFY(cluster.diskState(2).mayLack);
    QCOMPARE(cluster.view(2).readiness, core::Readiness::CatchingUp);
    QVERIFY2(cluster.view(2).detail.contains("damaged or cut"), cluster.view(2).detail.constData());
    const auto refused = cluster.put(2, "k0", "x");
    cluster.run(10);
    QCOMPARE(cluster.told(refused).outcome.status, core::WriteOutcome::Status::NotReady);

    cluster.mendAll();
    bool wasSeen = false;
    // One by one, so that the first moment in which it says ready is looked at.
    for (int i = 0; i < 20'000 && cluster.view(2).readiness != core::Readiness::Ready; ++i) {
        cluster.run(1);
        for (const core::MemberView &row : cluster.view(0).members)
            wasSeen = wasSeen || (row.id == cluster.idOf(2) && row.mayLack);
    }
    QCOMPARE(cluster.view(2).readiness, core::Readiness::Ready);
    QVERIFY(wasSeen);
    for (const size_t write : writes) {
        const auto &told = cluster.told(write);
        const auto held = cluster.records(2).find(told.key);
        QVERIFY2(held && held->version == told.outcome.version, told.key.constData());
    }
    cluster.run(1000);
    QVERIFY(!cluster.diskState(2).mayLack);
    QVERIFY(cluster.runUntil(6000, [&] { return cluster.membershipsAgree(); }));
    for (const core::MemberView &row : cluster.view(0).members)
        QVERIFY(!row.mayLack);
}

/// The only other copy of a record is on one member; the rest do not know it yet.
void TestClusterSim::aNodeWhoseFileWasCutAsksEveryMemberThatIsUp()
{
    SimCluster cluster(45);
    formThree(cluster);
    cluster.run(2000);
    const size_t before = cluster.diskWrites(2);
    cluster.crash(0);
    const auto write =
        cluster.put(2, "k", "1", {core::WriteConcern::Kind::Count, 2}); // Itself and 1.
    QVERIFY(cluster.runUntil(1000, [&] { return cluster.told(write).isAnswered; }));
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
    cluster.crash(2);
    cluster.cutDisk(2, before);
    cluster.setCutBothWays(0, 1, true);
    cluster.start(0);
    QVERIFY(cluster.runUntil(10'000,
                             [&] { return cluster.view(0).readiness == core::Readiness::Ready; }));
    cluster.start(2);
    cluster.run(5); // Connected; but what the one that knows has to say is kept back.
    cluster.setCut(1, 2, true);
    cluster.run(300);
    QVERIFY(!cluster.records(0).find("k"));
    QVERIFY(cluster.view(2).readiness != core::Readiness::Ready);
    cluster.setCut(1, 2, false);
    QVERIFY(cluster.runUntil(20'000,
                             [&] { return cluster.view(2).readiness == core::Readiness::Ready; }));
    QCOMPARE(valueOn(cluster, 2, "k"), "1");
}

/// A life that nothing is left of on the disk, and whose writes only a member holds that is down:
/// it must not be lived a second time.
void TestClusterSim::versionsDoNotRepeatAfterAFileWasCut()
{
    SimCluster cluster(46);
    formThree(cluster);
    cluster.run(20'000);
    cluster.crash(0);
    cluster.run(100);
    const size_t before = cluster.diskWrites(0);
    cluster.start(0);
    QVERIFY(cluster.runUntil(10'000, [&] { return cluster.allReady(); }));
    cluster.crash(2);
    const auto writeAll = [&](const QByteArray &value) {
        for (int i = 0; i < 50; ++i)
            cluster.put(0, "k" + QByteArray::number(i), value);
        cluster.run(100);
    };
    writeAll("\"lost\"");
    cluster.vanish(1);
    cluster.crash(0);
    cluster.cutDisk(0, before);
    cluster.start(2);
    cluster.start(0);
    QVERIFY(cluster.runUntil(20'000,
                             [&] { return cluster.view(0).readiness == core::Readiness::Ready; }));
    QVERIFY(!cluster.records(0).find("k0"));
    writeAll("\"new\"");
    cluster.mendAll();
    cluster.start(1);
    QVERIFY(cluster.runUntil(30'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
    std::map<core::Version, int> versions;
    for (const sim::Told &told : cluster.allTold()) {
        QCOMPARE(told.outcome.status, core::WriteOutcome::Status::Done);
        QCOMPARE(++versions[told.outcome.version], 1);
    }
    QCOMPARE(versions.size(), size_t{100});
    QCOMPARE(valueOn(cluster, 1, "k7"), "\"new\"");
}

void TestClusterSim::membersWhoseFilesWereAllCutRepairEachOther()
{
    SimCluster cluster(47);
    formThree(cluster);
    for (int i = 0; i < 30; ++i) {
        cluster.put(i % 3, "k" + QByteArray::number(i), "1", {core::WriteConcern::Kind::All});
        cluster.run(30);
    }
    for (int node = 0; node < 3; ++node)
        cluster.crash(node);
    // Each has lost another part; two of three have lost the whole.
    for (int node = 0; node < 3; ++node)
        cluster.cutDisk(node, cluster.diskWrites(node) - static_cast<size_t>(node == 1 ? 0 : 20));
    cluster.start(0);
    cluster.start(2);
    cluster.run(20'000);
    for (const int node : {0, 2})
        QVERIFY(cluster.view(node).readiness != core::Readiness::Ready);
    cluster.start(1);
    QVERIFY(cluster.runUntil(30'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
    for (const sim::Told &told : cluster.allTold())
        QVERIFY(cluster.records(0).find(told.key));
}

void TestClusterSim::aSoleMemberWhoseFileWasCutServesWhatIsLeft()
{
    SimCluster cluster(48);
    cluster.addNode({});
    cluster.start(0);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.allReady(); }));
    for (int i = 0; i < 10; ++i) {
        cluster.put(0, "k" + QByteArray::number(i), "1");
        cluster.run(30);
    }
    cluster.crash(0);
    cluster.cutDisk(0, cluster.diskWrites(0) - 5);
    cluster.start(0);
    cluster.run(200);
    QCOMPARE(cluster.view(0).readiness, core::Readiness::Ready);
    QVERIFY(!cluster.diskState(0).mayLack);
    QVERIFY(std::any_of(cluster.log().begin(), cluster.log().end(), [](const QByteArray &line) {
        return line.contains("serves what is left");
    }));
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
        formThree(cluster);
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
