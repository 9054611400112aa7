// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

#include <algorithm>
#include <map>

using namespace dynakv;
using core::MemberState;
using sim::SimCluster;

namespace {

int environmentOr(const char *name, int otherwise)
{
    return qEnvironmentVariableIsSet(name) ? std::max(1, qEnvironmentVariableIntValue(name))
                                           : otherwise;
}

/// Whom the others, \a accuser left out, take for dead or in danger, looked at every 10 ms.
class Onlookers
{
public:
    Onlookers(SimCluster &cluster, int accuser)
        : m_cluster(cluster)
        , m_accuser(accuser)
    {
    }

    void setAccuser(int accuser) { m_accuser = accuser; }
    void run(qint64 ms)
    {
        for (; ms > 0; ms -= 10) {
            m_cluster.run(10);
            look();
        }
    }

    [[nodiscard]] int downs() const { return m_downs; }
    [[nodiscard]] qint64 downMsMax() const { return m_downMsMax; }
    [[nodiscard]] int suspicions() const { return m_suspicions; }
    [[nodiscard]] qint64 suspectMsMax() const { return m_suspectMsMax; }

private:
    void look()
    {
        for (int node = 0; node < m_cluster.count(); ++node) {
            for (int subject = 0; subject < m_cluster.count(); ++subject) {
                if (node == m_accuser || subject == m_accuser || node == subject)
                    continue;
                const auto state = m_cluster.stateSeenBy(node, subject);
                count(m_down[{node, subject}], state == MemberState::Down, m_downs, m_downMsMax);
                count(m_suspect[{node, subject}], state == MemberState::Suspect, m_suspicions,
                      m_suspectMsMax);
            }
        }
    }
    static void count(qint64 &lasted, bool isSo, int &times, qint64 &longest)
    {
        times += isSo && lasted == 0 ? 1 : 0;
        lasted = isSo ? lasted + 10 : 0;
        longest = std::max(longest, lasted);
    }

    SimCluster &m_cluster;
    int m_accuser;
    std::map<std::pair<int, int>, qint64> m_down = {};
    std::map<std::pair<int, int>, qint64> m_suspect = {};
    int m_downs = 0;
    int m_suspicions = 0;
    qint64 m_downMsMax = 0;
    qint64 m_suspectMsMax = 0;
};

/// Nothing reaches \a node any more, or all does again; what it says is heard.
void setDeaf(SimCluster &cluster, int node, bool isDeaf)
{
    for (int other = 0; other < cluster.count(); ++other) {
        if (other != node)
            cluster.setCut(other, node, isDeaf);
    }
}

} // namespace

/// One node does not hear others that are there, and says so to all: see
/// docs/decisions/0015-lone-accusers.md.
class TestLoneAccuser : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whoHearsNobodyCondemnsNobody_data();
    void whoHearsNobodyCondemnsNobody();
    void whoDoesNotHearOneAsksOthers_data();
    void whoDoesNotHearOneAsksOthers();
    void deafNowAndThen();
    void deafWhileAnotherStandsStill();
    void halfOfAllLostAtOnceAreFoundAsSoon_data();
    void halfOfAllLostAtOnceAreFoundAsSoon();
};

void TestLoneAccuser::whoHearsNobodyCondemnsNobody_data()
{
    QTest::addColumn<int>("nodes");
    for (const int nodes : {3, 5, 16, 40})
        QTest::addRow("%d nodes", nodes) << nodes;
}

