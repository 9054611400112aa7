// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/failure_detector.h"
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

#include <algorithm>
#include <limits>

using namespace dynakv;
using namespace dynakv::core;
using testing::kWallMs;
using Bench = testing::NodeBench;

Q_DECLARE_METATYPE(dynakv::core::Heartbeat)

/// Who is taken for dead, and by whose word.
class TestNodeVerdicts : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theMoreMembersTheMoreSeldomItBeats_data();
    void theMoreMembersTheMoreSeldomItBeats();
    void hearsayDoesNotCondemnWhoeverIsHeardHere_data();
    void hearsayDoesNotCondemnWhoeverIsHeardHere();
    void hearsayCountsOnceTheMemberIsSilentHereToo();
    void whoIsSeldomHeardIsCondemnedByTwo_data();
    void whoIsSeldomHeardIsCondemnedByTwo();
    void whoContradictsALoneAccuserIsBelieved();
    void refusedDialSaysNothingAgainstALinkedMember();
    void halfOpenLinkDoesNotShutOutTheNewOne();
    void muteLinkIsGivenUpThoughOthersVouch();
    void nonsenseInAHeartbeatIsNoMeasurement_data();
    void nonsenseInAHeartbeatIsNoMeasurement();
};

void TestNodeVerdicts::theMoreMembersTheMoreSeldomItBeats_data()
{
    QTest::addColumn<int>("peers");
    QTest::addColumn<int>("leastMs"); // Of the mean of what it says to those that do not watch it.
    QTest::addColumn<int>("mostMs");
    QTest::newRow("few") << 100 << 13'500 << 16'500;
    QTest::newRow("many") << 600 << 28'000 << 32'000;
    QTest::newRow("very many") << 2000 << 56'000 << 64'000;
}

void TestNodeVerdicts::theMoreMembersTheMoreSeldomItBeats()
{
    QFETCH(const int, peers);
    QFETCH(const int, leastMs);
    QFETCH(const int, mostMs);
    Bench bench;
    bench.start();
    for (int i = 0; i < peers; ++i)
        bench.join(1000 + static_cast<NodeId>(i));
    bench.sent.clear();
    bench.tick();
    std::map<LinkId, quint32> intervals;
    for (const Send &send : bench.sent) {
        if (const auto *beat = std::get_if<Heartbeat>(&send.message))
            intervals[send.link] = beat->intervalMs;
    }
    QCOMPARE(intervals.size(), static_cast<std::size_t>(peers)); // The first one comes at once.
    qint64 sumMs = 0;
    int seldom = 0;
    for (const auto &[link, intervalMs] : intervals) {
        if (intervalMs == 500)
            continue;
        sumMs += intervalMs;
        ++seldom;
    }
    QCOMPARE(seldom, peers - 8);
    QVERIFY2(sumMs / seldom >= leastMs && sumMs / seldom <= mostMs,
             QByteArray::number(sumMs / seldom).constData());
}

void TestNodeVerdicts::hearsayDoesNotCondemnWhoeverIsHeardHere_data()
{
    QTest::addColumn<MemberState>("state");
    QTest::newRow("suspicion") << MemberState::Suspect;
    QTest::newRow("verdict") << MemberState::Down;
}

/// A node that was cut off tells everybody that everybody is down. It was its own path.
void TestNodeVerdicts::hearsayDoesNotCondemnWhoeverIsHeardHere()
{
    QFETCH(const MemberState, state);
    Bench bench;
    bench.start();
    Bench::Peer healthy = bench.join(20);
    const Bench::Peer cutOff = bench.join(30);
    const Bench::Peer cutOffToo = bench.join(40);
    bench.beat(healthy);
    bench.sent.clear();
    bench.gossip(cutOff, {Bench::memberRecord(20, state)});
    QCOMPARE(bench.row(20).state, MemberState::Alive);
    // Whom it concerns is told, so that the refutation comes at once.
    const auto told = bench.sentOn<Gossip>(healthy.link);
    QCOMPARE(told.size(), size_t{1});
    QVERIFY(told[0].members == std::vector{Bench::memberRecord(20, state)});
    // As many as say so: it is heard.
    bench.gossip(cutOffToo, {Bench::memberRecord(20, state)});
    QCOMPARE(bench.row(20).state, MemberState::Alive);
    bench.gossip(healthy, {Bench::memberRecord(20, MemberState::Alive, 1)});
    QCOMPARE(bench.row(20).state, MemberState::Alive);
}

