// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/key_hash.h"
#include "daemon/store/table.h"

#include <QtTest>

#include <map>
#include <random>

using namespace dynakv;
using namespace dynakv::store;

namespace {

constexpr qint64 kNowMs = 1'000'000;

core::Record makeRecord(const QByteArray &key, quint64 clock = 1)
{
    core::Record record;
    record.key = key;
    record.version = {clock, 1};
    record.value = "v";
    return record;
}

core::Record makeTombstone(const QByteArray &key, quint64 clock)
{
    core::Record record = makeRecord(key, clock);
    record.kind = core::RecordKind::Tombstone;
    record.value.clear();
    return record;
}

/// A key's row has no count.
using Rows = std::vector<std::pair<QByteArray, qint64>>;

/// Both parts of a page as the one list that they are.
Rows rowsOf(const Listing &page, Order order = Order::Ascending)
{
    Rows rows;
    for (const ListedKey &key : page.keys)
        rows.emplace_back(key.key, 0);
    for (const ListedPrefix &prefix : page.prefixes)
        rows.emplace_back(prefix.prefix, prefix.count);
    std::sort(rows.begin(), rows.end());
    if (order == Order::Descending)
        std::reverse(rows.begin(), rows.end());
    return rows;
}

Rows walkAll(const Table &table, ListQuery query)
{
    Rows rows;
    for (;;) {
        const Listing page = table.list(query);
        // What is listed here must be believed elsewhere.
        if (!core::isAnswerTo(query, {page, {}, 0, 0}))
            return {{"a page is no answer to its query", 0}};
        const Rows shown = rowsOf(page, query.order);
        rows.insert(rows.end(), shown.begin(), shown.end());
        if (!page.hasMore || shown.empty())
            return rows;
        query.after = page.lastRow;
    }
}

bool isBehind(const QByteArray &row, const ListQuery &query)
{
    if (!query.after)
        return true;
    if (query.order == Order::Ascending)
        return row > *query.after;
    // A key of a group stands for it.
    const qsizetype groupBytes = query.groupBytesOf(*query.after);
    return row < (groupBytes == 0 ? *query.after : query.after->left(groupBytes));
}

/// What a walk should give, told the plainest way.
Rows expectedRows(const std::map<QByteArray, core::Record> &records, const ListQuery &query)
{
    std::map<QByteArray, qint64> rows;
    for (const auto &[key, record] : records) {
        const bool isBefore = query.order == Order::Ascending
                                  ? key < query.from
                                  : !query.from.isEmpty() && key > query.from;
        if (!key.startsWith(query.prefix) || isBefore || !record.isLive(query.wallMs))
            continue;
        const qsizetype at =
            query.delimiter.isEmpty() ? -1 : key.indexOf(query.delimiter, query.prefix.size());
        const QByteArray row = at < 0 ? key : key.left(at + query.delimiter.size());
        if (isBehind(row, query))
            rows[row] += at < 0 ? 0 : 1;
    }
    if (query.order == Order::Ascending)
        return {rows.begin(), rows.end()};
    return {rows.rbegin(), rows.rend()};
}

/// Few distinct bytes, so that groups meet; the last byte of all is among them.
QByteArray randomKey(std::mt19937_64 &random)
{
    static const QByteArray kAlphabet("\0a/\xFF", 4);
    QByteArray key;
    const quint64 size = 1 + random() % 6;
    for (quint64 i = 0; i < size; ++i)
        key.append(kAlphabet[static_cast<qsizetype>(random() % 4)]);
    if (random() % 4 == 0)
        key.prepend("shared-prefix/");
    return key;
}

} // namespace

class TestListingGroups : public QObject
{
    Q_OBJECT

private:
    static void fill(Table &table, const QByteArray &prefix, int count)
    {
        for (int i = 0; i < count; ++i)
            table.apply(makeRecord(prefix + QByteArray::number(i)));
    }

private Q_SLOTS:
    void groupsAreOneRowAmongTheKeys()
    {
        Table table;
        for (const char *key : {"a", "a.", "a/1", "a/2", "a/b/3", "a0", "b/", "c//d"})
            table.apply(makeRecord(key));
        ListQuery query;
        query.delimiter = "/";
        QCOMPARE(rowsOf(table.list(query)),
                 (Rows{{"a", 0}, {"a.", 0}, {"a/", 3}, {"a0", 0}, {"b/", 1}, {"c/", 1}}));
        QCOMPARE(table.list(query).totalEstimate, 8);
        query.prefix = "a/";
        QCOMPARE(rowsOf(table.list(query)), (Rows{{"a/1", 0}, {"a/2", 0}, {"a/b/", 1}}));
        query.prefix = "";
        query.delimiter = "//";
        QCOMPARE(table.list(query).prefixes, (std::vector<ListedPrefix>{{"c//", 1, false}}));
        QCOMPARE(table.list(query).keys.size(), std::size_t{7});
    }

