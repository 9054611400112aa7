// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/hints.h"
#include "tests/daemon/core/node_bench.h"
#include "tests/support/map_records.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;
using testing::NodeBench;
using Waiting = Hints::Waiting;

namespace {

constexpr NodeId kPeer = 4;
constexpr NodeId kOther = 5;
constexpr LinkId kLink = 30;

QByteArray name(int number)
{
    return "k" + QByteArray::number(number).rightJustified(6, '0');
}

/// Hints, a table and what is sent.
struct Bench
{
    testing::MapRecords records = {};
    quint64 ids = 100;
    Hints hints{records, ids};
    Effects out = {};

    /// As the coordinator does: the record is there before the hint.
    quint64 write(const QByteArray &key, const QByteArray &value = "1",
                  RecordKind kind = RecordKind::Value)
    {
        Record record;
        record.key = key;
        record.kind = kind;
        record.version = {++ids, 1};
        record.value = value;
        records.apply(record);
        return ids;
    }
    void hint(const QByteArray &key, const QByteArray &value = "1",
              RecordKind kind = RecordKind::Value)
    {
        hints.add(kPeer, key, write(key, value, kind));
    }
    /// Each turn that was asked for.
    void giveTurns()
    {
        for (const Effect &effect : std::exchange(out, {})) {
            if (const auto *resume = std::get_if<Resume>(&effect))
                hints.resumed({resume->ticket}, 0, out);
            else
                out.push_back(effect);
        }
    }
    std::vector<Push> pushes()
    {
        giveTurns();
        std::vector<Push> result;
        for (Effect &effect : std::exchange(out, {})) {
            auto &send = std::get<Send>(effect);
            result.push_back(std::get<Push>(std::move(send.message)));
        }
        return result;
    }
    void acknowledge(const Push &push, bool isStored = true, qint64 nowMs = 0)
    {
        hints.acknowledged(kPeer, {push.id, isStored, Durability::Sync}, nowMs, out);
    }
};

} // namespace

class TestHints : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aKeyStandsOnce();
    void whatTheTableHoldsIsSent();
    void onlyWhatIsStoredIsForgotten();
    void oneBatchIsOutAtATime();
    void aBatchIsMadeInATurnOfItsOwn();
    void aBatchIsBoundedInBytes();
    void whatWasWrittenMeanwhileStays();
    void aLaterPushThatArrivedIsEnough();
    void aLostLinkAndALostAnswerCostAReplay();
    void keysAreBoundedForOneMember();
    void bytesAreBoundedForOneMemberAndForAll();
    void aComparisonSettlesWhatCameBeforeIt();
    void whoLeftIsForgotten();
    void aMemberWithoutALinkIsHintedAndServed();
    void aRefusedPushIsHinted();
    void aPushThatTheLinkLostIsHinted();
    void afterAnOverflowNothingIsTakenForGranted();
    void rootsAreAnsweredAfterTheReplay();
    void rootsAreAnsweredInTimeAllTheSame();
};

void TestHints::aKeyStandsOnce()
{
    Bench bench;
    bench.hint("a");
    bench.hint("a", "2");
    bench.hint("b");
    QCOMPARE(bench.hints.waiting(kPeer), (Waiting{2, false}));
    QCOMPARE(bench.hints.waiting(kOther), Waiting{});
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    const auto pushes = bench.pushes();
    QCOMPARE(pushes.size(), size_t{1});
    QCOMPARE(pushes[0].records.size(), size_t{2});
}

void TestHints::whatTheTableHoldsIsSent()
{
    Bench bench;
    bench.hint("changed", "old");
    bench.hint("deleted", "old");
    bench.hint("gone", "old");
    bench.write("changed", "new");
    bench.write("deleted", {}, RecordKind::Tombstone);
    bench.hints.add(kPeer, "never held", 1);
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    const auto pushes = bench.pushes();
    QCOMPARE(pushes.size(), size_t{1});
    QCOMPARE(pushes[0].records.size(), size_t{3});
    QCOMPARE(pushes[0].records[0].value, QByteArray("new"));
    QCOMPARE(pushes[0].records[1].kind, RecordKind::Tombstone);
    QCOMPARE(bench.hints.waiting(kPeer), (Waiting{3, false}));
}

