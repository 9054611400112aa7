// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/capacity.h"
#include "tests/support/map_records.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;

namespace {

Record value(const QByteArray &key, qsizetype bytes, quint64 clock = 1)
{
    Record record;
    record.key = key;
    record.version = {clock, 1};
    record.value = QByteArray(bytes, 'v');
    return record;
}

Record tombstone(const QByteArray &key)
{
    Record record = value(key, 0, 2);
    record.kind = RecordKind::Tombstone;
    return record;
}

/// A table of one value of 100 bytes in all: 48 of them are what a record costs beside its key and
/// its value.
testing::MapRecords hundredBytes()
{
    testing::MapRecords records;
    records.apply(value("k", 51));
    return records;
}

} // namespace

class TestCapacity : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void usedIsRoundedUp_data();
    void usedIsRoundedUp();
    void whatIsOnItsWayCounts();
    void withoutALimitEverythingFits();
    void aValueHasRoomUpToTheLimit();
    void recordsFitUpToTheReserve();
    void whatTakesNoMoreThanItReplacesAlwaysFits();
};

void TestCapacity::usedIsRoundedUp_data()
{
    QTest::addColumn<qint64>("limit");
    QTest::addColumn<quint32>("permille");
    QTest::newRow("none") << qint64{0} << 0U;
    QTest::newRow("exactly") << qint64{100} << 1000U;
    QTest::newRow("half") << qint64{200} << 500U;
    QTest::newRow("a little over") << qint64{105} << 953U;
    QTest::newRow("hardly any") << (qint64{1} << 50) << 1U;
    QTest::newRow("far beyond") << qint64{1} << 100'000U;
}

void TestCapacity::usedIsRoundedUp()
{
    QFETCH(const qint64, limit);
    QFETCH(const quint32, permille);
    const testing::MapRecords records = hundredBytes();
    QCOMPARE(Capacity(records, limit).usedPermille(), permille);
}

void TestCapacity::whatIsOnItsWayCounts()
{
    const testing::MapRecords records = hundredBytes();
    Capacity capacity(records, 1000);
    const Record more = value("k2", 150);
    capacity.enter(more);
    QCOMPARE(capacity.usedPermille(), 300U);
    capacity.leave(more);
    QCOMPARE(capacity.usedPermille(), 100U);
}

void TestCapacity::withoutALimitEverythingFits()
{
    const testing::MapRecords records = hundredBytes();
    std::vector<Record> batch{value("large", 100'000)};
    QCOMPARE(Capacity(records, 0).dropUnfit(batch), std::size_t{0});
    QCOMPARE(batch.size(), std::size_t{1});
}

void TestCapacity::aValueHasRoomUpToTheLimit()
{
    const testing::MapRecords records = hundredBytes();
    Capacity capacity(records, 1000);
    QVERIFY(capacity.hasRoomFor(value("a", 851)));
    QVERIFY(!capacity.hasRoomFor(value("a", 852)));
    QVERIFY(capacity.hasRoomFor(value("k", 951))); // In place of the one there is.
    QVERIFY(!capacity.hasRoomFor(value("k", 952)));
    capacity.enter(value("b", 1));
    QVERIFY(!capacity.hasRoomFor(value("a", 851)));
    QVERIFY(Capacity(records, 0).hasRoomFor(value("a", 100'000)));
}

/// The limit 1000 means 1100 for what others have acknowledged.
void TestCapacity::recordsFitUpToTheReserve()
{
    const testing::MapRecords records = hundredBytes();
    std::vector<Record> batch{value("a", 951 - 500), value("b", 451), value("c", 10)};
    QCOMPARE(Capacity(records, 1000).dropUnfit(batch), std::size_t{1});
    QCOMPARE(batch.size(), std::size_t{2});
    QCOMPARE(batch[1].key, QByteArray("b"));
}

void TestCapacity::whatTakesNoMoreThanItReplacesAlwaysFits()
{
    const testing::MapRecords records = hundredBytes();
    const Capacity capacity(records, 50); // Twice full: as a start with a smaller limit leaves it.
    std::vector<Record> batch{tombstone("k"), tombstone("unknown"), value("k", 52, 2),
                              value("k", 51, 2)};
    QCOMPARE(capacity.dropUnfit(batch), std::size_t{2});
    QCOMPARE(batch.size(), std::size_t{2});
    QCOMPARE(batch[0].kind, RecordKind::Tombstone);
    QCOMPARE(batch[0].key, QByteArray("k"));
    QCOMPARE(batch[1].value.size(), qsizetype{51});
}

QTEST_APPLESS_MAIN(TestCapacity)
#include "tst_capacity.moc"
