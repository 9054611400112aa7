// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/key_hash.h"
#include "daemon/core/record.h"

#include <QtEndian>
#include <QtTest>

using namespace dynakv::core;

namespace {

Record sample()
{
    Record record;
    record.key = "key";
    record.version = {5, 6};
    record.expiresAtMs = 7;
    record.contentType = "text/plain";
    record.context = "context";
    record.value = "value";
    return record;
}

} // namespace

Q_DECLARE_METATYPE(dynakv::core::Record)
Q_DECLARE_METATYPE(dynakv::core::Stamp)

class TestRecord : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void contentHashTellsFieldsApart_data();
    void contentHashTellsFieldsApart();
    void contentHashLeavesOutKeyAndVersion();
    void contentHashIsThatOfTheJoinedFields();
    void aViewHasEveryFieldAndGivesTheRecordBack();
    void stampsAreOrderedByClockThenNodeThenContent_data();
    void stampsAreOrderedByClockThenNodeThenContent();
    void onlyAnUnexpiredValueIsLive_data();
    void onlyAnUnexpiredValueIsLive();
    void treeElementDependsOnAllItIsMadeOf();
    void treeElementsOfSwappedStampsDoNotCancelOut();
    void keysSpreadOverAllPartitionsAndLeaves();
};

void TestRecord::contentHashTellsFieldsApart_data()
{
    QTest::addColumn<Record>("other");
    const auto row = [](const char *name, auto change) {
        Record record = sample();
        change(record);
        QTest::newRow(name) << record;
    };
    row("kind", [](Record &r) { r.kind = RecordKind::Tombstone; });
    row("expiry", [](Record &r) { r.expiresAtMs = 8; });
    row("no expiry", [](Record &r) { r.expiresAtMs = 0; });
    row("content type", [](Record &r) { r.contentType = "text/html"; });
    row("context", [](Record &r) { r.context = "Context"; });
    row("value", [](Record &r) { r.value = "Value"; });
    row("empty value", [](Record &r) { r.value.clear(); });
    row("a byte moved from type to context", [](Record &r) {
        r.contentType = "text/plai";
        r.context = "ncontext";
    });
    row("a byte moved from context to value", [](Record &r) {
        r.context = "contex";
        r.value = "tvalue";
    });
    row("type and context change places", [](Record &r) { std::swap(r.contentType, r.context); });
    row("a NUL at the end", [](Record &r) { r.value.append('\0'); });
    row("type gone into the value", [](Record &r) {
        r.value.prepend(r.contentType + r.context);
        r.contentType.clear();
        r.context.clear();
    });
}

void TestRecord::contentHashTellsFieldsApart()
{
    QFETCH(const Record, other);
    QVERIFY(contentHashOf(sample()) != contentHashOf(other));
}

void TestRecord::contentHashLeavesOutKeyAndVersion()
{
    Record other = sample();
    other.key = "another";
    other.version = {50, 60};
    QCOMPARE(contentHashOf(other), contentHashOf(sample()));
}

