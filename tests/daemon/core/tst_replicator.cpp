// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/replicator_bench.h"

using namespace dynakv;
using namespace dynakv::testing;
using Bench = ReplicatorBench;

Q_DECLARE_METATYPE(dynakv::core::WriteConcern)

/// When a write is answered, and with what.
class TestReplicator : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aGroupIsOneAppendAndOneAnswer();
    void aRefusedWriteDoesNotKeepTheOthers();
    void aGroupWaitsForAllItsPushes();
    void aFailedGroupIsNotAcknowledged();
    void onlyWhatIsOlderIsOverwrittenAsOfAClock();
    void writeIsAppendedAsAskedAndAnsweredOnceDurable();
    void nothingIsPushedBeforeItIsDurableHere();
    void answerWaitsForAsManyReplicasAsAsked_data();
    void answerWaitsForAsManyReplicasAsAsked();
    void weakestDurabilityIsReported();
    void acknowledgementCountsOnceAndFromItsLinkOnly();
    void refusedPushDoesNotCount();
    void lostLinkNeverAcknowledges();
    void timeOutIsAnsweredAsOutcomeUnknown();
    void timeOutBeforeTheDiskStillSpreadsTheWrite();
    void answerIsGivenOnlyOnce();
    void failedAppendIsAnsweredAndNotPushed_data();
    void failedAppendIsAnsweredAndNotPushed();
    void writesInFlightCountForTheCapacity();
    void durabilityAskedForIsThatOfTheOwnCopy();
    void aLaterWriteThatAsksForLessMayBeDoneFirst();
    void foreignTicketIsNotTaken();
    void nothingIsKeptOnceAllIsDone();
};

void TestReplicator::aGroupIsOneAppendAndOneAnswer()
{
    Bench bench;
    bench.links = {10, 11};
    bench.records.apply(record("c", {1, 9}));
    const Ticket ticket = bench.writeGroup({{.key = "a", .value = "1"},
                                            {.key = "b", .value = "2", .ttlMs = 5000},
                                            {.key = "a", .value = "3"},
                                            {.key = "a", .kind = RecordKind::Tombstone},
                                            {.key = "c", .kind = RecordKind::Tombstone}},
                                           3);
    QCOMPARE(bench.appends.size(), std::size_t{1});
    const std::vector<Record> appended = bench.appends[ticket];
    QCOMPARE(appended.size(), std::size_t{5});
    for (std::size_t i = 1; i < appended.size(); ++i)
        QVERIFY(appended[i - 1].version < appended[i].version);
    QCOMPARE(appended[1].expiresAtMs, appended[1].version.wallMs() + 5000);
    bench.commit(ticket);
    QVERIFY(bench.replies.empty());
    QCOMPARE(bench.groupReplies.size(), std::size_t{1});
    QCOMPARE(bench.groupReplies[0].request, bench.lastRequest);
    const std::vector<WriteOutcome> &outcomes = bench.groupReplies[0].outcomes;
    QCOMPARE(outcomes.size(), std::size_t{5});
    const bool existed[] = {false, false, true, true, true};
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        QCOMPARE(outcomes[i].status, Status::Done);
        QCOMPARE(outcomes[i].version, appended[i].version);
        QCOMPARE(outcomes[i].existed, existed[i]);
        QCOMPARE(outcomes[i].acked, 1);
        QCOMPARE(outcomes[i].replicas, 3);
    }
    QCOMPARE(bench.pushes.size(), std::size_t{2});
    QCOMPARE(bench.pushes[0].second.records, appended);
    QVERIFY(!bench.records.find("a")->isLive(kWallMs));
    // Nothing is left in flight.
    bench.commit(bench.put("a"));
    QVERIFY(!bench.replies.back().outcome.existed);
}

void TestReplicator::aRefusedWriteDoesNotKeepTheOthers()
{
    Bench bench;
    bench.records.apply(record("end", {std::numeric_limits<quint64>::max(), 9}));
    const Ticket ticket =
        bench.writeGroup({{.key = "a"}, {.key = "big"}, {.key = "end"}, {.key = "b"}}, 1, "big");
    QCOMPARE(bench.appends[ticket].size(), std::size_t{2});
    bench.commit(ticket);
    const std::vector<WriteOutcome> &outcomes = bench.groupReplies.at(0).outcomes;
    QCOMPARE(outcomes.size(), std::size_t{4});
    QCOMPARE(outcomes[0].status, Status::Done);
    QCOMPARE(outcomes[1].status, Status::NoSpace);
    QCOMPARE(outcomes[1].detail, "full");
    QCOMPARE(outcomes[2].status, Status::ClockOff);
    QCOMPARE(outcomes[3].version, bench.appends[ticket][1].version);
    // Where all are refused nothing is appended, and the answer is there at once.
    const Ticket none = bench.writeGroup({{.key = "big"}}, 1, "big");
    QVERIFY(!bench.appends.contains(none));
    QCOMPARE(bench.groupReplies.at(1).outcomes.at(0).status, Status::NoSpace);
}

