// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

#include <algorithm>

using namespace dynakv;
using namespace dynakv::core;
using testing::kSelf;
using testing::kWallMs;
using Bench = testing::NodeBench;
using Status = WriteOutcome::Status;

class TestNode : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void forgettingTellsWhenAComparisonBegan();
    void onlyWhoIsCaughtUpAndAbleToIsAskedForListings();
    void listingsOfOthersAreAnsweredByWhoIsReady();
    void theViewTellsHowFarAMemberIsBehind();
    void founderIsReadyAtOnceAndWrites();
    void founderWithCompanyNoLongerYields_data();
    void founderWithCompanyNoLongerYields();
    void emptyFounderYieldsToAGrownCluster();
    void aRestartElsewhereKeepsNobodyFromWriting();
    void fetchedRecordsMoveTheClock();
    void aNewLifeStampsAboveTheStoredCeiling();
    void ownVersionsSeenElsewhereAreTopped_data();
    void ownVersionsSeenElsewhereAreTopped();
};

/// What a member took while it was compared may be missing here.
void TestNode::forgettingTellsWhenAComparisonBegan()
{
    Bench bench;
    bench.start();
    Bench::Peer peer = bench.join(20);
    const Bench::Peer other = bench.join(21);
    bench.beatCaughtUp(peer);
    for (int i = 0; i < 300 && bench.sentOn<RootsRequest>(peer.link).empty(); ++i)
        bench.tick();
    const qint64 beganMs = bench.now.wallMs;
    bench.pass(700);
    bench.answerComparisons(peer, true);
    const qint64 contactMs = bench.now.wallMs;
    QCOMPARE(bench.row(20).comparedMs, contactMs);
    bench.pass(900);
    bench.feed(LinkClosed{peer.link});
    bench.pass(60'000);
    bench.gossip(other, {Bench::memberRecord(20, MemberState::Down)});
    bench.feed(ClientOperation{1, {OperatorRequest::Kind::Forget, 20}});
    QCOMPARE(bench.operated.size(), std::size_t(1));
    const OperatorOutcome &outcome = bench.operated.back().outcome;
    QCOMPARE(outcome.status, OperatorOutcome::Status::Done);
    QCOMPARE(outcome.contactMs.value_or(0), contactMs);
    QCOMPARE(outcome.comparedMs.value_or(0), beganMs);
    QCOMPARE(outcome.partitionsEqual, kPartitionCount);
}

void TestNode::onlyWhoIsCaughtUpAndAbleToIsAskedForListings()
{
    Bench bench;
    bench.belongTo(3);
    bench.state.mayLack = true;
    bench.start();
    std::vector<Bench::Peer> peers;
    for (NodeId id = 20; id <= 22; ++id) {
        Bench::Peer peer = bench.open(id, 3, 0xabc);
        peer.hello.features = id == 20 ? 0 : kAnswersListings; // 20 has an older program.
        bench.greet(peer);
        peers.push_back(peer);
    }
    const auto list = [&](RequestId request) {
        bench.feed(ClientListing{request, {{}, false, 1000}});
    };
    bench.beatCaughtUp(peers[0]);
    bench.beat(peers[1]);
    list(1);
    for (const Bench::Peer &peer : peers)
        QVERIFY(bench.sentOn<ListRequest>(peer.link).empty());
    bench.beatCaughtUp(peers[2]);
    list(2);
    QCOMPARE(bench.sentOn<ListRequest>(peers[2].link).size(), std::size_t(1));
    QVERIFY(bench.sentOn<ListRequest>(peers[0].link).empty());
    QVERIFY(bench.sentOn<ListRequest>(peers[1].link).empty());
}

void TestNode::listingsOfOthersAreAnsweredByWhoIsReady()
{
    for (const bool isReady : {false, true}) {
        Bench bench;
        bench.belongTo(1);
        bench.state.mayLack = !isReady;
        bench.start();
        Bench::Peer peer = bench.join(20);
        bench.beatCaughtUp(peer);
        for (int i = 0; i < 50; ++i) {
            bench.tick();
            bench.beatCaughtUp(peer);
            bench.answerComparisons(peer, isReady);
        }
        QCOMPARE(bench.node->view().readiness == Readiness::Ready, isReady);
        const Effects effects = bench.node->handle(Received{peer.link, ListRequest{5}}, bench.now);
        const auto isFor = [&](const Effect &effect) {
            const auto *asked = std::get_if<AnswerListing>(&effect);
            return asked && asked->link == peer.link && asked->request.id == 5;
        };
        const auto isRefusal = [&](const Effect &effect) {
            const auto *send = std::get_if<Send>(&effect);
            const auto *reply = send ? std::get_if<ListReply>(&send->message) : nullptr;
            return reply && reply->id == 5 && !reply->isAnswered && send->link == peer.link;
        };
        QCOMPARE(std::any_of(effects.begin(), effects.end(), isFor), isReady);
        QCOMPARE(std::any_of(effects.begin(), effects.end(), isRefusal), !isReady);
    }
}

void TestNode::theViewTellsHowFarAMemberIsBehind()
{
    Bench bench;
    bench.start();
    Bench::Peer peer = bench.join(20);
    bench.beatCaughtUp(peer);
    QCOMPARE(bench.row(20).pushLagMs, 0);
    QVERIFY(!bench.row(20).partitionsEqual);
    QCOMPARE(bench.write("k").status, Status::Done);
    QCOMPARE(bench.write("l").status, Status::Done);
    bench.tick();
    QCOMPARE(bench.row(20).pushLagMs, qint64{kTickMs});
    QCOMPARE(bench.row(20).pushesPending, 2);
    const auto pushes = bench.sentOn<Push>(peer.link);
    QCOMPARE(pushes.size(), std::size_t(2));
    bench.feed(Received{peer.link, PushAck{pushes[0].id, true}});
    bench.feed(Received{peer.link, PushAck{pushes[1].id, true}});
    QCOMPARE(bench.row(20).pushLagMs, 0);

    // A push that got lost is settled by the next comparison.
    QCOMPARE(bench.write("m").status, Status::Done);
    for (int i = 0; i < 150 && bench.node->view().counts.syncs.completed == 0; ++i) {
        bench.tick();
        bench.beatCaughtUp(peer);
        bench.answerComparisons(peer, true);
    }
    QCOMPARE(bench.node->view().counts.syncs.completed, 1);
    QCOMPARE(bench.row(20).pushLagMs, 0);
    QCOMPARE(bench.row(20).partitionsEqual, 256);
    QCOMPARE(bench.row(20).comparedMs, bench.now.wallMs);
}

void TestNode::founderIsReadyAtOnceAndWrites()
{
    Bench bench;
    bench.start();
    QVERIFY(bench.clusterId() != 0);
    QCOMPARE(bench.node->view().readiness, Readiness::Ready);
    bench.feed(ClientWrite{1, {.key = "k", .value = "1"}});
    QCOMPARE(bench.replies.size(), size_t{1});
    QCOMPARE(bench.replies[0].outcome.status, WriteOutcome::Status::Done);
    QVERIFY(bench.records.find("k"));
}

void TestNode::founderWithCompanyNoLongerYields_data()
{
    QTest::addColumn<bool>("isTold");
    QTest::newRow("the newcomer has introduced itself") << true;
    QTest::newRow("the newcomer has only greeted") << false;
}

/// What this node said in its Hello was true when the link opened. Yielding on it now would leave
/// the newcomer alone in a cluster that nobody else is in.
void TestNode::founderWithCompanyNoLongerYields()
{
    QFETCH(const bool, isTold);
    Bench bench;
    bench.start();
    const quint64 founded = bench.clusterId();
    const Bench::Peer grown = bench.open(20, 3, 0xabc);
    const Bench::Peer newcomer = bench.open(30, 0, 0);
    bench.greet(newcomer);
    if (isTold)
        bench.gossip(newcomer, {Bench::memberRecord(30, MemberState::Joining)});
    bench.greet(grown);
    QCOMPARE(bench.clusterId(), founded);
    QVERIFY(bench.isClosed(grown));
    const Bench::Peer again = bench.open(20, 3, 0xabc);
    bench.greet(again);
    QCOMPARE(bench.clusterId(), founded);
}

void TestNode::emptyFounderYieldsToAGrownCluster()
{
    Bench bench;
    bench.start();
    const Bench::Peer grown = bench.open(20, 3, 0xabc);
    bench.greet(grown);
    QCOMPARE(bench.clusterId(), quint64{0xabc});
    QCOMPARE(bench.node->view().readiness, Readiness::Joining);
    QVERIFY(!bench.isClosed(grown));
    bench.feed(ClientWrite{1, {.key = "k", .value = "1"}});
    QCOMPARE(bench.replies.at(0).outcome.status, WriteOutcome::Status::NotReady);
    QVERIFY(!bench.records.find("k"));
}

/// A record taken over from a member stands in time before whatever is written here from then on,
/// even while the disk still has to take it.
/// Whoever has restarted begins at its ceiling, far ahead of the ceiling of everybody else.
void TestNode::aRestartElsewhereKeepsNobodyFromWriting()
{
    Bench bench;
    bench.start();
    const Bench::Peer peer = bench.join(20);
    for (quint64 beat = 1; beat <= 5; ++beat) {
        const auto ahead = static_cast<quint64>(bench.now.wallMs + 45'000) << 16;
        bench.feed(Received{peer.link, Heartbeat{.sequence = beat,
                                                 .clock = ahead,
                                                 .wallMs = bench.now.wallMs,
                                                 .caughtUp = true}});
        QCOMPARE(bench.write("k").status, Status::Done);
        bench.tick();
        QCOMPARE(bench.write("k").status, Status::Done);
    }
    // It is followed all the same.
    QVERIFY(bench.replies.back().outcome.version.wallMs() > bench.now.wallMs + 40'000);
}

void TestNode::fetchedRecordsMoveTheClock()
{
    Bench bench;
    bench.start();
    const Bench::Peer peer = bench.join(20);
    testing::MapRecords theirs;
    theirs.setTreeKey(bench.clusterId());
    bench.records.setTreeKey(bench.clusterId());
    Record ahead;
    ahead.key = "k";
    ahead.version = {static_cast<quint64>(kWallMs + 20'000) << 16, 20};
    ahead.value = "1";
    theirs.apply(ahead);
    bench.isDiskHeld = true;
    for (size_t i = 0; bench.appends.empty() && i < 100; ++i) {
        bench.pass(100);
        bench.feed(Tick{});
        bench.feed(Received{
            peer.link, Heartbeat{.sequence = i + 1, .wallMs = bench.now.wallMs, .caughtUp = true}});
        for (const Send &each : std::exchange(bench.sent, {})) {
            if (const auto *roots = std::get_if<RootsRequest>(&each.message))
                bench.feed(Received{peer.link, RootsReply{roots->id, theirs.treeRoots(), true, 1}});
            else if (const auto *leaves = std::get_if<LeavesRequest>(&each.message))
                bench.feed(Received{peer.link, LeavesReply{leaves->id, leaves->partition,
                                                           theirs.treeLeaves(leaves->partition)}});
            else if (const auto *stamps = std::get_if<StampsRequest>(&each.message))
                bench.feed(Received{
                    peer.link,
                    StampsReply{stamps->id, stamps->partition, {{"k", stampOf(ahead)}}, false}});
            else if (const auto *fetch = std::get_if<FetchRequest>(&each.message))
                bench.feed(Received{peer.link, FetchReply{fetch->id, {ahead}, 1}});
        }
    }
    QCOMPARE(bench.appends.size(), size_t{1});
    QVERIFY(bench.appends[0].isForPeer);
    bench.feed(ClientWrite{1, {.key = "k", .value = "2"}});
    QCOMPARE(bench.appends.size(), size_t{2});
    QVERIFY(bench.appends[1].records.at(0).version > ahead.version);
    bench.letDiskGo();
    QCOMPARE(bench.replies.at(0).outcome.status, WriteOutcome::Status::Done);
    QCOMPARE(bench.records.find("k")->value, QByteArray("2"));
}

/// What the last life stamped below it may be gone from this disk, and yet be with a peer.
void TestNode::aNewLifeStampsAboveTheStoredCeiling()
{
    Bench bench;
    bench.state.clockCeiling = quint64{kWallMs + 2000} << 16;
    bench.start();
    const WriteOutcome outcome = bench.write("k");
    QCOMPARE(outcome.status, Status::Done);
    QVERIFY(outcome.version.clock > bench.state.clockCeiling);
}

void TestNode::ownVersionsSeenElsewhereAreTopped_data()
{
    QTest::addColumn<qint64>("aheadMs");
    QTest::addColumn<bool>("isTopped");
    QTest::newRow("given with the wall") << qint64{0} << true;
    QTest::newRow("given ahead of it") << qint64{60'000} << true;
    QTest::newRow("the wall was set back since") << qint64{1'800'000} << true;
    QTest::newRow("on top of a record from the future") << qint64{86'400'000} << false;
}

/// What this node has stamped and lost comes back from a member: whatever it writes from then on,
/// to any key, stands behind it.
void TestNode::ownVersionsSeenElsewhereAreTopped()
{
    QFETCH(const qint64, aheadMs);
    QFETCH(const bool, isTopped);
    Bench bench;
    bench.belongTo(1);
    bench.state.mayLack = true;
    bench.start();
    Bench::Peer peer = bench.open(20, 2, 0xabc);
    bench.greet(peer);
    Record lost;
    lost.key = "lost";
    lost.version = {static_cast<quint64>(kWallMs + aheadMs) << 16, kSelf};
    lost.value = "1";
    bench.feed(Received{peer.link, Push{1, {lost}}});
    for (int i = 0; i < 5; ++i) {
        bench.beatCaughtUp(peer);
        bench.answerComparisons(peer, true);
        bench.tick();
    }
    QCOMPARE(bench.node->view().readiness, Readiness::Ready);
    const WriteOutcome other = bench.write("other");
    QCOMPARE(other.status, Status::Done);
    QCOMPARE(lost.version < other.version, isTopped);
    QVERIFY(lost.version < bench.write("lost").version);
}

QTEST_GUILESS_MAIN(TestNode)
#include "tst_node.moc"
