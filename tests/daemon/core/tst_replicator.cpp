// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/replicator.h"
#include "tests/support/map_records.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;

namespace {

constexpr NodeId kSelf = 1;
constexpr qint64 kWallMs = 1'700'000'000'000;
constexpr qint64 kHour = 3'600'000;
using Status = WriteOutcome::Status;

quint64 clockAt(qint64 wallMs)
{
    return static_cast<quint64>(wallMs) << 16;
}

Record record(const QByteArray &key, Version version, const QByteArray &value = "1",
              RecordKind kind = RecordKind::Value)
{
    Record result;
    result.key = key;
    result.kind = kind;
    result.version = version;
    result.value = value;
    return result;
}

/// A replicator with its table; the test is its disk and its network.
struct Bench
{
    testing::MapRecords records = {};
    quint64 ids = 0;
    Capacity capacity;
    Replicator replicator{kSelf, records, capacity, ids};
    HybridClock clock{0};
    Time now{1000, kWallMs};
    std::vector<LinkId> links = {};
    std::map<Ticket, std::vector<Record>> appends = {};
    std::map<Ticket, std::optional<Durability>> wishes = {};
    std::vector<Reply> replies = {};
    std::vector<std::pair<LinkId, Push>> pushes = {};
    std::vector<std::pair<LinkId, PushAck>> acks = {};
    RequestId lastRequest = 0;

    explicit Bench(qint64 memoryBytesMax = 0)
        : capacity(records, memoryBytesMax)
    {
    }

    void take(Effects effects)
    {
        for (Effect &effect : effects) {
            if (auto *append = std::get_if<Append>(&effect)) {
                wishes[append->ticket] = append->durability;
                appends[append->ticket] = std::move(append->records);
            } else if (auto *reply = std::get_if<Reply>(&effect))
                replies.push_back(*reply);
            else if (auto *send = std::get_if<Send>(&effect))
                takeMessage(*send);
        }
    }
    void takeMessage(const Send &send)
    {
        if (const auto *push = std::get_if<Push>(&send.message))
            pushes.emplace_back(send.link, *push);
        else if (const auto *ack = std::get_if<PushAck>(&send.message))
            acks.emplace_back(send.link, *ack);
    }

    Ticket write(const WriteRequest &request, int replicas = 1)
    {
        const Ticket ticket = ++ids;
        Effects out;
        replicator.write({++lastRequest, request}, clock, replicas, now, ticket, out);
        take(std::move(out));
        return ticket;
    }
    Ticket put(const QByteArray &key, WriteConcern concern = {}, int replicas = 1)
    {
        return write({.key = key, .value = "1", .concern = concern}, replicas);
    }
    Ticket remove(const QByteArray &key)
    {
        return write({.key = key, .kind = RecordKind::Tombstone});
    }
    void commit(Ticket ticket, Committed::Result result = Committed::Result::Done,
                Durability durability = Durability::Sync)
    {
        if (result == Committed::Result::Done) {
            for (const Record &each : appends[ticket])
                records.apply(each);
        }
        Effects out;
        QVERIFY(replicator.committed({ticket, result, durability, "reason"}, links, out));
        take(std::move(out));
    }
    Ticket receive(LinkId link, const Push &push)
    {
        const Ticket ticket = ++ids;
        Effects out;
        replicator.receive(link, push, ticket, Durability::Sync, out);
        take(std::move(out));
        return ticket;
    }
    void acknowledge(size_t push, bool isStored = true, Durability durability = Durability::Sync)
    {
        acknowledgeOn(pushes.at(push).first, push, isStored, durability);
    }
    void acknowledgeOn(LinkId link, size_t push, bool isStored = true,
                       Durability durability = Durability::Sync)
    {
        Effects out;
        replicator.acknowledged(link, {pushes.at(push).second.id, isStored, durability}, out);
        take(std::move(out));
    }
    void expire(qint64 afterMs)
    {
        Effects out;
        replicator.expire(now.monoMs + afterMs, out);
        take(std::move(out));
    }
    [[nodiscard]] Version versionOf(Ticket ticket) const
    {
        return appends.at(ticket).at(0).version;
    }
};

} // namespace

Q_DECLARE_METATYPE(dynakv::core::WriteConcern)
Q_DECLARE_METATYPE(dynakv::core::Version)
Q_DECLARE_METATYPE(dynakv::core::Record)

