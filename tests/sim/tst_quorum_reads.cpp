// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;
using WriteStatus = core::WriteOutcome::Status;
using Status = core::ReadOutcome::Status;

namespace {

constexpr core::WriteConcern kQuorum{core::WriteConcern::Kind::Quorum};
constexpr core::WriteConcern kAll{core::WriteConcern::Kind::All};

void form(SimCluster &cluster, int nodes)
{
    QVERIFY(cluster.form(nodes));
    cluster.run(200); // Heartbeats tell who is caught up.
}

core::WriteOutcome write(SimCluster &cluster, int node, const QByteArray &key,
                         const QByteArray &value, core::WriteConcern concern = kQuorum)
{
    const size_t write = cluster.put(node, key, value, concern);
    for (int ms = 0; ms < 5000 && !cluster.told(write).isAnswered; ++ms)
        cluster.run(1);
    return cluster.told(write).outcome;
}

core::ReadOutcome read(SimCluster &cluster, int node, const core::ReadRequest &request)
{
    const size_t read = cluster.read(node, request);
    for (int ms = 0; ms < 5000 && !cluster.readOf(read).isAnswered; ++ms)
        cluster.run(1);
    return cluster.readOf(read).isAnswered ? cluster.readOf(read).outcome
                                           : core::ReadOutcome{Status::NotReady};
}

/// Cuts between \a some and the others, and mends all else. What was cut before and stays so keeps
/// what it holds back.
void cutOff(SimCluster &cluster, const std::vector<int> &some)
{
    const auto isAmong = [&](int node) {
        return std::find(some.begin(), some.end(), node) != some.end();
    };
    for (int one = 0; one < cluster.count(); ++one) {
        for (int other = 0; other < cluster.count(); ++other)
            cluster.setCut(one, other, isAmong(one) != isAmong(other));
    }
}

} // namespace

/// Reads of several replicas, and reads that must see a version.
class TestQuorumReads : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aQuorumSeesWhatAQuorumWasGiven_data();
    void aQuorumSeesWhatAQuorumWasGiven();
    void aQuorumSeesDeletes();
    void theMinorityIsRefusedAtOnceOrInTime();
    void aReadRepairsWhoWasBehind_data();
    void aReadRepairsWhoWasBehind();
    void aClientReadsItsWritesEverywhere();
    void whatNobodyInReachHasIsRefused();
    void aNodeThatReturnsAnswersThroughAnother();
    void aNodeThatLostItsDiskDoesNotCount();
};

void TestQuorumReads::aQuorumSeesWhatAQuorumWasGiven_data()
{
    QTest::addColumn<int>("nodes");
    QTest::addColumn<int>("seed");
    for (const int nodes : {3, 5}) {
        for (int seed = 1; seed <= 8; ++seed)
            QTest::addRow("%d nodes, seed %d", nodes, seed) << nodes << seed;
    }
}

