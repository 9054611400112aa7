// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/random.h"
#include "daemon/core/sync_responder.h"
#include "daemon/core/sync_session.h"
#include "tests/support/map_records.h"

#include <QtTest>

#include <deque>
#include <functional>

using namespace dynakv;
using namespace dynakv::core;

namespace {

constexpr LinkId kLink = 3;
constexpr NodeId kPeer = 4;
constexpr quint64 kCluster = 0xc1;

using State = SyncSession::State;

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

/// Two tables, a session on one side, the answering functions on the other, and the wire between
/// them, carried by hand.
struct Pair
{
    testing::MapRecords mine = {};
    testing::MapRecords theirs = {};
    quint64 ids = 100;
    Capacity capacity;
    SyncSession session{kLink, kPeer, mine, capacity, ids};
    std::deque<Effect> waiting = {};
    qint64 nowMs = 0;
    size_t mostWaiting = 0;
    int turns = 0;
    int appends = 0;
    bool isPeerFull = false;
    Committed::Result diskResult = Committed::Result::Done;
    /// May change what the peer answers, or swallow it by returning false.
    std::function<bool(Message &)> tamper = {};

    explicit Pair(qint64 memoryBytesMax = 0)
        : capacity(mine, memoryBytesMax)
    {
        mine.setTreeKey(kCluster);
        theirs.setTreeKey(kCluster);
    }

    void take(Effects effects)
    {
        for (Effect &effect : effects)
            waiting.push_back(std::move(effect));
        mostWaiting = std::max(mostWaiting, waiting.size());
    }
    State run()
    {
        Effects out;
        session.start(nowMs, out);
        take(std::move(out));
        for (; !waiting.empty() && session.state() == State::Running && turns < 100'000; ++turns)
            step();
        return session.state();
    }
    void step()
    {
        const Effect effect = std::move(waiting.front());
        waiting.pop_front();
        nowMs += 1;
        if (const auto *append = std::get_if<Append>(&effect)) {
            ++appends;
            QVERIFY(append->isForPeer);
            if (diskResult == Committed::Result::Done) {
                for (const Record &each : append->records)
                    mine.apply(each);
            }
            Effects out;
            QVERIFY(session.committed({append->ticket, diskResult}, nowMs, out));
            take(std::move(out));
            return;
        }
        const auto &send = std::get<Send>(effect);
        QCOMPARE(send.link, kLink);
        if (auto reply = answerOf(send.message); !tamper || tamper(reply))
            deliver(reply);
    }
    Message answerOf(const Message &message)
    {
        if (const auto *roots = std::get_if<RootsRequest>(&message))
            return answer(*roots, theirs, true);
        if (const auto *leaves = std::get_if<LeavesRequest>(&message))
            return answer(*leaves, theirs);
        if (const auto *stamps = std::get_if<StampsRequest>(&message))
            return answer(*stamps, theirs);
        if (const auto *fetch = std::get_if<FetchRequest>(&message))
            return answer(*fetch, theirs);
        const auto &push = std::get<Push>(message);
        for (const Record &each : push.records) {
            if (!isPeerFull)
                theirs.apply(each);
        }
        return PushAck{push.id, !isPeerFull, Durability::Sync};
    }
    void deliver(const Message &message)
    {
        Effects out;
        if (const auto *roots = std::get_if<RootsReply>(&message))
            session.handle(*roots, nowMs, out);
        else if (const auto *leaves = std::get_if<LeavesReply>(&message))
            session.handle(*leaves, nowMs, out);
        else if (const auto *stamps = std::get_if<StampsReply>(&message))
            session.handle(*stamps, nowMs, out);
        else if (const auto *fetch = std::get_if<FetchReply>(&message))
            session.handle(*fetch, nowMs, out);
        else if (const auto *ack = std::get_if<PushAck>(&message))
            session.handle(*ack, nowMs, out);
        take(std::move(out));
    }

    /// Fills both sides: each key here, there, on both, with equal or differing stamps.
    void fillAtRandom(quint64 seed, int keys)
    {
        Random random(seed);
        for (int i = 0; i < keys; ++i) {
            const QByteArray key = "key/" + QByteArray::number(random.below(1'000'000));
            const auto make = [&] {
                const bool isTombstone = random.below(4) == 0;
                return record(key, {1 + random.below(3), 1 + random.below(2)},
                              isTombstone ? QByteArray() : QByteArray::number(random.below(3)),
                              isTombstone ? RecordKind::Tombstone : RecordKind::Value);
            };
            const quint64 where = random.below(4);
            if (where == 3) {
                const Record same = make();
                mine.apply(same);
                theirs.apply(same);
                continue;
            }
            if (where != 0)
                mine.apply(make());
            if (where != 1)
                theirs.apply(make());
        }
    }
    /// How many keys are newer in \a one than in \a other.
    static qint64 newerIn(const testing::MapRecords &one, const testing::MapRecords &other)
    {
        qint64 count = 0;
        for (const auto &[key, each] : one.all()) {
            const auto held = other.stampOf(key);
            count += !held || *held < stampOf(each) ? 1 : 0;
        }
        return count;
    }
};

} // namespace

class TestSyncSession : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void bothSidesAreEqualAfterwards_data();
    void bothSidesAreEqualAfterwards();
    void onlyWhatDiffersIsCarried_data();
    void onlyWhatDiffersIsCarried();
    void equalTablesTakeOneQuestion();
    void largeValuesGoInPiecesOneAtATime();
    void fewMessagesAreUnderWayAtOnce();
    void smallPagesOfThePeerSufficeToo();
    void whatTheCaughtUpPeerSaysIsRemembered();
    void equalVersionsWithDifferentContentEndEqual();
    void hostileReplyFailsAndChangesNothing_data();
    void hostileReplyFailsAndChangesNothing();
    void peerThatRepeatsItsPageFails();
    void strayReplyIsIgnored_data();
    void strayReplyIsIgnored();
    void replyOfAnotherKindDoesNotPassForTheAwaitedOne();
    void silentPeerFailsInTime();
    void slowPeerThatAdvancesIsWaitedFor();
    void failingDiskFailsTheSession();
    void whatHasNoRoomIsLeftOut();
    void fullPeerDoesNotKeepThisNodeFromCatchingUp();
    void foreignTicketIsNotTaken();
    void stampsAreAnsweredInPages();
    void fetchedRecordsAreAnsweredUpToABound();
};