class TestReplicator : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void writeIsAppendedAsAskedAndAnsweredOnceDurable();
    void nothingIsPushedBeforeItIsDurableHere();
    void stampIsAboveWhatIsHeld_data();
    void stampIsAboveWhatIsHeld();
    void stampIsAboveWhatIsInFlight();
    void stampIsAboveAPeersRecordInFlight();
    void keyUnderTheGreatestVersionIsNotAcknowledgedAndLost();
    void existedTellsWhatWasThere_data();
    void existedTellsWhatWasThere();
    void existedCountsWritesInFlight();
    void expiryIsCountedFromTheStamp();
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
    void receivedRecordIsStoredWhereItIsNewer_data();
    void receivedRecordIsStoredWhereItIsNewer();
    void mixedPushStoresOnlyWhatIsNewer();
    void emptyPushIsAcknowledged();
    void failedStoreIsToldToThePusher();
    void pushBeyondTheReserveIsRefused();
    void pushWithoutAnyRoomIsRefusedAtOnce();
    void writesInFlightCountForTheCapacity();
    void durabilityAskedForIsThatOfTheOwnCopy();
    void whatIsHeldIsAcknowledgedAsDurableAsItIs();
    void aLaterWriteThatAsksForLessMayBeDoneFirst();
    void lostLinkGetsNoAcknowledgement();
    void foreignTicketIsNotTaken();
    void nothingIsKeptOnceAllIsDone();
};

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

