// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/export_file.h"
#include "daemon/app/import_progress.h"
#include "daemon/app/import_source.h"
#include "tests/support/sim_disk.h"

#include <QTest>

using namespace dynakv;
using app::ExportFile;
using app::ExportHeader;
using app::ExportRecord;
using app::ImportPlan;
using test::SimDisk;

namespace {

constexpr int kRecords = 20;
const QString kPath = QStringLiteral("/export");
const QString kPartial = QStringLiteral("/export.partial");
const ExportHeader kHeader{"00000000000000c1", "00000000000000a1", "k", 1};

ExportRecord record(int number)
{
    return {"k" + QByteArray::number(number).rightJustified(4, '0'),
            '"' + QByteArray(50, 'x') + '"',
            {},
            "v",
            1,
            std::nullopt};
}

/// A disk on which an export was interrupted.
test::DiskImage imageWith(const QByteArray &partial)
{
    return {{{kPartial, partial}}, {QStringLiteral("/")}};
}

/// Adds the records that \a file lacks, three to a page, and finishes it.
base::Result<app::ExportTrailer> writeRest(ExportFile &file)
{
    for (int i = static_cast<int>(file.records()); i < kRecords; ++i) {
        if (const auto added = file.add(record(i)); !added)
            return added.error();
        if (i % 3 == 2) {
            if (const auto flushed = file.flush(); !flushed)
                return flushed.error();
        }
    }
    return file.finish();
}

QByteArray wholeExport()
{
    SimDisk disk;
    ExportFile file(disk, kPath);
    if (!file.create(kHeader) || !writeRest(file))
        qFatal("no export");
    return disk.liveImage().files.at(kPath);
}

base::Result<ImportPlan> plan(const QByteArray &bytes)
{
    // In small pieces, so that every line is cut somewhere.
    app::ImportSource source([bytes, place = qsizetype{0}](qint64) mutable {
        const QByteArray piece = bytes.sliced(place, std::min<qsizetype>(7, bytes.size() - place));
        place += piece.size();
        return base::Result<QByteArray>(piece);
    });
    return app::planImport(source);
}

} // namespace

/// What stands on the disk, whatever ends an export, and what an import makes of it.
class TestExportFile : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aFinishedExportIsWhole();
    void anExportCutAnywhereIsNeverTakenForWhole();
    void anExportCutAnywhereGoesOn();
    void theNameAloneMeansThatItIsOnTheDisk();
    void aFailingDiskIsToldAndResumed();
    void aForeignPartialFileIsRefused_data();
    void aForeignPartialFileIsRefused();
    void aLineWithoutEndIsBounded();
    void progressSurvives();
    void progressIsAlwaysWhole();
    void damagedProgressIsRefused_data();
    void damagedProgressIsRefused();
};

void TestExportFile::aFinishedExportIsWhole()
{
    SimDisk disk;
    ExportFile file(disk, kPath);
    QVERIFY(file.create(kHeader));
    const auto trailer = writeRest(file);
    QVERIFY2(trailer, trailer ? "" : trailer.error().message.constData());
    QCOMPARE(trailer->count, kRecords);
    const auto files = disk.liveImage().files;
    QVERIFY(files.contains(kPath) && !files.contains(kPartial));
    const auto read = plan(files.at(kPath));
    QVERIFY(read);
    QCOMPARE(*read, (ImportPlan{kHeader, kRecords, trailer->sha256, {}}));
}

void TestExportFile::anExportCutAnywhereIsNeverTakenForWhole()
{
    const QByteArray whole = wholeExport();
    qint64 records = 0;
    for (qsizetype length = 0; length < whole.size(); ++length) {
        const QByteArray cut = whole.first(length);
        const auto read = plan(cut);
        if (!cut.contains('\n')) {
            QVERIFY(!read && read.error().message.startsWith("line 1: "));
            continue;
        }
        QVERIFY(read);
        QVERIFY(read->damage.has_value());
        QCOMPARE(read->records, std::min<qint64>(cut.count('\n') - 1, kRecords));
        const QByteArray place = "line " + QByteArray::number(cut.count('\n') + 1) + ": ";
        QVERIFY2(read->damage->message.startsWith(place), read->damage->message.constData());
        QVERIFY(read->records >= std::exchange(records, read->records));
    }
    const auto more = plan(whole + "\n");
    QVERIFY(more && more->damage);
}

void TestExportFile::anExportCutAnywhereGoesOn()
{
    const QByteArray whole = wholeExport();
    const qsizetype headerEnd = whole.indexOf('\n') + 1;
    for (qsizetype length = 0; length <= whole.size(); ++length) {
        SimDisk disk(imageWith(whole.first(length)));
        ExportFile file(disk, kPath);
        const auto resumed = file.resume(kHeader);
        QCOMPARE(resumed.ok(), length >= headerEnd);
        if (!resumed)
            continue;
        QVERIFY(writeRest(file));
        QVERIFY2(disk.liveImage().files.at(kPath) == whole, QByteArray::number(length).constData());
    }
}

void TestExportFile::theNameAloneMeansThatItIsOnTheDisk()
{
    const QByteArray whole = wholeExport();
    int named = 0;
    for (int call = 1;; ++call) {
        SimDisk disk;
        disk.powerOffAtCall(call);
        {
            ExportFile file(disk, kPath);
            if (file.create(kHeader) && writeRest(file))
                break;
        }
        for (const test::DiskImage &image : disk.crashImages(quint64(call), 20)) {
            const auto found = image.files.find(kPath);
            if (found == image.files.end())
                continue;
            ++named;
            QVERIFY(found->second == whole);
        }
    }
    QVERIFY(named > 0);
}

