// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using core::WriteOutcome;
using sim::SimCluster;
using Status = WriteOutcome::Status;

namespace {

constexpr int kNodes = 3;

core::WriteRequest replacing(const QByteArray &key, core::Version version, const QByteArray &value)
{
    core::WriteRequest request{key, core::RecordKind::Value, value};
    request.condition.ifMatch = core::VersionSet{false, {version}};
    return request;
}

core::WriteRequest creating(const QByteArray &key, const QByteArray &value)
{
    core::WriteRequest request{key, core::RecordKind::Value, value};
    request.condition.ifNoneMatch = core::VersionSet{true, {}};
    return request;
}

bool isAnswered(SimCluster &cluster, size_t write)
{
    return cluster.runUntil(5000, [&] { return cluster.told(write).isAnswered; });
}

/// The node whose conditional writes of \a key need no other: found by cutting off the others.
int homeOf(SimCluster &cluster, const QByteArray &key)
{
    for (int node = 0; node < kNodes; ++node) {
        for (int other = 0; other < kNodes; ++other) {
            if (other != node)
                cluster.setCutBothWays(node, other, true);
        }
        const size_t write = cluster.write(node, replacing(key, {1, 1}, "never"));
        cluster.run(50);
        const bool isHome = cluster.told(write).isAnswered;
        cluster.mendAll();
        cluster.run(5000);
        if (isHome)
            return node;
    }
    return -1;
}

} // namespace

/// Conditional writes are judged at one member for each key, whichever is asked.
class TestConditionalWrites : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void oneOfManyAtTheSameVersionWins();
    void oneOfManyCreatesTheKey();
    void theWinnerReadsItsWriteWhereItAsked();
    void theLoserLearnsWhatIsThere();
    void deletesAreConditionalToo();
    void whatTheAskedNodeKnowsCounts();
    void aHomeThatCannotBeReachedRefuses();
    void aHomeThatIsDownIsReplaced();
    void aHomeLostOnTheWayLeavesTheOutcomeUnknown();
};