void TestNodeVerdicts::hearsayCountsOnceTheMemberIsSilentHereToo()
{
    Bench bench;
    bench.start();
    bench.join(20);
    Bench::Peer other = bench.join(30);
    for (int i = 0; i < 27; ++i) {
        bench.pass(100);
        bench.feed(Tick{});
        bench.beat(other);
    }
    bench.gossip(other, {Bench::memberRecord(20, MemberState::Down)});
    QCOMPARE(bench.row(20).state, MemberState::Down);
}

void TestNodeVerdicts::whoIsSeldomHeardIsCondemnedByTwo_data()
{
    QTest::addColumn<bool>("isByTwo");
    QTest::newRow("two say so") << true;
    QTest::newRow("one alone, twice, but for as long as a member may stand still") << false;
}

void TestNodeVerdicts::whoIsSeldomHeardIsCondemnedByTwo()
{
    QFETCH(const bool, isByTwo);
    Bench bench;
    bench.start();
    const Bench::Peer seldom = bench.join(20);
    Bench::Peer one = bench.join(30);
    Bench::Peer other = bench.join(31);
    bench.feed(Received{seldom.link, Heartbeat{.sequence = 1, .intervalMs = 10'000}});
    const auto pass = [&](int ms) {
        for (; ms > 0; ms -= 100) {
            bench.tick();
            bench.beat(one);
            bench.beat(other);
        }
    };
    pass(3000);
    bench.sent.clear();
    bench.gossip(one, {Bench::memberRecord(20, MemberState::Suspect)});
    QCOMPARE(bench.row(20).state, MemberState::Alive);
    QCOMPARE(bench.sentOn<Gossip>(seldom.link).size(), size_t{1});
    QCOMPARE(bench.sentOn<Gossip>(other.link).size(), size_t{0});
    pass(1500);
    bench.gossip(isByTwo ? other : one, {Bench::memberRecord(20, MemberState::Down)});
    QCOMPARE(bench.row(20).state, isByTwo ? MemberState::Down : MemberState::Alive);
    pass(600);
    QCOMPARE(bench.row(20).state, MemberState::Down);
}

void TestNodeVerdicts::whoContradictsALoneAccuserIsBelieved()
{
    Bench bench;
    bench.start();
    const Bench::Peer seldom = bench.join(20);
    Bench::Peer one = bench.join(30);
    Bench::Peer other = bench.join(31);
    bench.feed(Received{seldom.link, Heartbeat{.sequence = 1, .intervalMs = 10'000}});
    for (int i = 0; i < 30; ++i) {
        bench.tick();
        bench.beat(one);
        bench.beat(other);
    }
    bench.gossip(one, {Bench::memberRecord(20, MemberState::Down)});
    bench.gossip(other, {Bench::memberRecord(20, MemberState::Alive, 1)});
    // Which is of an earlier incarnation.
    bench.gossip(other, {Bench::memberRecord(20, MemberState::Down)});
    for (int i = 0; i < 50; ++i) {
        bench.tick();
        bench.beat(one);
        bench.beat(other);
        QCOMPARE(bench.row(20).state, MemberState::Alive);
    }
}

void TestNodeVerdicts::refusedDialSaysNothingAgainstALinkedMember()
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
void TestNodeVerdicts::halfOpenLinkDoesNotShutOutTheNewOne()
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

void TestNodeVerdicts::muteLinkIsGivenUpThoughOthersVouch()
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

void TestNodeVerdicts::nonsenseInAHeartbeatIsNoMeasurement_data()
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

void TestNodeVerdicts::nonsenseInAHeartbeatIsNoMeasurement()
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

QTEST_GUILESS_MAIN(TestNodeVerdicts)
#include "tst_node_verdicts.moc"