    void aPageEndsAfterAKeyOrAGroup()
    {
        Table table;
        for (const char *key : {"a", "b/1", "b/2", "c", "d/1"})
            table.apply(makeRecord(key));
        ListQuery query;
        query.delimiter = "/";
        query.limit = 1;
        QByteArrayList last;
        for (bool hasMore = true; hasMore;) {
            const Listing page = table.list(query);
            QCOMPARE(page.keys.size() + page.prefixes.size(), std::size_t{1});
            hasMore = page.hasMore;
            last.append(page.lastRow);
            query.after = page.lastRow;
        }
        QCOMPARE(last, (QByteArrayList{"a", "b/", "c", "d/"}));
        // A key of a group stands for it.
        query.after = "b/1";
        QCOMPARE(rowsOf(table.list(query)), (Rows{{"c", 0}}));
        QCOMPARE(table.list({}).lastRow, "d/1");
        QCOMPARE(Listing().lastRow, "");
    }

    void descendingRowsAreTheSameTheOtherWayRound()
    {
        Table table;
        for (const char *key : {"a", "a/1", "a/2", "a0", "b/", "c", "\xFF", "\xFF\xFF"})
            table.apply(makeRecord(key));
        ListQuery query;
        query.order = Order::Descending;
        query.delimiter = "/";
        const auto rows = [&] { return rowsOf(table.list(query), query.order); };
        QCOMPARE(rows(), (Rows{{"\xFF\xFF", 0},
                               {"\xFF", 0},
                               {"c", 0},
                               {"b/", 1},
                               {"a0", 0},
                               {"a/", 2},
                               {"a", 0}}));
        QCOMPARE(table.list(query).keys.front().key, "\xFF\xFF");
        QCOMPARE(table.list(query).lastRow, "a");
        query.from = "a/1"; // Stands in the middle of its group.
        QCOMPARE(rows(), (Rows{{"a/", 1}, {"a", 0}}));
        query.from = "b";
        query.limit = 1;
        QCOMPARE(walkAll(table, query), (Rows{{"a0", 0}, {"a/", 2}, {"a", 0}}));
        query.from = "";
        query.prefix = "a/";
        QCOMPARE(walkAll(table, query), (Rows{{"a/2", 0}, {"a/1", 0}}));
        query.prefix = "\xFF";
        QCOMPARE(walkAll(table, query), (Rows{{"\xFF\xFF", 0}, {"\xFF", 0}}));
        query.after = "";
        QCOMPARE(rows(), Rows());
    }