void TestSyncSession::bothSidesAreEqualAfterwards_data()
{
    QTest::addColumn<quint64>("seed");
    QTest::addColumn<int>("keys");
    for (quint64 seed = 1; seed <= 20; ++seed) {
        const int keys = seed % 3 == 0 ? 1500 : static_cast<int>(seed * seed);
        QTest::addRow("seed %d", static_cast<int>(seed)) << seed << keys;
    }
}

void TestSyncSession::bothSidesAreEqualAfterwards()
{
    QFETCH(const quint64, seed);
    QFETCH(const int, keys);
    Pair pair;
    pair.fillAtRandom(seed, keys);
    const qint64 toFetch = Pair::newerIn(pair.theirs, pair.mine);
    const qint64 toPush = Pair::newerIn(pair.mine, pair.theirs);
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
    QVERIFY(pair.mine.treeRoots() == pair.theirs.treeRoots());
    QCOMPARE(pair.session.totals().fetched, toFetch);
    QCOMPARE(pair.session.totals().pushed, toPush);
}

void TestSyncSession::onlyWhatDiffersIsCarried_data()
{
    QTest::addColumn<std::vector<Record>>("mine");
    QTest::addColumn<std::vector<Record>>("theirs");
    QTest::addColumn<qint64>("fetched");
    QTest::addColumn<qint64>("pushed");
    using Records = std::vector<Record>;
    const auto row = [](const char *name, const Records &mine, const Records &theirs,
                        qint64 fetched, qint64 pushed) {
        QTest::newRow(name) << mine << theirs << fetched << pushed;
    };
    const Record older = record("k", {1, 1}, "old");
    const Record newer = record("k", {2, 1}, "new");
    const Record deleted = record("k", {3, 1}, {}, RecordKind::Tombstone);
    row("both empty", {}, {}, 0, 0);
    row("only here", {older}, {}, 0, 1);
    row("only there", {}, {older}, 1, 0);
    row("newer here", {newer}, {older}, 0, 1);
    row("newer there", {older}, {newer}, 1, 0);
    row("deleted here", {deleted}, {newer}, 0, 1);
    row("deleted there", {newer}, {deleted}, 1, 0);
    row("rewritten after a delete", {record("k", {4, 1})}, {deleted}, 0, 1);
    row("keys with any bytes", {record(QByteArray("\0", 1), {1, 1})},
        {record(QByteArray("\xff\xff\0\xff", 4), {1, 1})}, 1, 1);
}

