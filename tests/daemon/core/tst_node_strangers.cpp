// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

using namespace dynakv;
using namespace core;
using Bench = testing::NodeBench;
using testing::kSelf;

namespace {

constexpr qint64 kLetGoMs = 10'000;

} // namespace

/// Who connects and is no member: it changes nothing, and does not stay.
class TestNodeStrangers : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void anAddressIsLearnedFromWhoGreets();
    void whoSaysNothingOfItselfIsLetGo();
    void whoIsIntroducedStays();
    void noStrangerSaysWhatWasPurged();
};

void TestNodeStrangers::anAddressIsLearnedFromWhoGreets()
{
    Bench bench;
    bench.config.api = {"0.0.0.0", 6660};
    bench.start();
    QCOMPARE(bench.row(kSelf).address, QByteArray("127.0.0.1:6660"));
    const Bench::Peer peer = bench.open(20, 1, bench.clusterId());
    QCOMPARE(bench.row(kSelf).address, QByteArray("127.0.0.1:6660"));
    bench.greet(peer);
    QCOMPARE(bench.row(kSelf).address, QByteArray("10.0.0.10:6660"));
}

void TestNodeStrangers::whoSaysNothingOfItselfIsLetGo()
{
    Bench bench;
    bench.start();
    const Bench::Peer peer = bench.open(20, 0, 0);
    bench.greet(peer);
    while (bench.now.monoMs <= 1000 + kLetGoMs) {
        QVERIFY(!bench.isClosed(peer));
        bench.tick();
    }
    for (int i = 0; i < 20; ++i)
        bench.tick();
    QVERIFY(bench.isClosed(peer));
}

void TestNodeStrangers::whoIsIntroducedStays()
{
    Bench bench;
    bench.start();
    Bench::Peer peer = bench.open(20, 0, 0);
    bench.greet(peer);
    bench.gossip(peer, {Bench::memberRecord(20, MemberState::Joining)});
    while (bench.now.monoMs <= 1000 + 2 * kLetGoMs) {
        bench.tick();
        bench.beat(peer);
    }
    QVERIFY(!bench.isClosed(peer));
}

/// It could keep a node from writing for ever, or have it doubt its directory.
void TestNodeStrangers::noStrangerSaysWhatWasPurged()
{
    Bench bench;
    bench.start();
    const Bench::Peer stranger = bench.open(20, 0, 0);
    bench.greet(stranger);
    const Holdings ahead{.watermark = ~quint64{0}};
    bench.feed(Received{stranger.link,
                        Heartbeat{.sequence = 1, .wallMs = bench.now.wallMs, .holdings = ahead}});
    bench.feed(Received{stranger.link, RootsReply{.id = 1, .holdings = ahead}});
    bench.feed(Received{stranger.link, StampsReply{.id = 1, .watermark = ahead.watermark}});
    QCOMPARE(bench.write("k").status, WriteOutcome::Status::Done);
    QCOMPARE(bench.logged(Log::Level::Warning, "an older state"), 0);
}

QTEST_GUILESS_MAIN(TestNodeStrangers)
#include "tst_node_strangers.moc"
