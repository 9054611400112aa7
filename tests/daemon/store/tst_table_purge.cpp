// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/purge_watermark.h"
#include "daemon/store/table.h"
#include "daemon/store/table_loader.h"
#include "tests/support/map_records.h"

#include <QtTest>

#include <random>

using namespace dynakv;
using store::Table;

namespace {

constexpr quint64 kTreeKey = 77;
constexpr int kSlice = 10;

/// Values, tombstones and values that expire, in the first 1000 ms.
core::Record randomRecord(std::mt19937_64 &random)
{
    core::Record record;
    record.key = "key" + QByteArray::number(random() % 3000);
    record.version = {random() % (quint64{1000} << 16), 1 + random() % 3};
    record.value = QByteArray(static_cast<qsizetype>(random() % 40), 'v');
    const quint64 kind = random() % 3;
    if (kind == 0) {
        record.kind = core::RecordKind::Tombstone;
        record.value.clear();
    } else if (kind == 1) {
        record.expiresAtMs = 1 + static_cast<qint64>(random() % 1500);
    }
    return record;
}

void purgeAll(Table &table, quint64 watermark)
{
    while (table.purge(watermark, kSlice) == kSlice)
        continue;
}

/// Everything that a reader, a peer and an operator see of \a table.
void compare(const Table &table, const testing::MapRecords &expected)
{
    QCOMPARE(table.recordCount(), expected.recordCount());
    QCOMPARE(table.liveCount(), expected.liveCount());
    QCOMPARE(table.byteCount(), expected.byteCount());
    QVERIFY(table.treeRoots() == expected.treeRoots());
    for (const auto &[key, record] : expected.all())
        QVERIFY(table.find(key) == record);
    core::LeafSet all;
    all.set();
    qint64 stamps = 0;
    for (int partition = 0; partition < core::kPartitionCount; ++partition) {
        const auto number = static_cast<quint8>(partition);
        QVERIFY(table.treeLeaves(number) == expected.treeLeaves(number));
        stamps += static_cast<qint64>(table.stamps(number, all, {}, 4096).stamps.size());
    }
    QCOMPARE(stamps, expected.recordCount());
}

} // namespace

/// What is dead for good goes, and nothing tells that it was there.
class TestTablePurge : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void whatIsDeadGoesAndNothingElse_data();
    void whatIsDeadGoesAndNothingElse();
    void itGoesInSlices();
    void whatWasLoadedGoesToo();
    void nothingIsLeftOfIt();
};

void TestTablePurge::whatIsDeadGoesAndNothingElse_data()
{
    QTest::addColumn<quint64>("seed");
    for (quint64 seed = 1; seed <= 10; ++seed)
        QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
}

void TestTablePurge::whatIsDeadGoesAndNothingElse()
{
    QFETCH(quint64, seed);
    std::mt19937_64 random(seed);
    Table table;
    table.setTreeKey(kTreeKey);
    testing::MapRecords expected;
    expected.setTreeKey(kTreeKey);
    for (int step = 0; step < 12; ++step) {
        for (int i = 0; i < 500; ++i) {
            const core::Record record = randomRecord(random);
            table.apply(record);
            expected.apply(record);
        }
        const quint64 watermark = random() % (quint64{1500} << 16);
        purgeAll(table, watermark);
        expected.purge(watermark);
        compare(table, expected);
        // What is told of expiry lives on what is still there.
        const qint64 live = table.list({}).totalEstimate;
        QVERIFY(live >= 0);
    }
    QVERIFY(table.stats().purged > 0);
}

void TestTablePurge::itGoesInSlices()
{
    Table table;
    for (int i = 0; i < 25; ++i) {
        core::Record record;
        record.key = "k" + QByteArray::number(i);
        record.kind = core::RecordKind::Tombstone;
        record.version = {static_cast<quint64>(100 + i), 1};
        table.apply(record);
    }
    QCOMPARE(table.purge(99, kSlice), 0);
    QCOMPARE(table.purge(109, 20), 10);
    QVERIFY(!table.find("k9"));
    QVERIFY(table.find("k10"));
    QCOMPARE(table.purge(1000, kSlice), 10);
    QCOMPARE(table.purge(1000, kSlice), 5);
    QCOMPARE(table.purge(1000, kSlice), 0);
    QCOMPARE(table.stats().purged, 25);
    QCOMPARE(table.stats().tombstones, 0);
}

void TestTablePurge::whatWasLoadedGoesToo()
{
    Table table;
    table.setTreeKey(kTreeKey);
    testing::MapRecords expected;
    expected.setTreeKey(kTreeKey);
    std::mt19937_64 random(3);
    for (int i = 0; i < 2000; ++i)
        expected.apply(randomRecord(random));
    std::vector<core::Record> records;
    for (const auto &[key, record] : expected.all())
        records.push_back(record);
    std::sort(records.begin(), records.end(), [](const auto &a, const auto &b) {
        const auto slotA = core::slotOf(a.key).partition;
        const auto slotB = core::slotOf(b.key).partition;
        return slotA != slotB ? slotA < slotB : a.key < b.key;
    });
    constexpr int partitionsInGroup = core::kPartitionCount / Table::kLoadGroups;
    for (int group = 0; group < Table::kLoadGroups; ++group) {
        store::TableLoader loader(table, group);
        for (const core::Record &record : records) {
            if (core::slotOf(record.key).partition / partitionsInGroup == group)
                QVERIFY(loader.append(core::viewOf(record)));
        }
    }
    compare(table, expected);
    const quint64 watermark = quint64{700} << 16;
    purgeAll(table, watermark);
    expected.purge(watermark);
    compare(table, expected);
    QVERIFY(table.stats().purged > 100);
}

void TestTablePurge::nothingIsLeftOfIt()
{
    Table table;
    core::Record value;
    value.key = "k";
    value.version = {200, 1};
    value.value = QByteArray(1000, 'v');
    core::Record tombstone = value;
    tombstone.kind = core::RecordKind::Tombstone;
    tombstone.version.clock = 300;
    tombstone.value.clear();
    table.apply(value);
    table.apply(tombstone);
    QCOMPARE(table.purge(300, kSlice), 1);
    QCOMPARE(table.recordCount(), 0);
    QCOMPARE(table.byteCount(), 0);
    QVERIFY(table.treeRoots() == core::TreeRoots{});
    const qint64 bytes = table.memoryBytes();
    for (int i = 0; i < 1000; ++i) {
        value.version.clock += 1000;
        tombstone.version.clock += 1000;
        table.apply(value);
        table.apply(tombstone);
        QCOMPARE(table.purge(tombstone.version.clock, kSlice), 1);
    }
    QCOMPARE(table.memoryBytes(), bytes);
}

QTEST_APPLESS_MAIN(TestTablePurge)
#include "tst_table_purge.moc"
