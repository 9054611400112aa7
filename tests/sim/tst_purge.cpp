// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/purge_watermark.h"
#include "tests/sim/sim_questions.h"

#include <QTest>

using namespace dynakv;
using core::MemberState;
using sim::isDone;
using sim::SimCluster;
using sim::stateSeenBy;

namespace {

constexpr core::WriteConcern kQuorum{core::WriteConcern::Kind::Quorum};
constexpr core::WriteConcern kAll{core::WriteConcern::Kind::All};
constexpr qint64 kDelayMs = 2000;

bool put(SimCluster &cluster, int node, const QByteArray &key, const core::WriteConcern &concern)
{
    return isDone(cluster, cluster.put(node, key, "1", concern));
}

bool remove(SimCluster &cluster, int node, const QByteArray &key, const core::WriteConcern &concern)
{
    return isDone(cluster, cluster.remove(node, key, concern));
}

/// Whether no running node holds anything for \a key, not even a tombstone.
bool isPurged(const SimCluster &cluster, const QByteArray &key)
{
    for (int node = 0; node < cluster.count(); ++node) {
        if (cluster.isRunning(node) && cluster.records(node).find(key))
            return false;
    }
    return true;
}

bool isPurgedSoon(SimCluster &cluster, const QByteArray &key, qint64 maxMs = 60'000)
{
    return cluster.runUntil(maxMs, [&] { return isPurged(cluster, key); });
}

bool isReadable(const SimCluster &cluster, int node, const QByteArray &key)
{
    const auto held = cluster.records(node).find(key);
    return held && held->kind == core::RecordKind::Value;
}

std::vector<core::NodeId> heldBackBy(const SimCluster &cluster, int node)
{
    std::vector<core::NodeId> ids;
    for (const core::MemberView &member : cluster.view(node).members) {
        if (member.holdsPurgeBack)
            ids.push_back(member.id);
    }
    return ids;
}

/// Three ready nodes that purge what has been dead for two seconds.
void form(SimCluster &cluster, int nodes = 3)
{
    cluster.setPurgeDelay(kDelayMs);
    QVERIFY(cluster.form(nodes));
}

} // namespace

/// What is dead is purged everywhere once all members hold it, and stays dead.
class TestPurge : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void tombstonesAndExpiredValuesGo();
    void aLoneNodePurges();
    void whoIsAwayHoldsItBack();
    void whoIsForgottenDoesNot();
    void aMemberThatMissedTheDeleteTakesIt();
    void aJoiningNodeCountsFromItsAdmission();
    void whatAMergingNodeBringsStays();
    void whoJoinsTakesWhatIsOlderThanWhatItOncePurged();
    void whoJoinsPurgesWithTheOthers();
    void aLostDeleteIsMadeAgain();
    void aClientThatSawThePurgedVersionIsAnswered();
    void aDeletedKeyComesToLifeByANewWriteOnly();
    void theWatermarkSurvivesARestart();
};

