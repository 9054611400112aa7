// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/replicator_bench.h"

using namespace dynakv;
using namespace dynakv::testing;
using Bench = ReplicatorBench;

Q_DECLARE_METATYPE(dynakv::core::Record)

/// What becomes of the records that peers send.
class TestReplicatorReceived : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatWasPurgedIsRefused();
    void aPromiseIsBelowAllThatIsOnItsWay();
    void aDeletionAsOfAClockKeepsPromisesBelowItOrComesTooLate();
    void receivedRecordIsStoredWhereItIsNewer_data();
    void receivedRecordIsStoredWhereItIsNewer();
    void mixedPushStoresOnlyWhatIsNewer();
    void emptyPushIsAcknowledged();
    void failedStoreIsToldToThePusher();
    void pushBeyondTheReserveIsRefused();
    void pushWithoutAnyRoomIsRefusedAtOnce();
    void whatIsHeldIsAcknowledgedAsDurableAsItIs();
    void lostLinkGetsNoAcknowledgement();
};

void TestReplicatorReceived::whatWasPurgedIsRefused()
{
    Bench bench;
    bench.records.apply(record("held", {50, 9}));
    bench.replicator.refuseUpTo(100);
    const Ticket ticket = bench.receive(
        1, {7, {record("unknown", {100, 9}), record("held", {90, 9}), record("late", {101, 9})}});
    QCOMPARE(bench.appends[ticket].size(), std::size_t{2});
    QCOMPARE(bench.appends[ticket][0].key, QByteArray("held"));
    QCOMPARE(bench.appends[ticket][1].key, QByteArray("late"));
    bench.commit(ticket);
    QVERIFY(!bench.acks.at(0).second.isStored); // Not all of it.
    QCOMPARE(bench.replicator.refusedCount(), qint64{1});
    bench.receive(1, {8, {record("unknown", {100, 9})}});
    QVERIFY(!bench.acks.at(1).second.isStored);
    Effects out;
    bench.replicator.adopt(record("unknown", {100, 9}), ++bench.ids, out);
    QVERIFY(out.empty());
    bench.replicator.refuseUpTo(0); // As long as it may lack something.
    QCOMPARE(bench.appends[bench.receive(1, {9, {record("unknown", {100, 9})}})].size(),
             std::size_t{1});
}

