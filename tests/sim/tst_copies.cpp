// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

#include <algorithm>

using namespace dynakv;
using core::Readiness;
using sim::SimCluster;

namespace {

constexpr qint64 kSettledMs = 5000; ///< So long after a heal two of one id may both serve.

int environmentOr(const char *name, int otherwise)
{
    return qEnvironmentVariableIsSet(name) ? std::max(1, qEnvironmentVariableIntValue(name))
                                           : otherwise;
}

bool isReady(const SimCluster &cluster, int node)
{
    return cluster.isRunning(node) && cluster.readiness(node) == Readiness::Ready;
}

/// A machine whose disk is a copy of that of \a original; not started.
int copyOf(SimCluster &cluster, int original, const std::vector<int> &join)
{
    const int copy = cluster.addNode(join);
    cluster.copyDisk(original, copy);
    return copy;
}

void cutOff(SimCluster &cluster, int node, const std::vector<int> &others)
{
    for (const int other : others)
        cluster.setCutBothWays(node, other, true);
}

/// How many of the next \a ms both serve.
qint64 bothReadyMs(SimCluster &cluster, int one, int other, qint64 ms)
{
    qint64 both = 0;
    for (; ms > 0; ms -= 10) {
        cluster.run(10);
        both += isReady(cluster, one) && isReady(cluster, other) ? 10 : 0;
    }
    return both;
}

QByteArray addressOf(const SimCluster &cluster, int seenBy, core::NodeId id)
{
    for (const core::MemberView &member : cluster.view(seenBy).members) {
        if (member.id == id)
            return member.address;
    }
    return {};
}

bool hasAll(const SimCluster &cluster, int node, const std::vector<QByteArray> &keys)
{
    return std::all_of(keys.begin(), keys.end(), [&](const QByteArray &key) {
        return cluster.records(node).find(key).has_value();
    });
}

} // namespace

/// Two processes run with the id of one node, since a data directory was copied. One goes on.
class TestCopies : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void amongManyTheCopyIsLetInNowhere();
    void theOneThatWasCutOffComesBackToItsPlace();
    void aCopyThatWasReadyAloneStandsBack();
    void twoHalvesWithOneEachBecomeOne();
    void whoStoodStillGoesOn();
    void wordOfMouthIsEnough();
    void aCopyGoesOnOnceTheOriginalIsGone();
    void aRestartedOriginalKeepsItsPlace();
    void aCopyWhoseClockIsBehindBeganLaterAllTheSame();
    void aRestartIsNoCopy();
    void aCopyThatGoesOnBringsNothingDeletedBack();
    void aLoneNodeAndItsCopySettleItBetweenThem();
    void aCopyThatStandsBackDoesNotLeave();
    void twoValuesOfOneVersionBecomeOne();
    void whateverHappensOneGoesOnAndNothingIsLost();
};