void TestHints::onlyWhatIsStoredIsForgotten()
{
    Bench bench;
    bench.hint("a");
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    const Push first = bench.pushes().at(0);
    bench.acknowledge(first, false, 10);
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{1});
    // It has no room: it is not asked again and again, and no comparison waits for that.
    bench.hints.tick(10 + Hints::kPauseMs - 1, bench.out);
    QVERIFY(bench.out.empty());
    QVERIFY(!bench.hints.isReplaying(kPeer, 20));
    bench.hints.tick(10 + Hints::kPauseMs, bench.out);
    const Push second = bench.pushes().at(0);
    QCOMPARE(second.records.size(), size_t{1});
    bench.acknowledge(first); // Of the earlier one it says nothing any more.
    bench.hints.acknowledged(kOther, {second.id, true, Durability::Sync}, 0, bench.out);
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{1});
    bench.acknowledge(second);
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{0});
    QCOMPARE(bench.hints.counts().replayed, qint64{1});
}

void TestHints::oneBatchIsOutAtATime()
{
    Bench bench;
    const int count = 2 * kPieceRecords + 5;
    for (int i = 0; i < count; ++i)
        bench.hint(name(i));
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    size_t sent = 0;
    for (int batches = 1; bench.hints.waiting(kPeer).keys > 0; ++batches) {
        QVERIFY(batches <= 3);
        bench.hints.tick(1, bench.out);
        const auto pushes = bench.pushes();
        QCOMPARE(pushes.size(), size_t{1});
        QVERIFY(pushes[0].records.size() <= size_t{kPieceRecords});
        QVERIFY(bench.hints.isReplaying(kPeer, 1));
        sent += pushes[0].records.size();
        bench.acknowledge(pushes[0], true, 1);
    }
    QCOMPARE(sent, static_cast<size_t>(count));
    QVERIFY(bench.out.empty());
    QVERIFY(!bench.hints.isReplaying(kPeer, 1));
}

void TestHints::aBatchIsMadeInATurnOfItsOwn()
{
    Bench bench;
    bench.hint("a");
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    bench.hints.tick(1, bench.out);
    QCOMPARE(bench.out.size(), size_t{1}); // It is asked for once.
    const Ticket ticket = std::get<Resume>(bench.out.front()).ticket;
    QVERIFY(!bench.hints.resumed({ticket + 1}, 1, bench.out));
    QVERIFY(!bench.hints.resumed({0}, 1, bench.out));
    // What was to be sent on a link that is gone is asked for anew on the next one.
    bench.hints.linkLost(kPeer, kLink);
    QVERIFY(!bench.hints.resumed({ticket}, 1, bench.out));
    bench.out.clear();
    bench.hints.linked(kPeer, kLink + 1, 2, bench.out);
    QCOMPARE(bench.pushes().size(), size_t{1});
}

void TestHints::aBatchIsBoundedInBytes()
{
    Bench bench;
    for (int i = 0; i < 9; ++i)
        bench.hint(name(i), QByteArray(kPushBytesTarget / 2, 'v'));
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    QCOMPARE(bench.pushes().at(0).records.size(), size_t{2});
}

void TestHints::whatWasWrittenMeanwhileStays()
{
    Bench bench;
    bench.hint("a", "1");
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    const Push first = bench.pushes().at(0);
    bench.hint("a", "2"); // Its push got lost again.
    bench.acknowledge(first);
    const Push second = bench.pushes().at(0);
    QCOMPARE(second.records.at(0).value, QByteArray("2"));
    bench.acknowledge(second);
    QCOMPARE(bench.hints.waiting(kPeer), Waiting{});
}

void TestHints::aLaterPushThatArrivedIsEnough()
{
    Bench bench;
    bench.hint("a");
    bench.hint("b");
    const quint64 between = ++bench.ids;
    bench.hint("b", "2");
    bench.hints.settle(kPeer, {"a", "b", "c"}, between);
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{1});
    bench.hints.settle(kPeer, {"b"}, ++bench.ids);
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{0});
}

