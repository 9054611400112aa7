// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/key_hash.h"
#include "daemon/store/table_loader.h"

#include <QtTest>

#include <algorithm>
#include <random>
#include <thread>

using namespace dynakv;
using namespace dynakv::store;

namespace {

constexpr qint64 kNowMs = 1'000'000;
constexpr int kPartitionsInGroup = core::kPartitionCount / Table::kLoadGroups;

int groupOf(const core::Record &record)
{
    return core::slotOf(record.key).partition / kPartitionsInGroup;
}

core::Record makeRecord(const QByteArray &key, quint64 clock = 1, const QByteArray &value = "v")
{
    core::Record record;
    record.key = key;
    record.version = {clock, 1};
    record.value = value;
    return record;
}

/// Every kind of record, each key once, in the order that a loader wants.
std::vector<core::Record> makeRecords(int count)
{
    std::mt19937_64 random(1);
    std::vector<core::Record> records;
    for (int i = 0; i < count; ++i) {
        core::Record record = makeRecord(QByteArray::number(i, 36), 1 + random() % 1000);
        record.key.prepend(QByteArray(static_cast<qsizetype>(random() % 12), 'P'));
        record.value = QByteArray(static_cast<qsizetype>(random() % 500), 'v');
        if (random() % 3 == 0)
            record.expiresAtMs = kNowMs - 5 + static_cast<qint64>(random() % 10);
        if (random() % 3 == 0)
            record.contentType = "text/plain";
        if (random() % 3 == 0)
            record.context = QByteArray(static_cast<qsizetype>(random() % 300), 'c');
        if (random() % 5 == 0) {
            record.kind = core::RecordKind::Tombstone;
            record.value.clear();
        }
        records.push_back(record);
    }
    std::sort(records.begin(), records.end(), [](const auto &left, const auto &right) {
        const auto place = [](const core::Record &record) {
            return std::pair(core::slotOf(record.key).partition, record.key);
        };
        return place(left) < place(right);
    });
    return records;
}

/// Two ways to fill a table leave different room in its nodes.
TableStats sumsOf(const Table &table)
{
    TableStats stats = table.stats();
    stats.memoryBytes = 0;
    return stats;
}

/// How many of the records of its group a loader took.
int load(Table &table, int group, const std::vector<core::Record> &records)
{
    TableLoader loader(table, group);
    int taken = 0;
    for (const core::Record &record : records) {
        if (groupOf(record) == group)
            taken += loader.append(core::viewOf(record)) ? 1 : 0;
    }
    return taken;
}

/// The first key after \a from that belongs to the same partition, or does not.
QByteArray keyNear(const QByteArray &from, bool isSamePartition)
{
    const quint8 partition = core::slotOf(from).partition;
    for (int i = 0;; ++i) {
        QByteArray key = from + QByteArray::number(i);
        if ((core::slotOf(key).partition == partition) == isSamePartition)
            return key;
    }
}

} // namespace