/// Below a promise all stands in the table, and stays as it is.
void TestReplicatorReceived::aPromiseIsBelowAllThatIsOnItsWay()
{
    Bench bench;
    constexpr quint64 wanted = 1'000'000;
    QCOMPARE(bench.replicator.promise(wanted, 0), wanted);
    const Ticket pushed = bench.receive(1, {7, {record("a", {700'000, 9}), record("b", {500, 9})}});
    QCOMPARE(bench.replicator.promise(wanted, 0), quint64{499});
    bench.commit(pushed);
    QCOMPARE(bench.replicator.promise(wanted, 0), wanted);
    const Ticket written = bench.put("c");
    const quint64 stamped = bench.versionOf(written).clock;
    QCOMPARE(bench.replicator.promise(stamped + 10, 0), stamped - 1);
    bench.commit(written);
    QCOMPARE(bench.replicator.promise(stamped + 10, 0), stamped + 10);
}

void TestReplicatorReceived::aDeletionAsOfAClockKeepsPromisesBelowItOrComesTooLate()
{
    Bench bench;
    const quint64 clock = clockAt(kWallMs - kHour);
    bench.records.apply(record("a", {clock - 1, 9}));
    bench.records.apply(record("b", {clock - 1, 9}));
    const WriteRequest first{.key = "a", .kind = RecordKind::Tombstone, .asOfClock = clock};
    bench.commit(bench.write(first));
    QCOMPARE(bench.replicator.promise(clock + 5, bench.now.monoMs), clock - 1); // More may come.
    QCOMPARE(bench.replicator.promise(clock + 5, bench.now.monoMs + 60'000), clock + 5);
    const WriteRequest late{.key = "b", .kind = RecordKind::Tombstone, .asOfClock = clock};
    bench.write(late);
    QCOMPARE(bench.replies.back().outcome.status, Status::NotReady);
    QVERIFY(bench.records.find("b")->isLive(kWallMs));
}

void TestReplicatorReceived::receivedRecordIsStoredWhereItIsNewer_data()
{
    QTest::addColumn<Record>("pushed");
    QTest::addColumn<bool>("isStored");
    QTest::newRow("unknown key") << record("new", {1, 1}) << true;
    QTest::newRow("newer") << record("k", {6, 1}, "2") << true;
    QTest::newRow("newer by the node") << record("k", {5, 6}, "2") << true;
    QTest::newRow("newer tombstone") << record("k", {6, 1}, {}, RecordKind::Tombstone) << true;
    QTest::newRow("identical") << record("k", {5, 5}, "1") << false;
    QTest::newRow("older") << record("k", {4, 9}, "2") << false;
    QTest::newRow("older tombstone") << record("k", {4, 9}, {}, RecordKind::Tombstone) << false;
}

void TestReplicatorReceived::receivedRecordIsStoredWhereItIsNewer()
{
    QFETCH(const Record, pushed);
    QFETCH(const bool, isStored);
    Bench bench;
    bench.records.apply(record("k", {5, 5}, "1"));
    const Ticket ticket = bench.receive(10, {77, {pushed}});
    QCOMPARE(bench.appends.contains(ticket), isStored);
    if (isStored) {
        QVERIFY(bench.acks.empty()); // Not before the disk has it.
        bench.commit(ticket);
        QVERIFY(*bench.records.find(pushed.key) == pushed);
    }
    QCOMPARE(bench.acks.size(), size_t{1});
    QCOMPARE(bench.acks[0].first, LinkId{10});
    QVERIFY((bench.acks[0].second == PushAck{77, true, Durability::Sync}));
}

void TestReplicatorReceived::mixedPushStoresOnlyWhatIsNewer()
{
    Bench bench;
    bench.records.apply(record("a", {5, 5}));
    const Ticket ticket = bench.receive(10, {77, {record("a", {4, 4}), record("b", {1, 1})}});
    QCOMPARE(bench.appends.at(ticket).size(), size_t{1});
    QCOMPARE(bench.appends.at(ticket)[0].key, QByteArray("b"));
}

void TestReplicatorReceived::emptyPushIsAcknowledged()
{
    Bench bench;
    bench.receive(10, {77, {}});
    QVERIFY(bench.appends.empty());
    QCOMPARE(bench.acks.size(), size_t{1});
}

void TestReplicatorReceived::failedStoreIsToldToThePusher()
{
    Bench bench;
    const Ticket ticket = bench.receive(10, {77, {record("k", {1, 1})}});
    bench.commit(ticket, Committed::Result::NoSpace);
    QCOMPARE(bench.acks.size(), size_t{1});
    QVERIFY(!bench.acks[0].second.isStored);
}

/// What fits is kept all the same: a delete may be what makes the room.
void TestReplicatorReceived::pushBeyondTheReserveIsRefused()
{
    Bench bench(100);
    bench.records.apply(record("k", {1, 1}, QByteArray(200, 'v')));
    const Record newer = record("k", {2, 2}, {}, RecordKind::Tombstone);
    const Ticket ticket = bench.receive(10, {77, {record("a", {2, 2}), newer}});
    QCOMPARE(bench.appends.at(ticket).size(), size_t{1});
    QCOMPARE(bench.appends.at(ticket)[0].kind, RecordKind::Tombstone);
    bench.commit(ticket);
    QCOMPARE(bench.acks.size(), size_t{1});
    QVERIFY(!bench.acks[0].second.isStored);
    // There is room again.
    const Ticket again = bench.receive(10, {78, {record("a", {2, 2}, {})}});
    bench.commit(again);
    QVERIFY(bench.acks.back().second.isStored);
}

void TestReplicatorReceived::pushWithoutAnyRoomIsRefusedAtOnce()
{
    Bench bench(100);
    bench.records.apply(record("k", {1, 1}, QByteArray(200, 'v')));
    bench.receive(10, {77, {record("a", {2, 2})}});
    QVERIFY(bench.appends.empty());
    QCOMPARE(bench.acks.size(), size_t{1});
    QVERIFY(!bench.acks[0].second.isStored);
}

/// A record that is held is acknowledged at once, but no better than it is held.
void TestReplicatorReceived::whatIsHeldIsAcknowledgedAsDurableAsItIs()
{
    Bench bench;
    const auto ackOfHeld = [&bench] {
        bench.receive(10, {77, {record("k", {1, 1})}});
        return bench.acks.back().second.durability;
    };
    bench.records.apply(record("k", {5, 5}));
    QCOMPARE(ackOfHeld(), Durability::Sync);
    const Ticket before = bench.put("a");
    const Ticket weak = bench.write({.key = "k", .durability = Durability::Os});
    // From here on the table may hold it, although this has not been told yet.
    QCOMPARE(ackOfHeld(), Durability::Os);
    bench.commit(before, Committed::Result::Done, Durability::Sync);
    QCOMPARE(ackOfHeld(), Durability::Os);
    bench.commit(weak, Committed::Result::Done, Durability::Os);
    QCOMPARE(ackOfHeld(), Durability::Os);
    bench.commit(bench.put("b"), Committed::Result::Failed);
    QCOMPARE(ackOfHeld(), Durability::Os);
    bench.commit(bench.put("b"), Committed::Result::Done, Durability::Sync); // Of the whole file.
    QCOMPARE(ackOfHeld(), Durability::Sync);
}

void TestReplicatorReceived::lostLinkGetsNoAcknowledgement()
{
    Bench bench;
    const Ticket ticket = bench.receive(10, {77, {record("k", {1, 1})}});
    bench.replicator.linkLost(10);
    Effects out;
    bench.replicator.committed({ticket}, {}, out);
    QVERIFY(out.empty());
}

QTEST_GUILESS_MAIN(TestReplicatorReceived)
#include "tst_replicator_received.moc"
