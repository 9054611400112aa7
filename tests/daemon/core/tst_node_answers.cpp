// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;
using dynakv::testing::NodeBench;

namespace {

LeafSet allLeaves()
{
    LeafSet leaves;
    return leaves.set();
}

} // namespace

/// What a node does for peers that compare, and when.
class TestNodeAnswers : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whoComparesWaitsForItsTurn_data();
    void whoComparesWaitsForItsTurn();
    void aReaderDoesNotWait();
};

void TestNodeAnswers::whoComparesWaitsForItsTurn_data()
{
    QTest::addColumn<int>("kind");
    QTest::newRow("leaves") << 0;
    QTest::newRow("stamps") << 1;
    QTest::newRow("records") << 2;
}

void TestNodeAnswers::whoComparesWaitsForItsTurn()
{
    QFETCH(const int, kind);
    NodeBench bench;
    bench.start();
    const NodeBench::Peer peer = bench.join(20);
    const NodeBench::Peer other = bench.join(21);
    const auto ask = [&](const NodeBench::Peer &from) {
        if (kind == 0)
            bench.feed(Received{from.link, LeavesRequest{from.hello.node, 0}});
        else if (kind == 1)
            bench.feed(Received{from.link, StampsRequest{from.hello.node, 0, allLeaves(), {}}});
        else
            bench.feed(Received{from.link, FetchRequest{from.hello.node, {"a", "b"}}});
    };
    const auto answers = [&](const NodeBench::Peer &to) {
        return bench.sentOn<LeavesReply>(to.link).size() +
               bench.sentOn<StampsReply>(to.link).size() + bench.sentOn<FetchReply>(to.link).size();
    };
    bench.isBackgroundHeld = true;
    ask(peer);
    ask(other);
    QCOMPARE(answers(peer) + answers(other), size_t{0});
    QCOMPARE(bench.resumes.size(), size_t{1}); // One at a time, whoever asked.
    bench.feed(Resumed{bench.resumes.at(0).ticket});
    QCOMPARE(answers(peer), size_t{1});
    QCOMPARE(answers(other), size_t{0});
    QCOMPARE(bench.resumes.size(), size_t{2});
    bench.feed(LinkClosed{other.link});
    bench.feed(Resumed{bench.resumes.at(1).ticket});
    QCOMPARE(answers(other), size_t{0}); // It has gone meanwhile.
}

void TestNodeAnswers::aReaderDoesNotWait()
{
    NodeBench bench;
    bench.start();
    const NodeBench::Peer peer = bench.join(20);
    bench.isBackgroundHeld = true;
    bench.feed(Received{peer.link, FetchRequest{1, {"a"}}});
    QCOMPARE(bench.sentOn<FetchReply>(peer.link).size(), size_t{1});
}

QTEST_APPLESS_MAIN(TestNodeAnswers)
#include "tst_node_answers.moc"