/// Counters by compare and swap from all nodes at once: no increment is lost, none counted twice.
void TestConditionalWrites::oneOfManyAtTheSameVersionWins()
{
    SimCluster cluster(1);
    QVERIFY(cluster.form(kNodes));
    for (const QByteArray key : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
        const size_t first = cluster.put(0, key, "0", {core::WriteConcern::Kind::All});
        QVERIFY(isAnswered(cluster, first));
        core::Version version = cluster.told(first).outcome.version;
        for (int round = 1; round <= 20; ++round) {
            std::vector<size_t> writes;
            for (int i = 0; i < 9; ++i) {
                const QByteArray value = QByteArray::number(round) + '/' + QByteArray::number(i);
                writes.push_back(cluster.write(i % kNodes, replacing(key, version, value)));
                cluster.run(static_cast<qint64>(cluster.random().below(3)));
            }
            std::vector<core::Version> won;
            for (const size_t write : writes) {
                QVERIFY(isAnswered(cluster, write));
                const WriteOutcome &outcome = cluster.told(write).outcome;
                if (outcome.status == Status::Done)
                    won.push_back(outcome.version);
                else
                    QCOMPARE(outcome.status, Status::ConditionFailed);
            }
            QCOMPARE(won.size(), size_t{1});
            version = won.front();
        }
        QVERIFY(cluster.runUntil(2000, [&] { return cluster.recordsAgree(); }));
        QCOMPARE(cluster.records(0).find(key)->version, version);
    }
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

void TestConditionalWrites::oneOfManyCreatesTheKey()
{
    SimCluster cluster(2);
    QVERIFY(cluster.form(kNodes));
    for (int round = 0; round < 20; ++round) {
        const QByteArray key = "lock" + QByteArray::number(round);
        std::vector<size_t> writes;
        for (int i = 0; i < 6; ++i)
            writes.push_back(cluster.write(i % kNodes, creating(key, QByteArray::number(i))));
        int won = 0;
        for (const size_t write : writes) {
            QVERIFY(isAnswered(cluster, write));
            won += cluster.told(write).outcome.status == Status::Done ? 1 : 0;
        }
        QCOMPARE(won, 1);
    }
}

void TestConditionalWrites::theWinnerReadsItsWriteWhereItAsked()
{
    SimCluster cluster(3);
    QVERIFY(cluster.form(kNodes));
    for (int i = 0; i < 30; ++i) {
        const int node = i % kNodes;
        const QByteArray key = "k" + QByteArray::number(i);
        const size_t write = cluster.write(node, creating(key, "v"));
        // As finely as time goes here: the very moment of the answer.
        for (int ms = 0; ms < 1000 && !cluster.told(write).isAnswered; ++ms)
            cluster.run(1);
        QCOMPARE(cluster.told(write).outcome.status, Status::Done);
        const auto held = cluster.records(node).find(key);
        QVERIFY(held && held->version == cluster.told(write).outcome.version);
    }
}

void TestConditionalWrites::theLoserLearnsWhatIsThere()
{
    SimCluster cluster(4);
    QVERIFY(cluster.form(kNodes));
    const size_t first = cluster.put(0, "k", "1", {core::WriteConcern::Kind::All});
    QVERIFY(isAnswered(cluster, first));
    for (int node = 0; node < kNodes; ++node) {
        const size_t late = cluster.write(node, creating("k", "2"));
        QVERIFY(isAnswered(cluster, late));
        QCOMPARE(cluster.told(late).outcome.status, Status::ConditionFailed);
        QCOMPARE(cluster.told(late).outcome.version, cluster.told(first).outcome.version);
        QVERIFY(cluster.told(late).outcome.existed);
        const size_t never = cluster.write(node, replacing("nothing", {5, 5}, "2"));
        QVERIFY(isAnswered(cluster, never));
        QCOMPARE(cluster.told(never).outcome.status, Status::ConditionFailed);
        QVERIFY(!cluster.told(never).outcome.existed);
    }
}

void TestConditionalWrites::deletesAreConditionalToo()
{
    SimCluster cluster(5);
    QVERIFY(cluster.form(kNodes));
    const size_t first = cluster.put(0, "k", "1", {core::WriteConcern::Kind::All});
    QVERIFY(isAnswered(cluster, first));
    core::WriteRequest remove = replacing("k", {7, 7}, {});
    remove.kind = core::RecordKind::Tombstone;
    const size_t wrong = cluster.write(1, remove);
    QVERIFY(isAnswered(cluster, wrong));
    QCOMPARE(cluster.told(wrong).outcome.status, Status::ConditionFailed);
    remove.condition.ifMatch->versions = {cluster.told(first).outcome.version};
    const size_t right = cluster.write(2, remove);
    QVERIFY(isAnswered(cluster, right));
    QCOMPARE(cluster.told(right).outcome.status, Status::Done);
    QVERIFY(cluster.told(right).outcome.existed);
    // A deleted key may be created again.
    const size_t again = cluster.write(0, creating("k", "2"));
    QVERIFY(isAnswered(cluster, again));
    QCOMPARE(cluster.told(again).outcome.status, Status::Done);
}

/// A client that has just written through one node must not be told by the key's home, which the
/// write has not reached yet, that its version is not there.
void TestConditionalWrites::whatTheAskedNodeKnowsCounts()
{
    SimCluster cluster(6);
    QVERIFY(cluster.form(kNodes));
    const int home = homeOf(cluster, "k");
    QVERIFY(home >= 0);
    const int asked = (home + 1) % kNodes;
    const int third = (home + 2) % kNodes;
    // Reaches the asked node, but not the home.
    cluster.setCutBothWays(third, home, true);
    const size_t first = cluster.put(third, "k", "1");
    QVERIFY(isAnswered(cluster, first));
    QVERIFY(cluster.runUntil(1000, [&] { return cluster.records(asked).find("k").has_value(); }));
    QVERIFY(!cluster.records(home).find("k"));
    const core::Version version = cluster.told(first).outcome.version;
    const size_t second = cluster.write(asked, replacing("k", version, "2"));
    QVERIFY(isAnswered(cluster, second));
    QCOMPARE(cluster.told(second).outcome.status, Status::Done);
    QVERIFY(cluster.told(second).outcome.version > version);
}

void TestConditionalWrites::aHomeThatCannotBeReachedRefuses()
{
    SimCluster cluster(7);
    QVERIFY(cluster.form(kNodes));
    const int home = homeOf(cluster, "k");
    const int asked = (home + 1) % kNodes;
    // The third still hears it, so that it does not count as down.
    cluster.setCutBothWays(asked, home, true);
    const auto isRefused = [&] {
        const size_t write = cluster.write(asked, creating("k", "1"));
        return isAnswered(cluster, write) && cluster.told(write).outcome.status == Status::NotReady;
    };
    QVERIFY(cluster.runUntil(20'000, isRefused));
    QVERIFY(!cluster.records(asked).find("k"));
}

void TestConditionalWrites::aHomeThatIsDownIsReplaced()
{
    SimCluster cluster(8);
    QVERIFY(cluster.form(kNodes));
    const int home = homeOf(cluster, "k");
    const int asked = (home + 1) % kNodes;
    cluster.crash(home);
    const auto isDone = [&] {
        const size_t write = cluster.write(asked, creating("k", "1"));
        return isAnswered(cluster, write) && cluster.told(write).outcome.status == Status::Done;
    };
    QVERIFY(cluster.runUntil(10'000, isDone));
    // And whoever comes back honours what was done without it.
    cluster.start(home);
    QVERIFY(cluster.runUntil(20'000, [&] { return cluster.allReady(); }));
    const size_t late = cluster.write(home, creating("k", "2"));
    QVERIFY(isAnswered(cluster, late));
    QCOMPARE(cluster.told(late).outcome.status, Status::ConditionFailed);
}

void TestConditionalWrites::aHomeLostOnTheWayLeavesTheOutcomeUnknown()
{
    SimCluster cluster(9);
    QVERIFY(cluster.form(kNodes));
    const int home = homeOf(cluster, "k");
    const int asked = (home + 1) % kNodes;
    cluster.setPaused(home, true);
    const size_t write = cluster.write(asked, creating("k", "1"));
    QVERIFY(isAnswered(cluster, write));
    QCOMPARE(cluster.told(write).outcome.status, Status::TooFewReplicas);
    QCOMPARE(cluster.told(write).outcome.acked, 0);
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

QTEST_APPLESS_MAIN(TestConditionalWrites)
#include "tst_conditional_writes.moc"
