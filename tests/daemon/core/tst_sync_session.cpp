// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/sync_pair.h"

using namespace dynakv;
using namespace dynakv::core;
using namespace dynakv::testing;

class TestSyncSession : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void bothSidesAreEqualAfterwards_data();
    void bothSidesAreEqualAfterwards();
    void onlyWhatDiffersIsCarried_data();
    void onlyWhatDiffersIsCarried();
    void longWalksGoInSlices_data();
    void longWalksGoInSlices();
    void equalTablesTakeOneQuestion();
    void largeValuesGoInPiecesOneAtATime();
    void fewMessagesAreUnderWayAtOnce();
    void recordsTravelInSmallPiecesAndAreGivenAfterARest();
    void smallPagesOfThePeerSufficeToo();
    void whatTheCaughtUpPeerSaysIsRemembered();
    void equalVersionsWithDifferentContentEndEqual();
    void whoLacksAllIsSentTheRecords();
    void recordsThatWereSentAreHeldByTheDiskAlone();
    void writesGoOnWhileRecordsAreSent();
    void silentPeerFailsInTime();
    void slowPeerThatAdvancesIsWaitedFor();
    void failingDiskFailsTheSession();
    void whatHasNoRoomIsLeftOut();
    void fullPeerDoesNotKeepThisNodeFromCatchingUp();
    void whatWasPurgedHereIsNotFetched();
    void whatThePeerHasPurgedIsDeletedByWhoLostTheDelete_data();
    void whatThePeerHasPurgedIsDeletedByWhoLostTheDelete();
    void aDeleteThatIsPurgedWhileItIsFetchedIsAskedForAgain_data();
    void aDeleteThatIsPurgedWhileItIsFetchedIsAskedForAgain();
    void whatIsBroughtAlongIsStampedAnew_data();
    void whatIsBroughtAlongIsStampedAnew();
    void whoCannotPromiseIsBroughtNothing_data();
    void whoCannotPromiseIsBroughtNothing();
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
    SyncPair pair;
    pair.fillAtRandom(seed, keys);
    const qint64 toFetch = SyncPair::newerIn(pair.theirs, pair.mine);
    const qint64 toPush = SyncPair::newerIn(pair.mine, pair.theirs);
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
    SyncPair pair;
    for (const Record &each : mine)
        pair.mine.apply(each);
    for (const Record &each : theirs)
        pair.theirs.apply(each);
    QCOMPARE(pair.run(), State::Complete);
    QCOMPARE(pair.session.totals().fetched, fetched);
    QCOMPARE(pair.session.totals().pushed, pushed);
    QVERIFY(pair.mine.all() == pair.theirs.all());
}

void TestSyncSession::longWalksGoInSlices_data()
{
    QTest::addColumn<int>("mineEvery"); // Which keys are there at all,
    QTest::addColumn<int>("theirsEvery");
    QTest::addColumn<int>("newerEvery"); // and newer than the others.
    QTest::addColumn<bool>("isPeerOlder");
    for (const bool isOlder : {false, true}) {
        const char *who = isOlder ? "older peer: " : "";
        QTest::addRow("%sone leaf differs", who) << 1 << 1 << 100'000 << isOlder;
        QTest::addRow("%sthe peer has nothing", who) << 1 << 0 << 100'000 << isOlder;
        QTest::addRow("%sthis node has nothing", who) << 0 << 1 << 100'000 << isOlder;
        QTest::addRow("%seach has what the other lacks", who) << 2 << 3 << 100'000 << isOlder;
        QTest::addRow("%smany differ", who) << 1 << 1 << 5 << isOlder;
        QTest::addRow("%sthe peer has few", who) << 1 << 1000 << 7 << isOlder;
        QTest::addRow("%sthis node has few", who) << 1000 << 1 << 7 << isOlder;
    }
}

