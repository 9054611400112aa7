// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

namespace {

int environmentOr(const char *name, int otherwise)
{
    return qEnvironmentVariableIsSet(name) ? std::max(1, qEnvironmentVariableIntValue(name))
                                           : otherwise;
}

} // namespace

/// Nobody who is there is declared down, on a network and on machines that are worse than they
/// should be: 5 % of all segments are lost and come 200 ms later or, lost again, after twice as
/// long; now and then a node stands still for 2 s. An hour of a hundred nodes; a day:
///
///   DYNAKV_SIM_MINUTES=1440 QTEST_FUNCTION_TIMEOUT=100000000 tst_false_downs
class TestFalseDowns : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void nobodyHealthyIsDeclaredDown();
};

void TestFalseDowns::nobodyHealthyIsDeclaredDown()
{
    const int nodes = environmentOr("DYNAKV_SIM_NODES", 100);
    const int minutes = environmentOr("DYNAKV_SIM_MINUTES", 60);
    SimCluster cluster(static_cast<quint64>(environmentOr("DYNAKV_SIM_FIRST", 1)));
    cluster.keepNoJournals();
    QVERIFY(cluster.form(nodes));
    cluster.setLoss(50);
    cluster.watchDowns();
    int pauses = 0;
    const qint64 endMs = cluster.nowMs() + minutes * qint64{60'000};
    while (cluster.nowMs() < endMs) {
        cluster.run(static_cast<qint64>(cluster.random().below(20'000)));
        // At times two of them, which may watch each other.
        std::set<int> still;
        while (still.size() < 1 + cluster.random().below(2))
            still.insert(static_cast<int>(cluster.random().below(static_cast<quint64>(nodes))));
        for (const int node : still)
            cluster.setPaused(node, true);
        cluster.run(2000);
        for (const int node : still)
            cluster.setPaused(node, false);
        pauses += static_cast<int>(still.size());
        if (cluster.falseDowns() > 0)
            break;
    }
    const auto suspicions =
        std::count_if(cluster.log().begin(), cluster.log().end(),
                      [](const QByteArray &line) { return line.endsWith("is suspect"); });
    qInfo("%d nodes, %.1f hours, %d pauses of 2 s, %d times suspected, as all saw it together",
          nodes, static_cast<double>(cluster.nowMs()) / 3'600'000, pauses,
          static_cast<int>(suspicions));
    if (cluster.falseDowns() > 0) {
        for (size_t i = cluster.log().size() - std::min<size_t>(60, cluster.log().size());
             i < cluster.log().size(); ++i)
            qInfo().noquote() << cluster.log()[i];
    }
    QCOMPARE(cluster.falseDowns(), 0);
    QVERIFY(suspicions > 0); // Else it was too easy.
    cluster.setLoss(0);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.membershipsAgree(); }));
}

QTEST_APPLESS_MAIN(TestFalseDowns)
#include "tst_false_downs.moc"
