// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_questions.h"

#include <QTest>

using namespace dynakv;
using core::MemberState;
using core::OperatorOutcome;
using core::OperatorRequest;
using sim::isForgotten;
using sim::SimCluster;
using sim::stateSeenBy;

namespace {

constexpr int kNodes = 3;

bool isSeen(SimCluster &cluster, core::NodeId id, MemberState state, int maxMs = 20'000)
{
    return cluster.runUntil(maxMs, [&] {
        return stateSeenBy(cluster, 0, id) == state && stateSeenBy(cluster, 1, id) == state;
    });
}

OperatorOutcome forget(SimCluster &cluster, int asked, core::NodeId id)
{
    return cluster.operate(asked, {OperatorRequest::Kind::Forget, id});
}

/// Crashes \a node and has the cluster forget it.
core::NodeId loseForEver(SimCluster &cluster, int node)
{
    const core::NodeId id = cluster.idOf(node);
    cluster.crash(node);
    const bool isGone = isSeen(cluster, id, MemberState::Down) &&
                        forget(cluster, 0, id).status == OperatorOutcome::Status::Done &&
                        isSeen(cluster, id, MemberState::Left, 1000);
    return isGone ? id : 0;
}

int replicasOf(SimCluster &cluster, int node)
{
    return sim::outcomeOf(cluster, cluster.put(node, "probe", "1")).replicas;
}

} // namespace

/// A member that never comes back is forgotten by an operator, for ever.
class TestForget : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whoIsDownIsNoLongerCounted();
    void whatIsKnownOfTheLastContactIsTold();
    void itsMachineComesBackAndBringsNothing();
    void aForgottenSeedThatBeginsAnewIsFound();
    void whoIsUpIsNot();
    void theForgottenTakesNoPartAgain();
    void whatACutOffNodeTookBeforeItWasForgottenIsGivenUp();
    void itsMachineComesBackEmptyUnderAnotherId();
    void aMemberThatWasAwayLearnsOfIt();
    void repairComparesWithWhoIsConnected();
};

void TestForget::whoIsDownIsNoLongerCounted()
{
    SimCluster cluster(1);
    QVERIFY(cluster.form(kNodes));
    const core::NodeId id = cluster.idOf(2);
    cluster.crash(2);
    QVERIFY(isSeen(cluster, id, MemberState::Down));
    QCOMPARE(replicasOf(cluster, 0), 3);
    const OperatorOutcome outcome = forget(cluster, 0, id);
    QCOMPARE(outcome.status, OperatorOutcome::Status::Done);
    QVERIFY(isSeen(cluster, id, MemberState::Left, 1000));
    QCOMPARE(replicasOf(cluster, 0), 2);
    QCOMPARE(replicasOf(cluster, 1), 2);
    QCOMPARE(forget(cluster, 1, id).status, OperatorOutcome::Status::Done); // Again: nothing new.
}