void TestSyncSession::onlyWhatDiffersIsCarried()
{
    QFETCH(const std::vector<Record>, mine);
    QFETCH(const std::vector<Record>, theirs);
    QFETCH(const qint64, fetched);
    QFETCH(const qint64, pushed);
    Pair pair;
    for (const Record &each : mine)
        pair.mine.apply(each);
    for (const Record &each : theirs)
        pair.theirs.apply(each);
    QCOMPARE(pair.run(), State::Complete);
    QCOMPARE(pair.session.totals().fetched, fetched);
    QCOMPARE(pair.session.totals().pushed, pushed);
    QVERIFY(pair.mine.all() == pair.theirs.all());
}

void TestSyncSession::equalTablesTakeOneQuestion()
{
    Pair pair;
    for (int i = 0; i < 500; ++i) {
        pair.mine.apply(record(QByteArray::number(i), {1, 1}));
        pair.theirs.apply(record(QByteArray::number(i), {1, 1}));
    }
    QCOMPARE(pair.run(), State::Complete);
    QCOMPARE(pair.turns, 1);
    QCOMPARE(pair.session.totals().differing, 0);
}

void TestSyncSession::largeValuesGoInPiecesOneAtATime()
{
    Pair pair;
    // All in one partition, each way more than a message may carry.
    const quint8 partition = slotOf("seed").partition;
    int placed = 0;
    for (int i = 0; placed < 24; ++i) {
        const QByteArray key = "large/" + QByteArray::number(i);
        if (slotOf(key).partition != partition)
            continue;
        const QByteArray value(kPushBytesTarget / 3, static_cast<char>('a' + placed));
        (placed % 2 == 0 ? pair.mine : pair.theirs).apply(record(key, {1, 1}, value));
        ++placed;
    }
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
    QCOMPARE(pair.session.totals().pushed, qint64{12});
    QCOMPARE(pair.mostWaiting, size_t{1});
    QVERIFY(pair.appends >= 4);
}

void TestSyncSession::fewMessagesAreUnderWayAtOnce()
{
    Pair pair;
    pair.fillAtRandom(5, 5000);
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.session.totals().differing > 200);
    QCOMPARE(pair.mostWaiting, size_t{SyncSession::kPartitionsAtOnce});
}

void TestSyncSession::smallPagesOfThePeerSufficeToo()
{
    for (quint64 seed = 1; seed <= 10; ++seed) {
        Pair pair;
        pair.fillAtRandom(seed, 1200);
        pair.tamper = [](Message &message) {
            if (auto *stamps = std::get_if<StampsReply>(&message);
                stamps && stamps->stamps.size() > 1) {
                stamps->stamps.resize(1);
                stamps->hasMore = true;
            }
            if (auto *fetch = std::get_if<FetchReply>(&message); fetch && fetch->answeredKeys > 1) {
                fetch->answeredKeys = 1;
                fetch->records.resize(1);
            }
            return true;
        };
        QCOMPARE(pair.run(), State::Complete);
        QVERIFY(pair.mine.all() == pair.theirs.all());
    }
}

void TestSyncSession::whatTheCaughtUpPeerSaysIsRemembered()
{
    for (const bool isCaughtUp : {false, true}) {
        Pair pair;
        pair.tamper = [isCaughtUp](Message &message) {
            if (auto *roots = std::get_if<RootsReply>(&message))
                roots->caughtUp = isCaughtUp;
            return true;
        };
        QCOMPARE(pair.run(), State::Complete);
        QCOMPARE(pair.session.peerIsCaughtUp(), isCaughtUp);
    }
}

