// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;
using testing::kSelf;
using Bench = testing::NodeBench;
using Status = WriteOutcome::Status;

/// A node that may lack what it acknowledged.
class TestNodeRepairing : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whoMayLackSomethingIsNotReadyByTime();
    void whoMayLackSomethingComparesWithEveryMemberThatIsUp();
    void whoWasNotCaughtUpIsComparedAgain();
    void whoMayLackSomethingAndIsAloneServesWhatIsLeft();
    void whoMayHaveForgottenTheOthersLooksForThem();
};

void TestNodeRepairing::whoMayLackSomethingIsNotReadyByTime()
{
    Bench bench;
    bench.belongTo(1);
    bench.state.mayLack = true;
    bench.start();
    QCOMPARE(bench.logged(Log::Level::Warning, "damaged or cut"), 1);
    Bench::Peer peer = bench.open(20, 2, 0xabc);
    bench.greet(peer);
    for (int i = 0; i < 100; ++i) {
        bench.tick();
        bench.beat(peer);
    }
    QCOMPARE(bench.node->view().readiness, Readiness::CatchingUp);
    QCOMPARE(bench.node->view().detail,
             QByteArray("its data file was damaged or cut or is an older one, or another process "
                        "has gone on under its id; it is being compared with the other members"));
    QVERIFY(bench.row(kSelf).mayLack);
    QCOMPARE(bench.write("k").status, Status::NotReady);
    const auto beats = bench.sentOn<Heartbeat>(peer.link);
    QVERIFY(!beats.empty() && beats.back().mayLack && !beats.back().caughtUp);
    // The same of another member is shown here.
    bench.feed(Received{peer.link, Heartbeat{.sequence = 1000, .mayLack = true}});
    QVERIFY(bench.row(20).mayLack);
}

void TestNodeRepairing::whoMayLackSomethingComparesWithEveryMemberThatIsUp()
{
    Bench bench;
    bench.belongTo(2);
    bench.state.mayLack = true;
    bench.start();
    Bench::Peer first = bench.open(20, 3, 0xabc);
    bench.greet(first);
    Bench::Peer second = bench.open(21, 3, 0xabc);
    bench.greet(second);
    for (int i = 0; i < 50; ++i) {
        bench.beatCaughtUp(first);
        bench.beatCaughtUp(second);
        bench.answerComparisons(first, true);
        bench.tick();
    }
    QVERIFY(first.answered != 0);
    QCOMPARE(bench.node->view().readiness, Readiness::CatchingUp);
    // The other one does not answer and is given up in the end; it is asked again.
    for (int i = 0; i < 100; ++i) {
        bench.beatCaughtUp(first);
        bench.beatCaughtUp(second);
        bench.answerComparisons(second, true);
        bench.tick();
    }
    QCOMPARE(bench.node->view().readiness, Readiness::Ready);
    QVERIFY(!bench.node->persistedState().mayLack);
    QVERIFY(!bench.row(kSelf).mayLack);
    QCOMPARE(bench.logged(Log::Level::Info, "repaired"), 1);
    QCOMPARE(bench.write("k").status, Status::Done);
}

/// It was itself fetching what it lacked when it was compared.
void TestNodeRepairing::whoWasNotCaughtUpIsComparedAgain()
{
    Bench bench;
    bench.belongTo(1);
    bench.state.mayLack = true;
    bench.start();
    Bench::Peer peer = bench.open(20, 2, 0xabc);
    bench.greet(peer);
    for (int i = 0; i < 5; ++i) {
        bench.beat(peer);
        bench.answerComparisons(peer, false);
        bench.tick();
    }
    const quint64 answered = peer.answered;
    QVERIFY(answered != 0);
    QCOMPARE(bench.node->view().readiness, Readiness::CatchingUp);
    for (int i = 0; i < 5; ++i) {
        bench.beatCaughtUp(peer);
        bench.answerComparisons(peer, true);
        bench.tick();
    }
    QVERIFY(peer.answered != answered);
    QCOMPARE(bench.node->view().readiness, Readiness::Ready);
}

void TestNodeRepairing::whoMayLackSomethingAndIsAloneServesWhatIsLeft()
{
    Bench bench;
    bench.belongTo(0);
    bench.state.mayLack = true;
    bench.start();
    QCOMPARE(bench.node->view().readiness, Readiness::Ready);
    QCOMPARE(bench.logged(Log::Level::Warning, "serves what is left"), 1);
    QVERIFY(!bench.node->persistedState().mayLack);
}

/// The file may have lost that there are others: those to join are asked before it believes so.
void TestNodeRepairing::whoMayHaveForgottenTheOthersLooksForThem()
{
    Bench bench;
    bench.belongTo(0);
    bench.state.mayLack = true;
    bench.config.join = {{{"10.0.0.20", 6660}, {"10.0.0.20", 16660}}};
    bench.start();
    QCOMPARE(bench.node->view().readiness, Readiness::CatchingUp);
    Bench::Peer peer = bench.open(20, 2, 0xabc);
    bench.greet(peer);
    bench.gossip(peer, {Bench::memberRecord(20, MemberState::Alive)});
    for (int i = 0; i < 60; ++i) {
        bench.beat(peer);
        bench.tick();
    }
    QCOMPARE(bench.node->view().readiness, Readiness::CatchingUp);
    bench.beatCaughtUp(peer);
    bench.answerComparisons(peer, true);
    QCOMPARE(bench.node->view().readiness, Readiness::Ready);
}

QTEST_GUILESS_MAIN(TestNodeRepairing)
#include "tst_node_repairing.moc"