void TestRecord::contentHashIsThatOfTheJoinedFields()
{
    // Peers compare it: each length must give what it gave in every earlier version.
    for (const qsizetype bytes : {0, 1, 15, 100, 130, 250, 4096}) {
        Record record = sample();
        record.expiresAtMs = bytes;
        record.contentType = QByteArray(qMin<qsizetype>(bytes, 255), 't');
        record.context = QByteArray(bytes, 'c');
        record.value = QByteArray(bytes, 'v');
        QByteArray head(25, '\0');
        qToLittleEndian(record.expiresAtMs, head.data() + 1);
        qToLittleEndian<qint64>(record.contentType.size(), head.data() + 9);
        qToLittleEndian<qint64>(record.context.size(), head.data() + 17);
        const quint64 seed = hashBytes(head + record.contentType + record.context, 0);
        QCOMPARE(contentHashOf(record), hashBytes(record.value, seed));
    }
    QCOMPARE(contentHashOf(sample()), quint64{983'669'235'473'202'877});
}

void TestRecord::aViewHasEveryFieldAndGivesTheRecordBack()
{
    const Record record = sample();
    QCOMPARE(viewOf(record).toRecord(), record);
    QCOMPARE(stampOf(viewOf(record)), stampOf(record));
    Record other;
    {
        const Record copied = sample();
        other = viewOf(copied).toRecord();
        QVERIFY(other.value.constData() != copied.value.constData());
    }
    QCOMPARE(other, record);
}

void TestRecord::stampsAreOrderedByClockThenNodeThenContent_data()
{
    QTest::addColumn<Stamp>("less");
    QTest::addColumn<Stamp>("greater");
    QTest::newRow("clock") << Stamp{{1, 9}, 9} << Stamp{{2, 1}, 1};
    QTest::newRow("node") << Stamp{{1, 1}, 9} << Stamp{{1, 2}, 1};
    QTest::newRow("content") << Stamp{{1, 1}, 1} << Stamp{{1, 1}, 2};
    QTest::newRow("unsigned") << Stamp{{1, 1}, 1} << Stamp{{1, 1}, ~quint64{0}};
}

void TestRecord::stampsAreOrderedByClockThenNodeThenContent()
{
    QFETCH(const Stamp, less);
    QFETCH(const Stamp, greater);
    QVERIFY(less < greater);
    QVERIFY(!(greater < less));
    QVERIFY(!(less == greater));
}

void TestRecord::onlyAnUnexpiredValueIsLive_data()
{
    QTest::addColumn<RecordKind>("kind");
    QTest::addColumn<qint64>("expiresAtMs");
    QTest::addColumn<bool>("isLive");
    QTest::newRow("value without expiry") << RecordKind::Value << qint64{0} << true;
    QTest::newRow("before its expiry") << RecordKind::Value << qint64{1001} << true;
    QTest::newRow("at its expiry") << RecordKind::Value << qint64{1000} << false;
    QTest::newRow("after its expiry") << RecordKind::Value << qint64{999} << false;
    QTest::newRow("tombstone") << RecordKind::Tombstone << qint64{0} << false;
    QTest::newRow("tombstone with expiry") << RecordKind::Tombstone << qint64{1001} << false;
}

void TestRecord::onlyAnUnexpiredValueIsLive()
{
    QFETCH(const RecordKind, kind);
    QFETCH(const qint64, expiresAtMs);
    QFETCH(const bool, isLive);
    Record record = sample();
    record.kind = kind;
    record.expiresAtMs = expiresAtMs;
    QCOMPARE(record.isLive(1000), isLive);
}

void TestRecord::treeElementDependsOnAllItIsMadeOf()
{
    const Stamp stamp{{1, 2}, 3};
    const quint64 element = treeElement(1, "key", stamp);
    QVERIFY(element != treeElement(2, "key", stamp));
    QVERIFY(element != treeElement(1, "kez", stamp));
    QVERIFY(element != treeElement(1, "key", {{2, 2}, 3}));
    QVERIFY(element != treeElement(1, "key", {{1, 3}, 3}));
    QVERIFY(element != treeElement(1, "key", {{1, 2}, 4}));
    QCOMPARE(treeElement(1, "key", stamp), element);
}

/// A leaf is the XOR of its elements: what each is made of must not fall out of that.
void TestRecord::treeElementsOfSwappedStampsDoNotCancelOut()
{
    const Stamp older{{1, 2}, 3};
    const Stamp newer{{4, 5}, 6};
    QVERIFY((treeElement(1, "one", older) ^ treeElement(1, "two", newer)) !=
            (treeElement(1, "one", newer) ^ treeElement(1, "two", older)));
}

void TestRecord::keysSpreadOverAllPartitionsAndLeaves()
{
    std::array<int, kPartitionCount> partitions = {};
    std::array<int, kLeafCount> leaves = {};
    for (int i = 0; i < 100'000; ++i) {
        const KeySlot slot = slotOf("user/" + QByteArray::number(i));
        ++partitions[slot.partition];
        ++leaves[slot.leaf];
    }
    // 391 are expected; a fair hash stays within six standard deviations.
    for (const auto &counts : {partitions, leaves}) {
        for (const int count : counts)
            QVERIFY2(count > 272 && count < 510, QByteArray::number(count).constData());
    }
}

QTEST_GUILESS_MAIN(TestRecord)
#include "tst_record.moc"