class TestTableLoader : public QObject
{
    Q_OBJECT

private:
    static void compare(const Table &table, const Table &expected,
                        const std::vector<core::Record> &records)
    {
        QCOMPARE(sumsOf(table), sumsOf(expected));
        QCOMPARE(table.newestClock(), expected.newestClock());
        QCOMPARE(table.treeRoots(), expected.treeRoots());
        for (int i = 0; i < core::kPartitionCount; ++i) {
            QCOMPARE(table.treeLeaves(static_cast<quint8>(i)),
                     expected.treeLeaves(static_cast<quint8>(i)));
        }
        for (const core::Record &record : records)
            QCOMPARE(table.find(record.key), expected.find(record.key));
        for (qint64 wallMs = kNowMs - 6; wallMs < kNowMs + 6; ++wallMs) {
            ListQuery query;
            query.limit = 1;
            query.wallMs = wallMs;
            QCOMPARE(table.list(query).totalEstimate, expected.list(query).totalEstimate);
        }
    }

private Q_SLOTS:
    void whatIsLoadedIsWhatAppliesWouldLeave()
    {
        const std::vector<core::Record> records = makeRecords(20'000);
        Table expected;
        expected.setTreeKey(42);
        for (const core::Record &record : records)
            expected.apply(record);
        Table table;
        table.setTreeKey(42);
        int taken = 0;
        for (int group = 0; group < Table::kLoadGroups; ++group)
            taken += load(table, group, records);
        QCOMPARE(taken, 20'000);
        compare(table, expected, records);
    }

    void aLoadedTableTakesWritesLikeAnyOther()
    {
        const std::vector<core::Record> records = makeRecords(5'000);
        Table expected;
        Table table;
        for (int group = 0; group < Table::kLoadGroups; ++group)
            load(table, group, records);
        for (const core::Record &record : records)
            expected.apply(record);
        std::mt19937_64 random(2);
        std::vector<core::Record> all = records;
        for (int i = 0; i < 5'000; ++i) {
            core::Record record = makeRecord(QByteArray::number(random() % 10'000, 36), 0);
            record.version.clock = random() % 2000;
            QCOMPARE(table.apply(record), expected.apply(record));
            all.push_back(record);
        }
        compare(table, expected, all);
    }

    void groupsAreLoadedBesideEachOther()
    {
        const std::vector<core::Record> records = makeRecords(20'000);
        Table expected;
        for (const core::Record &record : records)
            expected.apply(record);
        Table table;
        std::vector<std::thread> threads;
        for (int group = 0; group < Table::kLoadGroups; ++group)
            threads.emplace_back([&table, group, &records] { load(table, group, records); });
        for (std::thread &thread : threads)
            thread.join();
        compare(table, expected, records);
    }

    void whatIsOutOfOrderOrOutOfPlaceIsRefused()
    {
        const core::Record first = makeRecord("k", 5);
        const core::Record second = makeRecord(keyNear(first.key, true), 6);
        const core::Record elsewhere = makeRecord(keyNear(first.key, false), 7);
        core::Record foreign = elsewhere;
        while (groupOf(foreign) == groupOf(first))
            foreign.key += 'x';
        Table table;
        {
            TableLoader loader(table, groupOf(first));
            QVERIFY(loader.append(core::viewOf(second)));
            const core::TreeRoots roots = table.treeRoots();
            QVERIFY(!loader.append(core::viewOf(second)));
            QVERIFY(!loader.append(core::viewOf(first)));
            QVERIFY(!loader.append(core::viewOf(foreign)));
            QCOMPARE(table.treeRoots(), roots);
            QCOMPARE(table.find(first.key), std::nullopt);
            QCOMPARE(table.find(foreign.key), std::nullopt);
        }
        QCOMPARE(table.stats().records, 1);
        QCOMPARE(table.newestClock(), 6U);

        // What stood there before is never added to, not even behind its last key.
        TableLoader again(table, groupOf(first));
        const core::Record third = makeRecord(keyNear(second.key, true));
        QVERIFY(!again.append(core::viewOf(third)));
        again.finish();
        QCOMPARE(table.stats().records, 1);
    }

    void finishingTwiceCountsOnce()
    {
        Table table;
        core::Record record = makeRecord("k");
        record.expiresAtMs = kNowMs;
        TableLoader loader(table, groupOf(record));
        QVERIFY(loader.append(core::viewOf(record)));
        QCOMPARE(table.stats().records, 0);
        loader.finish();
        loader.finish();
        QCOMPARE(table.stats().records, 1);
        QCOMPARE(table.stats().bytes, 2);
        ListQuery query;
        query.wallMs = kNowMs - 1;
        QCOMPARE(table.list(query).totalEstimate, 1);
        query.wallMs = kNowMs;
        QCOMPARE(table.list(query).totalEstimate, 0);
    }
};

QTEST_APPLESS_MAIN(TestTableLoader)
#include "tst_table_loader.moc"