void TestSyncSession::equalVersionsWithDifferentContentEndEqual()
{
    Pair pair;
    for (int i = 0; i < 50; ++i) {
        const QByteArray key = QByteArray::number(i);
        pair.mine.apply(record(key, {1, 1}, "here"));
        pair.theirs.apply(record(key, {1, 1}, "there"));
    }
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
}

namespace {

/// A change of one kind of reply; applied to each of that kind.
template <typename Reply>
std::function<bool(Message &)> changing(std::function<void(Reply &)> change)
{
    return [change](Message &message) {
        if (auto *reply = std::get_if<Reply>(&message))
            change(*reply);
        return true;
    };
}

KeyStamp stampIn(quint8 partition, bool isInside, int skip = 0)
{
    for (int i = 0;; ++i) {
        const QByteArray key = "zz/" + QByteArray::number(i);
        if ((slotOf(key).partition == partition) == isInside && skip-- == 0)
            return {key, {{9, 9}, 9}};
    }
}

} // namespace

using Tamper = std::function<bool(Message &)>;
Q_DECLARE_METATYPE(Tamper)

void TestSyncSession::hostileReplyFailsAndChangesNothing_data()
{
    QTest::addColumn<Tamper>("tamper");
    QTest::newRow("stamps out of order") << changing<StampsReply>([](StampsReply &reply) {
        reply.stamps = {stampIn(reply.partition, true, 1), stampIn(reply.partition, true, 0)};
        if (reply.stamps[0].key < reply.stamps[1].key)
            std::swap(reply.stamps[0], reply.stamps[1]);
    });
    QTest::newRow("a stamp twice") << changing<StampsReply>([](StampsReply &reply) {
        reply.stamps = {reply.stamps.at(0), reply.stamps.at(0)};
    });
    QTest::newRow("a stamp of another partition") << changing<StampsReply>(
        [](StampsReply &reply) { reply.stamps = {stampIn(reply.partition, false)}; });
    QTest::newRow("a stamp of a leaf not asked for") << changing<StampsReply>(
        [](StampsReply &reply) { reply.stamps = {stampIn(reply.partition, true)}; });
    QTest::newRow("an empty key") << changing<StampsReply>([](StampsReply &reply) {
        reply.stamps.insert(reply.stamps.begin(), {QByteArray(), {{9, 9}, 9}});
    });
    QTest::newRow("more promised after nothing") << changing<StampsReply>([](StampsReply &reply) {
        reply.stamps.clear();
        reply.hasMore = true;
    });
    QTest::newRow("no key answered")
        << changing<FetchReply>([](FetchReply &reply) { reply.answeredKeys = 0; });
    QTest::newRow("more keys answered than asked")
        << changing<FetchReply>([](FetchReply &reply) { reply.answeredKeys += 1; });
    QTest::newRow("as many keys as a number holds")
        << changing<FetchReply>([](FetchReply &reply) { reply.answeredKeys = ~quint32{0}; });
    QTest::newRow("a record nobody asked for") << changing<FetchReply>([](FetchReply &reply) {
        reply.records.push_back(record("unasked", {9, 9}));
    });
    QTest::newRow("a record of a key not answered") << changing<FetchReply>([](FetchReply &reply) {
        reply.records.insert(reply.records.begin(), record("a", {9, 9}));
    });
}

void TestSyncSession::hostileReplyFailsAndChangesNothing()
{
    QFETCH(const Tamper, tamper);
    Pair pair;
    pair.theirs.apply(record("wanted", {2, 1}));
    pair.mine.apply(record("mine", {2, 1}));
    const auto before = pair.mine.all();
    pair.tamper = [&](Message &message) {
        const auto *stamps = std::get_if<StampsReply>(&message);
        // Only where it bites: the partition of the key that is theirs.
        if (stamps != nullptr && stamps->partition != slotOf("wanted").partition)
            return true;
        return tamper(message);
    };
    QCOMPARE(pair.run(), State::Failed);
    QVERIFY(!pair.mine.find("unasked"));
    QVERIFY(pair.mine.all() == before);
}

