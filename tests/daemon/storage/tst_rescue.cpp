// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/rescue.h"
#include "daemon/storage/storage_engine.h"
#include "tests/support/sim_disk.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::storage;
using dynakv::test::DiskImage;
using dynakv::test::SimDisk;

namespace {

QString directory()
{
    return QStringLiteral("/data");
}

QString filePath()
{
    return QStringLiteral("/data/storage.db");
}

QString newPath()
{
    return QStringLiteral("/data/new.db");
}

FileIdentity identity()
{
    return {QByteArray("0123456789abcdef"), 1};
}

core::Record makeRecord(int number, const QByteArray &value = "value")
{
    core::Record record;
    record.key = "key" + QByteArray::number(number);
    record.version = {static_cast<quint64>(number) + 1, 1};
    record.value = value;
    return record;
}

/// A file of 100 records, 10 a commit, of which the first 50 stand in a base section.
DiskImage makeFile(bool withBase)
{
    SimDisk disk;
    {
        store::Table table;
        StorageEngine engine(disk, table, {core::Durability::Sync, {}, 4096});
        if (!engine.open(directory(), identity()))
            return {};
        for (int first = 0; first < 100; first += 10) {
            CommitRequest request;
            for (int i = first; i < first + 10; ++i)
                request.records.push_back(makeRecord(i));
            request.metas["state"] = QByteArray::number(first);
            engine.commit({request});
            if (!withBase || first != 40)
                continue;
            const auto writer = engine.beginRewrite();
            while (!(*writer)->step().value()) {
            }
            if (!engine.finishRewrite(**writer))
                return {};
        }
    }
    return disk.liveImage();
}

EntrySink nothing()
{
    return {[](const core::RecordView &) {}, [](QByteArrayView, QByteArrayView) {}};
}

void flip(DiskImage &image, qint64 at)
{
    QByteArray &bytes = image.files[filePath()];
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
}

qint64 placeOf(const DiskImage &image, const QByteArray &text, qint64 from = kDataOffset)
{
    return image.files.at(filePath()).indexOf(text, from);
}

/// What a node finds that starts on the file at \a path of the disk.
struct Started
{
    explicit Started(const SimDisk &disk, const QString &path)
        : again(DiskImage{{{filePath(), disk.liveImage().files.at(path)}},
                          {QStringLiteral("/"), directory()}})
        , engine(again, table, {core::Durability::Sync, {}, 4096})
        , report(engine.open(directory(), identity()))
    {
    }
    SimDisk again;
    store::Table table;
    StorageEngine engine;
    base::Result<OpenReport> report;
};

} // namespace