/// A random minority is cut off for each write, and another one for each read.
void TestQuorumReads::aQuorumSeesWhatAQuorumWasGiven()
{
    QFETCH(int, nodes);
    QFETCH(int, seed);
    SimCluster cluster(static_cast<quint64>(seed));
    form(cluster, nodes);
    int written = 0;
    int seen = 0;
    core::Version newest;
    for (int round = 0; round < 40; ++round) {
        const auto somebody = [&] {
            return static_cast<int>(cluster.random().below(static_cast<quint64>(nodes)));
        };
        const auto minority = [&] {
            std::vector<int> some;
            while (static_cast<int>(some.size()) < (nodes - 1) / 2) {
                const int node = somebody();
                if (std::find(some.begin(), some.end(), node) == some.end())
                    some.push_back(node);
            }
            return some;
        };
        cutOff(cluster, minority());
        const auto outcome = write(cluster, somebody(), "k", QByteArray::number(round));
        if (outcome.status == WriteStatus::Done) {
            newest = outcome.version;
            ++written;
        }
        cutOff(cluster, minority());
        const auto got = read(cluster, somebody(), {"k", kQuorum, {}, 300});
        if (got.status == Status::Done && newest != core::Version{}) {
            QVERIFY(got.record);
            QVERIFY(got.record->version >= newest);
            ++seen;
        }
        cluster.mendAll();
        cluster.run(static_cast<qint64>(cluster.random().below(50)));
    }
    QVERIFY(written > 5);
    QVERIFY(seen > 5);
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

void TestQuorumReads::aQuorumSeesDeletes()
{
    SimCluster cluster(20);
    form(cluster, 3);
    QCOMPARE(write(cluster, 0, "k", "1", kAll).status, WriteStatus::Done);
    cluster.setCutBothWays(0, 2, true);
    cluster.setCutBothWays(1, 2, true);
    const size_t removal = cluster.remove(0, "k", kQuorum);
    QVERIFY(cluster.runUntil(2000, [&] { return cluster.told(removal).isAnswered; }));
    QCOMPARE(cluster.told(removal).outcome.status, WriteStatus::Done);
    cluster.setCutBothWays(0, 1, true);
    cluster.setCutBothWays(1, 2, false);
    const auto got = read(cluster, 2, {"k", kQuorum, {}, 1000});
    QCOMPARE(got.status, Status::Done);
    QVERIFY(got.record && got.record->kind == core::RecordKind::Tombstone);
}

void TestQuorumReads::theMinorityIsRefusedAtOnceOrInTime()
{
    SimCluster cluster(21);
    form(cluster, 3);
    QCOMPARE(write(cluster, 0, "k", "1", kAll).status, WriteStatus::Done);
    cutOff(cluster, {2});
    const auto silent = read(cluster, 2, {"k", kQuorum, {}, 500});
    QCOMPARE(silent.status, Status::TooFewReplicas);
    QCOMPARE(silent.acked, 1);
    QCOMPARE(silent.required, 2);
    QCOMPARE(read(cluster, 2, {"k", {}, {}, 500}).status, Status::Done);
    QCOMPARE(read(cluster, 0, {"k", kQuorum, {}, 500}).status, Status::Done);
    QCOMPARE(read(cluster, 0, {"k", kAll, {}, 500}).status, Status::TooFewReplicas);
    // Once the links are given up nobody is waited for.
    cluster.run(20'000);
    const qint64 beganMs = cluster.nowMs();
    QCOMPARE(read(cluster, 2, {"k", kQuorum, {}, 5000}).status, Status::TooFewReplicas);
    QVERIFY(cluster.nowMs() - beganMs < 10);
}

void TestQuorumReads::aReadRepairsWhoWasBehind_data()
{
    QTest::addColumn<int>("reader");
    QTest::newRow("the node that is asked") << 2;
    QTest::newRow("the other one") << 1;
}

void TestQuorumReads::aReadRepairsWhoWasBehind()
{
    QFETCH(int, reader);
    SimCluster cluster(22);
    form(cluster, 3);
    cluster.setCutBothWays(0, 2, true);
    const auto outcome = write(cluster, 0, "k", "1");
    QCOMPARE(outcome.status, WriteStatus::Done);
    QVERIFY(cluster.records(1).find("k") && !cluster.records(2).find("k"));
    cluster.setCutBothWays(0, 1, true);
    const auto got = read(cluster, reader, {"k", kQuorum, {}, 1000});
    QCOMPARE(got.status, Status::Done);
    QVERIFY(got.record && got.record->version == outcome.version);
    cluster.run(20);
    const auto held = cluster.records(2).stampOf("k");
    QVERIFY(held && held->version == outcome.version);
}

/// Written at one node, read at another at once: there or refused, never older.
void TestQuorumReads::aClientReadsItsWritesEverywhere()
{
    SimCluster cluster(23);
    form(cluster, 3);
    int plainMisses = 0;
    for (int round = 0; round < 200; ++round) {
        const int at = round % 3;
        const int other = (round + 1 + round / 3 % 2) % 3;
        const auto outcome = write(cluster, at, "k", QByteArray::number(round), {});
        QCOMPARE(outcome.status, WriteStatus::Done);
        const auto held = cluster.records(other).stampOf("k");
        plainMisses += !held || held->version < outcome.version ? 1 : 0;
        const auto got = read(cluster, other, {"k", {}, outcome.version, 1000});
        QCOMPARE(got.status, Status::Done);
        QVERIFY(got.record && got.record->version >= outcome.version);
        QCOMPARE(got.record->value, QByteArray::number(round));
    }
    QVERIFY(plainMisses > 100); // Else this shows nothing.
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

void TestQuorumReads::whatNobodyInReachHasIsRefused()
{
    SimCluster cluster(24);
    form(cluster, 3);
    cutOff(cluster, {0});
    const auto outcome = write(cluster, 0, "k", "1", {});
    QCOMPARE(outcome.status, WriteStatus::Done);
    const auto got = read(cluster, 1, {"k", {}, outcome.version, 500});
    QCOMPARE(got.status, Status::TooOld);
    cluster.mendAll();
    QVERIFY(cluster.runUntil(20'000, [&] {
        return read(cluster, 1, {"k", {}, outcome.version, 500}).status == Status::Done;
    }));
}

/// What it missed is not answered with what it has, from the first millisecond on.
void TestQuorumReads::aNodeThatReturnsAnswersThroughAnother()
{
    SimCluster cluster(25);
    form(cluster, 3);
    QCOMPARE(write(cluster, 0, "k", "1", kAll).status, WriteStatus::Done);
    cluster.crash(2);
    QCOMPARE(write(cluster, 0, "k", "2").status, WriteStatus::Done);
    for (int i = 0; i < 2000; ++i) // So that it takes its time.
        cluster.put(i % 2, "other" + QByteArray::number(i), "1");
    cluster.run(10'000);
    cluster.start(2);
    std::vector<size_t> reads;
    while (cluster.view(2).readiness != core::Readiness::Ready) {
        reads.push_back(cluster.read(2, {"k", {}, {}, 1000}));
        cluster.run(1);
        QVERIFY(reads.size() < 20'000);
    }
    cluster.run(2000);
    int through = 0;
    for (const size_t each : reads) {
        const core::ReadOutcome &got = cluster.readOf(each).outcome;
        QVERIFY(cluster.readOf(each).isAnswered);
        if (got.status != Status::Done) {
            QCOMPARE(got.status, Status::TooFewReplicas);
            continue;
        }
        ++through;
        QVERIFY(got.record);
        QCOMPARE(got.record->value, QByteArray("2"));
    }
    QVERIFY(through > 0);
}

/// It acknowledged the write, forgot it, and must not make a quorum with who never had it.
void TestQuorumReads::aNodeThatLostItsDiskDoesNotCount()
{
    SimCluster cluster(26);
    form(cluster, 3);
    const size_t writesBefore = cluster.diskWrites(1);
    cutOff(cluster, {2});
    const auto outcome = write(cluster, 0, "k", "1");
    QCOMPARE(outcome.status, WriteStatus::Done);
    QCOMPARE(outcome.acked, 2);
    cluster.crash(0);
    cluster.crash(1);
    cluster.cutDisk(1, writesBefore);
    cluster.mendAll();
    cluster.start(1);
    std::vector<size_t> reads;
    while (cluster.view(1).readiness != core::Readiness::Ready) {
        reads.push_back(cluster.read(2, {"k", kQuorum, {}, 100}));
        cluster.run(1);
        QVERIFY(reads.size() < 20'000);
    }
    cluster.run(200);
    for (const size_t each : reads)
        QCOMPARE(cluster.readOf(each).outcome.status, Status::TooFewReplicas);
}

QTEST_APPLESS_MAIN(TestQuorumReads)
#include "tst_quorum_reads.moc"