void TestExportFile::aFailingDiskIsToldAndResumed()
{
    const QByteArray whole = wholeExport();
    int resumes = 0;
    for (const auto fault :
         {SimDisk::Fault::Io, SimDisk::Fault::NoSpace, SimDisk::Fault::ShortWrite}) {
        for (int call = 1;; ++call) {
            SimDisk disk;
            disk.failCalls(call, 1, fault);
            {
                ExportFile file(disk, kPath);
                const auto created = file.create(kHeader);
                if (created && writeRest(file)) {
                    QVERIFY(disk.liveImage().files.at(kPath) == whole);
                    break;
                }
            }
            disk.failCalls(0, 0, SimDisk::Fault::None);
            if (disk.liveImage().files.contains(kPath))
                continue; // Only the sync of the directory was left.
            ExportFile file(disk, kPath);
            if (!file.resume(kHeader))
                continue; // There is no header yet.
            ++resumes;
            QVERIFY(writeRest(file));
            QVERIFY(disk.liveImage().files.at(kPath) == whole);
        }
    }
    QVERIFY(resumes > 3);
}

void TestExportFile::aForeignPartialFileIsRefused_data()
{
    QTest::addColumn<QByteArray>("partial");
    QTest::addColumn<QByteArray>("because");
    const QByteArray whole = wholeExport();
    const auto changed = [&whole](const char *from, const char *to) {
        QByteArray text = whole;
        text.replace(text.indexOf(from), qsizetype(qstrlen(from)), to);
        return text;
    };
    QTest::newRow("another cluster") << changed("00c1", "00c2") << QByteArray("of cluster");
    QTest::newRow("another prefix") << changed("\"k\"", "\"\"") << QByteArray("of the prefix");
    QTest::newRow("a damaged line")
        << changed("\"value\":\"", "\"value\":") << QByteArray("line 2: ");
    QTest::newRow("no header") << whole.sliced(whole.indexOf('\n') + 1) << QByteArray("line 1: ");
    QTest::newRow("nothing") << QByteArray() << QByteArray("not even a header");
    QTest::newRow("a letter") << QByteArray("Dear Sir,\n") << QByteArray("line 1: ");
}

void TestExportFile::aForeignPartialFileIsRefused()
{
    QFETCH(const QByteArray, partial);
    QFETCH(const QByteArray, because);
    SimDisk disk(imageWith(partial));
    ExportFile file(disk, kPath);
    const auto resumed = file.resume(kHeader);
    QVERIFY(!resumed);
    QVERIFY2(resumed.error().message.contains(because), resumed.error().message.constData());
    QCOMPARE(disk.liveImage().files.at(kPartial), partial);
}

void TestExportFile::aLineWithoutEndIsBounded()
{
    qint64 given = 0;
    app::ImportSource source([&given](qint64 bytesMax) {
        given += bytesMax;
        return base::Result<QByteArray>(QByteArray(bytesMax, 'x'));
    });
    const auto read = app::planImport(source);
    QVERIFY(!read);
    QVERIFY(read.error().message.startsWith("line 1: it has more than"));
    QVERIFY(given < 2 * app::kExportLineBytesMax);
}

void TestExportFile::progressSurvives()
{
    const app::ImportProgress progress{"00000000000000c1",
                                       app::ImportMode::Overwrite,
                                       QByteArray(64, 'a'),
                                       9'007'199'254'740'993,
                                       {1, 2, 3, 4}};
    const auto read = app::parseImportProgress(toText(progress));
    QVERIFY(read);
    QCOMPARE(*read, progress);
    SimDisk disk;
    app::ImportProgressFile file(disk, kPath);
    QCOMPARE(file.load().error().code, base::ErrorCode::NotFound);
    QVERIFY(file.save(progress));
    QCOMPARE(*file.load(), progress);
    QVERIFY(file.remove() && file.remove());
    QVERIFY(disk.liveImage().files.empty());
}

void TestExportFile::progressIsAlwaysWhole()
{
    app::ImportProgress progress{"c1", app::ImportMode::OnlyMissing, QByteArray(64, 'a'), 1, {}};
    SimDisk first;
    QVERIFY(app::ImportProgressFile(first, kPath).save(progress));
    QVERIFY(first.syncDirectory(QStringLiteral("/")));
    test::DiskImage before = first.liveImage();
    for (int call = 1; call < 10; ++call) {
        SimDisk disk(before);
        disk.powerOffAtCall(call);
        app::ImportProgress later = progress;
        later.line = 1000;
        (void)app::ImportProgressFile(disk, kPath).save(later).ok();
        for (const test::DiskImage &image : disk.crashImages(quint64(call), 10)) {
            SimDisk after(image);
            const auto found = app::ImportProgressFile(after, kPath).load();
            QVERIFY2(found, found ? "" : found.error().message.constData());
            QVERIFY(*found == progress || *found == later);
        }
    }
}

void TestExportFile::damagedProgressIsRefused_data()
{
    QTest::addColumn<QByteArray>("text");
    const QByteArray good =
        toText(app::ImportProgress{"c1", app::ImportMode::Overwrite, "s", 5, {}});
    QTest::newRow("nothing") << QByteArray();
    QTest::newRow("cut") << good.first(good.size() / 2);
    QTest::newRow("another mode") << QByteArray(good).replace("overwrite", "sometimes");
    QTest::newRow("another version")
        << QByteArray(good).replace("\"dynakv_import\":1", "\"dynakv_import\":2");
    QTest::newRow("a negative line") << QByteArray(good).replace("\"line\":5", "\"line\":-5");
}

void TestExportFile::damagedProgressIsRefused()
{
    QFETCH(const QByteArray, text);
    QVERIFY(!app::parseImportProgress(text));
}

QTEST_APPLESS_MAIN(TestExportFile)
#include "tst_export_file.moc"