class TestRescue : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void anIntactFileIsCalledSo_data()
    {
        QTest::addColumn<bool>("withBase");
        QTest::newRow("log") << false;
        QTest::newRow("base and log") << true;
    }
    void anIntactFileIsCalledSo()
    {
        QFETCH(bool, withBase);
        SimDisk disk(makeFile(withBase));
        const auto report = walkFile(disk, filePath(), OnDamage::Skip, nothing());
        QVERIFY(report);
        QVERIFY(report->isIntact());
        QVERIFY(report->isSealed);
        QCOMPARE(report->baseRecords, withBase ? 50U : 0U);
        QCOMPARE(report->logRecords, withBase ? 50U : 100U);
        QCOMPARE(report->tornBytes, 0);
    }

    void everyDamagedByteIsFound_data() { anIntactFileIsCalledSo_data(); }
    void everyDamagedByteIsFound()
    {
        QFETCH(bool, withBase);
        const DiskImage image = makeFile(withBase);
        const qint64 size = image.files.at(filePath()).size();
        for (qint64 at = 0; at < size; at += at < kDataOffset ? 97 : 5) {
            DiskImage damaged = image;
            flip(damaged, at);
            SimDisk disk(damaged);
            const auto report = walkFile(disk, filePath(), OnDamage::Skip, nothing());
            QVERIFY(report);
            QVERIFY2(!report->isIntact() || report->tornBytes > 0,
                     QByteArray::number(at).constData());
        }
    }

    void aDamagedLogTellsWhatIsMissing()
    {
        DiskImage image = makeFile(false);
        flip(image, placeOf(image, "key34"));
        SimDisk disk(image);
        const auto report = walkFile(disk, filePath(), OnDamage::Skip, nothing());
        QVERIFY(report);
        QCOMPARE(report->damages.size(), 1U);
        // Ten records and one meta in each commit.
        QCOMPARE(report->damages[0].firstSeq, 34U);
        QCOMPARE(report->damages[0].lastSeq, 44U);
        QCOMPARE(report->damages[0].savedRecords, 4U);
        QCOMPARE(report->logRecords, 90U);
    }

    void theIntactPrefixBecomesAFileThatSaysItLostSomething()
    {
        DiskImage image = makeFile(false);
        flip(image, placeOf(image, "key34"));
        SimDisk disk(image);
        const auto report = recoverInto(disk, filePath(), newPath(), OnDamage::Stop);
        QVERIFY(report);
        QCOMPARE(disk.liveImage().files.at(filePath()), image.files.at(filePath()));
        const Started node(disk, newPath());
        QVERIFY(node.report);
        QVERIFY(node.report->mayLack);
        QCOMPARE(node.report->generation, 2U);
        QCOMPARE(node.table.recordCount(), 30);
        QVERIFY(node.table.find("key29"));
        QVERIFY(!node.table.find("key30"));
        QCOMPARE(node.engine.metas().at("state"), "20");
        QVERIFY(node.engine.metas().at("loss").contains("1 damaged places"));
    }

    void allThatIsIntactIsSalvagedAroundTheDamage()
    {
        DiskImage image = makeFile(true);
        flip(image, placeOf(image, "key74"));
        // One of the partitions of the base.
        flip(image, placeOf(image, "key7"));
        SimDisk disk(image);
        const auto report = recoverInto(disk, filePath(), newPath(), OnDamage::Skip);
        QVERIFY(report);
        QCOMPARE(report->damages.size(), 2U);
        QVERIFY(report->damages[0].isInBase);
        const Started node(disk, newPath());
        QVERIFY(node.report);
        QVERIFY(node.report->mayLack);
        // The commit of 70 to 79 from 74 on, and the frame of key7.
        QVERIFY(!node.table.find("key7"));
        for (int i = 0; i < 100; ++i) {
            const bool isDamaged = i == 7 || (i >= 74 && i < 80);
            QCOMPARE(node.table.find("key" + QByteArray::number(i)).has_value(), !isDamaged);
        }
        QCOMPARE(node.engine.metas().at("state"), "90");
    }

    void aFileWithoutItsIndexCanBeSalvaged()
    {
        DiskImage image = makeFile(true);
        const auto superblock =
            decodeSuperblock(QByteArrayView(image.files.at(filePath())).first(kSuperblockBytes));
        flip(image, superblock->indexOffset + 100);
        SimDisk disk(image);
        QVERIFY(recoverInto(disk, filePath(), newPath(), OnDamage::Skip));
        const Started node(disk, newPath());
        QCOMPARE(node.table.recordCount(), 100);
    }

    void aFileThatWasCutInItsBaseIsSalvagedUpToThere()
    {
        DiskImage image = makeFile(true);
        QByteArray &bytes = image.files[filePath()];
        const auto superblock = decodeSuperblock(QByteArrayView(bytes).first(kSuperblockBytes));
        bytes.truncate(superblock->indexOffset / 2 + kDataOffset / 2);
        SimDisk disk(image);
        const auto report = recoverInto(disk, filePath(), newPath(), OnDamage::Skip);
        QVERIFY(report);
        QVERIFY(!report->isIntact());
        const Started node(disk, newPath());
        QVERIFY(node.table.recordCount() > 5);
        QVERIFY(node.table.recordCount() < 50);
    }

    void nothingIsGuessedWithoutASuperblock()
    {
        DiskImage image = makeFile(false);
        image.files[filePath()].replace(0, kDataOffset, QByteArray(kDataOffset, '\0'));
        SimDisk disk(image);
        const auto report = recoverInto(disk, filePath(), newPath(), OnDamage::Skip);
        QVERIFY(!report);
        QCOMPARE(report.error().code, base::ErrorCode::Corrupt);
        QVERIFY(!disk.liveImage().files.contains(newPath()));
    }

    void aRecoveryReplacesNothing()
    {
        DiskImage image = makeFile(false);
        image.files[newPath()] = "mine";
        SimDisk disk(image);
        const auto report = recoverInto(disk, filePath(), newPath(), OnDamage::Skip);
        QVERIFY(!report);
        QCOMPARE(report.error().code, base::ErrorCode::Conflict);
        QCOMPARE(disk.liveImage().files.at(newPath()), "mine");
    }

    void aRestoredNodeHasTheRecordsAndNothingElse()
    {
        SimDisk disk(makeFile(true));
        const FileIdentity fresh = {QByteArray("fedcba9876543210"), 2};
        const auto restored = restoreInto(disk, filePath(), QStringLiteral("/other"), fresh);
        QVERIFY(restored);
        QCOMPARE(restored->records, 100);
        store::Table table;
        StorageEngine engine(disk, table, {core::Durability::Sync, {}, 4096});
        const auto report = engine.open(QStringLiteral("/other"), {});
        QVERIFY(report);
        QVERIFY(!report->mayLack);
        QCOMPARE(engine.identity(), fresh);
        QCOMPARE(table.recordCount(), 100);
        QVERIFY(*table.find("key42") == makeRecord(42));
        QVERIFY(!engine.metas().contains("state"));
        QVERIFY(engine.metas().at("restored").contains(identity().fileId.toHex()));
    }

    void aRestoreRefusesADamagedBackupAndAFullDirectory()
    {
        DiskImage image = makeFile(true);
        SimDisk disk(image);
        const auto taken = restoreInto(disk, filePath(), directory(), identity());
        QVERIFY(!taken);
        QCOMPARE(taken.error().code, base::ErrorCode::Conflict);
        QCOMPARE(disk.liveImage().files.at(filePath()), image.files.at(filePath()));

        for (const qint64 at : {qint64{100}, placeOf(image, "key7"), placeOf(image, "key74"),
                                image.files.at(filePath()).size() - 1}) {
            DiskImage damaged = image;
            flip(damaged, at);
            SimDisk other(damaged);
            const auto restored =
                restoreInto(other, filePath(), QStringLiteral("/other"), identity());
            QVERIFY(!restored);
            QCOMPARE(restored.error().code, base::ErrorCode::Corrupt);
            QVERIFY(!other.liveImage().files.contains(QStringLiteral("/other/storage.db")));
        }
    }
};

QTEST_APPLESS_MAIN(TestRescue)
#include "tst_rescue.moc"