void TestReplicator::aGroupWaitsForAllItsPushes()
{
    Bench bench;
    bench.links = {10, 11};
    std::vector<WriteRequest> writes;
    for (int i = 0; i < 5; ++i)
        writes.push_back({.key = QByteArray::number(i), .value = QByteArray(100'000, 'v')});
    writes[0].concern = {WriteConcern::Kind::Quorum};
    bench.commit(bench.writeGroup(writes, 3));
    // Two messages for each peer: 300 KB and 200 KB.
    QCOMPARE(bench.pushes.size(), std::size_t{4});
    QCOMPARE(bench.pushes[0].second.records.size(), std::size_t{3});
    QCOMPARE(bench.pushes[2].second.records.size(), std::size_t{2});
    bench.acknowledge(0, true, Durability::Interval); // Of 10,
    bench.acknowledge(3);                             // of 11: nobody has all of it.
    QVERIFY(bench.groupReplies.empty());
    bench.acknowledge(1, false); // The other one of 11 was refused: it never counts.
    QVERIFY(bench.groupReplies.empty());
    bench.acknowledge(2);
    QCOMPARE(bench.groupReplies.size(), std::size_t{1});
    for (const WriteOutcome &outcome : bench.groupReplies[0].outcomes) {
        QCOMPARE(outcome.status, Status::Done);
        QCOMPARE(outcome.acked, 2);
        QCOMPARE(outcome.durability, Durability::Interval);
    }
}

void TestReplicator::aFailedGroupIsNotAcknowledged()
{
    Bench bench;
    bench.commit(bench.writeGroup({{.key = "a"}, {.key = "b"}}), Committed::Result::NoSpace);
    for (const WriteOutcome &outcome : bench.groupReplies.at(0).outcomes) {
        QCOMPARE(outcome.status, Status::NoSpace);
        QCOMPARE(outcome.detail, "reason");
        QCOMPARE(outcome.acked, 0);
    }
    bench.writeGroup({{.key = "a", .timeoutMs = 50}, {.key = "b"}});
    bench.expire(50);
    QCOMPARE(bench.groupReplies.at(1).outcomes.at(1).status, Status::TooFewReplicas);
}

void TestReplicator::onlyWhatIsOlderIsOverwrittenAsOfAClock()
{
    Bench bench;
    const quint64 clock = clockAt(kWallMs - kHour);
    bench.records.apply(record("old", {clock - 1, 9}));
    bench.records.apply(record("same", {clock, 9}));
    bench.records.apply(record("new", {clock + 1, 9}));
    std::vector<WriteRequest> writes;
    for (const char *key : {"old", "same", "new", "none"})
        writes.push_back({.key = key, .kind = RecordKind::Tombstone, .asOfClock = clock});
    const quint64 before = bench.clock.last();
    const Ticket ticket = bench.writeGroup(writes);
    QCOMPARE(bench.appends[ticket].size(), std::size_t{2});
    QCOMPARE(bench.appends[ticket][0].version, (Version{clock, kSelf}));
    QCOMPARE(bench.clock.last(), before);
    bench.commit(ticket);
    const std::vector<WriteOutcome> &outcomes = bench.groupReplies.at(0).outcomes;
    const bool existed[] = {true, false, false, false};
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        QCOMPARE(outcomes[i].status, Status::Done);
        QCOMPARE(outcomes[i].existed, existed[i]);
    }
    QVERIFY(bench.records.find("new")->isLive(kWallMs));
    QVERIFY(bench.records.find("same")->isLive(kWallMs));
    QVERIFY(!bench.records.find("old")->isLive(kWallMs));
}

void TestReplicator::writeIsAppendedAsAskedAndAnsweredOnceDurable()
{
    Bench bench;
    WriteRequest request{.key = "k", .value = "[1]", .contentType = "text/plain"};
    const Ticket ticket = bench.write(request);
    QCOMPARE(bench.appends.at(ticket).size(), size_t{1});
    const Record appended = bench.appends.at(ticket)[0];
    QCOMPARE(appended.key, QByteArray("k"));
    QCOMPARE(appended.value, QByteArray("[1]"));
    QCOMPARE(appended.contentType, QByteArray("text/plain"));
    QCOMPARE(appended.kind, RecordKind::Value);
    QCOMPARE(appended.version.node, kSelf);
    QCOMPARE(appended.version.wallMs(), kWallMs);
    QVERIFY(bench.replies.empty());
    bench.commit(ticket, Committed::Result::Done, Durability::Interval);
    QCOMPARE(bench.replies.size(), size_t{1});
    const WriteOutcome expected{.status = Status::Done,
                                .version = appended.version,
                                .durability = Durability::Interval,
                                .acked = 1};
    QVERIFY(bench.replies[0].outcome == expected);
    QCOMPARE(bench.replies[0].request, bench.lastRequest);
}

void TestReplicator::nothingIsPushedBeforeItIsDurableHere()
{
    Bench bench;
    bench.links = {10, 11};
    const Ticket ticket = bench.put("k", {}, 3);
    QVERIFY(bench.pushes.empty());
    bench.commit(ticket);
    QCOMPARE(bench.pushes.size(), size_t{2});
    QCOMPARE(bench.pushes[0].first, LinkId{10});
    QCOMPARE(bench.pushes[1].first, LinkId{11});
    QVERIFY(bench.pushes[0].second.id != bench.pushes[1].second.id);
    QVERIFY(bench.pushes[0].second.records == bench.appends.at(ticket));
}

void TestReplicator::answerWaitsForAsManyReplicasAsAsked_data()
{
    QTest::addColumn<WriteConcern>("concern");
    QTest::addColumn<int>("replicas");
    QTest::addColumn<int>("required");
    using Kind = WriteConcern::Kind;
    QTest::newRow("one of one") << WriteConcern{Kind::Count, 1} << 1 << 1;
    QTest::newRow("one of five") << WriteConcern{Kind::Count, 1} << 5 << 1;
    QTest::newRow("two of three") << WriteConcern{Kind::Count, 2} << 3 << 2;
    QTest::newRow("quorum of one") << WriteConcern{Kind::Quorum, 1} << 1 << 1;
    QTest::newRow("quorum of two") << WriteConcern{Kind::Quorum, 1} << 2 << 2;
    QTest::newRow("quorum of three") << WriteConcern{Kind::Quorum, 1} << 3 << 2;
    QTest::newRow("quorum of four") << WriteConcern{Kind::Quorum, 1} << 4 << 3;
    QTest::newRow("quorum of five") << WriteConcern{Kind::Quorum, 1} << 5 << 3;
    QTest::newRow("all of three") << WriteConcern{Kind::All, 1} << 3 << 3;
}

void TestReplicator::answerWaitsForAsManyReplicasAsAsked()
{
    QFETCH(const WriteConcern, concern);
    QFETCH(const int, replicas);
    QFETCH(const int, required);
    Bench bench;
    for (int i = 1; i < replicas; ++i)
        bench.links.push_back(static_cast<LinkId>(10 + i));
    bench.commit(bench.put("k", concern, replicas));
    QCOMPARE(bench.pushes.size(), bench.links.size());
    for (int acked = 1; acked < required; ++acked) {
        QVERIFY(bench.replies.empty());
        bench.acknowledge(static_cast<size_t>(acked - 1));
    }
    QCOMPARE(bench.replies.size(), size_t{1});
    const WriteOutcome &outcome = bench.replies[0].outcome;
    QCOMPARE(outcome.status, Status::Done);
    QCOMPARE(outcome.acked, required);
    QCOMPARE(outcome.required, required);
    QCOMPARE(outcome.replicas, replicas);
}

void TestReplicator::weakestDurabilityIsReported()
{
    Bench bench;
    bench.links = {10, 11};
    bench.commit(bench.put("k", {WriteConcern::Kind::All}, 3));
    bench.acknowledge(0, true, Durability::Os);
    bench.acknowledge(1, true, Durability::Sync);
    QCOMPARE(bench.replies.at(0).outcome.durability, Durability::Os);
}

void TestReplicator::acknowledgementCountsOnceAndFromItsLinkOnly()
{
    Bench bench;
    bench.links = {10, 11};
    bench.commit(bench.put("k", {WriteConcern::Kind::All}, 3));
    bench.acknowledgeOn(11, 0); // Not the link that this push went to.
    bench.acknowledgeOn(99, 0);
    bench.acknowledge(0);
    bench.acknowledge(0);
    bench.acknowledge(0);
    QVERIFY(bench.replies.empty());
    bench.acknowledge(1);
    QCOMPARE(bench.replies.size(), size_t{1});
    QCOMPARE(bench.replies[0].outcome.acked, 3);
    bench.acknowledge(1);
    QCOMPARE(bench.replies.size(), size_t{1});
}

void TestReplicator::refusedPushDoesNotCount()
{
    Bench bench;
    bench.links = {10, 11};
    bench.commit(bench.put("k", {WriteConcern::Kind::Quorum}, 3));
    bench.acknowledge(0, false);
    bench.acknowledge(0, true); // It has had its say.
    QVERIFY(bench.replies.empty());
    bench.acknowledge(1);
    QCOMPARE(bench.replies.at(0).outcome.acked, 2);
}

void TestReplicator::lostLinkNeverAcknowledges()
{
    Bench bench;
    bench.links = {10, 11};
    bench.commit(bench.put("k", {WriteConcern::Kind::Quorum}, 3));
    bench.replicator.linkLost(10);
    bench.acknowledge(0);
    QVERIFY(bench.replies.empty());
    bench.expire(3000);
    QCOMPARE(bench.replies.at(0).outcome.status, Status::TooFewReplicas);
}

void TestReplicator::timeOutIsAnsweredAsOutcomeUnknown()
{
    Bench bench;
    bench.links = {10, 11};
    WriteRequest request{.key = "k", .value = "1"};
    request.concern = {WriteConcern::Kind::All};
    request.timeoutMs = 700;
    bench.commit(bench.write(request, 3));
    bench.acknowledge(0);
    bench.expire(699);
    QVERIFY(bench.replies.empty());
    bench.expire(700);
    QCOMPARE(bench.replies.size(), size_t{1});
    const WriteOutcome &outcome = bench.replies[0].outcome;
    QCOMPARE(outcome.status, Status::TooFewReplicas);
    QCOMPARE(outcome.acked, 2);
    QCOMPARE(outcome.required, 3);
    QVERIFY(!outcome.detail.isEmpty());
    QVERIFY(bench.records.find("k")); // It is not taken back.
}

void TestReplicator::timeOutBeforeTheDiskStillSpreadsTheWrite()
{
    Bench bench;
    bench.links = {10};
    const Ticket ticket = bench.put("k", {}, 2);
    bench.expire(3000);
    QCOMPARE(bench.replies.at(0).outcome.status, Status::TooFewReplicas);
    QCOMPARE(bench.replies.at(0).outcome.acked, 0);
    const Version first = bench.versionOf(ticket);
    QVERIFY(bench.versionOf(bench.put("k")) > first); // It is still in flight.
    bench.commit(ticket);
    QCOMPARE(bench.pushes.size(), size_t{1});
    QCOMPARE(bench.replies.size(), size_t{1});
}

void TestReplicator::answerIsGivenOnlyOnce()
{
    Bench bench;
    bench.links = {10, 11};
    bench.commit(bench.put("k", {WriteConcern::Kind::Count, 2}, 3));
    bench.acknowledge(0);
    bench.acknowledge(1);
    bench.expire(100'000);
    QCOMPARE(bench.replies.size(), size_t{1});
}

void TestReplicator::failedAppendIsAnsweredAndNotPushed_data()
{
    QTest::addColumn<Committed::Result>("result");
    QTest::addColumn<Status>("status");
    QTest::newRow("disk full") << Committed::Result::NoSpace << Status::NoSpace;
    QTest::newRow("failed") << Committed::Result::Failed << Status::Failed;
}

void TestReplicator::failedAppendIsAnsweredAndNotPushed()
{
    QFETCH(const Committed::Result, result);
    QFETCH(const Status, status);
    Bench bench;
    bench.links = {10};
    const Ticket ticket = bench.put("k", {}, 2);
    bench.commit(ticket, result);
    QCOMPARE(bench.replies.at(0).outcome.status, status);
    QCOMPARE(bench.replies.at(0).outcome.detail, QByteArray("reason"));
    QCOMPARE(bench.replies.at(0).outcome.acked, 0);
    QVERIFY(bench.pushes.empty());
    // Its version is spent, its value is not there.
    const Ticket next = bench.put("k", {}, 2);
    QVERIFY(bench.versionOf(next) > bench.versionOf(ticket));
    bench.commit(next);
    QVERIFY(!bench.replies.at(1).outcome.existed);
}

/// Values that wait for the disk take their room already.
void TestReplicator::writesInFlightCountForTheCapacity()
{
    Bench bench(100);
    const Ticket ticket = bench.put("k"); // 1 + 1 + 48 bytes.
    QCOMPARE(bench.capacity.usedPermille(), 500U);
    bench.commit(ticket);
    QCOMPARE(bench.capacity.usedPermille(), 500U);
    bench.commit(bench.put("l"), Committed::Result::NoSpace);
    QCOMPARE(bench.capacity.usedPermille(), 500U);
    bench.commit(bench.receive(10, {77, {record("m", {1, 1})}}));
    QCOMPARE(bench.capacity.usedPermille(), 1000U);
}

void TestReplicator::durabilityAskedForIsThatOfTheOwnCopy()
{
    Bench bench;
    bench.links = {10};
    const Ticket ticket = bench.write(
        {.key = "k", .concern = {WriteConcern::Kind::All}, .durability = Durability::Os}, 2);
    QCOMPARE(bench.wishes.at(ticket), std::optional(Durability::Os));
    QCOMPARE(bench.wishes.at(bench.put("l")), std::nullopt);
    bench.commit(ticket, Committed::Result::Done, Durability::Os);
    bench.acknowledge(0, true, Durability::Sync);
    QCOMPARE(bench.replies.at(0).outcome.acked, 2);
    QCOMPARE(bench.replies.at(0).outcome.durability, Durability::Os);
    // What peers push is stored as this node's mode says.
    const Ticket received = bench.receive(10, {77, {record("m", {1, 1})}});
    QCOMPARE(bench.wishes.at(received), std::nullopt);
}

/// Of one batch the storage completes what needs no sync before what does.
void TestReplicator::aLaterWriteThatAsksForLessMayBeDoneFirst()
{
    Bench bench;
    bench.links = {10};
    const Ticket strong = bench.put("k");
    const Ticket weak = bench.write({.key = "k", .value = "2", .durability = Durability::Os});
    const Version last = bench.versionOf(weak);
    bench.commit(weak, Committed::Result::Done, Durability::Os);
    QCOMPARE(bench.replies.at(0).outcome.version, last);
    QCOMPARE(bench.replies.at(0).outcome.durability, Durability::Os);
    // The earlier one is still in flight: what comes now stands above both.
    const Ticket third = bench.put("k");
    QVERIFY(bench.versionOf(third) > last);
    bench.commit(strong);
    QCOMPARE(bench.replies.at(1).outcome.version, bench.versionOf(strong));
    QCOMPARE(bench.records.find("k")->version, last);
    // That one was synced is not yet said of the other.
    bench.receive(10, {77, {record("k", {1, 1})}});
    QCOMPARE(bench.acks.back().second.durability, Durability::Os);
    bench.commit(third);
    bench.receive(10, {77, {record("k", {1, 1})}});
    QCOMPARE(bench.acks.back().second.durability, Durability::Sync);
    QCOMPARE(bench.pushes.size(), std::size_t{3});
}

void TestReplicator::foreignTicketIsNotTaken()
{
    Bench bench;
    Effects out;
    QVERIFY(!bench.replicator.committed({12345}, {}, out));
    QVERIFY(out.empty());
}

/// Whatever ends a write, the next one finds no trace of it but the table.
void TestReplicator::nothingIsKeptOnceAllIsDone()
{
    Bench bench;
    bench.links = {10, 11};
    Version far{clockAt(kWallMs + kHour), 9};
    using Result = Committed::Result;
    for (const Result result : {Result::Done, Result::NoSpace, Result::Failed}) {
        bench.commit(bench.put("k", {WriteConcern::Kind::All}, 3), result);
        ++far.clock;
        bench.commit(bench.receive(10, {77, {record("far", far)}}), result);
        bench.expire(10'000);
    }
    // Were either still in flight, the floor would be there although the table is empty.
    testing::MapRecords empty;
    std::swap(empty, bench.records);
    const Ticket last = bench.put("far");
    QVERIFY(bench.versionOf(last) < far);
    bench.commit(last);
    QVERIFY(!bench.replies.back().outcome.existed);
    bench.expire(10'000);
    const size_t answered = bench.replies.size();
    for (size_t push = 0; push < bench.pushes.size(); ++push)
        bench.acknowledge(push);
    QCOMPARE(bench.replies.size(), answered);
}

QTEST_GUILESS_MAIN(TestReplicator)
#include "tst_replicator.moc"