void TestPurge::tombstonesAndExpiredValuesGo()
{
    SimCluster cluster(1);
    form(cluster);
    QVERIFY(put(cluster, 0, "stays", kAll));
    QVERIFY(put(cluster, 0, "deleted", kAll));
    QVERIFY(remove(cluster, 1, "deleted", kAll));
    core::WriteRequest expiring{"expires", core::RecordKind::Value, "1"};
    expiring.ttlMs = 3000;
    expiring.concern = kAll;
    QVERIFY(isDone(cluster, cluster.write(2, expiring)));
    QVERIFY(!isPurged(cluster, "deleted"));
    QVERIFY(isPurgedSoon(cluster, "deleted"));
    QVERIFY(isPurgedSoon(cluster, "expires"));
    cluster.run(30'000);
    QVERIFY(cluster.recordsAgree());
    QCOMPARE(cluster.records(0).recordCount(), 1);
    for (int node = 0; node < 3; ++node) {
        QVERIFY(cluster.view(node).purgedUpToMs > 0);
        QVERIFY(heldBackBy(cluster, node).empty());
    }
}

void TestPurge::aLoneNodePurges()
{
    SimCluster cluster(2);
    form(cluster, 1);
    QVERIFY(put(cluster, 0, "k", kAll));
    QVERIFY(remove(cluster, 0, "k", kAll));
    QVERIFY(isPurgedSoon(cluster, "k"));
}

void TestPurge::whoIsAwayHoldsItBack()
{
    SimCluster cluster(3);
    form(cluster);
    QVERIFY(put(cluster, 0, "k", kAll));
    const core::NodeId away = cluster.idOf(2);
    cluster.crash(2);
    QVERIFY(cluster.runUntil(10'000,
                             [&] { return stateSeenBy(cluster, 0, away) == MemberState::Down; }));
    QVERIFY(remove(cluster, 0, "k", kQuorum));
    cluster.run(600'000);
    QVERIFY(cluster.records(0).find("k"));
    QVERIFY(cluster.records(1).find("k"));
    QCOMPARE(heldBackBy(cluster, 0), std::vector<core::NodeId>{away});
    QCOMPARE(heldBackBy(cluster, 1), std::vector<core::NodeId>{away});
    cluster.start(2);
    QVERIFY(isPurgedSoon(cluster, "k", 90'000));
    QVERIFY(heldBackBy(cluster, 0).empty());
}

void TestPurge::whoIsForgottenDoesNot()
{
    SimCluster cluster(4);
    form(cluster);
    QVERIFY(put(cluster, 0, "k", kAll));
    const core::NodeId away = cluster.idOf(2);
    cluster.crash(2);
    QVERIFY(cluster.runUntil(10'000,
                             [&] { return stateSeenBy(cluster, 0, away) == MemberState::Down; }));
    QVERIFY(remove(cluster, 0, "k", kQuorum));
    cluster.run(60'000);
    QVERIFY(!isPurged(cluster, "k"));
    QCOMPARE(cluster.operate(0, {core::OperatorRequest::Kind::Forget, away}).status,
             core::OperatorOutcome::Status::Done);
    QVERIFY(isPurgedSoon(cluster, "k", 90'000));
    // It holds the value still, and must not bring it back.
    cluster.start(2);
    cluster.run(30'000);
    QVERIFY(isReadable(cluster, 2, "k"));
    QVERIFY(!cluster.records(0).find("k"));
    QVERIFY(!cluster.records(1).find("k"));
}

void TestPurge::aMemberThatMissedTheDeleteTakesIt()
{
    SimCluster cluster(5);
    form(cluster);
    QVERIFY(put(cluster, 0, "k", kAll));
    cluster.setCutBothWays(2, 0, true);
    cluster.setCutBothWays(2, 1, true);
    cluster.run(10'000);
    QVERIFY(remove(cluster, 0, "k", kQuorum));
    cluster.run(300'000);
    QVERIFY(isReadable(cluster, 2, "k"));
    cluster.mendAll();
    QVERIFY(isPurgedSoon(cluster, "k", 120'000));
    cluster.run(30'000);
    QVERIFY(isPurged(cluster, "k"));
}

void TestPurge::aJoiningNodeCountsFromItsAdmission()
{
    SimCluster cluster(6);
    form(cluster);
    QVERIFY(put(cluster, 0, "k", kAll));
    QVERIFY(put(cluster, 0, "l", kAll));
    const int fourth = cluster.addNode({0});
    cluster.start(fourth);
    // Admitted, and then away before it is caught up or as soon as it is.
    QVERIFY(cluster.runUntil(10'000, [&] { return cluster.view(0).members.size() == 4; }));
    cluster.vanish(fourth);
    QVERIFY(remove(cluster, 0, "k", kQuorum));
    cluster.run(120'000);
    QVERIFY(!isPurged(cluster, "k"));
    cluster.start(fourth);
    QVERIFY(isPurgedSoon(cluster, "k", 120'000));
    QVERIFY(isReadable(cluster, fourth, "l"));
}

/// A lone node with data of long ago joins a cluster that has purged beyond that.
void TestPurge::whatAMergingNodeBringsStays()
{
    SimCluster cluster(7);
    form(cluster);
    const int lone = cluster.addNode({});
    cluster.start(lone);
    cluster.run(3000);
    QVERIFY(put(cluster, lone, "old", {}));
    QVERIFY(put(cluster, lone, "both", {}));
    QVERIFY(put(cluster, lone, "deleted there", {}));
    QVERIFY(remove(cluster, lone, "deleted there", {}));
    cluster.run(1000);
    QVERIFY(isDone(cluster, cluster.put(0, "both", "2", kAll))); // Later, so that it stays.
    cluster.run(120'000);
    QVERIFY(cluster.view(0).purgedUpToMs > 0);
    cluster.crash(lone);
    cluster.setJoin(lone, {0});
    cluster.start(lone);
    QVERIFY(cluster.runUntil(30'000, [&] {
        return cluster.allReady() && cluster.membershipsAgree() && cluster.recordsAgree();
    }));
    cluster.run(120'000);
    QVERIFY(cluster.recordsAgree());
    for (int node = 0; node < cluster.count(); ++node) {
        QVERIFY(isReadable(cluster, node, "old"));
        QCOMPARE(cluster.records(node).find("both")->value, QByteArray("2"));
        QVERIFY(!cluster.records(node).find("deleted there"));
    }
}

/// Its watermark was of itself alone.
void TestPurge::whoJoinsTakesWhatIsOlderThanWhatItOncePurged()
{
    SimCluster cluster(12);
    form(cluster, 2);
    cluster.setCutBothWays(0, 1, true);
    QVERIFY(put(cluster, 1, "alone", {}));
    const int lone = cluster.addNode({});
    cluster.setCutBothWays(lone, 1, true);
    cluster.start(lone);
    cluster.run(3000);
    QVERIFY(put(cluster, lone, "its own", {}));
    cluster.run(30'000);
    QVERIFY(cluster.view(lone).purgedUpToMs > cluster.records(1).find("alone")->version.wallMs());
    cluster.crash(lone);
    cluster.setJoin(lone, {0});
    cluster.start(lone);
    QVERIFY(cluster.runUntil(30'000, [&] {
        return cluster.view(lone).readiness == core::Readiness::Ready &&
               cluster.view(lone).members.size() == 3;
    }));
    QVERIFY(!cluster.records(lone).find("alone"));
    cluster.mendAll();
    QVERIFY(cluster.runUntil(60'000, [&] { return isReadable(cluster, lone, "alone"); }));
    QVERIFY(cluster.runUntil(60'000, [&] { return cluster.recordsAgree(); }));
    QVERIFY(isReadable(cluster, 1, "its own"));
}

/// Its own watermark had come further than that of its cluster will for some time.
void TestPurge::whoJoinsPurgesWithTheOthers()
{
    SimCluster cluster(13);
    form(cluster, 2);
    const int lone = cluster.addNode({});
    cluster.start(lone);
    cluster.run(3000);
    cluster.setWallOffset(lone, 600'000); // So that it purges ahead of the others.
    cluster.run(30'000);
    const qint64 aheadMs = cluster.view(lone).purgedUpToMs;
    cluster.crash(lone);
    cluster.setWallOffset(lone, 0);
    cluster.setJoin(lone, {0});
    cluster.start(lone);
    QVERIFY(
        cluster.runUntil(30'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
    QVERIFY(put(cluster, 0, "k", kAll));
    QVERIFY(remove(cluster, 0, "k", kAll));
    QVERIFY(isPurgedSoon(cluster, "k"));
    QVERIFY(cluster.view(lone).purgedUpToMs < aheadMs);
}

/// The end of a file is lost, and with it the delete of what stands further up; meanwhile all the
/// others have purged that delete.
void TestPurge::aLostDeleteIsMadeAgain()
{
    SimCluster cluster(8);
    form(cluster);
    QVERIFY(put(cluster, 0, "k", kAll));
    const size_t writes = cluster.diskWrites(2);
    QVERIFY(remove(cluster, 0, "k", kAll));
    QVERIFY(isPurgedSoon(cluster, "k"));
    cluster.crash(2);
    cluster.cutDisk(2, writes);
    cluster.start(2);
    QVERIFY(isReadable(cluster, 2, "k"));
    QVERIFY(cluster.runUntil(30'000, [&] { return cluster.allReady(); }));
    QVERIFY(!isReadable(cluster, 2, "k"));
    QVERIFY(isPurgedSoon(cluster, "k", 120'000));
    cluster.run(60'000);
    QVERIFY(isPurged(cluster, "k"));
    QVERIFY(cluster.recordsAgree());
}

void TestPurge::aClientThatSawThePurgedVersionIsAnswered()
{
    SimCluster cluster(9);
    form(cluster);
    const size_t write = cluster.put(0, "k", "1", kAll);
    QVERIFY(isDone(cluster, write));
    const size_t gone = cluster.remove(0, "k", kAll);
    QVERIFY(isDone(cluster, gone));
    QVERIFY(isPurgedSoon(cluster, "k"));
    cluster.run(20'000);
    core::ReadRequest request{"k", kQuorum};
    request.atLeast = cluster.told(gone).outcome.version;
    const size_t read = cluster.read(1, request);
    QVERIFY(cluster.runUntil(1000, [&] { return cluster.readOf(read).isAnswered; }));
    QCOMPARE(cluster.readOf(read).outcome.status, core::ReadOutcome::Status::Done);
    QVERIFY(!cluster.readOf(read).outcome.record);
    // What nobody has is still waited for where it cannot have been purged.
    request.atLeast->clock =
        (cluster.told(gone).outcome.version.clock) + (quint64{3'600'000} << 16);
    const size_t early = cluster.read(1, request);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.readOf(early).isAnswered; }));
    QCOMPARE(cluster.readOf(early).outcome.status, core::ReadOutcome::Status::TooOld);
}

void TestPurge::aDeletedKeyComesToLifeByANewWriteOnly()
{
    SimCluster cluster(10);
    form(cluster);
    QVERIFY(put(cluster, 0, "k", kAll));
    const size_t gone = cluster.remove(0, "k", kAll);
    QVERIFY(isDone(cluster, gone));
    QVERIFY(isPurgedSoon(cluster, "k"));
    const size_t again = cluster.put(1, "k", "2", kAll);
    QVERIFY(isDone(cluster, again));
    QVERIFY(cluster.told(gone).outcome.version < cluster.told(again).outcome.version);
    cluster.run(60'000);
    for (int node = 0; node < 3; ++node)
        QCOMPARE(cluster.records(node).find("k")->value, QByteArray("2"));
}

void TestPurge::theWatermarkSurvivesARestart()
{
    SimCluster cluster(11);
    form(cluster);
    QVERIFY(put(cluster, 0, "k", kAll));
    QVERIFY(remove(cluster, 0, "k", kAll));
    QVERIFY(isPurgedSoon(cluster, "k"));
    const qint64 purgedUpToMs = cluster.view(2).purgedUpToMs;
    cluster.crash(2);
    cluster.start(2);
    QVERIFY(cluster.view(2).purgedUpToMs >= purgedUpToMs);
    QVERIFY(!cluster.records(2).find("k")); // Its file may hold it; what is read does not.
}

QTEST_APPLESS_MAIN(TestPurge)
#include "tst_purge.moc"
