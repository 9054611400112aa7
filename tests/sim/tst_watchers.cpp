// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using core::MemberState;
using sim::SimCluster;

namespace {

/// More than a node has watchers, so that most pairs seldom hear of each other.
constexpr int kNodes = 16;
constexpr int kWatchers = 8;

bool isDownForAll(const SimCluster &cluster, int victim)
{
    const core::NodeId id = cluster.idOf(victim);
    for (int node = 0; node < cluster.count(); ++node) {
        if (!cluster.isRunning(node))
            continue;
        for (const core::MemberView &member : cluster.view(node).members) {
            if (member.id == id && member.state != MemberState::Down)
                return false;
        }
    }
    return true;
}

} // namespace

/// Clusters in which not everybody watches everybody.
class TestWatchers : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void mostPairsSeldomBeat();
    void everybodyLearnsOfADeathInTime_data();
    void everybodyLearnsOfADeathInTime();
    void whenAllWatchersDieTogetherTheOthersStillNotice();
    void aMachineThatIsBackAtOnceIsLetIn();
    void aBrokenPathBetweenTwoCondemnsNobody();
    void fullnessIsToldToAllAtOnce();
    void newsReachesManyWithoutAFlood();
};

void TestWatchers::mostPairsSeldomBeat()
{
    SimCluster cluster(1);
    QVERIFY(cluster.form(kNodes));
    cluster.run(30'000);
    qint64 beats = 0;
    cluster.countBytes([&beats](const core::Message &message) {
        beats += std::holds_alternative<core::Heartbeat>(message) ? 1 : 0;
        return 0;
    });
    cluster.watchDowns();
    cluster.run(60'000);
    const qint64 often = kNodes * kWatchers * 60 * 2;
    const qint64 seldom = kNodes * (kNodes - 1 - kWatchers) * 4;
    QVERIFY2(beats > often * 9 / 10, QByteArray::number(beats).constData());
    QVERIFY2(beats < often + seldom * 2, QByteArray::number(beats).constData());
    QCOMPARE(cluster.falseDowns(), 0);
    QVERIFY(cluster.membershipsAgree());
}

void TestWatchers::everybodyLearnsOfADeathInTime_data()
{
    QTest::addColumn<bool>("isMachineLost");
    QTest::addColumn<int>("maxMs");
    QTest::newRow("a process") << false << 1500;
    QTest::newRow("a machine") << true << 4500;
}

void TestWatchers::everybodyLearnsOfADeathInTime()
{
    QFETCH(const bool, isMachineLost);
    QFETCH(const int, maxMs);
    SimCluster cluster(2);
    QVERIFY(cluster.form(kNodes));
    for (int victim = 0; victim < kNodes; ++victim) {
        cluster.run(700);
        isMachineLost ? cluster.vanish(victim) : cluster.crash(victim);
        QVERIFY2(cluster.runUntil(maxMs, [&] { return isDownForAll(cluster, victim); }),
                 QByteArray::number(victim).constData());
        cluster.start(victim);
        QVERIFY(cluster.runUntil(20'000, [&] { return cluster.membershipsAgree(); }));
    }
}

void TestWatchers::whenAllWatchersDieTogetherTheOthersStillNotice()
{
    SimCluster cluster(3);
    QVERIFY(cluster.form(kNodes));
    cluster.run(5000);
    // Whoever watches node 0 is among those that go with it, for at least some of them.
    for (int node = 0; node <= kNodes - 4; ++node)
        cluster.vanish(node);
    QVERIFY(cluster.runUntil(60'000, [&] {
        for (int node = 0; node <= kNodes - 4; ++node) {
            if (!isDownForAll(cluster, node))
                return false;
        }
        return true;
    }));
}

/// Its links are half-open at the others, most of which would not miss it for half a minute.
void TestWatchers::aMachineThatIsBackAtOnceIsLetIn()
{
    SimCluster cluster(4);
    QVERIFY(cluster.form(kNodes));
    for (const int awayMs : {50, 1000, 3000}) {
        cluster.run(3000);
        cluster.vanish(5);
        cluster.run(awayMs);
        cluster.start(5);
        QVERIFY2(cluster.runUntil(20'000,
                                  [&] { return cluster.allReady() && cluster.membershipsAgree(); }),
                 QByteArray::number(awayMs).constData());
        // And by everybody, so that all of them take what it writes.
        const auto isTakenByAll = [&] {
            const size_t write = cluster.put(5, "k" + QByteArray::number(awayMs), "1",
                                             {core::WriteConcern::Kind::All, 0});
            cluster.runUntil(4000, [&] { return cluster.told(write).isAnswered; });
            return cluster.told(write).outcome.status == core::WriteOutcome::Status::Done;
        };
        bool isTaken = false;
        for (const qint64 endMs = cluster.nowMs() + 20'000; !isTaken && cluster.nowMs() < endMs;)
            isTaken = isTakenByAll();
        QVERIFY2(isTaken, QByteArray::number(awayMs).constData());
    }
}

void TestWatchers::aBrokenPathBetweenTwoCondemnsNobody()
{
    SimCluster cluster(5);
    QVERIFY(cluster.form(kNodes));
    cluster.watchDowns();
    for (int other = 1; other < kNodes; ++other) {
        cluster.setCut(0, other, true);
        cluster.run(15'000);
        cluster.setCut(0, other, false);
    }
    QCOMPARE(cluster.falseDowns(), 0);
    QVERIFY(cluster.runUntil(20'000, [&] { return cluster.membershipsAgree(); }));
}

void TestWatchers::fullnessIsToldToAllAtOnce()
{
    SimCluster cluster(6);
    for (int node = 0; node < kNodes; ++node)
        cluster.addNode(node == 0 ? std::vector<int>{} : std::vector<int>{0});
    cluster.setMemoryMax(3, 20'000);
    for (int node = 0; node < kNodes; ++node)
        cluster.start(node);
    QVERIFY(cluster.runUntil(20'000, [&] { return cluster.allReady(); }));
    cluster.run(3000);
    const QByteArray value(1500, 'v');
    for (int i = 0; i < 13; ++i) {
        cluster.put(0, "k" + QByteArray::number(i), value);
        cluster.run(200);
    }
    QVERIFY(cluster.records(3).memoryBytes() > 19'000);
    for (int node = 0; node < kNodes; ++node) {
        const size_t refused = cluster.put(node, "more", value);
        QVERIFY(cluster.runUntil(1000, [&] { return cluster.told(refused).isAnswered; }));
        QCOMPARE(cluster.told(refused).outcome.status, core::WriteOutcome::Status::NoSpace);
    }
}

/// Passed on by everybody to everybody, each word would take a message for each pair.
void TestWatchers::newsReachesManyWithoutAFlood()
{
    constexpr int kMany = 60;
    SimCluster cluster(7);
    QVERIFY(cluster.form(kMany));
    cluster.run(20'000);
    qint64 words = 0;
    cluster.countBytes([&words](const core::Message &message) {
        const auto *gossip = std::get_if<core::Gossip>(&message);
        words += gossip ? static_cast<qint64>(gossip->members.size()) : 0;
        return 0;
    });
    cluster.vanish(kMany - 1); // Which eight see for themselves; the others are told.
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.membershipsAgree(); }));
    QVERIFY2(words < qint64{kMany} * kMany / 2, QByteArray::number(words).constData());
    cluster.start(kMany - 1);
    // It is known to be there as soon as it is.
    while (cluster.readiness(kMany - 1) != core::Readiness::Ready)
        cluster.run(1);
    cluster.run(200);
    for (int node = 0; node < kMany; ++node)
        QCOMPARE(cluster.stateSeenBy(node, kMany - 1), MemberState::Alive);
}

QTEST_APPLESS_MAIN(TestWatchers)
#include "tst_watchers.moc"
