// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_questions.h"

#include <QTest>

using namespace dynakv;
using core::MemberState;
using core::OperatorOutcome;
using core::OperatorRequest;
using core::Readiness;
using core::WriteOutcome;
using sim::isDone;
using sim::isForgotten;
using sim::outcomeOf;
using sim::SimCluster;
using sim::stateSeenBy;

namespace {

constexpr int kNodes = 3;

void cutOff(SimCluster &cluster, int node, bool isCut)
{
    for (int other = 0; other < cluster.count(); ++other) {
        if (other != node)
            cluster.setCutBothWays(node, other, isCut);
    }
}

/// Asks \a node to leave and waits for its answer.
std::optional<OperatorOutcome> leave(SimCluster &cluster, int node, qint64 maxMs = 5000)
{
    cluster.beginOperation(node, {OperatorRequest::Kind::Leave, 0});
    cluster.runUntil(maxMs, [&] { return cluster.operated().has_value(); });
    return cluster.operated();
}

} // namespace

/// A member that an operator takes out of the cluster loses nothing for it.
class TestLeave : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void handsOverWhatItAloneHolds();
    void whatIsUnderWayIsHandedOverToo();
    void takesNoWritesMeanwhileButAnswersReads();
    void isNeitherCountedNorLetInAgain();
    void staysWhereNobodyTakesOver();
    void afterAWhileOneMemberThatHasAllIsEnough();
    void aFullMemberDoesNotCount();
    void whoIsAloneOrNotReadyDoesNotLeave();
    void aCrashEndsIt();
    void whoIsLostWhileLeavingCanBeForgotten();
};

