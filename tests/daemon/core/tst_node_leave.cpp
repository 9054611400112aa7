// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/node_bench.h"

#include <QTest>

using namespace dynakv;
using namespace dynakv::core;
using Bench = testing::NodeBench;

namespace {

/// A member of two, ready, whose peer holds what it holds.
struct Pair : Bench
{
    Pair()
    {
        belongTo(1);
        start();
        peer = join(20);
        records.setTreeKey(clusterId());
        for (int i = 0; i < 50 && node->view().readiness != Readiness::Ready; ++i)
            turn();
        // No comparison is under way or due.
        peer.answered = lastRoots();
    }
    void turn(bool answers = true)
    {
        beatCaughtUp(peer);
        tick();
        if (answers)
            answerComparisons(peer, true);
    }
    void leave() { feed(ClientOperation{7, {OperatorRequest::Kind::Leave, 0}}); }
    [[nodiscard]] quint64 lastRoots() const
    {
        const auto asked = sentOn<RootsRequest>(peer.link);
        return asked.empty() ? 0 : asked.back().id;
    }

    Peer peer = {};
};

} // namespace

/// What a node that leaves waits for before it believes that others hold all that it holds.
class TestNodeLeave : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aWriteUnderWayIsWaitedFor();
    void whatPeersPushHoldsNobodyUp();
    void aComparisonFromBeforeDoesNotCount();
    void aPeerThatIsNotCaughtUpDoesNotCount();
    void itSaysSoBeforeItGoes();
};

void TestNodeLeave::aWriteUnderWayIsWaitedFor()
{
    Pair pair;
    QCOMPARE(pair.node->view().readiness, Readiness::Ready);
    pair.isDiskHeld = true;
    pair.feed(ClientWrite{1, {.key = "k", .value = "1"}});
    QCOMPARE(pair.appends.size(), size_t{1});
    pair.leave();
    for (int i = 0; i < 20; ++i)
        pair.turn();
    QVERIFY(pair.operated.empty());
    pair.isDiskHeld = false;
    pair.letDiskGo();
    const auto pushes = pair.sentOn<Push>(pair.peer.link);
    QCOMPARE(pushes.size(), size_t{1});
    pair.feed(Received{pair.peer.link, PushAck{pushes[0].id, true, Durability::Sync}});
    for (int i = 0; i < 20 && pair.operated.empty(); ++i)
        pair.turn();
    QCOMPARE(pair.operated.size(), size_t{1});
    QCOMPARE(pair.operated[0].request, RequestId{7});
    QCOMPARE(pair.operated[0].outcome.status, OperatorOutcome::Status::Done);
}

/// Beside writes all the time there is always something on its way to the disk.
void TestNodeLeave::whatPeersPushHoldsNobodyUp()
{
    Pair pair;
    pair.isDiskHeld = true;
    Record pushed;
    pushed.key = "theirs";
    pushed.version = {static_cast<quint64>(testing::kWallMs) << 16, 20};
    pushed.value = "1";
    pair.feed(Received{pair.peer.link, Push{99, {pushed}}});
    QCOMPARE(pair.appends.size(), size_t{1});
    pair.leave();
    for (int i = 0; i < 20 && pair.operated.empty(); ++i)
        pair.turn();
    QCOMPARE(pair.operated.size(), size_t{1});
    QCOMPARE(pair.operated[0].outcome.status, OperatorOutcome::Status::Done);
}

void TestNodeLeave::aComparisonFromBeforeDoesNotCount()
{
    Pair pair;
    pair.feed(ClientOperation{6, {OperatorRequest::Kind::Repair, 0}});
    pair.turn(false);
    const quint64 before = pair.lastRoots();
    QVERIFY(before > pair.peer.answered);
    pair.leave();
    pair.turn(false);
    pair.feed(Received{pair.peer.link, RootsReply{before, pair.records.treeRoots(), true}});
    pair.turn(false);
    QCOMPARE(pair.operated.size(), size_t{1}); // Of the repair.
    QVERIFY(pair.lastRoots() > before);        // It asks anew,
    for (int i = 0; i < 20 && pair.operated.size() < 2; ++i)
        pair.turn();
    QCOMPARE(pair.operated.size(), size_t{2}); // and that does.
}

void TestNodeLeave::aPeerThatIsNotCaughtUpDoesNotCount()
{
    Pair pair;
    pair.leave();
    for (int i = 0; i < 100; ++i) {
        pair.turn(false);
        pair.answerComparisons(pair.peer, false);
    }
    QVERIFY(pair.operated.empty());
    for (int i = 0; i < 20 && pair.operated.empty(); ++i)
        pair.turn();
    QCOMPARE(pair.operated.size(), size_t{1});
}

void TestNodeLeave::itSaysSoBeforeItGoes()
{
    Pair pair;
    pair.leave();
    for (int i = 0; i < 20 && pair.operated.empty(); ++i)
        pair.turn();
    const auto gossip = pair.sentOn<Gossip>(pair.peer.link);
    QVERIFY(!gossip.empty());
    QCOMPARE(gossip.back().members.size(), size_t{1});
    QVERIFY(isForgotten(gossip.back().members[0]));
    QVERIFY(pair.isClosed(pair.peer));
    QVERIFY(pair.node->persistedState().isForgotten);
}

QTEST_APPLESS_MAIN(TestNodeLeave)
#include "tst_node_leave.moc"
