// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/failure_detector.h"
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

#include <algorithm>
#include <limits>

using namespace dynakv;
using namespace dynakv::core;
using testing::kSelf;
using testing::kWallMs;
using Bench = testing::NodeBench;
using Status = WriteOutcome::Status;

Q_DECLARE_METATYPE(dynakv::core::Heartbeat)

class TestNode : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void founderIsReadyAtOnceAndWrites();
    void hearsayDoesNotCondemnWhoeverIsHeardHere_data();
    void hearsayDoesNotCondemnWhoeverIsHeardHere();
    void hearsayCountsOnceTheMemberIsSilentHereToo();
    void refusedDialSaysNothingAgainstALinkedMember();
    void halfOpenLinkDoesNotShutOutTheNewOne();
    void muteLinkIsGivenUpThoughOthersVouch();
    void founderWithCompanyNoLongerYields_data();
    void founderWithCompanyNoLongerYields();
    void emptyFounderYieldsToAGrownCluster();
    void nonsenseInAHeartbeatIsNoMeasurement_data();
    void nonsenseInAHeartbeatIsNoMeasurement();
    void fetchedRecordsMoveTheClock();
    void aRestartElsewhereKeepsNobodyFromWriting();
    void aFullNodeRefusesValuesAndTakesDeletes();
    void aValueThatIsTooLargeForTheRoomLeftIsRefused();
    void aFullMemberStopsValuesHere();
    void aMemberThatIsDownIsNotAskedForItsRoom();
    void fullnessIsToldOnceEachWay();
    void whatIsLoadedBeyondTheLimitStays();
    void theViewShowsTheMemoryUsed();
    void aFullDiskIsToldOnceEachWay();
    void whoMayLackSomethingIsNotReadyByTime();
    void whoMayLackSomethingComparesWithEveryMemberThatIsUp();
    void whoWasNotCaughtUpIsComparedAgain();
    void whoMayLackSomethingAndIsAloneServesWhatIsLeft();
    void whoMayHaveForgottenTheOthersLooksForThem();
    void ownVersionsSeenElsewhereAreTopped_data();
    void ownVersionsSeenElsewhereAreTopped();
    void aFullDiskStaysTheReasonWhenTheCeilingIsReached();
    void theViewTellsHowFarAMemberIsBehind();
};

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

void TestNode::hearsayDoesNotCondemnWhoeverIsHeardHere_data()
{
    QTest::addColumn<MemberState>("state");
    QTest::newRow("suspicion") << MemberState::Suspect;
    QTest::newRow("verdict") << MemberState::Down;
}

/// A node that was cut off tells everybody that everybody is down. It was its own path.
void TestNode::hearsayDoesNotCondemnWhoeverIsHeardHere()
{
    QFETCH(const MemberState, state);
    Bench bench;
    bench.start();
    Bench::Peer healthy = bench.join(20);
    const Bench::Peer cutOff = bench.join(30);
    bench.beat(healthy);
    bench.sent.clear();
    bench.gossip(cutOff, {Bench::memberRecord(20, state)});
    QCOMPARE(bench.row(20).state, MemberState::Alive);
    // Whom it concerns is told, so that the refutation comes at once.
    const auto told = bench.sentOn<Gossip>(healthy.link);
    QCOMPARE(told.size(), size_t{1});
    QVERIFY(told[0].members == std::vector{Bench::memberRecord(20, state)});
    bench.gossip(healthy, {Bench::memberRecord(20, MemberState::Alive, 1)});
    QCOMPARE(bench.row(20).state, MemberState::Alive);
}

void TestNode::hearsayCountsOnceTheMemberIsSilentHereToo()
{
    Bench bench;
    bench.start();
    bench.join(20);
    Bench::Peer other = bench.join(30);
    for (int i = 0; i < 22; ++i) {
        bench.pass(100);
        bench.feed(Tick{});
        bench.beat(other);
    }
    bench.gossip(other, {Bench::memberRecord(20, MemberState::Down)});
    QCOMPARE(bench.row(20).state, MemberState::Down);
}

void TestNode::refusedDialSaysNothingAgainstALinkedMember()
{
    Bench bench;
    bench.start();
    Bench::Peer other = bench.join(30);
    bench.gossip(other, {Bench::memberRecord(20, MemberState::Alive)});
    bench.pass(100);
    bench.feed(Tick{});
    QCOMPARE(bench.dials.size(), size_t{1});
    bench.join(20); // It was quicker, and then our late dial to an old address fails.
    bench.feed(DialFailed{bench.dials[0].dial, DialFailed::Reason::Refused});
    bench.pass(100);
    bench.feed(Tick{});
    QCOMPARE(bench.row(20).state, MemberState::Alive);
}

