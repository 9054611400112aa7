// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/planted_bugs.h"
#include "tests/daemon/storage/crash_sweep.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::test;
using storage::PlantedBug;

/// Shows that the crash tests can fail: each of these real mistakes must be caught by them.
class TestPlantedBugs : public QObject
{
    Q_OBJECT

private:
    static std::vector<QByteArray> violationsOf(PlantedBug bug, bool stopsAtFirst)
    {
        storage::plantedBug = bug;
        std::vector<QByteArray> violations;
        for (const auto durability : {core::Durability::Sync, core::Durability::Interval}) {
            const CrashSweep::Options options = {
                .durability = durability, .rounds = 6, .stopsAtFirst = stopsAtFirst};
            CrashSweep sweep(scriptedWorkload(), options);
            sweep.damageEveryByte();
            sweep.garbleEveryRewriteWrite();
            sweep.cutPowerAtEveryCall();
            sweep.failEveryCall();
            violations.insert(violations.end(), sweep.violations().begin(),
                              sweep.violations().end());
            if (stopsAtFirst && !violations.empty())
                break;
        }
        storage::plantedBug = PlantedBug::None;
        return violations;
    }

private Q_SLOTS:
    void initTestCase()
    {
        // Failed syncs and cuts are what these runs consist of.
        QLoggingCategory::setFilterRules(QStringLiteral("dynakv.storage.*=false"));
    }

    void theCodeWithoutABugPasses()
    {
        QCOMPARE(violationsOf(PlantedBug::None, true), std::vector<QByteArray>());
    }

    void eachBugIsCaught_data()
    {
        QTest::addColumn<PlantedBug>("bug");
        QTest::newRow("acknowledge before the sync") << PlantedBug::AckBeforeSync;
        QTest::newRow("no directory sync") << PlantedBug::NoDirectorySync;
        QTest::newRow("no sync before the rename") << PlantedBug::NoSyncBeforeRename;
        QTest::newRow("ignore a short write") << PlantedBug::IgnoreShortWrite;
        QTest::newRow("skip the checksum") << PlantedBug::SkipChecksum;
        QTest::newRow("retry a failed sync") << PlantedBug::RetrySync;
        QTest::newRow("take damage for a tail") << PlantedBug::DamageIsTail;
        QTest::newRow("start empty on a bad file") << PlantedBug::StartEmptyOnBadFile;
        QTest::newRow("append behind a half frame") << PlantedBug::NoCutBack;
        QTest::newRow("drop the torn tail") << PlantedBug::DropTornTail;
        QTest::newRow("no sync at the start") << PlantedBug::NoSyncAtOpen;
        QTest::newRow("show before the disk has it") << PlantedBug::ApplyBeforeSync;
        QTest::newRow("forget tombstones") << PlantedBug::ForgetTombstones;
        QTest::newRow("no reading back") << PlantedBug::NoReadBack;
        QTest::newRow("no sync before the swap") << PlantedBug::NoSyncBeforeSwap;
        QTest::newRow("no sync after the swap") << PlantedBug::NoSyncAfterSwap;
        QTest::newRow("keep the old file") << PlantedBug::KeepOldFile;
        QTest::newRow("skip the log's tail") << PlantedBug::SkipLogTail;
        QTest::newRow("load the draft") << PlantedBug::LoadDraft;
        QTest::newRow("trust reserved room") << PlantedBug::TrustReserve;
        QTest::newRow("seal without a sync") << PlantedBug::UnsyncedSeal;
        QTest::newRow("acknowledge while broken") << PlantedBug::AckWhileBroken;
    }

    void eachBugIsCaught()
    {
        QFETCH(PlantedBug, bug);
        const std::vector<QByteArray> violations = violationsOf(bug, true);
        QVERIFY(!violations.empty());
        qInfo("caught: %s", violations.front().constData());
    }
};

QTEST_APPLESS_MAIN(TestPlantedBugs)
#include "tst_planted_bugs.moc"