/// Whatever there is to walk through and whoever has it, no step visits more than a slice.
void TestSyncSession::longWalksGoInSlices()
{
    QFETCH(const int, mineEvery);
    QFETCH(const int, theirsEvery);
    QFETCH(const int, newerEvery);
    QFETCH(const bool, isPeerOlder);
    static const std::vector<QByteArray> keys = keysOf(9, 3 * kVisitsMax + 11);
    SyncPair pair;
    pair.isPeerOlder = isPeerOlder;
    for (size_t i = 0; i < keys.size(); ++i) {
        const auto number = static_cast<int>(i);
        const bool isNewerThere =
            number % newerEvery == newerEvery / 2 || number == 2 * kVisitsMax + 7;
        if (mineEvery > 0 && number % mineEvery == 0)
            pair.mine.apply(record(keys[i], {2, 1}));
        if (theirsEvery > 0 && number % theirsEvery == 0)
            pair.theirs.apply(record(keys[i], {isNewerThere ? 3U : 2U, 1}));
    }
    const qint64 toFetch = SyncPair::newerIn(pair.theirs, pair.mine);
    const qint64 toPush = SyncPair::newerIn(pair.mine, pair.theirs);
    QVERIFY(toFetch + toPush > 0);
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
    QCOMPARE(pair.session.totals().fetched, toFetch);
    QCOMPARE(pair.session.totals().pushed, toPush);
    QVERIFY(pair.mostVisited > 0 || mineEvery == 0);
    QVERIFY2(pair.mostVisited <= kVisitsMax, QByteArray::number(pair.mostVisited).constData());
    QVERIFY(pair.turns < 100);
}

void TestSyncSession::equalTablesTakeOneQuestion()
{
    SyncPair pair;
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
    SyncPair pair;
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
    SyncPair pair;
    pair.fillAtRandom(5, 5000);
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.session.totals().differing > 200);
    QCOMPARE(pair.mostWaiting, size_t{SyncSession::kPartitionsAtOnce});
}

void TestSyncSession::recordsTravelInSmallPiecesAndAreGivenAfterARest()
{
    const std::vector<QByteArray> keys = keysOf(9, 5 * kPieceRecords);
    SyncPair pair;
    for (size_t i = 0; i < keys.size(); ++i)
        (i % 2 == 0 ? pair.mine : pair.theirs).apply(record(keys[i], {1, 1}));
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
    QCOMPARE(pair.mostRecords, size_t{kPieceRecords});
    QVERIFY(pair.pushes >= 3);
    QCOMPARE(pair.pushesAfterRests, pair.pushes);
}

