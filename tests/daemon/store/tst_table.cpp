// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/key_hash.h"
#include "daemon/store/table.h"
#include "shared/base/limits.h"

#include <QtTest>

#include <map>
#include <random>

using namespace dynakv;
using namespace dynakv::store;

namespace {

constexpr qint64 kNowMs = 1'000'000;

core::Record makeRecord(const QByteArray &key, quint64 clock, const QByteArray &value = "v")
{
    core::Record record;
    record.key = key;
    record.version = {clock, 1};
    record.value = value;
    return record;
}

core::Record makeTombstone(const QByteArray &key, quint64 clock)
{
    core::Record record = makeRecord(key, clock, {});
    record.kind = core::RecordKind::Tombstone;
    return record;
}

/// What the table should be, kept in the plainest way: the greatest stamp of each key.
class Model
{
public:
    Applied apply(const core::Record &record)
    {
        const auto at = m_records.find(record.key);
        if (at != m_records.end() && core::stampOf(at->second) >= core::stampOf(record)) {
            return core::stampOf(at->second) == core::stampOf(record) ? Applied::Identical
                                                                      : Applied::Older;
        }
        m_records[record.key] = record;
        return Applied::Newer;
    }

    [[nodiscard]] const std::map<QByteArray, core::Record> &records() const { return m_records; }

    [[nodiscard]] TableStats stats() const
    {
        TableStats stats;
        for (const auto &[key, record] : m_records) {
            ++stats.records;
            stats.tombstones += record.kind == core::RecordKind::Tombstone ? 1 : 0;
            stats.bytes += key.size() + record.value.size();
        }
        return stats;
    }

    [[nodiscard]] std::vector<ListedKey> listed(const ListQuery &query) const
    {
        std::vector<ListedKey> keys;
        for (const auto &[key, record] : m_records) {
            const bool isInRange = key.startsWith(query.prefix) && key >= query.from &&
                                   (!query.after || key > *query.after);
            if (isInRange && record.isLive(query.wallMs))
                keys.push_back({key, record.version, record.value.size(), record.expiresAtMs});
        }
        return keys;
    }

    [[nodiscard]] core::TreeLeaves leaves(quint8 partition, quint64 treeKey) const
    {
        core::TreeLeaves leaves = {};
        for (const auto &[key, record] : m_records) {
            const core::KeySlot slot = core::slotOf(key);
            if (slot.partition == partition)
                leaves[slot.leaf] ^= core::treeElement(treeKey, key, core::stampOf(record));
        }
        return leaves;
    }

private:
    std::map<QByteArray, core::Record> m_records;
};

/// Few distinct keys, so that they meet; short ones, long ones, and every kind of byte.
QByteArray randomKey(std::mt19937_64 &random)
{
    static const QByteArray kAlphabet("\0a\x7F\x80\xFF", 5);
    QByteArray key;
    const quint64 size = 1 + random() % 5;
    for (quint64 i = 0; i < size; ++i)
        key.append(kAlphabet[static_cast<qsizetype>(random() % 5)]);
    if (random() % 4 == 0)
        key.prepend("shared-prefix/");
    return key;
}

core::Record randomRecord(std::mt19937_64 &random)
{
    core::Record record = makeRecord(randomKey(random), random() % 50);
    record.version.node = random() % 3;
    if (random() % 4 == 0) {
        record = makeTombstone(record.key, record.version.clock);
    } else {
        record.value = QByteArray(static_cast<qsizetype>(random() % 600), 'v') +
                       QByteArray::number(random() % 3);
        if (random() % 3 == 0)
            record.expiresAtMs = kNowMs - 5 + static_cast<qint64>(random() % 10);
        if (random() % 3 == 0)
            record.contentType = "text/plain";
        if (random() % 3 == 0)
            record.context = QByteArray(static_cast<qsizetype>(random() % 300), 'c');
    }
    return record;
}

/// The sums that a model can know.
TableStats sumsOf(const Table &table)
{
    TableStats stats = table.stats();
    stats.memoryBytes = 0;
    return stats;
}

std::vector<ListedKey> walkAll(const Table &table, ListQuery query)
{
    std::vector<ListedKey> keys;
    for (;;) {
        Listing page = table.list(query);
        keys.insert(keys.end(), page.keys.begin(), page.keys.end());
        if (!page.hasMore || page.keys.empty())
            return keys;
        query.after = page.keys.back().key;
    }
}

} // namespace