void TestHints::aLostLinkAndALostAnswerCostAReplay()
{
    Bench bench;
    bench.hint("a");
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    const Push first = bench.pushes().at(0);
    bench.hints.linkLost(kPeer, kLink + 1); // An older one of the two.
    bench.hints.tick(1, bench.out);
    QVERIFY(bench.out.empty());
    bench.hints.tick(Hints::kAckMsMax + 1, bench.out);
    const Push second = bench.pushes().at(0);
    QVERIFY(second.id > first.id);
    bench.hints.linkLost(kPeer, kLink);
    bench.acknowledge(second);
    bench.hints.tick(100'000, bench.out);
    QVERIFY(bench.out.empty());
    QVERIFY(!bench.hints.isReplaying(kPeer, 100'000));
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{1});
    bench.hints.linked(kPeer, kLink + 2, 100'000, bench.out);
    bench.giveTurns();
    QCOMPARE(std::get<Send>(bench.out.at(0)).link, kLink + 2);
}

void TestHints::keysAreBoundedForOneMember()
{
    Bench bench;
    const int most = static_cast<int>(Hints::kKeysMax);
    for (int i = 0; i < most + 10; ++i)
        bench.hints.add(kPeer, name(i), static_cast<quint64>(i + 1));
    QCOMPARE(bench.hints.waiting(kPeer), (Waiting{most, true}));
    QCOMPARE(bench.hints.counts().dropped, qint64{10});
    bench.hints.add(kPeer, name(0), 1'000'000); // It has its place.
    QCOMPARE(bench.hints.counts().dropped, qint64{10});
    // What was dropped is known to be there only once a later comparison is complete.
    bench.hints.compared(kPeer, static_cast<quint64>(most));
    QCOMPARE(bench.hints.waiting(kPeer), (Waiting{1, true}));
    bench.hints.compared(kPeer, static_cast<quint64>(most + 10));
    QCOMPARE(bench.hints.waiting(kPeer), (Waiting{1, false}));
}

void TestHints::bytesAreBoundedForOneMemberAndForAll()
{
    Bench bench;
    const int keys = 20'000; // Of 1 KiB each: more than one member may have.
    const int members = 6;   // And so many more than there is room for in all.
    qint64 total = 0;
    for (NodeId peer = 1; peer <= NodeId{members}; ++peer) {
        for (int i = 0; i < keys; ++i)
            bench.hints.add(peer, name(i).rightJustified(1024, 'x'), static_cast<quint64>(i + 1));
        const Waiting waiting = bench.hints.waiting(peer);
        QVERIFY(waiting.areDropped);
        QVERIFY(waiting.keys * (1024 + Hints::kOverheadBytes) <= Hints::kBytesMax);
        total += waiting.keys * (1024 + Hints::kOverheadBytes);
    }
    QVERIFY(total <= Hints::kTotalBytesMax);
    QVERIFY(total > Hints::kTotalBytesMax * 9 / 10);
    QCOMPARE(bench.hints.waiting(members).keys, qint64{0});
    // Room that one gives up is the others'.
    bench.hints.keepOnly([](NodeId peer) { return peer != 1; });
    bench.hints.add(members, name(0), 1);
    QCOMPARE(bench.hints.waiting(members).keys, qint64{1});
}

void TestHints::aComparisonSettlesWhatCameBeforeIt()
{
    Bench bench;
    bench.hint("a");
    const quint64 begun = bench.ids;
    bench.hint("b");
    bench.hints.compared(kOther, begun);
    bench.hints.compared(kPeer, begun);
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    const Push push = bench.pushes().at(0);
    QCOMPARE(push.records.size(), size_t{1});
    QCOMPARE(push.records[0].key, QByteArray("b"));
}

void TestHints::whoLeftIsForgotten()
{
    Bench bench;
    bench.hint("a");
    bench.hints.linked(kPeer, kLink, 0, bench.out);
    bench.hints.keepOnly([](NodeId) { return false; });
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{1}); // It is here.
    bench.hints.linkLost(kPeer, kLink);
    bench.hints.keepOnly([](NodeId peer) { return peer == kPeer; });
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{1});
    bench.hints.keepOnly([](NodeId peer) { return peer != kPeer; });
    QCOMPARE(bench.hints.waiting(kPeer).keys, qint64{0});
}

namespace {

/// A node of three members that is ready; 20 is there, 21 is not.
struct Node3 : NodeBench
{
    Peer peer = {};
    Node3()
    {
        belongTo(2);
        start();
        peer = join(20);
        answer();
    }
    void answer()
    {
        for (int i = 0; i < 100; ++i) {
            beatCaughtUp(peer);
            tick();
            answerComparisons(peer, true);
        }
    }
    [[nodiscard]] std::vector<Push> pushed() const { return sentOn<Push>(peer.link); }
    void acknowledge(const Push &push, bool isStored = true)
    {
        feed(Received{peer.link, PushAck{push.id, isStored, Durability::Sync}});
    }
};

} // namespace

void TestHints::aMemberWithoutALinkIsHintedAndServed()
{
    Node3 node;
    QCOMPARE(node.write("a").status, WriteOutcome::Status::Done);
    QCOMPARE(node.write("a").status, WriteOutcome::Status::Done);
    node.acknowledge(node.pushed().at(0));
    node.acknowledge(node.pushed().at(1));
    QCOMPARE(node.row(20).hintsPending, qint64{0});
    QCOMPARE(node.row(21).hintsPending, qint64{1});
    node.isDiskFull = true;
    QVERIFY(node.write("b").status != WriteOutcome::Status::Done);
    QCOMPARE(node.row(21).hintsPending, qint64{1});
    const auto back = node.join(21);
    const auto replayed = node.sentOn<Push>(back.link);
    QCOMPARE(replayed.size(), size_t{1});
    QCOMPARE(replayed[0].records.size(), size_t{1});
    node.feed(Received{back.link, PushAck{replayed[0].id, true, Durability::Sync}});
    QCOMPARE(node.row(21).hintsPending, qint64{0});
    QCOMPARE(node.node->view().counts.hints.replayed, qint64{1});
    // Whoever leaves is owed nothing.
    node.feed(LinkClosed{back.link});
    node.isDiskFull = false;
    node.answer();
    QCOMPARE(node.write("c").status, WriteOutcome::Status::Done);
    QCOMPARE(node.row(21).hintsPending, qint64{1});
    node.gossip(node.peer, {NodeBench::memberRecord(21, MemberState::Left, 9)});
    node.tick();
    QCOMPARE(node.row(21).hintsPending, qint64{0});
    QCOMPARE(node.write("d").status, WriteOutcome::Status::Done);
    QCOMPARE(node.row(21).hintsPending, qint64{0});
}

void TestHints::aRefusedPushIsHinted()
{
    Node3 node;
    node.write("a");
    node.acknowledge(node.pushed().back(), false);
    QCOMPARE(node.row(20).hintsPending, qint64{1});
}

void TestHints::aPushThatTheLinkLostIsHinted()
{
    Node3 node;
    node.write("arrived");
    node.acknowledge(node.pushed().back());
    node.write("lost");
    QCOMPARE(node.row(20).hintsPending, qint64{0});
    node.feed(LinkClosed{node.peer.link});
    QCOMPARE(node.row(20).hintsPending, qint64{1});
    node.peer = node.join(20);
    QCOMPARE(node.pushed().at(0).records.at(0).key, QByteArray("lost"));
}

void TestHints::afterAnOverflowNothingIsTakenForGranted()
{
    Node3 node;
    node.write("before");
    const Push before = node.pushed().back();
    node.feed(LinkOverflowed{node.peer.link});
    node.write("after");
    const Push after = node.pushed().back();
    QCOMPARE(node.row(20).hintsPending, qint64{2});
    node.acknowledge(after); // That one got through.
    QCOMPARE(node.row(20).hintsPending, qint64{1});
    for (qint64 ms = 0; ms <= Hints::kStallMs; ms += kTickMs)
        node.tick();
    const Push replayed = node.pushed().back();
    QVERIFY(replayed.id > after.id && replayed.id > before.id);
    QCOMPARE(replayed.records.at(0).key, QByteArray("before"));
    node.acknowledge(replayed);
    node.write("later");
    QCOMPARE(node.row(20).hintsPending, qint64{0});
}

void TestHints::rootsAreAnsweredAfterTheReplay()
{
    Node3 node;
    node.write("a");
    const auto back = node.join(21);
    node.feed(Received{back.link, RootsRequest{5}});
    QVERIFY(node.sentOn<RootsReply>(back.link).empty());
    QVERIFY(node.sentOn<RootsRequest>(back.link).empty());
    const Push replayed = node.sentOn<Push>(back.link).at(0);
    node.feed(Received{back.link, PushAck{replayed.id, true, Durability::Sync}});
    QCOMPARE(node.sentOn<RootsReply>(back.link).size(), size_t{1});
    QCOMPARE(node.sentOn<RootsReply>(back.link)[0].id, quint64{5});
}

void TestHints::rootsAreAnsweredInTimeAllTheSame()
{
    Node3 node;
    node.write("a");
    auto back = node.join(21);
    node.feed(Received{back.link, RootsRequest{5}});
    for (qint64 ms = 0; ms < Hints::kFirstMsMax; ms += kTickMs) {
        QVERIFY(node.sentOn<RootsReply>(back.link).empty());
        node.beat(back);
        node.tick();
    }
    QCOMPARE(node.sentOn<RootsReply>(back.link).size(), size_t{1});
    QCOMPARE(node.row(21).hintsPending, qint64{1});
}

QTEST_GUILESS_MAIN(TestHints)
#include "tst_hints.moc"