/// It could keep this node busy for ever.
void TestSyncSession::peerThatRepeatsItsPageFails()
{
    Pair pair;
    pair.theirs.apply(record("wanted", {2, 1}));
    std::optional<StampsReply> first;
    pair.tamper = changing<StampsReply>([&first](StampsReply &reply) {
        reply.hasMore = true;
        if (!first)
            first = reply;
        reply.stamps = first->stamps;
    });
    QCOMPARE(pair.run(), State::Failed);
    QVERIFY(pair.turns < 10);
}

void TestSyncSession::strayReplyIsIgnored_data()
{
    QTest::addColumn<Tamper>("tamper");
    QTest::newRow("roots of another request")
        << changing<RootsReply>([](RootsReply &r) { ++r.id; });
    QTest::newRow("leaves of another request")
        << changing<LeavesReply>([](LeavesReply &r) { r.id += 1000; });
    QTest::newRow("leaves of another partition")
        << changing<LeavesReply>([](LeavesReply &r) { ++r.partition; });
    QTest::newRow("leaves of request 0") << changing<LeavesReply>([](LeavesReply &r) { r.id = 0; });
    QTest::newRow("stamps of another partition")
        << changing<StampsReply>([](StampsReply &r) { ++r.partition; });
    QTest::newRow("records of another request")
        << changing<FetchReply>([](FetchReply &r) { r.id += 1000; });
    QTest::newRow("acknowledgement of another push")
        << changing<PushAck>([](PushAck &r) { r.id += 1000; });
}

void TestSyncSession::strayReplyIsIgnored()
{
    QFETCH(const Tamper, tamper);
    Pair pair;
    pair.theirs.apply(record("wanted", {2, 1}));
    pair.mine.apply(record("mine", {2, 1}));
    pair.tamper = tamper;
    QCOMPARE(pair.run(), State::Running);
    pair.session.tick(pair.nowMs + SyncSession::kReplyMsMax + 1);
    QCOMPARE(pair.session.state(), State::Failed);
}

/// A session must not believe that its own disk has taken something because the peer says so.
void TestSyncSession::replyOfAnotherKindDoesNotPassForTheAwaitedOne()
{
    Pair pair;
    pair.theirs.apply(record("wanted", {2, 1}));
    Effects out;
    pair.session.start(0, out);
    pair.take(std::move(out));
    while (!std::holds_alternative<Append>(pair.waiting.front()))
        pair.step();
    const Ticket ticket = std::get<Append>(pair.waiting.front()).ticket;
    pair.deliver(PushAck{ticket, true, Durability::Sync});
    pair.deliver(PushAck{ticket, false, Durability::Sync});
    pair.deliver(LeavesReply{ticket, slotOf("wanted").partition, {}});
    pair.deliver(StampsReply{ticket, slotOf("wanted").partition, {}, false});
    pair.deliver(FetchReply{ticket, {}, 1});
    QCOMPARE(pair.session.state(), State::Running);
    QCOMPARE(pair.waiting.size(), size_t{1});
    pair.step();
    while (!pair.waiting.empty())
        pair.step();
    QCOMPARE(pair.session.state(), State::Complete);
}

void TestSyncSession::silentPeerFailsInTime()
{
    Pair pair;
    pair.tamper = [](Message &) { return false; };
    QCOMPARE(pair.run(), State::Running);
    pair.session.tick(SyncSession::kReplyMsMax);
    QCOMPARE(pair.session.state(), State::Running);
    pair.session.tick(SyncSession::kReplyMsMax + 1);
    QCOMPARE(pair.session.state(), State::Failed);
}

void TestSyncSession::slowPeerThatAdvancesIsWaitedFor()
{
    Pair pair;
    pair.fillAtRandom(3, 200);
    pair.tamper = [&](Message &) {
        pair.nowMs += SyncSession::kReplyMsMax - 1;
        pair.session.tick(pair.nowMs);
        return true;
    };
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
}