class TestTable : public QObject
{
    Q_OBJECT

private:
    static void compareWithModel(const Table &table, const Model &model, quint64 treeKey)
    {
        for (const auto &[key, record] : model.records()) {
            QCOMPARE(table.find(key), std::optional(record));
            QCOMPARE(table.stampOf(key), std::optional(core::stampOf(record)));
            for (const qint64 wallMs : {record.expiresAtMs - 1, record.expiresAtMs})
                QCOMPARE(table.stateOf(key, wallMs),
                         (core::KeyState{record.version, record.isLive(wallMs)}));
        }
        QCOMPARE(sumsOf(table), model.stats());
        QCOMPARE(table.recordCount(), model.stats().records);
        QCOMPARE(table.liveCount(), model.stats().records - model.stats().tombstones);
        QCOMPARE(table.byteCount(), model.stats().bytes);
        const core::TreeRoots roots = table.treeRoots();
        for (int i = 0; i < core::kPartitionCount; ++i) {
            const auto partition = static_cast<quint8>(i);
            const core::TreeLeaves leaves = model.leaves(partition, treeKey);
            QCOMPARE(table.treeLeaves(partition), leaves);
            quint64 root = 0;
            for (const quint64 leaf : leaves)
                root ^= leaf;
            QCOMPARE(roots[partition], root);
        }
    }

private Q_SLOTS:
    void anEmptyTableHasNothing()
    {
        const Table table;
        QCOMPARE(table.find("k"), std::nullopt);
        QCOMPARE(table.find(""), std::nullopt);
        QCOMPARE(table.stampOf("k"), std::nullopt);
        QCOMPARE(table.stateOf("k", 0), core::KeyState{});
        QCOMPARE(sumsOf(table), TableStats());
        QCOMPARE(table.newestClock(), 0U);
        QCOMPARE(table.treeRoots(), core::TreeRoots());
        const Listing listing = table.list({});
        QVERIFY(listing.keys.empty());
        QVERIFY(!listing.hasMore);
        QCOMPARE(listing.totalEstimate, 0);
    }

    void theGreatestStampWinsInAnyOrder()
    {
        Table table;
        QCOMPARE(table.apply(makeRecord("k", 5, "five")), Applied::Newer);
        QCOMPARE(table.apply(makeRecord("k", 4, "four")), Applied::Older);
        QCOMPARE(table.apply(makeRecord("k", 5, "five")), Applied::Identical);
        QCOMPARE(table.find("k")->value, "five");
        QCOMPARE(table.apply(makeTombstone("k", 6)), Applied::Newer);
        QCOMPARE(table.apply(makeRecord("k", 5, "five")), Applied::Older);
        QCOMPARE(table.find("k")->kind, core::RecordKind::Tombstone);
        QCOMPARE(table.newestClock(), 6U);
    }

    void aTieOfVersionsIsDecidedByContentInTheSameWayInAnyOrder()
    {
        const core::Record left = makeRecord("k", 1, "left");
        const core::Record right = makeRecord("k", 1, "right");
        Table leftFirst;
        Table rightFirst;
        leftFirst.apply(left);
        leftFirst.apply(right);
        rightFirst.apply(right);
        rightFirst.apply(left);
        QCOMPARE(leftFirst.find("k"), rightFirst.find("k"));
        QCOMPARE(leftFirst.treeRoots(), rightFirst.treeRoots());
        QCOMPARE(leftFirst.find("k")->value,
                 core::contentHashOf(left) > core::contentHashOf(right) ? "left" : "right");
    }

