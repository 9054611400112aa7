// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using core::MemberState;
using core::OperatorOutcome;
using core::OperatorRequest;
using sim::SimCluster;

namespace {

constexpr int kNodes = 3;

MemberState stateSeenBy(const SimCluster &cluster, int node, core::NodeId id)
{
    for (const core::MemberView &member : cluster.view(node).members) {
        if (member.id == id)
            return member.state;
    }
    return MemberState::Joining;
}

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
    const size_t write = cluster.put(node, "probe", "1");
    cluster.runUntil(5000, [&] { return cluster.told(write).isAnswered; });
    return cluster.told(write).outcome.replicas;
}

bool isForgotten(const SimCluster &cluster, int node)
{
    const core::ClusterView view = cluster.view(node);
    return view.readiness == core::Readiness::Joining && view.detail.startsWith("forgotten");
}

} // namespace

/// A member that never comes back is forgotten by an operator, for ever.
class TestForget : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whoIsDownIsNoLongerCounted();
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