void TestSyncSession::failingDiskFailsTheSession()
{
    for (const auto result : {Committed::Result::NoSpace, Committed::Result::Failed}) {
        Pair pair;
        pair.theirs.apply(record("wanted", {2, 1}));
        pair.diskResult = result;
        QCOMPARE(pair.run(), result == Committed::Result::NoSpace ? State::Full : State::Failed);
    }
}

/// What is in the way of memory is left out, and the session never says that it was complete.
void TestSyncSession::whatHasNoRoomIsLeftOut()
{
    Pair pair(1000); // Takes 1100 bytes at most.
    const QByteArray large(2000, 'v');
    pair.mine.apply(record("deleted", {1, 1}, QByteArray(900, 'o')));
    pair.theirs.apply(record("deleted", {2, 1}, {}, RecordKind::Tombstone));
    pair.theirs.apply(record("large", {2, 1}, large));
    QCOMPARE(pair.run(), State::Full);
    QCOMPARE(pair.session.totals().refused, qint64{1});
    QVERIFY(!pair.mine.find("large"));
    QCOMPARE(pair.mine.find("deleted")->kind, RecordKind::Tombstone);
}

/// Its full disk is its own affair: what it holds can be compared and fetched all the same.
void TestSyncSession::fullPeerDoesNotKeepThisNodeFromCatchingUp()
{
    Pair pair;
    pair.fillAtRandom(4, 1000);
    const auto before = pair.theirs.all();
    pair.isPeerFull = true;
    const qint64 unknownThere = Pair::newerIn(pair.mine, pair.theirs);
    QVERIFY(unknownThere > 0);
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.theirs.all() == before);
    QVERIFY(pair.session.totals().declined > 0);
    QVERIFY(pair.session.totals().declined <= unknownThere);
    QCOMPARE(Pair::newerIn(pair.theirs, pair.mine), qint64{0});
    QCOMPARE(pair.session.totals().pushed, qint64{0});
}

void TestSyncSession::foreignTicketIsNotTaken()
{
    Pair pair;
    Effects out;
    QVERIFY(!pair.session.committed({0}, 0, out));
    QVERIFY(!pair.session.committed({12345}, 0, out));
    QVERIFY(out.empty());
}

void TestSyncSession::stampsAreAnsweredInPages()
{
    testing::MapRecords records;
    const quint8 partition = 7;
    int placed = 0;
    for (int i = 0; placed < kStampsMax + 10; ++i) {
        const QByteArray key = QByteArray::number(i);
        if (slotOf(key).partition == partition) {
            records.apply(record(key, {1, 1}));
            ++placed;
        }
    }
    LeafSet all;
    all.set();
    const StampsReply first = answer(StampsRequest{1, partition, all, {}}, records);
    QCOMPARE(first.stamps.size(), size_t{kStampsMax});
    QVERIFY(first.hasMore);
    const StampsReply rest =
        answer(StampsRequest{2, partition, all, first.stamps.back().key}, records);
    QCOMPARE(rest.stamps.size(), size_t{10});
    QVERIFY(!rest.hasMore);
    QCOMPARE(rest.id, quint64{2});
    QVERIFY(first.stamps.back().key < rest.stamps.front().key);
    QVERIFY(answer(StampsRequest{3, partition, {}, {}}, records).stamps.empty());
}

void TestSyncSession::fetchedRecordsAreAnsweredUpToABound()
{
    testing::MapRecords records;
    for (const char *key : {"a", "b", "c"})
        records.apply(record(key, {1, 1}, QByteArray(kPushBytesTarget / 2, 'x')));
    const FetchReply reply = answer(FetchRequest{5, {"0", "a", "b", "c"}}, records);
    QCOMPARE(reply.id, quint64{5});
    QCOMPARE(reply.answeredKeys, quint32{3}); // The missing one is answered too, by nothing.
    QCOMPARE(reply.records.size(), size_t{2});
    const FetchReply none = answer(FetchRequest{6, {"0"}}, records);
    QCOMPARE(none.answeredKeys, quint32{1});
    QVERIFY(none.records.empty());
}

QTEST_GUILESS_MAIN(TestSyncSession)
#include "tst_sync_session.moc"
