// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;
using testing::kSelf;
using Bench = testing::NodeBench;
using Status = WriteOutcome::Status;

/// What a node does when memory or disk has no room.
class TestNodeRoom : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aFullNodeRefusesValuesAndTakesDeletes();
    void aValueThatIsTooLargeForTheRoomLeftIsRefused();
    void aFullMemberStopsValuesHere();
    void aMemberThatIsDownIsNotAskedForItsRoom();
    void fullnessIsToldOnceEachWay();
    void whatIsLoadedBeyondTheLimitStays();
    void theViewShowsTheMemoryUsed();
    void aFullDiskIsToldOnceEachWay();
    void aFullDiskStaysTheReasonWhenTheCeilingIsReached();
};

void TestNodeRoom::aFullNodeRefusesValuesAndTakesDeletes()
{
    Bench bench;
    bench.config.memoryBytesMax = 1000;
    bench.start();
    QCOMPARE(bench.write("k", RecordKind::Value, QByteArray(902, 'v')).status, Status::Done);
    // 951 of 1000 bytes.
    const WriteOutcome refused = bench.write("l");
    QCOMPARE(refused.status, Status::NoSpace);
    QVERIFY2(refused.detail.contains("this node uses 95 %"), refused.detail.constData());
    QVERIFY2(refused.detail.contains("--max-memory"), refused.detail.constData());
    QVERIFY(!bench.records.find("l"));
    QCOMPARE(bench.write("k").status, Status::NoSpace);
    // Its tombstone would take room of its own.
    QCOMPARE(bench.write("l", RecordKind::Tombstone, {}).status, Status::NoSpace);
    QCOMPARE(bench.write("k", RecordKind::Tombstone, {}).status, Status::Done);
    QCOMPARE(bench.write("l").status, Status::Done);
}

/// One value can be more than all that lies between full and the reserve, and would then be held
/// here and nowhere else.
void TestNodeRoom::aValueThatIsTooLargeForTheRoomLeftIsRefused()
{
    Bench bench;
    bench.config.memoryBytesMax = 1000;
    bench.start();
    QCOMPARE(bench.write("k", RecordKind::Value, QByteArray(400, 'v')).status, Status::Done);
    const WriteOutcome refused = bench.write("l", RecordKind::Value, QByteArray(600, 'v'));
    QCOMPARE(refused.status, Status::NoSpace);
    QVERIFY2(refused.detail.contains("600 bytes (--max-memory)"), refused.detail.constData());
    QCOMPARE(bench.write("k", RecordKind::Value, QByteArray(600, 'v')).status, Status::Done);
}

void TestNodeRoom::aFullMemberStopsValuesHere()
{
    Bench bench;
    bench.start();
    QCOMPARE(bench.write("k").status, Status::Done);
    Bench::Peer other = bench.join(20);
    other.memoryUsedPermille = 950;
    bench.beat(other);
    QCOMPARE(bench.write("k").status, Status::Done);
    other.memoryUsedPermille = 951;
    bench.beat(other);
    const WriteOutcome refused = bench.write("k");
    QCOMPARE(refused.status, Status::NoSpace);
    QVERIFY2(refused.detail.contains("member 0000000000000014 at 10.0.0.20:6660 uses 95 %"),
             refused.detail.constData());
    QCOMPARE(bench.write("k", RecordKind::Tombstone, {}).status, Status::Done);
    other.memoryUsedPermille = 950;
    bench.beat(other);
    QCOMPARE(bench.write("k").status, Status::Done);
}

void TestNodeRoom::aMemberThatIsDownIsNotAskedForItsRoom()
{
    Bench bench;
    bench.start();
    Bench::Peer other = bench.join(20);
    other.memoryUsedPermille = 1000;
    bench.beat(other);
    QCOMPARE(bench.write("k").status, Status::NoSpace);
    bench.feed(LinkClosed{other.link});
    QCOMPARE(bench.write("k").status, Status::Done);
}

void TestNodeRoom::fullnessIsToldOnceEachWay()
{
    Bench bench;
    bench.start();
    Bench::Peer other = bench.join(20);
    // Around the mark nothing is said again before it is well below.
    for (const quint32 permille : {900U, 955U, 949U, 952U, 931U, 960U}) {
        other.memoryUsedPermille = permille;
        bench.beat(other);
        bench.tick();
    }
    QCOMPARE(bench.logged(Log::Level::Warning, "member 0000000000000014 at 10.0.0.20:6660"), 1);
    QCOMPARE(bench.logged(Log::Level::Info, "no longer full"), 0);
    other.memoryUsedPermille = 930;
    bench.beat(other);
    bench.tick();
    bench.tick();
    QCOMPARE(bench.logged(Log::Level::Warning, "full"), 1);
    QCOMPARE(bench.logged(Log::Level::Info, "no longer full"), 1);
    QCOMPARE(bench.write("k").status, Status::Done);
}

