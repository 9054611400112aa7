// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/file_walk.h"
#include "daemon/storage/storage_engine.h"
#include "tests/support/sim_disk.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFile>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::storage;

namespace {

QString directory()
{
    return QStringLiteral("/data");
}

QString filePath()
{
    return QStringLiteral("/data/storage.db");
}

QByteArray readAll(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

test::DiskImage imageWith(const QByteArray &bytes)
{
    return {{{filePath(), bytes}}, {QStringLiteral("/"), directory()}};
}

/// In hex, or the hash of what is too long to look at.
QByteArray shortened(const QByteArray &bytes)
{
    if (bytes.size() <= 256)
        return bytes.toHex();
    return QByteArray::number(bytes.size()) + " bytes, sha256 " +
           QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex();
}

QByteArray lineOf(const core::RecordView &record)
{
    return record.key.toByteArray().toHex() + ' ' +
           (record.kind == core::RecordKind::Value ? "value " : "tombstone ") +
           QByteArray::number(record.version.clock) + ' ' +
           QByteArray::number(record.version.node) + ' ' + QByteArray::number(record.expiresAtMs) +
           " [" + record.contentType.toByteArray() + "] [" + record.context.toByteArray().toHex() +
           "] [" + shortened(record.value.toByteArray()) + "]\n";
}

/// All that a database holds, a line each, in an order that depends on nothing but the content.
QByteArray dump(const store::Table &table, const Metas &metas)
{
    std::map<QByteArray, QByteArray> lines;
    for (int partition = 0; partition < core::kPartitionCount; ++partition) {
        store::Bound bound;
        while (table.visitSlice(static_cast<quint8>(partition), bound,
                                [&lines](const core::RecordView &record) {
                                    lines[record.key.toByteArray()] = lineOf(record);
                                    return true;
                                }) == store::Walk::SliceFull) {
        }
    }
    QByteArray text;
    for (const auto &[name, value] : metas)
        text += "meta " + name.toHex() + " [" + value.toHex() + "]\n";
    for (const auto &[key, line] : lines)
        text += line;
    return text;
}

core::Record record(const QByteArray &key, quint64 clock, const QByteArray &value)
{
    core::Record made;
    made.key = key;
    made.version = {clock, 0x1122334455667788};
    made.value = value;
    return made;
}

core::Record tombstone(const QByteArray &key, quint64 clock)
{
    core::Record made = record(key, clock, {});
    made.kind = core::RecordKind::Tombstone;
    return made;
}

/// The kinds of records that there are.
std::vector<CommitRequest> commits()
{
    core::Record full = record("full", 10, "<p>");
    full.expiresAtMs = 1'900'000'000'000;
    full.contentType = "text/html";
    full.context = QByteArray("\0\x01\xFF", 3);
    std::vector<core::Record> many;
    for (int i = 0; i < 300; ++i)
        many.push_back(record("many/" + QByteArray::number(i), 100 + static_cast<quint64>(i),
                              QByteArray::number(i)));
    return {{{record("a", 1, "1"), record(QByteArray("\0\xFF/", 3), 2, "\"binary key\"")},
             {{"state", "first"}}},
            {{full, record("empty", 11, ""), tombstone("a", 12)}, {}},
            {many, {{"state", "second"}, {"other", QByteArray(300, 'm')}}},
            {{record("long", 500, QByteArray(70'000, 'x'))}, {}},
            {{record("a", 501, "\"again\""), tombstone("many/7", 502)}, {}}};
}

bool rewrite(StorageEngine &engine, SnapshotWriter &writer)
{
    for (;;) {
        const auto step = writer.step();
        if (!step)
            return false;
        if (*step)
            return engine.finishRewrite(writer).ok();
    }
}

/// Writes the files of this version; for a new version of the format only, since a golden file is
/// never changed.
void writeGoldenFiles(const QString &to)
{
    const auto save = [&to](const char *name, const QByteArray &bytes, const QByteArray &expected) {
        QFile file(to + QLatin1Char('/') + QLatin1String(name) + QStringLiteral(".db"));
        QFile text(to + QLatin1Char('/') + QLatin1String(name) + QStringLiteral(".expected"));
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size());
        QVERIFY(text.open(QIODevice::WriteOnly) && text.write(expected) == expected.size());
    };
    test::SimDisk disk;
    const auto bytes = [&disk] { return disk.liveImage().files.at(filePath()); };
    QByteArray expected;
    const StorageEngine::Options options = {core::Durability::Sync, {}, 4096};
    {
        store::Table table;
        StorageEngine engine(disk, table, options);
        QVERIFY(engine.open(directory(), {"0123456789abcdef", 1'700'000'000'000}));
        for (const CommitRequest &request : commits())
            engine.commit({request});
        expected = dump(table, engine.metas());
        save("log_reserved", bytes(), expected);
        save("log_torn", bytes().first(engine.logEnd()) + "DYKF torn", expected);
    }
    save("log_sealed", bytes(), expected);
    store::Table table;
    StorageEngine engine(disk, table, options);
    QVERIFY(engine.open(directory(), {}));
    const auto writer = engine.beginRewrite();
    QVERIFY(writer && (*writer)->step());
    engine.commit({{{record("meanwhile", 600, "true")}, {{"state", "third"}}}});
    QVERIFY(rewrite(engine, **writer));
    engine.commit({{{record("behind", 601, "null"), tombstone("full", 602)}, {}}});
    engine.mark();
    save("base_and_log", bytes(), dump(table, engine.metas()));
    QByteArray oneSuperblock = bytes();
    oneSuperblock.replace(0, 600, QByteArray(600, '\0'));
    save("base_one_superblock", oneSuperblock, dump(table, engine.metas()));
}

} // namespace

/// Files as format 1 was first written, which every later version must open with the same content.
class TestGolden : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        if (const QString to = qEnvironmentVariable("DYNAKV_WRITE_GOLDEN"); !to.isEmpty())
            writeGoldenFiles(to);
    }

    void everyFileOpensWithItsContent_data()
    {
        QTest::addColumn<QString>("path");
        const QDir golden(QStringLiteral(DYNAKV_GOLDEN_DIR "/v1"));
        const QStringList names = golden.entryList({QStringLiteral("*.db")});
        QVERIFY(names.size() >= 5);
        for (const QString &name : names)
            QTest::newRow(qPrintable(name)) << golden.filePath(name);
    }

    void everyFileOpensWithItsContent()
    {
        QFETCH(QString, path);
        const QByteArray bytes = readAll(path);
        const QByteArray expected = readAll(path.chopped(3) + QStringLiteral(".expected"));
        QVERIFY(!bytes.isEmpty() && !expected.isEmpty());
        for (const int threads : {1, 4}) {
            test::SimDisk disk(imageWith(bytes));
            store::Table table;
            StorageEngine engine(disk, table, {core::Durability::Sync, {threads, {}}, 4096});
            const auto report = engine.open(directory(), {});
            QVERIFY2(report, report ? "" : report.error().message.constData());
            QCOMPARE(dump(table, engine.metas()), expected);
        }
    }

    void everyFileCanBeVerified_data() { everyFileOpensWithItsContent_data(); }
    void everyFileCanBeVerified()
    {
        QFETCH(QString, path);
        test::SimDisk disk(imageWith(readAll(path)));
        store::Table table;
        Metas metas;
        const EntrySink sink = {[&](const core::RecordView &each) { table.apply(each); },
                                [&](QByteArrayView name, QByteArrayView value) {
                                    metas[name.toByteArray()] = value.toByteArray();
                                }};
        const auto report = walkFile(disk, filePath(), OnDamage::Stop, sink);
        QVERIFY(report);
        QVERIFY(report->damages.empty());
        QVERIFY(report->isIndexRight);
        QCOMPARE(report->isSuperblockDamaged, path.contains(QLatin1String("one_superblock")));
        QCOMPARE(report->tornBytes, path.contains(QLatin1String("torn")) ? 9 : 0);
        QCOMPARE(report->isSealed, path.contains(QLatin1String("sealed")));
        QCOMPARE(dump(table, metas), readAll(path.chopped(3) + QStringLiteral(".expected")));
    }
};

QTEST_APPLESS_MAIN(TestGolden)
#include "tst_golden.moc"