/// Most members seldom hear of the original, and could take the copy for its next life.
void TestCopies::amongManyTheCopyIsLetInNowhere()
{
    constexpr int kNodes = 16;
    SimCluster cluster(1);
    QVERIFY(cluster.form(kNodes));
    cluster.run(20'000);
    const int copy = copyOf(cluster, 5, {0});
    cluster.start(copy);
    for (int i = 0; i < 5000; ++i) {
        cluster.run(1);
        for (int node = 0; node < kNodes; node += 3)
            QCOMPARE(addressOf(cluster, node, cluster.idOf(5)), QByteArray("10.0.0.6:6660"));
    }
    for (int i = 0; i < 600; ++i) {
        cluster.run(100);
        QVERIFY(isReady(cluster, 5) && !isReady(cluster, copy));
    }
    QVERIFY(cluster.view(copy).detail.contains("copy"));
    for (int node = 0; node < kNodes; ++node) {
        QCOMPARE(addressOf(cluster, node, cluster.idOf(5)), QByteArray("10.0.0.6:6660"));
        QCOMPARE(cluster.stateSeenBy(node, 5), core::MemberState::Alive);
    }
    cluster.crash(copy);
    cluster.wipe(copy);
    QVERIFY(cluster.membershipsAgree());
}

void TestCopies::theOneThatWasCutOffComesBackToItsPlace()
{
    SimCluster cluster(2);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    const int copy = copyOf(cluster, 2, {0});
    cutOff(cluster, 2, {0, 1, copy});
    cluster.run(10'000);
    cluster.start(copy);
    QVERIFY(cluster.runUntil(20'000, [&] { return isReady(cluster, copy); }));
    QVERIFY(isReady(cluster, 2));
    const size_t here = cluster.put(2, "original", "1");
    const size_t there = cluster.put(copy, "copy", "1");
    cluster.run(1000);
    QCOMPARE(cluster.told(here).outcome.status, core::WriteOutcome::Status::Done);
    QCOMPARE(cluster.told(there).outcome.status, core::WriteOutcome::Status::Done);
    cluster.mendAll();
    const qint64 both = bothReadyMs(cluster, 2, copy, 60'000);
    QVERIFY2(both <= kSettledMs, QByteArray::number(both).constData());
    QVERIFY(isReady(cluster, 2) && !isReady(cluster, copy));
    QVERIFY2(cluster.view(copy).detail.contains("began earlier and goes on"),
             cluster.view(copy).detail.constData());
    for (const int node : {0, 1, 2})
        QVERIFY(hasAll(cluster, node, {"original", "copy"}));
    const size_t refused = cluster.put(copy, "k", "1");
    cluster.run(10);
    QCOMPARE(cluster.told(refused).outcome.status, core::WriteOutcome::Status::NotReady);
}

/// Every member that it meets is linked with the original.
void TestCopies::aCopyThatWasReadyAloneStandsBack()
{
    SimCluster cluster(3);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    const int copy = copyOf(cluster, 2, {});
    cutOff(cluster, copy, {0, 1, 2});
    cluster.start(copy);
    QVERIFY(cluster.runUntil(20'000, [&] { return isReady(cluster, copy); }));
    cluster.put(copy, "alone", "1");
    cluster.run(60'000);
    cluster.mendAll();
    const qint64 both = bothReadyMs(cluster, 2, copy, 60'000);
    QVERIFY2(both <= 10'000, QByteArray::number(both).constData());
    QVERIFY(isReady(cluster, 2) && !isReady(cluster, copy));
    // What it took is kept, and comes to the others if it is the one to go on.
    cluster.crash(2);
    QVERIFY(cluster.runUntil(30'000, [&] { return isReady(cluster, copy); }));
    QVERIFY(cluster.runUntil(5000, [&] { return hasAll(cluster, 0, {"alone"}); }));
}

void TestCopies::twoHalvesWithOneEachBecomeOne()
{
    SimCluster cluster(4);
    QVERIFY(cluster.form(5));
    cluster.run(1000);
    const int copy = copyOf(cluster, 0, {3});
    for (const int left : {0, 1, 2})
        cutOff(cluster, left, {3, 4, copy});
    cluster.run(10'000);
    cluster.start(copy);
    QVERIFY(cluster.runUntil(20'000, [&] { return isReady(cluster, copy); }));
    std::vector<QByteArray> keys;
    for (const int node : {0, 1, 2, 3, 4, copy}) {
        keys.push_back("of" + QByteArray::number(node));
        cluster.put(node, keys.back(), "1");
    }
    cluster.run(5000);
    qint64 words = 0;
    cluster.countBytes([&words](const core::Message &message) {
        words += std::holds_alternative<core::Gossip>(message) ? 1 : 0;
        return 0;
    });
    cluster.mendAll();
    const qint64 both = bothReadyMs(cluster, 0, copy, 20'000);
    QVERIFY2(both <= kSettledMs, QByteArray::number(both).constData());
    QVERIFY(isReady(cluster, 0) && !isReady(cluster, copy));
    // They do not go on outranking each other's word.
    QVERIFY2(words < 2000, QByteArray::number(words).constData());
    for (int node = 0; node < 5; ++node)
        QVERIFY(hasAll(cluster, node, keys));
}

void TestCopies::whoStoodStillGoesOn()
{
    SimCluster cluster(5);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    cluster.setPaused(2, true);
    cluster.run(8000);
    const int copy = copyOf(cluster, 2, {0});
    cluster.start(copy);
    QVERIFY(cluster.runUntil(20'000, [&] { return isReady(cluster, copy); }));
    cluster.put(copy, "copy", "1");
    cluster.run(1000);
    cluster.setPaused(2, false);
    const qint64 both = bothReadyMs(cluster, 2, copy, 60'000);
    QVERIFY2(both <= kSettledMs, QByteArray::number(both).constData());
    QVERIFY(isReady(cluster, 2) && !isReady(cluster, copy));
    for (const int node : {0, 1, 2})
        QVERIFY(hasAll(cluster, node, {"copy"}));
}

/// No member can reach both.
void TestCopies::wordOfMouthIsEnough()
{
    SimCluster cluster(6);
    QVERIFY(cluster.form(4));
    cluster.run(1000);
    const int copy = copyOf(cluster, 0, {1});
    cutOff(cluster, 0, {1, copy});
    cutOff(cluster, copy, {2, 3});
    cluster.run(10'000);
    cluster.start(copy);
    const qint64 both = bothReadyMs(cluster, 0, copy, 60'000);
    QVERIFY2(both <= 1000, QByteArray::number(both).constData());
    QVERIFY(isReady(cluster, 0) && !isReady(cluster, copy));
}

void TestCopies::aCopyGoesOnOnceTheOriginalIsGone()
{
    SimCluster cluster(7);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    const int copy = copyOf(cluster, 2, {0});
    cluster.start(copy);
    cluster.run(20'000);
    cluster.remove(0, "k");
    cluster.run(1000);
    QVERIFY(!isReady(cluster, copy));
    cluster.crash(2);
    QVERIFY(cluster.runUntil(30'000, [&] { return isReady(cluster, copy); }));
    QVERIFY(cluster.recordsAgree());
    // Then the other one is the later one.
    cluster.start(2);
    QCOMPARE(bothReadyMs(cluster, 2, copy, 60'000), 0);
    QVERIFY(isReady(cluster, copy));
}

/// However early the copy began: it claims the id anew each time that it asks.
void TestCopies::aRestartedOriginalKeepsItsPlace()
{
    for (const int awayMs : {0, 300, 3000}) {
        SimCluster cluster(8);
        QVERIFY(cluster.form(3));
        cluster.run(1000);
        const int copy = copyOf(cluster, 2, {0});
        cutOff(cluster, copy, {0, 1, 2});
        cluster.start(copy);
        QVERIFY(cluster.runUntil(20'000, [&] { return isReady(cluster, copy); }));
        cluster.mendAll();
        QVERIFY(cluster.runUntil(10'000, [&] { return !isReady(cluster, copy); }));
        cluster.crash(2);
        cluster.run(awayMs);
        cluster.start(2);
        QCOMPARE(bothReadyMs(cluster, 2, copy, 60'000), 0);
        QVERIFY2(isReady(cluster, 2), QByteArray::number(awayMs).constData());
    }
}

void TestCopies::aCopyWhoseClockIsBehindBeganLaterAllTheSame()
{
    SimCluster cluster(12);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    const int copy = copyOf(cluster, 2, {0});
    cluster.setWallOffset(copy, -50'000);
    cutOff(cluster, copy, {0, 1, 2});
    cluster.start(copy);
    QVERIFY(cluster.runUntil(20'000, [&] { return isReady(cluster, copy); }));
    cluster.mendAll();
    cluster.run(20'000);
    QVERIFY(isReady(cluster, 2) && !isReady(cluster, copy));
}

/// Its machine was lost, so that the others hold links with its last life still.
void TestCopies::aRestartIsNoCopy()
{
    for (const int nodes : {3, 16}) {
        for (const int awayMs : {0, 200, 1000, 2000, 3000}) {
            SimCluster cluster(13);
            QVERIFY(cluster.form(nodes));
            cluster.run(10'000);
            cluster.vanish(2);
            cluster.run(awayMs);
            cluster.start(2);
            QVERIFY2(cluster.runUntil(6000, [&] { return isReady(cluster, 2); }),
                     QByteArray::number(awayMs).constData());
            cluster.run(20'000);
            QVERIFY(cluster.membershipsAgree());
            for (const QByteArray &line : cluster.log())
                QVERIFY2(!line.contains("began earlier"), line.constData());
        }
    }
}

/// The others purge what it missed, since the original has told them that it holds all.
void TestCopies::aCopyThatGoesOnBringsNothingDeletedBack()
{
    SimCluster cluster(14);
    cluster.setPurgeDelay(5000);
    QVERIFY(cluster.form(3));
    cluster.put(0, "k", "1");
    cluster.run(1000);
    const int copy = copyOf(cluster, 2, {0});
    cluster.start(copy);
    cluster.run(20'000);
    cluster.remove(0, "k");
    QVERIFY(cluster.runUntil(300'000, [&] { return !cluster.records(0).stampOf("k"); }));
    cluster.run(30'000);
    QVERIFY(cluster.records(copy).find("k"));
    cluster.crash(2);
    QVERIFY(cluster.runUntil(30'000, [&] { return isReady(cluster, copy); }));
    const auto held = cluster.records(copy).find("k");
    QVERIFY(!held || held->kind == core::RecordKind::Tombstone);
    QVERIFY(cluster.runUntil(30'000, [&] { return cluster.recordsAgree(); }));
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

void TestCopies::aLoneNodeAndItsCopySettleItBetweenThem()
{
    SimCluster cluster(9);
    QVERIFY(cluster.form(1));
    cluster.run(1000);
    const int copy = copyOf(cluster, 0, {0});
    cluster.start(copy);
    QCOMPARE(bothReadyMs(cluster, 0, copy, 60'000), 0);
    QVERIFY(isReady(cluster, 0));
    cluster.crash(0);
    QVERIFY(cluster.runUntil(60'000, [&] { return isReady(cluster, copy); }));
}

/// It would take the original with it.
void TestCopies::aCopyThatStandsBackDoesNotLeave()
{
    SimCluster cluster(10);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    const int copy = copyOf(cluster, 2, {});
    cutOff(cluster, copy, {0, 1, 2});
    cluster.start(copy);
    QVERIFY(cluster.runUntil(20'000, [&] { return isReady(cluster, copy); }));
    const size_t leave = cluster.beginOperation(copy, {core::OperatorRequest::Kind::Leave, 0});
    cluster.run(1000);
    QVERIFY(!cluster.operated(leave));
    cluster.mendAll();
    cluster.run(20'000);
    QVERIFY(cluster.operated(leave));
    QCOMPARE(cluster.operated(leave)->status, core::OperatorOutcome::Status::Conflict);
    QVERIFY(isReady(cluster, 2));
    QVERIFY(!cluster.diskState(2).isForgotten);
}

/// Both stamp with the same clock: what the value is decides then, everywhere alike.
void TestCopies::twoValuesOfOneVersionBecomeOne()
{
    SimCluster cluster(11);
    QVERIFY(cluster.form(3));
    cluster.run(1000);
    const int copy = copyOf(cluster, 2, {0});
    cutOff(cluster, 2, {0, 1, copy});
    cluster.run(10'000);
    cluster.start(copy);
    cluster.run(60'000); // From here on neither is ahead of the wall.
    const size_t here = cluster.put(2, "k", "of the original");
    const size_t there = cluster.put(copy, "k", "of the copy");
    cluster.run(1000);
    QCOMPARE(cluster.told(here).outcome.status, core::WriteOutcome::Status::Done);
    QCOMPARE(cluster.told(there).outcome.status, core::WriteOutcome::Status::Done);
    QCOMPARE(cluster.told(here).outcome.version, cluster.told(there).outcome.version);
    cluster.mendAll();
    cluster.run(30'000);
    QVERIFY(isReady(cluster, 2) && !isReady(cluster, copy));
    const auto kept = cluster.records(0).find("k");
    QVERIFY(kept);
    for (const int node : {1, 2})
        QCOMPARE(cluster.records(node).find("k")->value, kept->value);
}

/// Cuts, pauses, crashes while both run and take writes. Then all is well but that there are two.
void TestCopies::whateverHappensOneGoesOnAndNothingIsLost()
{
    constexpr int kNodes = 5;
    const int first = environmentOr("DYNAKV_SIM_FIRST", 1);
    const int seeds = environmentOr("DYNAKV_SIM_SEEDS", 60);
    int wentOn[2] = {0, 0};
    int timesBoth = 0;
    qint64 bothMsMax = 0;
    int keptByTheOther = 0;
    for (int seed = first; seed < first + seeds; ++seed) {
        const QByteArray name = "seed " + QByteArray::number(seed);
        SimCluster cluster(static_cast<quint64>(seed));
        QVERIFY2(cluster.form(kNodes), name.constData());
        cluster.run(1000);
        core::Random &random = cluster.random();
        const auto anyone = [&random](int count) {
            return static_cast<int>(random.below(static_cast<quint64>(count)));
        };
        const int original = anyone(kNodes);
        const int copy = copyOf(cluster, original, {(original + 1) % kNodes});
        cluster.start(copy);
        std::vector<size_t> writes;
        bool wereBoth = false;
        for (int step = 0; step < 200; ++step) {
            const int node = random.below(2) == 0   ? anyone(kNodes + 1)
                             : random.below(2) == 0 ? original
                                                    : copy;
            const int other = (node + 1 + anyone(kNodes)) % (kNodes + 1);
            switch (random.below(14)) {
            case 0:
            case 1:
                cluster.setCutBothWays(node, other, true);
                break;
            case 2:
                cluster.setCut(node, other, true);
                break;
            case 3:
                for (int each = 0; each <= kNodes; ++each) {
                    if (each != node)
                        cluster.setCutBothWays(node, each, true);
                }
                break;
            case 4:
                cluster.setPaused(node, true);
                break;
            case 5:
                if (cluster.isRunning(node) && random.below(4) == 0)
                    random.below(2) == 0 ? cluster.crash(node) : cluster.vanish(node);
                break;
            case 6:
                cluster.mendAll();
                for (int each = 0; each <= kNodes; ++each) {
                    cluster.setPaused(each, false);
                    if (!cluster.isRunning(each))
                        cluster.start(each);
                }
                break;
            default:
                writes.push_back(cluster.put(node, "w" + QByteArray::number(step), "1"));
            }
            cluster.run(static_cast<qint64>(random.below(1500)));
            wereBoth = wereBoth || (isReady(cluster, original) && isReady(cluster, copy));
        }
        timesBoth += wereBoth ? 1 : 0;
        cluster.mendAll();
        for (int each = 0; each <= kNodes; ++each) {
            cluster.setPaused(each, false);
            if (!cluster.isRunning(each))
                cluster.start(each);
        }
        const qint64 both = bothReadyMs(cluster, original, copy, 30'000);
        bothMsMax = std::max(bothMsMax, both);
        QVERIFY2(both <= 10'000,
                 (name + ": both served for " + QByteArray::number(both)).constData());
        QVERIFY2(bothReadyMs(cluster, original, copy, 15'000) == 0, name.constData());
        QVERIFY2(isReady(cluster, original) != isReady(cluster, copy), name.constData());
        const int winner = isReady(cluster, original) ? original : copy;
        const int loser = winner == original ? copy : original;
        ++wentOn[winner == copy];
        std::vector<QByteArray> keys;
        for (const size_t write : writes) {
            const sim::Told &told = cluster.told(write);
            if (!told.isAnswered || told.outcome.status != core::WriteOutcome::Status::Done)
                continue;
            if (cluster.records(winner).find(told.key))
                keys.push_back(told.key);
            else
                ++keptByTheOther;
        }
        for (int node = 0; node < kNodes; ++node) {
            if (node != original)
                QVERIFY2(isReady(cluster, node) && hasAll(cluster, node, keys), name.constData());
        }
        // What only the other one took is in its directory.
        cluster.crash(winner);
        QVERIFY2(cluster.runUntil(40'000, [&] { return isReady(cluster, loser); }),
                 name.constData());
        cluster.run(20'000);
        for (const size_t write : writes) {
            const sim::Told &told = cluster.told(write);
            if (!told.isAnswered || told.outcome.status != core::WriteOutcome::Status::Done)
                continue;
            for (int node = 0; node <= kNodes; ++node) {
                if (node != winner)
                    QVERIFY2(hasAll(cluster, node, {told.key}),
                             (name + ": " + told.key + " is missing").constData());
            }
        }
        QCOMPARE(cluster.wrongAnswer(), QByteArray());
    }
    qInfo(
        "%d seeds: the original went on in %d, the copy in %d; both served at a time in %d, after "
        "the heal for at most %d ms; %d writes were with the other one alone",
        seeds, wentOn[0], wentOn[1], timesBoth, static_cast<int>(bothMsMax), keptByTheOther);
    QVERIFY(wentOn[0] > 0 && timesBoth > 0);
}

QTEST_APPLESS_MAIN(TestCopies)
#include "tst_copies.moc"