void TestSyncSession::smallPagesOfThePeerSufficeToo()
{
    for (quint64 seed = 1; seed <= 10; ++seed) {
        SyncPair pair;
        pair.fillAtRandom(seed, 1200);
        pair.tamper = [](Message &message) {
            if (auto *stamps = std::get_if<StampsReply>(&message);
                stamps && stamps->stamps.size() > 1) {
                stamps->stamps.resize(1);
                stamps->hasMore = true;
            }
            if (auto *stamps = std::get_if<StampsReply>(&message);
                stamps && stamps->records.size() > 1) {
                stamps->records.resize(1);
                stamps->reached = stamps->records.front().key;
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
        SyncPair pair;
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
    SyncPair pair;
    for (int i = 0; i < 50; ++i) {
        const QByteArray key = QByteArray::number(i);
        pair.mine.apply(record(key, {1, 1}, "here"));
        pair.theirs.apply(record(key, {1, 1}, "there"));
    }
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
}

/// Without a word about their stamps, so that each is looked up but once.
void TestSyncSession::whoLacksAllIsSentTheRecords()
{
    const std::vector<QByteArray> keys = keysOf(9, 5 * kPieceRecords);
    SyncPair pair;
    for (const QByteArray &key : keys)
        pair.theirs.apply(record(key, {5, 1}));
    pair.mine.apply(record(keysOf(10, 1).front(), {5, 1})); // Of another partition.
    pair.tamper = [](Message &message) {
        const auto *reply = std::get_if<StampsReply>(&message);
        if (reply != nullptr && !reply->records.empty() && !reply->stamps.empty())
            QTest::qFail("stamps and records", __FILE__, __LINE__);
        return true;
    };
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
    QCOMPARE(pair.fetches, 0);
    QCOMPARE(pair.mostRecords, size_t{kPieceRecords});
    QCOMPARE(pair.session.totals().fetched, static_cast<qint64>(keys.size()));
}

/// There may be as many large ones as partitions are under way.
void TestSyncSession::recordsThatWereSentAreHeldByTheDiskAlone()
{
    SyncPair pair;
    for (const QByteArray &key : keysOf(9, 3 * kPieceRecords))
        pair.theirs.apply(record(key, {5, 1}, "value"));
    pair.tamper = [](Message &message) {
        if (auto *reply = std::get_if<StampsReply>(&message)) {
            for (Record &each : reply->records)
                each.value.detach(); // As what comes over a wire.
        }
        return true;
    };
    Effects out;
    pair.session.start(0, out);
    pair.take(std::move(out));
    int seen = 0;
    for (; !pair.waiting.empty(); pair.step()) {
        if (const auto *append = std::get_if<Append>(&pair.waiting.front())) {
            for (const Record &each : append->records)
                QVERIFY(each.value.isDetached());
            ++seen;
        }
    }
    QCOMPARE(seen, 3);
    QVERIFY(pair.mine.all() == pair.theirs.all());
}

/// What is written while they are on their way wins where it is newer, and is given where it is not
/// known there.
void TestSyncSession::writesGoOnWhileRecordsAreSent()
{
    const std::vector<QByteArray> keys = keysOf(9, 3 * kPieceRecords);
    SyncPair pair;
    for (size_t i = 0; i + 1 < keys.size(); ++i)
        pair.theirs.apply(record(keys[i], {5, 1}, "theirs"));
    bool isWritten = false;
    pair.tamper = [&](Message &message) {
        if (std::holds_alternative<StampsReply>(message) && !std::exchange(isWritten, true)) {
            pair.mine.apply(record(keys[1], {6, 1}, "newer"));
            pair.mine.apply(record(keys[2], {4, 1}, "older"));
            pair.mine.apply(record(keys.back(), {4, 1}, "unknown there"));
        }
        return true;
    };
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
    QCOMPARE(pair.theirs.find(keys[1])->value, QByteArray("newer"));
    QCOMPARE(pair.mine.find(keys[2])->value, QByteArray("theirs"));
    QCOMPARE(pair.theirs.find(keys.back())->value, QByteArray("unknown there"));
}

void TestSyncSession::silentPeerFailsInTime()
{
    SyncPair pair;
    pair.tamper = [](Message &) { return false; };
    QCOMPARE(pair.run(), State::Running);
    pair.session.tick(SyncSession::kReplyMsMax);
    QCOMPARE(pair.session.state(), State::Running);
    pair.session.tick(SyncSession::kReplyMsMax + 1);
    QCOMPARE(pair.session.state(), State::Failed);
}

void TestSyncSession::slowPeerThatAdvancesIsWaitedFor()
{
    SyncPair pair;
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
        SyncPair pair;
        pair.theirs.apply(record("wanted", {2, 1}));
        pair.diskResult = result;
        QCOMPARE(pair.run(), result == Committed::Result::NoSpace ? State::Full : State::Failed);
        // It has answered: whoever waited for it once more would wait for ever, and promise
        // nothing.
        QVERIFY(pair.session.openAppends().empty());
    }
}

/// What is in the way of memory is left out, and the session never says that it was complete.
void TestSyncSession::whatHasNoRoomIsLeftOut()
{
    SyncPair pair(1000); // Takes 1100 bytes at most.
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
    SyncPair pair;
    pair.fillAtRandom(4, 1000);
    const auto before = pair.theirs.all();
    pair.isPeerFull = true;
    const qint64 unknownThere = SyncPair::newerIn(pair.mine, pair.theirs);
    QVERIFY(unknownThere > 0);
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.theirs.all() == before);
    QVERIFY(pair.session.totals().declined > 0);
    QVERIFY(pair.session.totals().declined <= unknownThere);
    QCOMPARE(SyncPair::newerIn(pair.theirs, pair.mine), qint64{0});
    QCOMPARE(pair.session.totals().pushed, qint64{0});
}

void TestSyncSession::whatWasPurgedHereIsNotFetched()
{
    SyncPair pair(0, {.watermark = 100});
    pair.theirs.apply(record("old", {100, 1}));
    pair.theirs.apply(record("new", {101, 1}));
    pair.mine.apply(record("held", {50, 1}));
    pair.theirs.apply(record("held", {60, 1}));
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(!pair.mine.find("old"));
    QVERIFY(pair.mine.find("new"));
    QCOMPARE(pair.mine.find("held")->version.clock, quint64{60});
    QCOMPARE(pair.session.totals().declined, qint64{0});
}

void TestSyncSession::whatThePeerHasPurgedIsDeletedByWhoLostTheDelete_data()
{
    QTest::addColumn<bool>("isToldWithRoots"); // Or with the stamps, since it came meanwhile.
    QTest::newRow("before") << true;
    QTest::newRow("meanwhile") << false;
}

void TestSyncSession::whatThePeerHasPurgedIsDeletedByWhoLostTheDelete()
{
    QFETCH(const bool, isToldWithRoots);
    SyncPair pair(0, {.self = 9, .isRepairing = true});
    pair.tamper = [isToldWithRoots](Message &message) {
        if (auto *roots = std::get_if<RootsReply>(&message); roots && isToldWithRoots)
            roots->holdings.watermark = 100;
        if (auto *stamps = std::get_if<StampsReply>(&message); stamps && !isToldWithRoots)
            stamps->watermark = 100;
        return true;
    };
    pair.mine.apply(record("lost", {50, 1}));
    pair.mine.apply(record("later", {101, 1}));
    Record tombstone = record("dead", {60, 1});
    tombstone.kind = RecordKind::Tombstone;
    tombstone.value.clear();
    pair.mine.apply(tombstone);
    QCOMPARE(pair.run(), State::Complete);
    for (const MapRecords *side : {&pair.mine, &pair.theirs}) {
        QCOMPARE(side->find("lost")->kind, RecordKind::Tombstone);
        QCOMPARE(side->find("lost")->version, (Version{101, 9}));
        QCOMPARE(side->find("later")->kind, RecordKind::Value);
    }
    QVERIFY(pair.mine.find("dead") == tombstone); // As good as purged.
    QVERIFY(!pair.theirs.find("dead"));
}

/// It would be taken for nothing, and what is older stay alive here.
void TestSyncSession::aDeleteThatIsPurgedWhileItIsFetchedIsAskedForAgain_data()
{
    QTest::addColumn<bool>("isRepairing");
    QTest::addColumn<bool>("isMerging");
    QTest::newRow("repairing") << true << false;
    QTest::newRow("merging") << false << true;
}

void TestSyncSession::aDeleteThatIsPurgedWhileItIsFetchedIsAskedForAgain()
{
    QFETCH(const bool, isRepairing);
    QFETCH(const bool, isMerging);
    SyncPair pair(0, {.isRepairing = isRepairing, .isMerging = isMerging});
    pair.mine.apply(record("k", {50, 1}));
    pair.theirs.apply(record("k", {60, 1}));
    pair.tamper = [](Message &message) {
        if (auto *roots = std::get_if<RootsReply>(&message))
            roots->promise = 100;
        if (auto *fetched = std::get_if<FetchReply>(&message))
            fetched->records.clear();
        return true;
    };
    QCOMPARE(pair.run(), State::Failed);
    QCOMPARE(pair.fetches, 1);
}

void TestSyncSession::whatIsBroughtAlongIsStampedAnew_data()
{
    QTest::addColumn<quint64>("promise");
    QTest::addColumn<quint64>("watermark");
    QTest::newRow("above the promise") << quint64{100} << quint64{70};
    QTest::newRow("above what was purged") << quint64{60} << quint64{100};
}

void TestSyncSession::whatIsBroughtAlongIsStampedAnew()
{
    QFETCH(const quint64, promise);
    QFETCH(const quint64, watermark);
    SyncPair pair(0, {.self = 9, .isMerging = true});
    pair.tamper = changing<RootsReply>([&](RootsReply &roots) {
        roots.promise = promise;
        roots.holdings.watermark = watermark;
    });
    pair.mine.apply(record("old", {50, 1}, "mine"));
    pair.mine.apply(record("late", {150, 1}, "mine"));
    pair.mine.apply(record("both", {50, 1}, "mine"));
    pair.theirs.apply(record("both", {60, 1}, "theirs"));
    QCOMPARE(pair.run(), State::Complete);
    QVERIFY(pair.mine.all() == pair.theirs.all());
    QCOMPARE(pair.theirs.find("old")->version, (Version{101, 9}));
    QCOMPARE(pair.theirs.find("old")->value, QByteArray("mine"));
    QCOMPARE(pair.theirs.find("late")->version, (Version{150, 1}));
    QCOMPARE(pair.theirs.find("both")->value, QByteArray("theirs"));
}

void TestSyncSession::whoCannotPromiseIsBroughtNothing_data()
{
    QTest::addColumn<quint64>("members");
    QTest::addColumn<bool>("isBrought");
    QTest::newRow("it has records on the way to its disk") << quint64{77} << false;
    QTest::newRow("it is of an older version") << quint64{0} << true;
}

/// What comes below what it has on the way could be refused as purged.
void TestSyncSession::whoCannotPromiseIsBroughtNothing()
{
    QFETCH(const quint64, members);
    QFETCH(const bool, isBrought);
    SyncPair pair(0, {.self = 9, .isMerging = true, .needsPromise = true});
    pair.mine.apply(record("old", {50, 1}, "mine"));
    pair.tamper =
        changing<RootsReply>([&](RootsReply &roots) { roots.holdings.members = members; });
    QCOMPARE(pair.run(), isBrought ? State::Complete : State::Failed);
    QCOMPARE(pair.theirs.find("old").has_value(), isBrought);
}

QTEST_GUILESS_MAIN(TestSyncSession)
#include "tst_sync_session.moc"
