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

QTEST_GUILESS_MAIN(TestNodeStrangers)
#include "tst_node_strangers.moc"
