// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using core::MemberState;
using sim::SimCluster;

/// What must hold of the detector however many nodes there are. Two hundred, and so many as one
/// asks for:
///
///   DYNAKV_SIM_NODES=1000 QTEST_FUNCTION_TIMEOUT=3600000 tst_large_cluster
class TestLargeCluster : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void manyReturnTogetherAndLearnOfADeathAndOfAReturn();
};

namespace {

bool isDownForAll(const SimCluster &cluster, int victim)
{
    for (int node = 0; node < cluster.count(); ++node) {
        if (node != victim && cluster.stateSeenBy(node, victim) != MemberState::Down)
            return false;
    }
    return true;
}

} // namespace

void TestLargeCluster::manyReturnTogetherAndLearnOfADeathAndOfAReturn()
{
    const bool isAsked = qEnvironmentVariableIsSet("DYNAKV_SIM_NODES");
    const int nodes =
        isAsked ? std::max(20, qEnvironmentVariableIntValue("DYNAKV_SIM_NODES")) : 200;
    const int verdictMs = nodes > 100 ? 5000 : 4500;
    const int newsMs = nodes > 128 ? 1000 : 200;
    SimCluster cluster(1);
    cluster.keepNoJournals();
    qint64 words = 0;
    cluster.countBytes([&words](const core::Message &message) {
        const auto *gossip = std::get_if<core::Gossip>(&message);
        words += gossip ? static_cast<qint64>(gossip->members.size()) : 0;
        return 0;
    });
    QVERIFY(cluster.formAgain(nodes));
    cluster.run(2000);
    // Each has to hear of each; with whole tables at each link it would be a hundred times as much.
    const qint64 perPair = words / (qint64{nodes} * nodes);
    qInfo("%d nodes return after %.2f s; for each pair of them %d words", nodes,
          static_cast<double>(cluster.nowMs()) / 1000, static_cast<int>(perPair));
    QVERIFY2(perPair < 120, QByteArray::number(perPair).constData());

    for (const bool isMachineLost : {false, true}) {
        const int victim = isMachineLost ? nodes / 2 : nodes - 1;
        cluster.run(700);
        const qint64 lostMs = cluster.nowMs();
        isMachineLost ? cluster.vanish(victim) : cluster.crash(victim);
        QVERIFY(cluster.runUntil(isMachineLost ? verdictMs : 1500,
                                 [&] { return isDownForAll(cluster, victim); }));
        qInfo("%s: down for all others after %.2f s", isMachineLost ? "a machine" : "a process",
              static_cast<double>(cluster.nowMs() - lostMs) / 1000);
        cluster.run(2000);
        cluster.start(victim);
        QVERIFY(cluster.runUntil(
            20'000, [&] { return cluster.readiness(victim) == core::Readiness::Ready; }));
        QVERIFY(cluster.runUntil(newsMs, [&] { return cluster.membershipsAgree(); }));
    }
    cluster.run(5000);
    QVERIFY(cluster.membershipsAgree());
}

QTEST_APPLESS_MAIN(TestLargeCluster)
#include "tst_large_cluster.moc"
