// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/table.h"

#include <QtTest>

#include <atomic>
#include <random>
#include <thread>

using namespace dynakv;
using namespace dynakv::store;

namespace {

constexpr int kStayingKeys = 3000;

QByteArray stayingKey(int i)
{
    return "stay" + QByteArray::number(i).rightJustified(6, '0');
}

core::Record makeRecord(const QByteArray &key, quint64 clock)
{
    core::Record record;
    record.key = key;
    record.version = {clock, 1};
    record.value = QByteArray::number(clock) + QByteArray(100, 'v');
    return record;
}

/// Writes new keys, deletes them again and overwrites the staying ones, until told to stop.
class Writer
{
public:
    explicit Writer(Table &table)
        : m_thread([this, &table] { run(table); })
    {
    }
    ~Writer()
    {
        m_isStopping = true;
        m_thread.join();
    }

private:
    void run(Table &table)
    {
        std::mt19937_64 random(1);
        for (quint64 clock = 2; !m_isStopping; ++clock) {
            const auto number = static_cast<int>(random() % kStayingKeys);
            core::Record record = makeRecord(stayingKey(number), clock);
            if (random() % 2 == 0)
                record.key += "-comes-and-goes";
            if (record.key.endsWith("goes") && random() % 2 == 0) {
                record.kind = core::RecordKind::Tombstone;
                record.value.clear();
            }
            table.apply(record);
            if (clock % 5000 == 0)
                table.setTreeKey(clock);
        }
    }

    std::atomic<bool> m_isStopping = false;
    std::thread m_thread;
};

} // namespace

class TestTableThreads : public QObject
{
    Q_OBJECT

private:
    static void addOrders()
    {
        QTest::addColumn<Order>("order");
        QTest::newRow("ascending") << Order::Ascending;
        QTest::newRow("descending") << Order::Descending;
    }

private Q_SLOTS:
    void aWalkBesideAWriterGivesEachStayingKeyExactlyOnce_data() { addOrders(); }

    void aWalkBesideAWriterGivesEachStayingKeyExactlyOnce()
    {
        QFETCH(Order, order);
        Table table;
        for (int i = 0; i < kStayingKeys; ++i)
            table.apply(makeRecord(stayingKey(i), 1));
        const Writer writer(table);
        for (int walk = 0; walk < 15; ++walk) {
            ListQuery query;
            query.limit = 7 + walk * 40;
            query.order = order;
            const bool isAscending = order == Order::Ascending;
            QByteArray previous;
            int staying = 0;
            for (bool hasMore = true; hasMore;) {
                const Listing page = table.list(query);
                for (const ListedKey &key : page.keys) {
                    QVERIFY(previous.isEmpty() || (previous < key.key) == isAscending);
                    previous = key.key;
                    if (key.key == stayingKey(isAscending ? staying : kStayingKeys - 1 - staying))
                        ++staying;
                }
                query.after = previous;
                hasMore = page.hasMore;
            }
            QCOMPARE(staying, kStayingKeys);
        }
    }

    void aWalkOfGroupsBesideAWriterGivesEachStayingOneExactlyOnce_data() { addOrders(); }

    void aWalkOfGroupsBesideAWriterGivesEachStayingOneExactlyOnce()
    {
        QFETCH(Order, order);
        constexpr int groups = 300;
        Table table;
        QByteArrayList rows;
        for (int i = 0; i < kStayingKeys; ++i) {
            table.apply(makeRecord(stayingKey(i), 1));
            // Ten keys in a group: which of its partitions tells of it first is left to chance.
            table.apply(makeRecord(stayingKey(i % groups) + '/' + QByteArray::number(i), 1));
            rows.append(stayingKey(i));
            if (i < groups)
                rows.append(stayingKey(i) + '/');
        }
        std::sort(rows.begin(), rows.end());
        const Writer writer(table);
        for (int walk = 0; walk < 6; ++walk) {
            ListQuery query;
            query.delimiter = "/";
            query.limit = 97 + walk * 150;
            query.order = order;
            QByteArrayList walked;
            for (bool hasMore = true; hasMore;) {
                const Listing page = table.list(query);
                QByteArrayList shown;
                for (const ListedKey &key : page.keys)
                    shown.append(key.key);
                for (const ListedPrefix &prefix : page.prefixes) {
                    QCOMPARE(prefix.count, kStayingKeys / groups);
                    shown.append(prefix.prefix);
                }
                std::sort(shown.begin(), shown.end());
                walked = order == Order::Ascending ? walked + shown : shown + walked;
                query.after = page.lastRow;
                hasMore = page.hasMore;
            }
            QVERIFY(std::is_sorted(walked.begin(), walked.end(), std::less_equal<>()));
            walked.removeIf([](const QByteArray &row) { return row.endsWith("goes"); });
            QCOMPARE(walked, rows);
        }
    }

    void readersNeverSeeHalfARecord()
    {
        Table table;
        for (int i = 0; i < kStayingKeys; ++i)
            table.apply(makeRecord(stayingKey(i), 1));
        const Writer writer(table);
        std::atomic<int> torn = 0;
        std::vector<std::thread> readers;
        for (quint64 seed = 1; seed <= 3; ++seed) {
            readers.emplace_back([&table, &torn, seed] {
                std::mt19937_64 random(seed);
                for (int i = 0; i < 20'000; ++i) {
                    const QByteArray key = stayingKey(static_cast<int>(random() % kStayingKeys));
                    const auto record = table.find(key);
                    if (!record || *record != makeRecord(key, record->version.clock))
                        ++torn;
                    if (i % 100 == 0) {
                        const auto partition = static_cast<quint8>(random());
                        (void)table.treeLeaves(partition);
                        (void)table.stamps(partition, core::LeafSet().set(), {}, 10);
                        (void)table.treeRoots();
                        (void)table.stats();
                    }
                }
            });
        }
        for (std::thread &reader : readers)
            reader.join();
        QCOMPARE(torn.load(), 0);
    }
};

QTEST_APPLESS_MAIN(TestTableThreads)
#include "tst_table_threads.moc"