    void everyFieldComesBack()
    {
        core::Record record = makeRecord(QByteArray("\0\xFF"
                                                    "binary",
                                                    8),
                                         7);
        record.expiresAtMs = 123;
        record.contentType = QByteArray(255, 't');
        record.context = QByteArray(4096, 'c');
        record.value = QByteArray("\0\r\n\xFF", 4);
        Table table;
        table.apply(record);
        QCOMPARE(table.find(record.key), std::optional(record));
    }

    void randomOperationsLeaveWhatTheModelHolds_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 8; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }

    void randomOperationsLeaveWhatTheModelHolds()
    {
        QFETCH(quint64, seed);
        std::mt19937_64 random(seed);
        Table table;
        Model model;
        for (int i = 0; i < 5000; ++i) {
            const core::Record record = randomRecord(random);
            QCOMPARE(table.apply(record), model.apply(record));
        }
        compareWithModel(table, model, 0);
        table.setTreeKey(seed);
        compareWithModel(table, model, seed);
        for (int i = 0; i < 500; ++i) {
            const core::Record record = randomRecord(random);
            QCOMPARE(table.apply(record), model.apply(record));
        }
        compareWithModel(table, model, seed);
    }

    void theTreesOfTwoClustersDiffer()
    {
        Table table;
        table.apply(makeRecord("k", 1));
        const core::TreeRoots before = table.treeRoots();
        table.setTreeKey(42);
        QVERIFY(table.treeRoots() != before);
        table.setTreeKey(0);
        QCOMPARE(table.treeRoots(), before);
    }

    void settingTheSameTreeKeyAgainCostsNothing()
    {
        Table table;
        for (int i = 0; i < 50'000; ++i)
            table.apply(makeRecord(QByteArray::number(i), 1));
        QElapsedTimer timer;
        timer.start();
        table.setTreeKey(42);
        const qint64 onceNs = timer.nsecsElapsed();
        const core::TreeRoots roots = table.treeRoots();
        timer.start();
        for (int i = 0; i < 100; ++i)
            table.setTreeKey(42);
        QVERIFY(timer.nsecsElapsed() < onceNs * 10);
        QCOMPARE(table.treeRoots(), roots);
    }

    void theMemoryOfManyRecordsIsNearWhatTheyHold()
    {
        Table table;
        const qint64 emptyBytes = table.stats().memoryBytes;
        QVERIFY2(emptyBytes < 64'000, qPrintable(QString::number(emptyBytes)));
        constexpr int count = 200'000;
        const QByteArray value(100, 'v');
        const auto keyOf = [](int i) {
            return QByteArray::number(core::hashBytes(QByteArray::number(i), 7), 16)
                .rightJustified(16, '0');
        };
        for (int i = 0; i < count; ++i)
            table.apply(makeRecord(keyOf(i), 1, value));
        const qint64 perRecord = (table.stats().memoryBytes - emptyBytes) / count;
        QVERIFY2(perRecord > 140 && perRecord < 172, qPrintable(QString::number(perRecord)));

        // What replaces a record takes its place, and what is large comes and goes.
        const qint64 fullBytes = table.stats().memoryBytes;
        for (int i = 0; i < count; ++i)
            table.apply(makeRecord(keyOf(i), 2, value));
        QVERIFY(table.stats().memoryBytes - fullBytes < 8 * 65'536);
        const qint64 replacedBytes = table.stats().memoryBytes;
        table.apply(makeRecord(keyOf(0), 3, QByteArray(1'000'000, 'v')));
        QVERIFY(table.stats().memoryBytes - replacedBytes > 999'000);
        table.apply(makeTombstone(keyOf(0), 4));
        QVERIFY(table.stats().memoryBytes - replacedBytes < 8 * 65'536);

        core::Record expiring = makeRecord("e", 1);
        const qint64 beforeBytes = table.stats().memoryBytes;
        for (int i = 0; i < 10'000; ++i) {
            expiring.version.clock = static_cast<quint64>(i);
            expiring.key = "e" + QByteArray::number(i);
            expiring.expiresAtMs = kNowMs + i;
            table.apply(expiring);
        }
        QVERIFY(table.stats().memoryBytes - beforeBytes > 10'000 * (24 + 8 + 4 + 16 + 16));
    }

    void slicesOfAPartitionGiveAllOfItsRecordsInOrder()
    {
        std::mt19937_64 random(12);
        Table table;
        Model model;
        for (int i = 0; i < 150'000; ++i) {
            core::Record record = makeRecord("key" + QByteArray::number(i), 1);
            if (i % 1000 == 0)
                record = randomRecord(random);
            table.apply(record);
            model.apply(record);
        }
        const quint8 partition = 17;
        std::vector<core::Record> expected;
        for (const auto &[key, record] : model.records()) {
            if (core::slotOf(key).partition == partition)
                expected.push_back(record);
        }
        std::vector<core::Record> walked;
        Bound bound;
        std::vector<Walk> ends;
        do {
            int count = 0;
            ends.push_back(table.visitSlice(partition, bound, [&](const core::RecordView &record) {
                walked.push_back(record.toRecord());
                return ++count <= kSliceItems;
            }));
            QVERIFY(count <= kSliceItems);
            QVERIFY(ends.back() == Walk::Ended || bound.key == walked.back().key);
        } while (ends.back() == Walk::SliceFull);
        QCOMPARE(walked, expected);
        QCOMPARE(ends.size(), expected.size() / kSliceItems + 1);
        QVERIFY(ends.back() == Walk::Ended);

        bound = {};
        const auto walk = table.visitSlice(partition, bound, [](const auto &) { return false; });
        QVERIFY(walk == Walk::Stopped);
        QCOMPARE(bound.key, expected.front().key);
        QVERIFY(bound.isExclusive);
    }

    void listingsGiveWhatTheModelGives_data() { randomOperationsLeaveWhatTheModelHolds_data(); }

    void listingsGiveWhatTheModelGives()
    {
        QFETCH(quint64, seed);
        std::mt19937_64 random(seed);
        Table table;
        Model model;
        for (int i = 0; i < 4000; ++i) {
            const core::Record record = randomRecord(random);
            table.apply(record);
            model.apply(record);
        }
        const auto sometimes = [&random](const QByteArray &bytes) {
            return random() % 2 == 0 ? bytes : QByteArray();
        };
        for (int i = 0; i < 60; ++i) {
            ListQuery query;
            if (random() % 2 == 0)
                query.prefix = random() % 2 == 0 ? QByteArray("shared-") : QByteArray("\xFF");
            query.from = sometimes(randomKey(random));
            if (random() % 2 == 0)
                query.after = randomKey(random);
            query.limit = 1 + static_cast<int>(random() % 200);
            query.wallMs = kNowMs - 5 + static_cast<qint64>(random() % 10);
            const std::vector<ListedKey> expected = model.listed(query);
            const Listing page = table.list(query);
            const auto size = qMin(expected.size(), static_cast<std::size_t>(query.limit));
            QCOMPARE(page.keys.size(), size);
            QVERIFY(std::equal(page.keys.begin(), page.keys.end(), expected.begin()));
            QCOMPARE(page.hasMore, expected.size() > size);
            QCOMPARE(walkAll(table, query), expected);
        }
    }

    void theTotalOfAllKeysIsExactAtEveryTime()
    {
        std::mt19937_64 random(9);
        Table table;
        Model model;
        for (int i = 0; i < 3000; ++i) {
            const core::Record record = randomRecord(random);
            table.apply(record);
            model.apply(record);
            ListQuery query;
            query.limit = 3;
            // Back and forth: readers do not agree on the time to the millisecond.
            query.wallMs = kNowMs - 6 + static_cast<qint64>(random() % 12);
            if (i % 10 == 0) {
                const auto total = static_cast<qint64>(model.listed(query).size());
                QCOMPARE(table.list(query).totalEstimate, total);
            }
        }
    }

    void theTotalUnderAPrefixIsNearTheTruth()
    {
        Table table;
        for (int i = 0; i < 40'000; ++i) {
            table.apply(makeRecord("many/" + QByteArray::number(i), 1));
            if (i % 100 == 0)
                table.apply(makeRecord("few/" + QByteArray::number(i), 1));
        }
        ListQuery query;
        query.limit = 10;
        query.prefix = "few/";
        QCOMPARE(table.list(query).totalEstimate, 400);
        query.prefix = "many/";
        const qint64 estimate = table.list(query).totalEstimate;
        QVERIFY2(estimate > 32'000 && estimate < 48'000, qPrintable(QString::number(estimate)));
    }

    void runsOfDeadKeysAreSkipped()
    {
        Table table;
        for (int i = 0; i < 150'000; ++i)
            table.apply(makeTombstone("a" + QByteArray::number(i), 1));
        table.apply(makeRecord("b", 1));
        ListQuery query;
        query.limit = 1;
        const Listing page = table.list(query);
        QCOMPARE(page.keys.size(), std::size_t{1});
        QCOMPARE(page.keys.front().key, "b");
        QVERIFY(!page.hasMore);
    }

    void aLimitOutOfRangeIsBroughtIntoIt()
    {
        Table table;
        for (int i = 0; i < 1500; ++i)
            table.apply(makeRecord(QByteArray::number(i), 1));
        ListQuery query;
        query.limit = 0;
        QCOMPARE(table.list(query).keys.size(), std::size_t{1});
        query.limit = 1'000'000;
        QCOMPARE(table.list(query).keys.size(), std::size_t{base::limits::kPageKeysMax});
    }

    void slicesComeInOrderAndOnlyOfTheLeavesAskedFor()
    {
        std::mt19937_64 random(11);
        Table table;
        Model model;
        for (int i = 0; i < 50'000; ++i) {
            const core::Record record =
                makeRecord("key" + QByteArray::number(random() % 100'000), random() % 5);
            table.apply(record);
            model.apply(record);
        }
        core::LeafSet leaves;
        for (std::size_t leaf = 0; leaf < core::kLeafCount; leaf += 3)
            leaves.set(leaf);
        for (const quint8 partition : {quint8{0}, quint8{17}, quint8{255}}) {
            std::vector<core::KeyStamp> expected;
            for (const auto &[key, record] : model.records()) {
                const core::KeySlot slot = core::slotOf(key);
                if (slot.partition == partition && leaves.test(slot.leaf))
                    expected.push_back({key, core::stampOf(record)});
            }
            QVERIFY(expected.size() > 30);
            // By a few, by more than one hold of the lock, and at once.
            for (const int visits : {1, 7, 600, 100'000}) {
                std::vector<core::KeyStamp> walked;
                QByteArray after;
                do {
                    const core::StampSlice slice = table.stamps(partition, leaves, after, visits);
                    QVERIFY(slice.stamps.size() <= static_cast<size_t>(visits));
                    QVERIFY(slice.reached.isEmpty() || slice.reached > after);
                    walked.insert(walked.end(), slice.stamps.begin(), slice.stamps.end());
                    after = slice.reached;
                } while (!after.isEmpty());
                QCOMPARE(walked, expected);
            }
            for (const core::SliceBounds &bounds : {core::SliceBounds{100'000, 5, 1000},
                                                    {100'000, 100'000, 40},
                                                    {7, 100'000, 1000}}) {
                std::vector<core::KeyStamp> walked;
                QByteArray after;
                do {
                    const core::RecordSlice slice = table.records(partition, leaves, after, bounds);
                    QVERIFY(slice.records.size() <= bounds.records);
                    QVERIFY(slice.records.size() <= static_cast<size_t>(bounds.visits));
                    // Its bytes are reached by the last one.
                    qsizetype bytes = 0;
                    for (const core::Record &record : slice.records) {
                        QVERIFY(bytes < bounds.bytes);
                        bytes += record.key.size() + record.value.size();
                        QVERIFY(model.records().at(record.key) == record);
                        walked.push_back({record.key, core::stampOf(record)});
                    }
                    after = slice.reached;
                } while (!after.isEmpty());
                QCOMPARE(walked, expected);
            }
            QVERIFY(table.stamps(partition, {}, {}, 7).stamps.empty());
            QVERIFY(!table.stamps(partition, {}, {}, 7).reached.isEmpty());
        }
    }
};

QTEST_APPLESS_MAIN(TestTable)
#include "tst_table.moc"
