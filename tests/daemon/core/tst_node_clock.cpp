// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

using namespace dynakv;
using namespace core;
using Bench = testing::NodeBench;
using Status = WriteOutcome::Status;
using testing::kWallMs;

namespace {

constexpr qint64 kHourMs = 3'600'000;

struct TwoPeers
{
    Bench bench;
    Bench::Peer peers[2];

    TwoPeers()
    {
        bench.start();
        for (int i = 0; i < 2; ++i)
            peers[i] = bench.join(20 + static_cast<NodeId>(i));
        beat(0);
    }
    /// \a offsetMs: what their walls are ahead of this node's.
    void beat(qint64 offsetMs)
    {
        for (Bench::Peer &peer : peers)
            bench.beat(peer, 0, offsetMs);
    }
    void pass(int ticks, qint64 offsetMs)
    {
        for (int i = 0; i < ticks; ++i) {
            bench.tick();
            beat(offsetMs);
        }
    }
};

} // namespace

/// A wall clock that is set, and comes back.
class TestNodeClock : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aWallThatWasSetIsKnownBeforeAnybodySaysSo();
    void aWrongWallLeavesNothingBehind();
    void norDoesItAfterARestart();
    void whoIsBehindWhatOthersHavePurgedStampsNothing();
};

void TestNodeClock::aWallThatWasSetIsKnownBeforeAnybodySaysSo()
{
    TwoPeers two;
    QCOMPARE(two.bench.write("k").status, Status::Done);
    two.bench.now.wallMs += kHourMs;
    QCOMPARE(two.bench.write("k").status, Status::ClockOff);
    two.bench.now.wallMs -= kHourMs;
    QCOMPARE(two.bench.write("k").status, Status::Done);
}

/// Neither its promises nor what it stores take its clock along.
void TestNodeClock::aWrongWallLeavesNothingBehind()
{
    TwoPeers two;
    two.bench.now.wallMs += kHourMs;
    two.pass(50, -kHourMs);
    two.bench.feed(Received{two.peers[0].link, RootsRequest{7}});
    two.pass(10, -kHourMs);
    two.bench.now.wallMs -= kHourMs;
    two.pass(1, 0);
    const WriteOutcome outcome = two.bench.write("k");
    QCOMPARE(outcome.status, Status::Done);
    QVERIFY(outcome.version.wallMs() < two.bench.now.wallMs + 5000);
}

void TestNodeClock::norDoesItAfterARestart()
{
    TwoPeers two;
    two.bench.now.wallMs += kHourMs;
    two.pass(300, -kHourMs);
    const quint64 ceiling = two.bench.node->persistedState().clockCeiling;
    QVERIFY(static_cast<qint64>(ceiling >> 16) < kWallMs + 120'000);
}

/// They would refuse it as something that was purged.
void TestNodeClock::whoIsBehindWhatOthersHavePurgedStampsNothing()
{
    Bench bench;
    bench.start();
    Bench::Peer peer = bench.join(20);
    const auto clockAt = [&](qint64 aheadMs) {
        return static_cast<quint64>(bench.now.wallMs + aheadMs) << 16;
    };
    const auto hear = [&](quint64 watermark) {
        bench.feed(Received{peer.link, Heartbeat{.sequence = ++peer.sequence,
                                                 .wallMs = bench.now.wallMs,
                                                 .holdings = {.watermark = watermark}}});
    };
    hear(clockAt(-1000));
    QCOMPARE(bench.write("k").status, Status::Done);
    hear(clockAt(40'000));
    const WriteOutcome refused = bench.write("k");
    QCOMPARE(refused.status, Status::ClockOff);
    QVERIFY2(refused.detail.contains(" 41 s after"), refused.detail.constData());
    bench.pass(41'000);
    bench.tick();
    QCOMPARE(bench.write("k").status, Status::Done);
}

QTEST_GUILESS_MAIN(TestNodeClock)
#include "tst_node_clock.moc"
