// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/storage/crash_sweep.h"

#include <QElapsedTimer>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::test;

/// Whether what was acknowledged survives everything that a disk can do short of breaking.
/// DYNAKV_CRASH_SEEDS=n tries that many random workloads instead of a few.
class TestCrash : public QObject
{
    Q_OBJECT

private:
    void take(const CrashSweep &sweep)
    {
        m_recoveries += sweep.recoveries();
        m_repairs += sweep.repairs();
        m_nested += sweep.nestedRecoveries();
        m_swaps += sweep.swaps();
        m_distinct.insert(sweep.distinctImages().begin(), sweep.distinctImages().end());
        constexpr std::size_t kShown = 10;
        for (std::size_t i = 0; i < qMin(kShown, sweep.violations().size()); ++i)
            qWarning("%s", sweep.violations()[i].constData());
        QVERIFY(sweep.violations().empty());
    }

    /// Random losses for each crash: fewer under the sanitizers (DYNAKV_CRASH_ROUNDS).
    static int rounds(int usual)
    {
        bool isGiven = false;
        const int given = qEnvironmentVariableIntValue("DYNAKV_CRASH_ROUNDS", &isGiven);
        return isGiven ? given : usual;
    }

    static void addModes()
    {
        QTest::addColumn<core::Durability>("durability");
        QTest::newRow("sync") << core::Durability::Sync;
        if (rounds(0) != 0)
            return;
        QTest::newRow("interval") << core::Durability::Interval;
        QTest::newRow("os") << core::Durability::Os;
    }

    qint64 m_recoveries = 0;
    qint64 m_repairs = 0;
    qint64 m_nested = 0;
    qint64 m_swaps = 0;
    std::unordered_set<quint64> m_distinct;

private Q_SLOTS:
    void initTestCase()
    {
        // Failed syncs and cuts are what these runs consist of.
        QLoggingCategory::setFilterRules(QStringLiteral("dynakv.storage.*=false"));
    }

    void aPowerCutAtEveryCallLosesNothingSafe_data() { addModes(); }
    void aPowerCutAtEveryCallLosesNothingSafe()
    {
        QFETCH(core::Durability, durability);
        CrashSweep sweep(scriptedWorkload(), {.durability = durability, .rounds = rounds(30)});
        sweep.cutPowerAtEveryCall();
        QVERIFY(sweep.repairs() > 50);
        QVERIFY(sweep.nestedRecoveries() > 0);
        take(sweep);
    }

    void everyFailingCallLeavesACorrectFile_data() { addModes(); }
    void everyFailingCallLeavesACorrectFile()
    {
        QFETCH(core::Durability, durability);
        CrashSweep sweep(scriptedWorkload(), {.durability = durability, .rounds = rounds(10)});
        sweep.failEveryCall();
        take(sweep);
    }

    void damageOfSyncedDataIsRefused()
    {
        CrashSweep sweep(scriptedWorkload(), {});
        sweep.damageEveryByte();
        take(sweep);
    }

    void aRewritingThatTheDiskGarblesIsNotTaken()
    {
        CrashSweep sweep(scriptedWorkload(), {});
        sweep.garbleEveryRewriteWrite();
        QVERIFY(sweep.recoveries() > 20);
        take(sweep);
    }

    void randomWorkloadsSurviveToo_data()
    {
        QTest::addColumn<quint64>("seed");
        bool isGiven = false;
        const int given = qEnvironmentVariableIntValue("DYNAKV_CRASH_SEEDS", &isGiven);
        for (int seed = 1; seed <= (isGiven ? given : 60); ++seed)
            QTest::addRow("seed %d", seed) << static_cast<quint64>(seed);
    }

    void randomWorkloadsSurviveToo()
    {
        QFETCH(quint64, seed);
        for (const auto durability : {core::Durability::Sync, core::Durability::Interval}) {
            CrashSweep sweep(randomWorkload(seed, 16),
                             {.durability = durability, .seed = seed, .rounds = rounds(30)});
            sweep.cutPowerAtEveryCall();
            take(sweep);
        }
    }

    void cleanupTestCase()
    {
        qInfo(
            "%lld recoveries of %zu distinct disk images, %lld with a repair, %lld inside another; "
            "%lld files swapped in",
            m_recoveries, m_distinct.size(), m_repairs, m_nested, m_swaps);
        QVERIFY(m_swaps > 0);
        // What the ordinary run promises; less is a single function, or fewer seeds.
        if (m_distinct.size() > 50'000 && !qEnvironmentVariableIsSet("DYNAKV_CRASH_SEEDS"))
            QVERIFY(m_distinct.size() >= 100'000);
    }
};

QTEST_APPLESS_MAIN(TestCrash)
#include "tst_crash.moc"