void TestLeave::handsOverWhatItAloneHolds()
{
    SimCluster cluster(1);
    QVERIFY(cluster.form(kNodes));
    // Nobody compares anything before it leaves.
    cutOff(cluster, 2, true);
    for (int i = 0; i < 50; ++i)
        QVERIFY(isDone(cluster, cluster.put(2, "alone" + QByteArray::number(i), "1")));
    QVERIFY(!cluster.records(0).find("alone0") && !cluster.records(1).find("alone0"));
    cutOff(cluster, 2, false);
    const auto outcome = leave(cluster, 2, 60'000);
    QVERIFY(outcome);
    QCOMPARE(outcome->status, OperatorOutcome::Status::Done);
    QCOMPARE(outcome->members, 2);
    for (int i = 0; i < 50; ++i) {
        const QByteArray key = "alone" + QByteArray::number(i);
        QVERIFY(cluster.records(0).find(key) && cluster.records(1).find(key));
    }
}

void TestLeave::whatIsUnderWayIsHandedOverToo()
{
    SimCluster cluster(2);
    QVERIFY(cluster.form(kNodes));
    std::vector<size_t> writes;
    for (int i = 0; i < 20; ++i)
        writes.push_back(cluster.put(2, "k" + QByteArray::number(i), "1"));
    const auto outcome = leave(cluster, 2);
    QVERIFY(outcome);
    QCOMPARE(outcome->status, OperatorOutcome::Status::Done);
    for (const size_t write : writes) {
        const sim::Told &told = cluster.told(write);
        QVERIFY(told.isAnswered);
        QCOMPARE(told.outcome.status, WriteOutcome::Status::Done);
        QVERIFY(cluster.records(0).find(told.key) && cluster.records(1).find(told.key));
    }
}

void TestLeave::takesNoWritesMeanwhileButAnswersReads()
{
    SimCluster cluster(3);
    QVERIFY(cluster.form(kNodes));
    QVERIFY(isDone(cluster, cluster.put(2, "k", "1")));
    cutOff(cluster, 2, true); // So that it takes its time.
    cluster.beginOperation(2, {OperatorRequest::Kind::Leave, 0});
    const core::ClusterView view = cluster.view(2);
    QCOMPARE(view.readiness, Readiness::Leaving);
    QVERIFY(view.detail.startsWith("leaving"));
    QCOMPARE(stateSeenBy(cluster, 2, cluster.idOf(2)), MemberState::Leaving);
    const WriteOutcome refused = outcomeOf(cluster, cluster.put(2, "late", "1"));
    QCOMPARE(refused.status, WriteOutcome::Status::NotReady);
    QVERIFY(refused.detail.startsWith("leaving"));
    QVERIFY(!cluster.operated());
    QVERIFY(cluster.records(2).find("k"));
    cutOff(cluster, 2, false);
    QVERIFY(cluster.runUntil(40'000, [&] { return cluster.operated().has_value(); }));
    QCOMPARE(cluster.operated()->status, OperatorOutcome::Status::Done);
    QVERIFY(!cluster.records(0).find("late"));
}

void TestLeave::isNeitherCountedNorLetInAgain()
{
    SimCluster cluster(4);
    QVERIFY(cluster.form(kNodes));
    const core::NodeId id = cluster.idOf(2);
    QCOMPARE(outcomeOf(cluster, cluster.put(0, "k", "1")).replicas, 3);
    const auto outcome = leave(cluster, 2);
    QVERIFY(outcome);
    QCOMPARE(outcome->status, OperatorOutcome::Status::Done);
    cluster.run(200);
    QVERIFY(isForgotten(cluster, 2));
    for (const int other : {0, 1}) {
        QCOMPARE(stateSeenBy(cluster, other, id), MemberState::Left);
        QCOMPARE(outcomeOf(cluster, cluster.put(other, "k", "1")).replicas, 2);
    }
    QCOMPARE(outcomeOf(cluster, cluster.put(2, "k", "1")).status, WriteOutcome::Status::NotReady);
    cluster.run(1000); // Until it is on its disk.
    cluster.crash(2);
    cluster.start(2);
    cluster.run(20'000);
    QVERIFY(isForgotten(cluster, 2));
    QCOMPARE(stateSeenBy(cluster, 0, id), MemberState::Left);
    // Empty, it is somebody else.
    cluster.crash(2);
    cluster.wipe(2);
    cluster.start(2);
    QVERIFY(cluster.runUntil(20'000, [&] { return cluster.membershipsAgree(); }));
    QVERIFY(cluster.idOf(2) != id);
}

void TestLeave::staysWhereNobodyTakesOver()
{
    SimCluster cluster(5);
    QVERIFY(cluster.form(kNodes));
    cutOff(cluster, 2, true);
    QVERIFY(isDone(cluster, cluster.put(2, "alone", "1")));
    const auto outcome = leave(cluster, 2, 70'000);
    QVERIFY(outcome);
    QCOMPARE(outcome->status, OperatorOutcome::Status::NotInTime);
    QCOMPARE(cluster.view(2).readiness, Readiness::Ready);
    QVERIFY(isDone(cluster, cluster.put(2, "again", "1")));
    cutOff(cluster, 2, false);
    QVERIFY(cluster.runUntil(60'000,
                             [&] { return cluster.membershipsAgree() && cluster.recordsAgree(); }));
    QVERIFY(cluster.records(0).find("alone") && cluster.records(0).find("again"));
}

void TestLeave::afterAWhileOneMemberThatHasAllIsEnough()
{
    SimCluster cluster(6);
    QVERIFY(cluster.form(kNodes));
    cluster.setCutBothWays(1, 2, true); // They see each other as up, by the third one's word.
    QVERIFY(isDone(cluster, cluster.put(2, "k", "1")));
    const auto outcome = leave(cluster, 2, 30'000);
    QVERIFY(outcome);
    QCOMPARE(outcome->status, OperatorOutcome::Status::Done);
    QVERIFY(outcome->members >= 1);
    QVERIFY(cluster.records(0).find("k"));
    QVERIFY(cluster.runUntil(
        20'000, [&] { return stateSeenBy(cluster, 1, cluster.idOf(2)) == MemberState::Left; }));
}

void TestLeave::aFullMemberDoesNotCount()
{
    SimCluster cluster(7);
    QVERIFY(cluster.form(2));
    cluster.crash(0);
    cluster.setMemoryMax(0, 2000);
    cluster.start(0);
    QVERIFY(cluster.runUntil(30'000, [&] { return cluster.allReady(); }));
    cutOff(cluster, 1, true);
    for (int i = 0; i < 100; ++i)
        QVERIFY(isDone(cluster, cluster.put(1, "k" + QByteArray::number(i), "1")));
    cutOff(cluster, 1, false);
    const auto outcome = leave(cluster, 1, 70'000);
    QVERIFY(outcome);
    QCOMPARE(outcome->status, OperatorOutcome::Status::NotInTime);
    QVERIFY(cluster.allReady());
    QVERIFY(!cluster.recordsAgree());
}

void TestLeave::whoIsAloneOrNotReadyDoesNotLeave()
{
    SimCluster alone(8);
    QVERIFY(alone.form(1));
    QCOMPARE(leave(alone, 0)->status, OperatorOutcome::Status::Conflict);
    QCOMPARE(alone.view(0).readiness, Readiness::Ready);

    SimCluster cluster(9);
    QVERIFY(cluster.form(kNodes));
    cutOff(cluster, 2, true);
    cluster.crash(2);
    cluster.start(2);
    QVERIFY(cluster.view(2).readiness != Readiness::Ready);
    QCOMPARE(leave(cluster, 2)->status, OperatorOutcome::Status::Conflict);
    cluster.beginOperation(1, {OperatorRequest::Kind::Leave, 0});
    QVERIFY(!cluster.operated());
    QCOMPARE(leave(cluster, 1)->status, OperatorOutcome::Status::Conflict); // Twice.
}

void TestLeave::aCrashEndsIt()
{
    SimCluster cluster(10);
    QVERIFY(cluster.form(kNodes));
    cluster.setCut(2, 0, true); // Hears them, is not heard.
    cluster.setCut(2, 1, true);
    cluster.beginOperation(2, {OperatorRequest::Kind::Leave, 0});
    cluster.run(200);
    QVERIFY(!cluster.operated());
    cluster.crash(2);
    cluster.mendAll();
    cluster.start(2);
    QVERIFY(cluster.runUntil(30'000, [&] { return cluster.membershipsAgree(); }));
    QVERIFY(isDone(cluster, cluster.put(2, "k", "1")));
}

void TestLeave::whoIsLostWhileLeavingCanBeForgotten()
{
    SimCluster cluster(11);
    QVERIFY(cluster.form(kNodes));
    const core::NodeId id = cluster.idOf(2);
    cluster.setCut(0, 2, true); // It is heard and hears nothing.
    cluster.setCut(1, 2, true);
    cluster.beginOperation(2, {OperatorRequest::Kind::Leave, 0});
    QVERIFY(cluster.runUntil(1000,
                             [&] { return stateSeenBy(cluster, 0, id) == MemberState::Leaving; }));
    QCOMPARE(cluster.operate(0, {OperatorRequest::Kind::Forget, id}).status,
             OperatorOutcome::Status::Conflict);
    cluster.vanish(2);
    QVERIFY(
        cluster.runUntil(30'000, [&] { return stateSeenBy(cluster, 0, id) == MemberState::Down; }));
    QCOMPARE(cluster.operate(0, {OperatorRequest::Kind::Forget, id}).status,
             OperatorOutcome::Status::Done);
    QVERIFY(
        cluster.runUntil(5000, [&] { return stateSeenBy(cluster, 1, id) == MemberState::Left; }));
}

QTEST_APPLESS_MAIN(TestLeave)
#include "tst_leave.moc"
