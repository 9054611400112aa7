// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_questions.h"

#include <QTest>

#include <algorithm>

using namespace dynakv;
using sim::isLogged;
using sim::SimCluster;

namespace {

bool isWhole(const SimCluster &cluster)
{
    return cluster.allReady() && cluster.membershipsAgree() && cluster.recordsAgree();
}

quint64 generationSeenBy(const SimCluster &cluster, int node, core::NodeId id)
{
    for (const core::MemberRecord &member : cluster.diskState(node).members) {
        if (member.id == id)
            return member.generation;
    }
    return 0;
}

} // namespace

/// Members that come back in ways that nobody planned, and nodes that could go to two clusters.
class TestReturns : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whoWasDownForHoursIsBackInSeconds();
    void theOthersLookForWhoKnowsNobodyAnyMore();
    void aRolledBackDirectoryIsTakenBackIn();
    void aDirectoryFromBeforeADeleteBringsNothingBack();
    void whoReturnsBeforeItsNetworkWaitsForIt();
    void whoNamesTwoClustersJoinsOne_data();
    void whoNamesTwoClustersJoinsOne();
};

void TestReturns::whoWasDownForHoursIsBackInSeconds()
{
    SimCluster cluster(1);
    QVERIFY(cluster.form(3));
    cluster.crash(2);
    cluster.run(qint64{3} * 3600 * 1000);
    cluster.put(0, "k", "1");
    cluster.setJoin(2, {});
    cluster.start(2);
    QVERIFY(cluster.runUntil(10'000, [&] { return isWhole(cluster); }));
    QVERIFY(cluster.records(2).find("k"));
}

/// Down members are dialled for ever: by those alone, as the one that returns has lost every
/// address it ever knew.
void TestReturns::theOthersLookForWhoKnowsNobodyAnyMore()
{
    SimCluster cluster(2);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    cluster.crash(2);
    // The first writes of its disk are its identity alone.
    cluster.cutDisk(2, 1);
    QVERIFY(cluster.diskState(2).members.empty());
    QCOMPARE(cluster.diskState(2).clusterId, quint64{0});
    cluster.run(qint64{1800} * 1000);
    cluster.setJoin(2, {2}); // Itself, so that it knows nobody.
    cluster.put(0, "k", "1");
    cluster.start(2);
    QVERIFY(cluster.runUntil(30'000, [&] { return isWhole(cluster); }));
    QCOMPARE(cluster.view(2).clusterId, cluster.view(0).clusterId);
    QVERIFY(cluster.records(2).find("k"));
}

/// Somebody put an older state of a directory back: its generations were all seen before.
void TestReturns::aRolledBackDirectoryIsTakenBackIn()
{
    SimCluster cluster(3);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    const core::NodeId id = cluster.idOf(2);
    cluster.addNode({}); // Never started: where the copy is kept.
    cluster.copyDisk(2, 3);
    for (int life = 0; life < 5; ++life) {
        cluster.crash(2);
        cluster.run(8000);
        cluster.start(2);
        cluster.put(0, "k" + QByteArray::number(life), "1");
        QVERIFY(cluster.runUntil(20'000, [&] {
            return cluster.readiness(2) == core::Readiness::Ready && cluster.recordsAgree();
        }));
    }
    const size_t last = cluster.put(2, "mine", "1", {core::WriteConcern::Kind::All});
    cluster.run(3000);
    const core::Version newest = cluster.told(last).outcome.version;
    QCOMPARE(cluster.told(last).outcome.status, core::WriteOutcome::Status::Done);
    const quint64 known = generationSeenBy(cluster, 0, id);
    cluster.crash(2);
    cluster.run(8000);
    cluster.copyDisk(3, 2);
    cluster.wipe(3);
    QVERIFY(cluster.diskState(2).generation + 1 < known);
    cluster.start(2);
    QVERIFY(cluster.runUntil(20'000, [&] { return isWhole(cluster); }));
    cluster.run(2000);
    QCOMPARE(generationSeenBy(cluster, 0, id), known);
    QVERIFY(!isLogged(cluster, "one data directory is a copy"));
    const size_t again = cluster.put(2, "mine", "2", {core::WriteConcern::Kind::All});
    cluster.run(3000);
    QCOMPARE(cluster.told(again).outcome.status, core::WriteOutcome::Status::Done);
    QVERIFY(cluster.told(again).outcome.version > newest);
    QVERIFY(cluster.recordsAgree());
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

/// All have purged the delete, since this node had said that it holds it. Its generation is no
/// help: the directory is of the life that ends here.
void TestReturns::aDirectoryFromBeforeADeleteBringsNothingBack()
{
    SimCluster cluster(4);
    cluster.setPurgeDelay(5000);
    QVERIFY(cluster.form(3));
    cluster.put(0, "deleted", "1");
    cluster.put(0, "kept", "1");
    cluster.run(60'000);
    cluster.addNode({}); // Never started: where the copy is kept.
    cluster.copyDisk(2, 3);
    cluster.remove(0, "deleted");
    QVERIFY(cluster.runUntil(300'000, [&] {
        const auto isPurged = [&](int node) { return !cluster.records(node).stampOf("deleted"); };
        return isPurged(0) && isPurged(1) && isPurged(2);
    }));
    cluster.run(20'000);
    cluster.crash(2);
    cluster.run(1000);
    cluster.copyDisk(3, 2);
    cluster.wipe(3);
    cluster.start(2);
    bool hasServedIt = false;
    QVERIFY(cluster.runUntil(20'000, [&] {
        const auto held = cluster.records(2).find("deleted");
        hasServedIt |= held && held->kind == core::RecordKind::Value &&
                       cluster.readiness(2) == core::Readiness::Ready;
        return cluster.allReady() && cluster.recordsAgree();
    }));
    QVERIFY(!hasServedIt);
    QVERIFY(isLogged(cluster, "an older state of itself"));
    const auto held = cluster.records(0).find("deleted");
    QVERIFY(!held || held->kind == core::RecordKind::Tombstone);
    QVERIFY(cluster.records(2).find("kept"));
    // Purging goes on, of what was deleted once more too.
    cluster.remove(1, "kept");
    QVERIFY(cluster.runUntil(300'000, [&] { return cluster.records(0).recordCount() == 0; }));
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

/// It would answer from its own ignorance of what was written meanwhile.
void TestReturns::whoReturnsBeforeItsNetworkWaitsForIt()
{
    SimCluster cluster(5);
    QVERIFY(cluster.form(3));
    cluster.crash(2);
    cluster.run(1000);
    cluster.put(0, "missed", "1");
    cluster.run(1000);
    for (const int other : {0, 1})
        cluster.setCutBothWays(2, other, true);
    cluster.start(2);
    cluster.run(6000);
    QCOMPARE(cluster.readiness(2), core::Readiness::CatchingUp);
    cluster.mendAll();
    QVERIFY(
        cluster.runUntil(10'000, [&] { return cluster.readiness(2) == core::Readiness::Ready; }));
    QVERIFY(cluster.records(2).find("missed"));

    // Whoever stays alone serves what it has.
    cluster.crash(2);
    for (const int other : {0, 1})
        cluster.setCutBothWays(2, other, true);
    cluster.start(2);
    QVERIFY(
        cluster.runUntil(16'000, [&] { return cluster.readiness(2) == core::Readiness::Ready; }));
}

void TestReturns::whoNamesTwoClustersJoinsOne_data()
{
    QTest::addColumn<quint64>("seed");
    for (quint64 seed = 1; seed <= 10; ++seed)
        QTest::addRow("seed %d", static_cast<int>(seed)) << seed;
}

/// And makes no bridge between them, however often it is started.
void TestReturns::whoNamesTwoClustersJoinsOne()
{
    QFETCH(const quint64, seed);
    SimCluster cluster(seed);
    for (const int founder : {0, 2}) {
        cluster.addNode({});
        cluster.addNode({founder});
    }
    for (int node = 0; node < 4; ++node)
        cluster.start(node);
    QVERIFY(cluster.runUntil(10'000, [&] { return cluster.allReady(); }));
    cluster.put(0, "one", "1");
    cluster.put(2, "other", "1");
    cluster.run(5000);
    cluster.addNode({0, 2});
    cluster.start(4);
    QVERIFY(cluster.runUntil(20'000, [&] { return cluster.allReady(); }));
    const quint64 joined = cluster.view(4).clusterId;
    for (int life = 0; life < 3; ++life) {
        cluster.run(15'000);
        QVERIFY(cluster.view(0).clusterId != cluster.view(2).clusterId);
        QCOMPARE(cluster.view(4).clusterId, joined);
        const int inOne = static_cast<int>(cluster.aliveSeenBy(0).size());
        const int inOther = static_cast<int>(cluster.aliveSeenBy(2).size());
        QVERIFY(std::min(inOne, inOther) == 2 && std::max(inOne, inOther) == 3);
        QVERIFY(!cluster.records(0).find("other") && !cluster.records(2).find("one"));
        cluster.crash(4);
        cluster.run(8000);
        cluster.start(4);
        QVERIFY(cluster.runUntil(20'000, [&] { return cluster.allReady(); }));
    }
}

QTEST_APPLESS_MAIN(TestReturns)
#include "tst_returns.moc"