void TestReplicator::stampIsAboveWhatIsHeld_data()
{
    QTest::addColumn<Version>("held");
    QTest::newRow("older") << Version{clockAt(kWallMs - kHour), 9};
    QTest::newRow("the same moment, a greater node") << Version{clockAt(kWallMs), 9};
    QTest::newRow("a bit ahead") << Version{clockAt(kWallMs + 30'000), 9};
    QTest::newRow("an hour ahead") << Version{clockAt(kWallMs + kHour), 9};
    QTest::newRow("one below the greatest") << Version{~quint64{0} - 1, 9};
}

void TestReplicator::stampIsAboveWhatIsHeld()
{
    QFETCH(const Version, held);
    for (const RecordKind kind : {RecordKind::Value, RecordKind::Tombstone}) {
        Bench bench;
        bench.records.apply(record("k", held, "old", kind));
        QVERIFY(bench.versionOf(bench.put("k")) > held);
        Bench other;
        other.records.apply(record("k", held, "old", kind));
        QVERIFY(other.versionOf(other.remove("k")) > held);
    }
}

void TestReplicator::stampIsAboveWhatIsInFlight()
{
    Bench bench;
    bench.records.apply(record("k", {clockAt(kWallMs + kHour), 9}));
    std::vector<Ticket> tickets;
    Version last;
    for (int i = 0; i < 20; ++i) {
        bench.now.wallMs -= 1000;
        tickets.push_back(i % 2 == 0 ? bench.put("k") : bench.remove("k"));
        QVERIFY(bench.versionOf(tickets.back()) > last);
        last = bench.versionOf(tickets.back());
        if (i % 3 == 2) { // Some are done while others are on their way.
            bench.commit(tickets.front());
            tickets.erase(tickets.begin());
        }
    }
}

/// What a peer pushed is held as soon as it was taken, although the disk has it a moment later.
void TestReplicator::stampIsAboveAPeersRecordInFlight()
{
    Bench bench;
    const Version theirs{clockAt(kWallMs + kHour), 9};
    const Ticket received = bench.receive(10, {1, {record("k", theirs)}});
    const Ticket written = bench.put("k");
    QVERIFY(bench.versionOf(written) > theirs);
    QCOMPARE(bench.appends.size(), size_t{2});
    bench.replicator.linkLost(10); // Its append goes on without it.
    QVERIFY(bench.versionOf(bench.put("k")) > bench.versionOf(written));
    Effects out;
    bench.records.apply(bench.appends.at(received).at(0));
    bench.replicator.committed({received}, {}, out);
    QVERIFY(out.empty());
    QVERIFY(bench.versionOf(bench.put("k")) > bench.versionOf(written));
}

void TestReplicator::keyUnderTheGreatestVersionIsNotAcknowledgedAndLost()
{
    Bench bench;
    bench.records.apply(record("k", {~quint64{0}, 9}, "theirs"));
    bench.put("k");
    QVERIFY(bench.appends.empty());
    QCOMPARE(bench.replies.size(), size_t{1});
    QCOMPARE(bench.replies[0].outcome.status, Status::ClockOff);
    QVERIFY(!bench.replies[0].outcome.detail.isEmpty());
    // Others are not touched by it.
    QVERIFY(bench.appends.contains(bench.put("other")));
}

void TestReplicator::existedTellsWhatWasThere_data()
{
    QTest::addColumn<bool>("isHeld");
    QTest::addColumn<RecordKind>("kind");
    QTest::addColumn<qint64>("expiresAtMs");
    QTest::addColumn<bool>("existed");
    QTest::newRow("nothing") << false << RecordKind::Value << qint64{0} << false;
    QTest::newRow("value") << true << RecordKind::Value << qint64{0} << true;
    QTest::newRow("tombstone") << true << RecordKind::Tombstone << qint64{0} << false;
    QTest::newRow("not yet expired") << true << RecordKind::Value << kWallMs + 1 << true;
    QTest::newRow("expired") << true << RecordKind::Value << kWallMs << false;
}

void TestReplicator::existedTellsWhatWasThere()
{
    QFETCH(const bool, isHeld);
    QFETCH(const RecordKind, kind);
    QFETCH(const qint64, expiresAtMs);
    QFETCH(const bool, existed);
    Bench bench;
    if (isHeld) {
        Record held = record("k", {1, 1}, "1", kind);
        held.expiresAtMs = expiresAtMs;
        bench.records.apply(held);
    }
    bench.commit(bench.remove("k"));
    QCOMPARE(bench.replies.at(0).outcome.existed, existed);
}

void TestReplicator::existedCountsWritesInFlight()
{
    Bench bench;
    std::vector<Ticket> tickets = {bench.remove("k"), bench.put("k"),    bench.put("k"),
                                   bench.remove("k"), bench.remove("k"), bench.put("k")};
    for (const Ticket ticket : tickets)
        bench.commit(ticket);
    std::vector<bool> existed;
    for (const Reply &reply : bench.replies)
        existed.push_back(reply.outcome.existed);
    QCOMPARE(existed, (std::vector<bool>{false, false, true, true, false, false}));
}

void TestReplicator::expiryIsCountedFromTheStamp()
{
    Bench bench;
    bench.records.apply(record("ahead", {clockAt(kWallMs + kHour), 9}));
    for (const QByteArray key : {"new", "ahead"}) {
        const Ticket ticket = bench.write({.key = key, .value = "1", .ttlMs = 5000});
        const Record appended = bench.appends.at(ticket).at(0);
        QCOMPARE(appended.expiresAtMs, appended.version.wallMs() + 5000);
    }
    QCOMPARE(bench.appends.at(bench.put("new")).at(0).expiresAtMs, qint64{0});
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

void TestReplicator::receivedRecordIsStoredWhereItIsNewer_data()
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

void TestReplicator::receivedRecordIsStoredWhereItIsNewer()
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

void TestReplicator::mixedPushStoresOnlyWhatIsNewer()
{
    Bench bench;
    bench.records.apply(record("a", {5, 5}));
    const Ticket ticket = bench.receive(10, {77, {record("a", {4, 4}), record("b", {1, 1})}});
    QCOMPARE(bench.appends.at(ticket).size(), size_t{1});
    QCOMPARE(bench.appends.at(ticket)[0].key, QByteArray("b"));
}

void TestReplicator::emptyPushIsAcknowledged()
{
    Bench bench;
    bench.receive(10, {77, {}});
    QVERIFY(bench.appends.empty());
    QCOMPARE(bench.acks.size(), size_t{1});
}

void TestReplicator::failedStoreIsToldToThePusher()
{
    Bench bench;
    const Ticket ticket = bench.receive(10, {77, {record("k", {1, 1})}});
    bench.commit(ticket, Committed::Result::NoSpace);
    QCOMPARE(bench.acks.size(), size_t{1});
    QVERIFY(!bench.acks[0].second.isStored);
}

/// What fits is kept all the same: a delete may be what makes the room.
void TestReplicator::pushBeyondTheReserveIsRefused()
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

void TestReplicator::pushWithoutAnyRoomIsRefusedAtOnce()
{
    Bench bench(100);
    bench.records.apply(record("k", {1, 1}, QByteArray(200, 'v')));
    bench.receive(10, {77, {record("a", {2, 2})}});
    QVERIFY(bench.appends.empty());
    QCOMPARE(bench.acks.size(), size_t{1});
    QVERIFY(!bench.acks[0].second.isStored);
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

/// A record that is held is acknowledged at once, but no better than it is held.
void TestReplicator::whatIsHeldIsAcknowledgedAsDurableAsItIs()
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

void TestReplicator::lostLinkGetsNoAcknowledgement()
{
    Bench bench;
    const Ticket ticket = bench.receive(10, {77, {record("k", {1, 1})}});
    bench.replicator.linkLost(10);
    Effects out;
    bench.replicator.committed({ticket}, {}, out);
    QVERIFY(out.empty());
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