/// Power and cable come back: the other side has lost the link and opens another, but this one
/// still holds the old one, and a third member vouches that the other side lives.
void TestNode::halfOpenLinkDoesNotShutOutTheNewOne()
{
    Bench bench;
    bench.start();
    const Bench::Peer old = bench.open(20, 3, bench.clusterId(), true); // Ours: the preferred one.
    bench.greet(old);
    bench.gossip(old, {Bench::memberRecord(20, MemberState::Alive)});
    bench.pass(FailureDetector::kSilenceMs + 100);
    bench.feed(Tick{});
    QVERIFY(!bench.isClosed(old));
    const Bench::Peer renewed = bench.open(20, 3, bench.clusterId());
    bench.greet(renewed);
    QVERIFY(!bench.isClosed(renewed));
    QVERIFY(bench.isClosed(old));
    QVERIFY(!bench.sentOn<Gossip>(renewed.link).empty());
}

void TestNode::muteLinkIsGivenUpThoughOthersVouch()
{
    Bench bench;
    bench.start();
    const Bench::Peer mute = bench.join(20);
    Bench::Peer voucher = bench.join(30);
    for (int i = 0; i < 100; ++i) {
        bench.pass(100);
        bench.sent.clear();
        bench.feed(Tick{});
        bench.beat(voucher);
        for (const ProbeRequest &request : bench.sentOn<ProbeRequest>(voucher.link))
            bench.feed(Received{voucher.link, ProbeReply{request.id, request.subject, true}});
    }
    QCOMPARE(bench.row(20).state, MemberState::Alive);
    QVERIFY(bench.isClosed(mute));
    QVERIFY(!bench.isClosed(voucher));
    // And it looks for another way to it.
    QVERIFY(std::any_of(bench.dials.begin(), bench.dials.end(),
                        [](const Dial &dial) { return dial.target.host == "10.0.0.20"; }));
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

void TestNode::nonsenseInAHeartbeatIsNoMeasurement_data()
{
    QTest::addColumn<Heartbeat>("beat");
    const auto row = [](const char *name, auto change) {
        Heartbeat beat;
        beat.sequence = 1;
        beat.wallMs = kWallMs;
        beat.echoMs = 900;
        change(beat);
        QTest::newRow(name) << beat;
    };
    constexpr qint64 lowest = std::numeric_limits<qint64>::min();
    constexpr qint64 greatest = std::numeric_limits<qint64>::max();
    row("echo of before time began", [](Heartbeat &b) { b.echoMs = lowest; });
    row("echo of long ago", [](Heartbeat &b) { b.echoMs = -1'000'000'000; });
    row("echo of the future", [](Heartbeat &b) { b.echoMs = greatest; });
    row("held for ever", [](Heartbeat &b) { b.echoHeldMs = greatest; });
    row("held for less than nothing", [](Heartbeat &b) { b.echoHeldMs = lowest; });
    row("held longer than it is old", [](Heartbeat &b) { b.echoHeldMs = 101; });
}

void TestNode::nonsenseInAHeartbeatIsNoMeasurement()
{
    QFETCH(Heartbeat, beat);
    Bench bench;
    bench.start();
    const Bench::Peer peer = bench.join(20);
    for (const qint64 wallMs : {std::numeric_limits<qint64>::min(), qint64{-1}, kWallMs,
                                std::numeric_limits<qint64>::max()}) {
        beat.wallMs = wallMs;
        bench.feed(Received{peer.link, beat});
        QVERIFY(!bench.row(20).rttMs);
    }
    beat = {};
    beat.sequence = 2;
    beat.wallMs = kWallMs;
    beat.echoMs = 900;
    beat.echoHeldMs = 30;
    bench.feed(Received{peer.link, beat});
    QCOMPARE(bench.row(20).rttMs, std::optional(70.0));
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
                bench.feed(Received{peer.link, RootsReply{roots->id, theirs.treeRoots(), true}});
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

void TestNode::aFullNodeRefusesValuesAndTakesDeletes()
{
    Bench bench;
    bench.config.memoryBytesMax = 1000;
    bench.start();
    QCOMPARE(bench.write("k", RecordKind::Value, QByteArray(902, 'v')).status, Status::Done);
    // 951 of 1000 bytes.
    const WriteOutcome refused = bench.write("l");
    QCOMPARE(refused.status, Status::NoSpace);
    QVERIFY2(refused.detail.contains("this node uses 95 %"), refused.detail.constData());
    QVERIFY2(refused.detail.contains("--max-memory"), refused.detail.constData());
    QVERIFY(!bench.records.find("l"));
    QCOMPARE(bench.write("k").status, Status::NoSpace);
    // Its tombstone would take room of its own.
    QCOMPARE(bench.write("l", RecordKind::Tombstone, {}).status, Status::NoSpace);
    QCOMPARE(bench.write("k", RecordKind::Tombstone, {}).status, Status::Done);
    QCOMPARE(bench.write("l").status, Status::Done);
}

/// One value can be more than all that lies between full and the reserve, and would then be held
/// here and nowhere else.
void TestNode::aValueThatIsTooLargeForTheRoomLeftIsRefused()
{
    Bench bench;
    bench.config.memoryBytesMax = 1000;
    bench.start();
    QCOMPARE(bench.write("k", RecordKind::Value, QByteArray(400, 'v')).status, Status::Done);
    const WriteOutcome refused = bench.write("l", RecordKind::Value, QByteArray(600, 'v'));
    QCOMPARE(refused.status, Status::NoSpace);
    QVERIFY2(refused.detail.contains("600 bytes (--max-memory)"), refused.detail.constData());
    QCOMPARE(bench.write("k", RecordKind::Value, QByteArray(600, 'v')).status, Status::Done);
}

void TestNode::aFullMemberStopsValuesHere()
{
    Bench bench;
    bench.start();
    QCOMPARE(bench.write("k").status, Status::Done);
    Bench::Peer other = bench.join(20);
    other.memoryUsedPermille = 950;
    bench.beat(other);
    QCOMPARE(bench.write("k").status, Status::Done);
    other.memoryUsedPermille = 951;
    bench.beat(other);
    const WriteOutcome refused = bench.write("k");
    QCOMPARE(refused.status, Status::NoSpace);
    QVERIFY2(refused.detail.contains("member 0000000000000014 at 10.0.0.20:6660 uses 95 %"),
             refused.detail.constData());
    QCOMPARE(bench.write("k", RecordKind::Tombstone, {}).status, Status::Done);
    other.memoryUsedPermille = 950;
    bench.beat(other);
    QCOMPARE(bench.write("k").status, Status::Done);
}

void TestNode::aMemberThatIsDownIsNotAskedForItsRoom()
{
    Bench bench;
    bench.start();
    Bench::Peer other = bench.join(20);
    other.memoryUsedPermille = 1000;
    bench.beat(other);
    QCOMPARE(bench.write("k").status, Status::NoSpace);
    bench.feed(LinkClosed{other.link});
    QCOMPARE(bench.write("k").status, Status::Done);
}

void TestNode::fullnessIsToldOnceEachWay()
{
    Bench bench;
    bench.start();
    Bench::Peer other = bench.join(20);
    // Around the mark nothing is said again before it is well below.
    for (const quint32 permille : {900U, 955U, 949U, 952U, 931U, 960U}) {
        other.memoryUsedPermille = permille;
        bench.beat(other);
        bench.tick();
    }
    QCOMPARE(bench.logged(Log::Level::Warning, "member 0000000000000014 at 10.0.0.20:6660"), 1);
    QCOMPARE(bench.logged(Log::Level::Info, "no longer full"), 0);
    other.memoryUsedPermille = 930;
    bench.beat(other);
    bench.tick();
    bench.tick();
    QCOMPARE(bench.logged(Log::Level::Warning, "full"), 1);
    QCOMPARE(bench.logged(Log::Level::Info, "no longer full"), 1);
    QCOMPARE(bench.write("k").status, Status::Done);
}

void TestNode::whatIsLoadedBeyondTheLimitStays()
{
    Bench bench;
    bench.config.memoryBytesMax = 100;
    Record large;
    large.key = "large";
    large.version = {1, 1};
    large.value = QByteArray(1000, 'v');
    bench.records.apply(large);
    bench.start();
    QCOMPARE(bench.node->view().readiness, Readiness::Ready);
    bench.tick();
    QCOMPARE(bench.logged(Log::Level::Warning, "this node uses 105"), 1);
    QCOMPARE(bench.write("k").status, Status::NoSpace);
    QVERIFY(bench.records.find("large"));
}

void TestNode::theViewShowsTheMemoryUsed()
{
    Bench bench;
    bench.start();
    Bench::Peer other = bench.join(20);
    bench.beat(other);
    QVERIFY(!bench.row(kSelf).memoryUsedPermille);
    QVERIFY(!bench.row(20).memoryUsedPermille);
    other.memoryUsedPermille = 12;
    bench.beat(other);
    QCOMPARE(bench.row(20).memoryUsedPermille, std::optional<qint64>(12));

    Bench limited;
    limited.config.memoryBytesMax = 1000;
    limited.start();
    QCOMPARE(limited.row(kSelf).memoryUsedPermille, std::optional<qint64>(0));
    const Bench::Peer peer = limited.join(20);
    limited.write("k");
    limited.sent.clear();
    for (int i = 0; i < 6; ++i)
        limited.tick();
    const auto beats = limited.sentOn<Heartbeat>(peer.link);
    QVERIFY(!beats.empty());
    QCOMPARE(beats.back().memoryUsedPermille, 50U);
    QCOMPARE(limited.row(kSelf).memoryUsedPermille, std::optional<qint64>(50));
}

void TestNode::aFullDiskIsToldOnceEachWay()
{
    Bench bench;
    bench.start();
    bench.isDiskFull = true;
    for (int i = 0; i < 20; ++i) {
        const WriteOutcome refused = bench.write("k");
        QCOMPARE(refused.status, Status::NoSpace);
        QCOMPARE(refused.detail, QByteArray("why"));
        bench.tick();
    }
    // Some fit and some do not: it is not over.
    bench.isDiskFull = false;
    QCOMPARE(bench.write("k").status, Status::Done);
    bench.isDiskFull = true;
    bench.tick();
    bench.write("l");
    bench.isDiskFull = false;
    QCOMPARE(bench.logged(Log::Level::Warning, "the disk is full"), 1);
    for (int i = 0; i < 100; ++i)
        bench.tick();
    QCOMPARE(bench.logged(Log::Level::Info, "space again"), 0); // Nothing has shown it.
    QCOMPARE(bench.write("k").status, Status::Done);
    bench.tick();
    bench.tick();
    QCOMPARE(bench.logged(Log::Level::Info, "space again"), 1);
    QCOMPARE(bench.logged(Log::Level::Warning, "disk"), 1);
}

/// Without a stored ceiling nothing may be stamped, but the client shall learn the cause.
void TestNode::aFullDiskStaysTheReasonWhenTheCeilingIsReached()
{
    Bench bench;
    bench.start();
    bench.isDiskFull = true;
    for (int i = 0; i < 600; ++i)
        bench.tick();
    const WriteOutcome refused = bench.write("k");
    QCOMPARE(refused.status, Status::NoSpace);
    QVERIFY(refused.detail.contains("disk is full"));
    QVERIFY(bench.appends.empty());
    QCOMPARE(bench.logged(Log::Level::Warning, {}), 1);
    bench.isDiskFull = false;
    for (int i = 0; i < 100; ++i)
        bench.tick();
    QCOMPARE(bench.write("k").status, Status::Done);
    QCOMPARE(bench.logged(Log::Level::Info, "space again"), 1);
}

void TestNode::whoMayLackSomethingIsNotReadyByTime()
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
             QByteArray("its data file was damaged or cut; it is being compared with the other "
                        "members"));
    QVERIFY(bench.row(kSelf).mayLack);
    QCOMPARE(bench.write("k").status, Status::NotReady);
    const auto beats = bench.sentOn<Heartbeat>(peer.link);
    QVERIFY(!beats.empty() && beats.back().mayLack && !beats.back().caughtUp);
    // The same of another member is shown here.
    bench.feed(Received{peer.link, Heartbeat{.sequence = 1000, .mayLack = true}});
    QVERIFY(bench.row(20).mayLack);
}

void TestNode::whoMayLackSomethingComparesWithEveryMemberThatIsUp()
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
void TestNode::whoWasNotCaughtUpIsComparedAgain()
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

void TestNode::whoMayLackSomethingAndIsAloneServesWhatIsLeft()
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
void TestNode::whoMayHaveForgottenTheOthersLooksForThem()
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