    void randomGroupsAreWhatTheModelGives_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 4; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }

    void randomGroupsAreWhatTheModelGives()
    {
        QFETCH(quint64, seed);
        std::mt19937_64 random(seed);
        Table table;
        std::map<QByteArray, core::Record> records;
        for (int i = 0; i < 2500; ++i) {
            const auto clock = static_cast<quint64>(i);
            core::Record record = makeRecord(randomKey(random), clock);
            if (random() % 4 == 0)
                record = makeTombstone(record.key, clock);
            else if (random() % 4 == 0)
                record.expiresAtMs = kNowMs - 5 + static_cast<qint64>(random() % 10);
            records[record.key] = record;
            table.apply(record);
        }
        const std::array<QByteArray, 6> delimiters = {
            "/", "a", "\xFF", "\xFF\xFF", QByteArray("\0", 1), QByteArray("/\0", 2)};
        for (int i = 0; i < 100; ++i) {
            ListQuery query;
            if (random() % 4 != 0)
                query.delimiter = delimiters[random() % delimiters.size()];
            if (random() % 2 == 0)
                query.prefix =
                    random() % 2 == 0 ? QByteArray("shared-") : randomKey(random).left(2);
            if (random() % 2 == 0)
                query.from = randomKey(random);
            if (random() % 2 == 0)
                query.after = randomKey(random);
            query.limit = 1 + static_cast<int>(random() % 50);
            query.order = random() % 2 == 0 ? Order::Ascending : Order::Descending;
            query.wallMs = kNowMs - 5 + static_cast<qint64>(random() % 10);
            const Rows expected = expectedRows(records, query);
            const Listing page = table.list(query);
            const auto size = qMin(expected.size(), static_cast<std::size_t>(query.limit));
            QCOMPARE(rowsOf(page, query.order),
                     Rows(expected.begin(), std::next(expected.begin(), qsizetype(size))));
            QCOMPARE(page.hasMore, expected.size() > size);
            QCOMPARE(walkAll(table, query), expected);
        }
    }

    void aGroupIsCountedExactlyUpToAThousandKeys()
    {
        Table table;
        fill(table, "few/", 999);
        fill(table, "many/", 30'000);
        fill(table, "thousand/", 1000);
        for (int i = 0; i < 30'000; i += 2)
            table.apply(makeTombstone("many/" + QByteArray::number(i), 2));
        ListQuery query;
        query.delimiter = "/";
        const Listing page = table.list(query);
        QCOMPARE(page.prefixes.size(), std::size_t{3});
        QCOMPARE(page.prefixes[0], (ListedPrefix{"few/", 999, false}));
        QCOMPARE(page.prefixes[2], (ListedPrefix{"thousand/", 1000, false}));
        const ListedPrefix many = page.prefixes[1];
        QCOMPARE(many.prefix, "many/");
        QVERIFY(many.isEstimated);
        QVERIFY2(many.count > 12'000 && many.count < 18'000,
                 qPrintable(QString::number(many.count)));
        // All keys of the table are known without counting.
        QCOMPARE(page.totalEstimate, 16'999);
    }

    void aGroupOfDeadKeysIsNoRow()
    {
        Table table;
        fill(table, "b/", 10);
        for (int i = 0; i < 20'000; ++i)
            table.apply(makeTombstone("a/" + QByteArray::number(i), 1));
        ListQuery query;
        query.delimiter = "/";
        query.limit = 1;
        const Listing page = table.list(query);
        QCOMPARE(rowsOf(page), (Rows{{"b/", 10}}));
        QVERIFY(!page.hasMore);
    }

    void theGroupOfTheLastBytesEndsTheWalk()
    {
        Table table;
        table.apply(makeRecord("\xFE"));
        fill(table, "\xFF\xFF", 300);
        ListQuery query;
        query.delimiter = "\xFF\xFF";
        QCOMPARE(walkAll(table, query), (Rows{{"\xFE", 0}, {"\xFF\xFF", 300}}));
        query.after = "\xFF\xFF";
        QCOMPARE(walkAll(table, query), Rows());
    }

    void aGroupIsSkippedAndNotWalked()
    {
        Table table;
        fill(table, "group/", 150'000);
        table.apply(makeRecord("last"));
        ListQuery query;
        query.delimiter = "/";
        const auto fastestOf = [](const auto &run) {
            qint64 fastestNs = std::numeric_limits<qint64>::max();
            for (int i = 0; i < 7; ++i) {
                QElapsedTimer timer;
                timer.start();
                run();
                fastestNs = qMin(fastestNs, timer.nsecsElapsed());
            }
            return fastestNs;
        };
        const qint64 listNs = fastestOf([&] { QCOMPARE(table.list(query).keys.size(), 1U); });
        const qint64 walkNs = fastestOf([&] {
            qint64 bytes = 0;
            for (int partition = 0; partition < core::kPartitionCount; ++partition) {
                Bound bound;
                while (table.visitSlice(static_cast<quint8>(partition), bound,
                                        [&bytes](const core::RecordView &record) {
                                            bytes += record.key.size();
                                            return true;
                                        }) == Walk::SliceFull) {
                }
            }
            QVERIFY(bytes > 0);
        });
        QVERIFY2(listNs * 3 < walkNs,
                 qPrintable(QStringLiteral("%1 against %2 ns").arg(listNs).arg(walkNs)));
    }
};

QTEST_APPLESS_MAIN(TestListingGroups)
#include "tst_listing_groups.moc"
