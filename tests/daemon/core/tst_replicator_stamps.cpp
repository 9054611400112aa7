// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/replicator_bench.h"

using namespace dynakv;
using namespace dynakv::testing;
using Bench = ReplicatorBench;

Q_DECLARE_METATYPE(dynakv::core::Version)

/// Which version a write is given, and what it finds.
class TestReplicatorStamps : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void stampIsAboveWhatIsHeld_data();
    void stampIsAboveWhatIsHeld();
    void stampIsAboveWhatIsInFlight();
    void stampIsAboveAPeersRecordInFlight();
    void keyUnderTheGreatestVersionIsNotAcknowledgedAndLost();
    void existedTellsWhatWasThere_data();
    void existedTellsWhatWasThere();
    void existedCountsWritesInFlight();
    void expiryIsCountedFromTheStamp();
};

void TestReplicatorStamps::stampIsAboveWhatIsHeld_data()
{
    QTest::addColumn<Version>("held");
    QTest::newRow("older") << Version{clockAt(kWallMs - kHour), 9};
    QTest::newRow("the same moment, a greater node") << Version{clockAt(kWallMs), 9};
    QTest::newRow("a bit ahead") << Version{clockAt(kWallMs + 30'000), 9};
    QTest::newRow("an hour ahead") << Version{clockAt(kWallMs + kHour), 9};
    QTest::newRow("one below the greatest") << Version{~quint64{0} - 1, 9};
}

void TestReplicatorStamps::stampIsAboveWhatIsHeld()
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

void TestReplicatorStamps::stampIsAboveWhatIsInFlight()
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
void TestReplicatorStamps::stampIsAboveAPeersRecordInFlight()
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

void TestReplicatorStamps::keyUnderTheGreatestVersionIsNotAcknowledgedAndLost()
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

void TestReplicatorStamps::existedTellsWhatWasThere_data()
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

void TestReplicatorStamps::existedTellsWhatWasThere()
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

void TestReplicatorStamps::existedCountsWritesInFlight()
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

void TestReplicatorStamps::expiryIsCountedFromTheStamp()
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

QTEST_GUILESS_MAIN(TestReplicatorStamps)
#include "tst_replicator_stamps.moc"