void TestNodeRoom::whatIsLoadedBeyondTheLimitStays()
{
    Bench bench;
    bench.config.memoryBytesMax = 100;
    Record large;
    large.key = "large";
    large.version = {1, 1};
    large.value = QByteArray(1000, 'v');
    bench.records.apply(large);
    bench.start();
    QCOMPARE(bench.node->view().readiness, Readiness::Ready);
    bench.tick();
    QCOMPARE(bench.logged(Log::Level::Warning, "this node uses 105"), 1);
    QCOMPARE(bench.write("k").status, Status::NoSpace);
    QVERIFY(bench.records.find("large"));
}

void TestNodeRoom::theViewShowsTheMemoryUsed()
{
    Bench bench;
    bench.start();
    Bench::Peer other = bench.join(20);
    bench.beat(other);
    QVERIFY(!bench.row(kSelf).memoryUsedPermille);
    QVERIFY(!bench.row(20).memoryUsedPermille);
    other.memoryUsedPermille = 12;
    bench.beat(other);
    QCOMPARE(bench.row(20).memoryUsedPermille, std::optional<qint64>(12));

    Bench limited;
    limited.config.memoryBytesMax = 1000;
    limited.start();
    QCOMPARE(limited.row(kSelf).memoryUsedPermille, std::optional<qint64>(0));
    const Bench::Peer peer = limited.join(20);
    limited.write("k");
    limited.sent.clear();
    for (int i = 0; i < 6; ++i)
        limited.tick();
    const auto beats = limited.sentOn<Heartbeat>(peer.link);
    QVERIFY(!beats.empty());
    QCOMPARE(beats.back().memoryUsedPermille, 50U);
    QCOMPARE(limited.row(kSelf).memoryUsedPermille, std::optional<qint64>(50));
}

void TestNodeRoom::aFullDiskIsToldOnceEachWay()
{
    Bench bench;
    bench.start();
    bench.isDiskFull = true;
    for (int i = 0; i < 20; ++i) {
        const WriteOutcome refused = bench.write("k");
        QCOMPARE(refused.status, Status::NoSpace);
        QCOMPARE(refused.detail, QByteArray("why"));
        bench.tick();
    }
    // Some fit and some do not: it is not over.
    bench.isDiskFull = false;
    QCOMPARE(bench.write("k").status, Status::Done);
    bench.isDiskFull = true;
    bench.tick();
    bench.write("l");
    bench.isDiskFull = false;
    QCOMPARE(bench.logged(Log::Level::Warning, "the disk is full"), 1);
    for (int i = 0; i < 40; ++i)
        bench.tick();
    QCOMPARE(bench.logged(Log::Level::Info, "space again"), 0); // It may have been a moment only.
    for (int i = 0; i < 30; ++i)
        bench.tick();
    QCOMPARE(bench.logged(Log::Level::Info, "space again"),
             1); // The node's own state has shown it.
    QCOMPARE(bench.logged(Log::Level::Warning, "disk"), 1);
}

/// Without a stored ceiling nothing may be stamped, but the client shall learn the cause.
void TestNodeRoom::aFullDiskStaysTheReasonWhenTheCeilingIsReached()
{
    Bench bench;
    bench.start();
    bench.isDiskFull = true;
    for (int i = 0; i < 600; ++i)
        bench.tick();
    const WriteOutcome refused = bench.write("k");
    QCOMPARE(refused.status, Status::NoSpace);
    QVERIFY(refused.detail.contains("disk is full"));
    QVERIFY(bench.appends.empty());
    QCOMPARE(bench.logged(Log::Level::Warning, {}), 1);
    bench.isDiskFull = false;
    for (int i = 0; i < 100; ++i)
        bench.tick();
    QCOMPARE(bench.write("k").status, Status::Done);
    QCOMPARE(bench.logged(Log::Level::Info, "space again"), 1);
}

QTEST_GUILESS_MAIN(TestNodeRoom)
#include "tst_node_room.moc"
