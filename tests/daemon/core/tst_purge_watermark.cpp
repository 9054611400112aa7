// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/purge_watermark.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;

namespace {

constexpr NodeId kSelf = 1;

/// Node 1 of 1, 2 and 3.
struct Bench
{
    PurgeWatermark watermark{kSelf};

    explicit Bench(const std::set<NodeId> &members = {1, 2, 3}) { watermark.setMembers(members); }
    void compare(NodeId peer, quint64 mine, quint64 theirs, const Holdings &told = {})
    {
        watermark.compared(peer, watermark.membersHash(), mine, theirs, told);
    }
    void hear(NodeId peer, quint64 upTo, quint64 purged = 0)
    {
        watermark.heard(peer, {upTo, watermark.membersHash(), purged});
    }
    void save()
    {
        watermark.beginSave();
        watermark.saved();
    }
};

} // namespace

class TestPurgeWatermark : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void holdsAllOnceComparedWithEach();
    void holdsWhatWhoHoldsAllHeld();
    void onlyTheSameMembersCount();
    void tellsOnlyWhatTheDiskHas();
    void allMustHoldAll();
    void anothersFindingCountsAsFarAsItIsHeldHere();
    void aloneNeedsNoMoreThanItsPromise();
    void whoWasComparedLongestAgoIsNext();
    void whatIsPurgeable_data();
    void whatIsPurgeable();
};

void TestPurgeWatermark::holdsAllOnceComparedWithEach()
{
    Bench bench;
    bench.compare(2, 100, 90);
    QCOMPARE(bench.watermark.holdsUpTo(), 0ULL);
    bench.compare(3, 110, 120);
    QCOMPARE(bench.watermark.holdsUpTo(), 90ULL); // The least promise of all.
    bench.compare(2, 200, 210);
    QCOMPARE(bench.watermark.holdsUpTo(), 110ULL);
    bench.compare(3, 130, 10); // Never less.
    QCOMPARE(bench.watermark.holdsUpTo(), 110ULL);
}

void TestPurgeWatermark::holdsWhatWhoHoldsAllHeld()
{
    Bench bench;
    bench.compare(2, 100, 90, {80, bench.watermark.membersHash(), 0});
    QCOMPARE(bench.watermark.holdsUpTo(), 80ULL);
    bench.compare(2, 100, 90, {85, bench.watermark.membersHash() + 1, 0});
    QCOMPARE(bench.watermark.holdsUpTo(), 80ULL);
}

void TestPurgeWatermark::onlyTheSameMembersCount()
{
    Bench bench;
    bench.compare(2, 100, 100);
    bench.compare(3, 100, 100);
    const quint64 before = bench.watermark.membersHash();
    bench.watermark.setMembers({1, 2, 3}); // No change.
    QCOMPARE(bench.watermark.holdsUpTo(), 100ULL);
    bench.watermark.setMembers({1, 2, 3, 4});
    QVERIFY(bench.watermark.membersHash() != before);
    QCOMPARE(bench.watermark.holdsUpTo(), 0ULL);
    // Begun before the change.
    bench.watermark.compared(4, before, 200, 200, {200, before, 0});
    bench.watermark.compared(2, before, 200, 200, {});
    bench.watermark.compared(3, before, 200, 200, {});
    QCOMPARE(bench.watermark.holdsUpTo(), 0ULL);
    bench.watermark.setMembers({1, 2, 3});
    QCOMPARE(bench.watermark.membersHash(), before);
    QCOMPARE(bench.watermark.holdsUpTo(), 0ULL); // Somebody came and went: all anew.
}

void TestPurgeWatermark::tellsOnlyWhatTheDiskHas()
{
    Bench bench;
    bench.compare(2, 100, 100);
    bench.watermark.beginSave();
    bench.compare(3, 100, 100);
    bench.watermark.saved();
    QCOMPARE(bench.watermark.toldUpTo(), 0ULL);
    bench.watermark.beginSave();
    bench.compare(2, 200, 200);
    bench.compare(3, 200, 200);
    bench.watermark.saved();
    QCOMPARE(bench.watermark.toldUpTo(), 100ULL);
    bench.watermark.beginSave();
    bench.watermark.reset();
    bench.watermark.saved();
    QCOMPARE(bench.watermark.toldUpTo(), 0ULL);
}

void TestPurgeWatermark::allMustHoldAll()
{
    Bench bench;
    bench.compare(2, 100, 100);
    bench.compare(3, 100, 100);
    bench.hear(2, 90);
    bench.hear(3, 80);
    QCOMPARE(bench.watermark.agreed(), 0ULL); // This node has yet to store it.
    bench.save();
    QCOMPARE(bench.watermark.agreed(), 80ULL);
    bench.watermark.heard(3, {95, bench.watermark.membersHash() + 1, 0});
    QCOMPARE(bench.watermark.agreed(), 0ULL);
    bench.hear(3, 95);
    QCOMPARE(bench.watermark.agreed(), 90ULL);
}

void TestPurgeWatermark::anothersFindingCountsAsFarAsItIsHeldHere()
{
    Bench bench;
    bench.hear(2, 0, 150);
    QCOMPARE(bench.watermark.agreed(), 0ULL);
    bench.compare(2, 100, 100);
    bench.compare(3, 100, 100);
    QCOMPARE(bench.watermark.agreed(), 100ULL);
}

void TestPurgeWatermark::aloneNeedsNoMoreThanItsPromise()
{
    Bench alone({kSelf});
    alone.watermark.promised(50);
    alone.save();
    QCOMPARE(alone.watermark.agreed(), 50ULL);
    Bench two({kSelf, 2});
    two.watermark.promised(50);
    two.save();
    QCOMPARE(two.watermark.holdsUpTo(), 0ULL);
}

void TestPurgeWatermark::whoWasComparedLongestAgoIsNext()
{
    Bench bench;
    QCOMPARE(bench.watermark.longestAgo({2, 3}), NodeId{2});
    bench.compare(2, 100, 100);
    QCOMPARE(bench.watermark.longestAgo({2, 3}), NodeId{3});
    bench.compare(3, 200, 200);
    QCOMPARE(bench.watermark.longestAgo({2, 3}), NodeId{2});
}

void TestPurgeWatermark::whatIsPurgeable_data()
{
    QTest::addColumn<bool>("isTombstone");
    QTest::addColumn<quint64>("clock");
    QTest::addColumn<qint64>("expiresAtMs");
    QTest::addColumn<bool>("isPurged");
    constexpr quint64 at = quint64{1000} << 16; // The watermark.
    QTest::newRow("tombstone") << true << at << qint64{0} << true;
    QTest::newRow("later tombstone") << true << at + 1 << qint64{0} << false;
    QTest::newRow("value") << false << quint64{1} << qint64{0} << false;
    QTest::newRow("expired") << false << at << qint64{1000} << true;
    QTest::newRow("expires a moment later") << false << quint64{1} << qint64{1001} << false;
    QTest::newRow("expired but later") << false << at + 1 << qint64{5} << false;
}

void TestPurgeWatermark::whatIsPurgeable()
{
    QFETCH(bool, isTombstone);
    QFETCH(quint64, clock);
    QFETCH(qint64, expiresAtMs);
    Record record;
    record.kind = isTombstone ? RecordKind::Tombstone : RecordKind::Value;
    record.version = {clock, 1};
    record.expiresAtMs = expiresAtMs;
    QTEST(isPurgeable(record, quint64{1000} << 16), "isPurged");
}

QTEST_APPLESS_MAIN(TestPurgeWatermark)
#include "tst_purge_watermark.moc"
