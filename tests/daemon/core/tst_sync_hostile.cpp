// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/sync_pair.h"

using namespace dynakv;
using namespace dynakv::core;
using namespace dynakv::testing;

using Tamper = std::function<bool(Message &)>;
Q_DECLARE_METATYPE(Tamper)

/// What a peer may answer in error, or to do harm.
class TestSyncHostile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void hostileReplyFailsAndChangesNothing_data();
    void hostileReplyFailsAndChangesNothing();
    void hostileRecordsFailAndChangeNothing_data();
    void hostileRecordsFailAndChangeNothing();
    void peerThatRepeatsItsPageFails();
    void strayReplyIsIgnored_data();
    void strayReplyIsIgnored();
    void replyOfAnotherKindDoesNotPassForTheAwaitedOne();
    void foreignTicketIsNotTaken();
};

void TestSyncHostile::hostileReplyFailsAndChangesNothing_data()
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
    const auto promising = [](const std::function<QByteArray(const StampsReply &)> &place) {
        return changing<StampsReply>([place](StampsReply &reply) {
            reply.reached = place(reply);
            reply.hasMore = true;
        });
    };
    QTest::newRow("a place of another partition")
        << promising([](const StampsReply &reply) { return stampIn(reply.partition, false).key; });
    QTest::newRow("a place before a stamp") << promising([](const StampsReply &reply) {
        for (int i = 0;; ++i) {
            const QByteArray key = "a/" + QByteArray::number(i);
            if (slotOf(key).partition == reply.partition)
                return key;
        }
    });
    QTest::newRow("records, though some are held here")
        << changing<StampsReply>([](StampsReply &reply) {
               reply.stamps.clear();
               reply.records = {record("wanted", {2, 1})};
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

void TestSyncHostile::hostileReplyFailsAndChangesNothing()
{
    QFETCH(const Tamper, tamper);
    SyncPair pair;
    pair.theirs.apply(record("wanted", {2, 1}));
    pair.mine.apply(record("wanted", {1, 1}));
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

/// As it would in the place of the one record that is lacking.
void TestSyncHostile::hostileRecordsFailAndChangeNothing_data()
{
    QTest::addColumn<Tamper>("tamper");
    const auto with = [](const std::function<std::vector<QByteArray>(quint8)> &keysIn) {
        return changing<StampsReply>([keysIn](StampsReply &reply) {
            reply.records.clear();
            for (const QByteArray &key : keysIn(reply.partition))
                reply.records.push_back(record(key, {9, 9}));
        });
    };
    QTest::newRow("twice the same") << with([](quint8) {
        return std::vector<QByteArray>{"wanted", "wanted"};
    });
    QTest::newRow("of another partition")
        << with([](quint8 partition) { return std::vector{stampIn(partition, false).key}; });
    QTest::newRow("of a leaf not asked for")
        << with([](quint8 partition) { return std::vector{stampIn(partition, true).key}; });
    QTest::newRow("without a key") << with([](quint8) { return std::vector<QByteArray>{""}; });
    QTest::newRow("and stamps beside them") << changing<StampsReply>([](StampsReply &reply) {
        reply.stamps = {{"wanted", {{2, 1}, 9}}};
    });
    QTest::newRow("more promised where it had got to before")
        << changing<StampsReply>([](StampsReply &reply) {
               reply.hasMore = true;
               reply.reached = stampIn(reply.partition, true).key;
               reply.records.clear();
               reply.records.push_back(record("wanted", {2, 1}));
               while (reply.reached >= "wanted")
                   reply.reached.chop(1);
           });
}

void TestSyncHostile::hostileRecordsFailAndChangeNothing()
{
    QFETCH(const Tamper, tamper);
    SyncPair pair;
    pair.theirs.apply(record("wanted", {2, 1}));
    pair.tamper = tamper;
    QCOMPARE(pair.run(), State::Failed);
    QVERIFY(pair.mine.all().empty());
}

/// It could keep this node busy for ever.
void TestSyncHostile::peerThatRepeatsItsPageFails()
{
    SyncPair pair;
    pair.theirs.apply(record("wanted", {2, 1}));
    pair.mine.apply(record("wanted", {1, 1}));
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

void TestSyncHostile::strayReplyIsIgnored_data()
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

void TestSyncHostile::strayReplyIsIgnored()
{
    QFETCH(const Tamper, tamper);
    SyncPair pair;
    pair.theirs.apply(record("wanted", {2, 1}));
    pair.mine.apply(record("wanted", {1, 1}));
    pair.mine.apply(record("mine", {2, 1}));
    pair.tamper = tamper;
    QCOMPARE(pair.run(), State::Running);
    pair.session.tick(pair.nowMs + SyncSession::kReplyMsMax + 1);
    QCOMPARE(pair.session.state(), State::Failed);
}

/// A session must not believe that its own disk has taken something because the peer says so.
void TestSyncHostile::replyOfAnotherKindDoesNotPassForTheAwaitedOne()
{
    SyncPair pair;
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

void TestSyncHostile::foreignTicketIsNotTaken()
{
    SyncPair pair;
    Effects out;
    QVERIFY(!pair.session.committed({0}, 0, out));
    QVERIFY(!pair.session.committed({12345}, 0, out));
    QVERIFY(!pair.session.resumed({0}, 0, out));
    QVERIFY(!pair.session.resumed({12345}, 0, out));
    QVERIFY(out.empty());
}

QTEST_GUILESS_MAIN(TestSyncHostile)
#include "tst_sync_hostile.moc"