/// Whoever has to decide is told what may be lost, and never more than is known.
void TestForget::whatIsKnownOfTheLastContactIsTold()
{
    SimCluster cluster(11);
    QVERIFY(cluster.form(kNodes));
    const core::NodeId id = cluster.idOf(2);
    QVERIFY(cluster.runUntil(60'000, [&] {
        for (const core::MemberView &row : cluster.view(0).members) {
            if (row.id == id)
                return row.comparedMs != 0;
        }
        return false;
    }));
    // It lacks this one until it is compared again.
    cluster.setCutBothWays(2, 0, true);
    cluster.setCutBothWays(2, 1, true);
    cluster.run(1000);
    const qint64 cutMs = cluster.nowMs();
    QVERIFY(isSeen(cluster, id, MemberState::Down, 30'000));
    cluster.crash(1);
    cluster.run(2000);
    cluster.start(1);
    cluster.run(15'000);
    QVERIFY(stateSeenBy(cluster, 1, id) == MemberState::Down);
    const OperatorOutcome knows = forget(cluster, 0, id);
    QCOMPARE(knows.status, OperatorOutcome::Status::Done);
    QVERIFY(knows.contactMs && knows.comparedMs);
    const qint64 epochMs = 1'800'000'000'000;
    QVERIFY(*knows.contactMs - epochMs > cutMs - 3000 && *knows.contactMs - epochMs <= cutMs);
    QVERIFY(*knows.comparedMs <= *knows.contactMs);
    QVERIFY(knows.partitionsEqual > 0 && knows.partitionsEqual <= 256);
    // Who was restarted since, and never met it, says nothing.
    SimCluster other(12);
    QVERIFY(other.form(kNodes));
    const core::NodeId lost = other.idOf(2);
    other.crash(2);
    QVERIFY(isSeen(other, lost, MemberState::Down, 30'000));
    other.crash(1);
    other.run(1000);
    other.start(1);
    other.run(15'000);
    const OperatorOutcome ignorant = forget(other, 1, lost);
    QCOMPARE(ignorant.status, OperatorOutcome::Status::Done);
    QVERIFY(!ignorant.contactMs && !ignorant.comparedMs);
}

/// Pull-only: nothing of what it held comes along, and nothing that was deleted comes back.
void TestForget::itsMachineComesBackAndBringsNothing()
{
    SimCluster cluster(10);
    QVERIFY(cluster.form(kNodes));
    cluster.put(0, "deleted", "1", {core::WriteConcern::Kind::All, 0});
    cluster.put(0, "kept", "1", {core::WriteConcern::Kind::All, 0});
    cluster.run(1000);
    cluster.setCutBothWays(2, 0, true);
    cluster.setCutBothWays(2, 1, true);
    const core::NodeId id = cluster.idOf(2);
    QVERIFY(isSeen(cluster, id, MemberState::Down, 30'000));
    cluster.put(2, "alone", "1");
    cluster.remove(0, "deleted");
    cluster.run(1000);
    QVERIFY(cluster.records(2).find("alone"));
    cluster.crash(2);
    cluster.mendAll();
    QCOMPARE(forget(cluster, 0, id).status, OperatorOutcome::Status::Done);
    cluster.start(2);
    QVERIFY(cluster.runUntil(20'000, [&] { return isForgotten(cluster, 2); }));
    cluster.run(1000);
    cluster.crash(2);
    cluster.wipe(2); // Its file is set aside, so that it starts without one.
    cluster.start(2);
    QVERIFY(
        cluster.runUntil(20'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }));
    cluster.run(30'000);
    QVERIFY(cluster.recordsAgree());
    for (int node = 0; node < kNodes; ++node) {
        QVERIFY(!cluster.records(node).find("alone"));
        const auto deleted = cluster.records(node).find("deleted");
        QVERIFY(deleted && deleted->kind == core::RecordKind::Tombstone);
        QVERIFY(cluster.records(node).find("kept"));
    }
    QCOMPARE(replicasOf(cluster, 2), 3);
}

/// The address of a forgotten member is that of nobody until somebody answers there.
void TestForget::aForgottenSeedThatBeginsAnewIsFound()
{
    SimCluster cluster(13);
    QVERIFY(cluster.form(2)); // The second one joins through the first.
    cluster.put(1, "k", "1");
    cluster.run(1000);
    const core::NodeId id = cluster.idOf(0);
    cluster.crash(0);
    QVERIFY(
        cluster.runUntil(30'000, [&] { return stateSeenBy(cluster, 1, id) == MemberState::Down; }));
    QCOMPARE(forget(cluster, 1, id).status, OperatorOutcome::Status::Done);
    cluster.wipe(0);
    cluster.start(0); // Without JOIN: an empty founder.
    QVERIFY(cluster.runUntil(30'000,
                             [&] { return cluster.membershipsAgree() && cluster.recordsAgree(); }));
    QVERIFY(cluster.records(0).find("k"));
}

void TestForget::whoIsUpIsNot()
{
    SimCluster cluster(2);
    QVERIFY(cluster.form(kNodes));
    QCOMPARE(forget(cluster, 0, cluster.idOf(1)).status, OperatorOutcome::Status::Conflict);
    QCOMPARE(forget(cluster, 0, cluster.idOf(0)).status, OperatorOutcome::Status::Conflict);
    QCOMPARE(forget(cluster, 0, 12345).status, OperatorOutcome::Status::UnknownMember);
    cluster.run(2000);
    QVERIFY(cluster.membershipsAgree());
}

void TestForget::theForgottenTakesNoPartAgain()
{
    SimCluster cluster(3);
    QVERIFY(cluster.form(kNodes));
    const core::NodeId id = loseForEver(cluster, 2);
    QVERIFY(id != 0);
    cluster.start(2);
    QVERIFY(cluster.runUntil(10'000, [&] { return isForgotten(cluster, 2); }));
    cluster.run(1000); // Until it is on its disk.
    // Nor alone: it must not answer for a cluster that goes on without it.
    cluster.crash(2);
    cluster.setCutBothWays(2, 0, true);
    cluster.setCutBothWays(2, 1, true);
    cluster.start(2);
    cluster.run(20'000);
    QVERIFY(isForgotten(cluster, 2));
    const size_t write = cluster.put(2, "k", "1");
    cluster.run(1000);
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::NotReady);
    QCOMPARE(stateSeenBy(cluster, 0, id), MemberState::Left);
    QCOMPARE(stateSeenBy(cluster, 1, id), MemberState::Left);
}

void TestForget::whatACutOffNodeTookBeforeItWasForgottenIsGivenUp()
{
    SimCluster cluster(4);
    QVERIFY(cluster.form(kNodes));
    const core::NodeId id = cluster.idOf(2);
    cluster.setCutBothWays(2, 0, true);
    cluster.setCutBothWays(2, 1, true);
    QVERIFY(isSeen(cluster, id, MemberState::Down));
    const size_t write = cluster.put(2, "alone", "1");
    cluster.run(1000);
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
    QCOMPARE(forget(cluster, 1, id).status, OperatorOutcome::Status::Done);
    cluster.mendAll();
    QVERIFY(cluster.runUntil(60'000, [&] { return isForgotten(cluster, 2); }));
    cluster.run(20'000);
    QVERIFY(!cluster.records(0).find("alone"));
    QVERIFY(!cluster.records(1).find("alone"));
    QVERIFY(cluster.records(2).find("alone")); // For whoever wants to export it.
}

void TestForget::itsMachineComesBackEmptyUnderAnotherId()
{
    SimCluster cluster(5);
    QVERIFY(cluster.form(kNodes));
    const core::NodeId id = loseForEver(cluster, 2);
    QVERIFY(id != 0);
    cluster.wipe(2);
    cluster.start(2);
    QVERIFY(cluster.runUntil(20'000, [&] { return cluster.allReady(); }));
    QVERIFY(cluster.idOf(2) != id);
    QVERIFY(isSeen(cluster, cluster.idOf(2), MemberState::Alive, 2000));
    QCOMPARE(replicasOf(cluster, 2), 3);
}

void TestForget::aMemberThatWasAwayLearnsOfIt()
{
    SimCluster cluster(6);
    QVERIFY(cluster.form(kNodes));
    const core::NodeId id = cluster.idOf(2);
    cluster.crash(2);
    QVERIFY(isSeen(cluster, id, MemberState::Down));
    cluster.crash(1);
    cluster.run(2000);
    forget(cluster, 0, id);
    cluster.start(1);
    QVERIFY(isSeen(cluster, id, MemberState::Left));
    // Even where it was the first to meet the forgotten one.
    cluster.start(2);
    QVERIFY(cluster.runUntil(10'000, [&] { return isForgotten(cluster, 2); }));
}

void TestForget::repairComparesWithWhoIsConnected()
{
    SimCluster cluster(7);
    QVERIFY(cluster.form(kNodes));
    cluster.run(3000); // Until what joining asks for is done.
    const auto completed = cluster.view(0).counts.syncs.completed;
    QCOMPARE(cluster.operate(0, {OperatorRequest::Kind::Repair, 0}).members, 2);
    // Sooner than the comparisons that come by themselves.
    QVERIFY(cluster.runUntil(
        2000, [&] { return cluster.view(0).counts.syncs.completed >= completed + 2; }));
}

QTEST_APPLESS_MAIN(TestForget)
#include "tst_forget.moc"