void TestLoneAccuser::whoHearsNobodyCondemnsNobody()
{
    QFETCH(const int, nodes);
    SimCluster cluster(1);
    QVERIFY(cluster.form(nodes));
    cluster.run(20'000);
    setDeaf(cluster, 1, true);
    Onlookers others(cluster, 1);
    others.run(4900); // Then it closes its links.
    int condemned = 0;
    for (int other = 0; other < nodes; ++other)
        condemned += cluster.stateSeenBy(1, other) == MemberState::Down ? 1 : 0;
    QVERIFY(condemned > 0); // By itself.
    others.run(15'000);
    qInfo("down %d times, suspected %d times, for at most %d ms", others.downs(),
          others.suspicions(), static_cast<int>(others.suspectMsMax()));
    QCOMPARE(others.downs(), 0);
    QVERIFY(others.suspectMsMax() <= 100);
    setDeaf(cluster, 1, false);
    QVERIFY(cluster.runUntil(20'000, [&] { return cluster.membershipsAgree(); }));
}

void TestLoneAccuser::whoDoesNotHearOneAsksOthers_data()
{
    QTest::addColumn<int>("nodes");
    QTest::addColumn<int>("mute");
    for (const int nodes : {5, 16, 30}) {
        for (const int mute : {0, 1, nodes / 2, nodes - 3})
            QTest::addRow("%d nodes, %d more not heard", nodes, mute) << nodes << mute;
    }
}

/// The subject and as many others, whose answers are not heard either.
void TestLoneAccuser::whoDoesNotHearOneAsksOthers()
{
    QFETCH(const int, nodes);
    QFETCH(const int, mute);
    int accusations = 0;
    for (quint64 seed = 1; seed <= 3; ++seed) {
        SimCluster cluster(seed);
        QVERIFY(cluster.form(nodes));
        cluster.run(20'000);
        for (int other = 1; other <= 1 + mute; ++other)
            cluster.setCut(other, 0, true);
        Onlookers others(cluster, 0);
        bool isAccused = false;
        for (int i = 0; i < 490; ++i) {
            others.run(10);
            isAccused = isAccused || cluster.stateSeenBy(0, 1) != MemberState::Alive;
        }
        accusations += isAccused ? 1 : 0;
        QCOMPARE(others.downs(), 0);
        QVERIFY(others.suspectMsMax() <= 100);
    }
    qInfo("accused in %d of 3 seeds", accusations);
}

void TestLoneAccuser::deafNowAndThen()
{
    const int nodes = environmentOr("DYNAKV_SIM_NODES", 30);
    const int times = environmentOr("DYNAKV_SIM_TIMES", 40);
    SimCluster cluster(static_cast<quint64>(environmentOr("DYNAKV_SIM_FIRST", 1)));
    QVERIFY(cluster.form(nodes));
    cluster.setLoss(50);
    Onlookers others(cluster, 0);
    for (int i = 0; i < times; ++i) {
        const int deaf = static_cast<int>(cluster.random().below(static_cast<quint64>(nodes)));
        others.setAccuser(deaf);
        setDeaf(cluster, deaf, true);
        others.run(2500 + static_cast<qint64>(cluster.random().below(2400)));
        setDeaf(cluster, deaf, false);
        others.run(10'000);
        QVERIFY(cluster.runUntil(20'000, [&] { return cluster.membershipsAgree(); }));
    }
    qInfo("%d nodes, deaf %d times: down %d times, suspected %d times, for at most %d ms", nodes,
          times, others.downs(), others.suspicions(), static_cast<int>(others.suspectMsMax()));
    QCOMPARE(others.downs(), 0);
    QCOMPARE(others.suspicions(), 0);
}

/// Who stands still for less than it may is not able to contradict the deaf one meanwhile.
void TestLoneAccuser::deafWhileAnotherStandsStill()
{
    const int nodes = environmentOr("DYNAKV_SIM_NODES", 30);
    const int times = environmentOr("DYNAKV_SIM_TIMES", 40);
    SimCluster cluster(static_cast<quint64>(environmentOr("DYNAKV_SIM_FIRST", 1)));
    QVERIFY(cluster.form(nodes));
    Onlookers others(cluster, 0);
    for (int i = 0; i < times; ++i) {
        const int deaf = static_cast<int>(cluster.random().below(static_cast<quint64>(nodes)));
        const int still =
            (deaf + 1 + static_cast<int>(cluster.random().below(quint64(nodes) - 1))) % nodes;
        others.setAccuser(deaf);
        setDeaf(cluster, deaf, true);
        others.run(2300);
        cluster.setPaused(still, true);
        others.run(1900);
        cluster.setPaused(still, false);
        others.run(500);
        setDeaf(cluster, deaf, false);
        others.run(10'000);
        QVERIFY(cluster.runUntil(20'000, [&] { return cluster.membershipsAgree(); }));
    }
    qInfo("%d nodes, %d times: down %d times, for at most %d ms; suspected %d times, for at most "
          "%d ms",
          nodes, times, others.downs(), static_cast<int>(others.downMsMax()), others.suspicions(),
          static_cast<int>(others.suspectMsMax()));
    QCOMPARE(others.downs(), 0);
    QCOMPARE(others.suspicions(), 0);
}

void TestLoneAccuser::halfOfAllLostAtOnceAreFoundAsSoon_data()
{
    QTest::addColumn<int>("nodes");
    for (const int nodes : {4, 10, 30})
        QTest::addRow("of %d", nodes) << nodes;
}

/// Many of those that would have accused are gone as well.
void TestLoneAccuser::halfOfAllLostAtOnceAreFoundAsSoon()
{
    QFETCH(const int, nodes);
    qint64 longestMs = 0;
    for (quint64 seed = 1; seed <= 5; ++seed) {
        SimCluster cluster(seed);
        QVERIFY(cluster.form(nodes));
        cluster.run(20'000 + static_cast<qint64>(cluster.random().below(500)));
        for (int node = 0; node < nodes / 2; ++node)
            cluster.vanish(node);
        const qint64 lostMs = cluster.nowMs();
        const auto areAllDown = [&] {
            for (int node = nodes / 2; node < nodes; ++node) {
                for (int lost = 0; lost < nodes / 2; ++lost) {
                    if (cluster.stateSeenBy(node, lost) != MemberState::Down)
                        return false;
                }
            }
            return true;
        };
        QVERIFY(cluster.runUntil(10'000, areAllDown));
        longestMs = std::max(longestMs, cluster.nowMs() - lostMs);
    }
    qInfo("for at most %d ms not known to all", static_cast<int>(longestMs));
    QVERIFY(longestMs <= 4500);
}

QTEST_APPLESS_MAIN(TestLoneAccuser)
#include "tst_lone_accuser.moc"
