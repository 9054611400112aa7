// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/listing_desk.h"
#include "daemon/cluster/message_codec.h"
#include "daemon/store/table.h"
#include "shared/base/limits.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

void put(store::Table &table, const QByteArray &key, qsizetype valueBytes = 1)
{
    table.apply(
        core::Record{key, core::RecordKind::Value, {5, 1}, 0, {}, {}, QByteArray(valueBytes, '1')});
}

core::ListRequest valuesOf(const core::ListQuery &query)
{
    return {7, query, true};
}

} // namespace

class TestListingDesk : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void valuesEndAtTheBoundOfAPage_data();
    void valuesEndAtTheBoundOfAPage();
    void theLargestPageFitsAFrame();
    void pagesAreMadeInTurnUntilTooManyWait();
};

void TestListingDesk::valuesEndAtTheBoundOfAPage_data()
{
    QTest::addColumn<core::Order>("order");
    QTest::newRow("upwards") << core::Order::Ascending;
    QTest::newRow("downwards") << core::Order::Descending;
}

void TestListingDesk::valuesEndAtTheBoundOfAPage()
{
    QFETCH(const core::Order, order);
    store::Table table;
    constexpr qsizetype mebibyte = qsizetype{1} << 20;
    for (const char *key : {"a", "c", "e", "g", "i", "k"})
        put(table, key, mebibyte);
    for (const char *key : {"b/1", "f/1", "h/1", "j/1"})
        put(table, key);
    core::ListQuery query;
    query.delimiter = "/";
    query.limit = 1000;
    query.order = order;
    QByteArrayList keys;
    QByteArrayList groups;
    for (int pages = 0; pages < 3; ++pages) {
        const core::ListReply reply = listFor(valuesOf(query), table);
        QVERIFY(reply.id == 7 && reply.isAnswered);
        QVERIFY(core::isAnswerTo(query, reply.page));
        const core::Listing &listing = reply.page.listing;
        QVERIFY(listing.keys.size() <= 3 && reply.page.values.size() == listing.keys.size());
        QByteArray last;
        const auto follow = [&](const QByteArray &row) {
            const bool isLater = (last < row) == (order == core::Order::Ascending);
            last = last.isEmpty() || isLater ? row : last;
        };
        for (const auto &row : listing.keys) {
            keys += row.key;
            follow(row.key);
        }
        for (const auto &row : listing.prefixes) {
            groups += row.prefix;
            follow(row.prefix);
        }
        if (!listing.hasMore)
            break;
        query.after = last;
    }
    std::sort(keys.begin(), keys.end());
    std::sort(groups.begin(), groups.end());
    QCOMPARE(keys, (QByteArrayList{"a", "c", "e", "g", "i", "k"}));
    QCOMPARE(groups, (QByteArrayList{"b/", "f/", "h/", "j/"}));
}

void TestListingDesk::theLargestPageFitsAFrame()
{
    store::Table table;
    const QByteArray longest(base::limits::kKeyBytesMax - 4, 'k');
    put(table, longest + "0000", base::limits::kValueBytesMax);
    for (int i = 1; i < base::limits::kPageKeysMax; ++i)
        put(table, longest + QByteArray::number(i).rightJustified(4, '0'), 4000);
    core::ListQuery query;
    query.limit = base::limits::kPageKeysMax;
    const core::ListReply first = listFor(valuesOf(query), table);
    QCOMPARE(first.page.values.size(), std::size_t(1)); // It alone is more than a page.
    QVERIFY(encodeMessage(first).size() < core::kFrameBytesMax);
    query.after = first.page.listing.keys.back().key;
    const core::ListReply second = listFor(valuesOf(query), table);
    QVERIFY(second.page.values.size() > 700);
    QVERIFY(second.page.listing.hasMore);
    QVERIFY(encodeMessage(second).size() < 2 * base::limits::kPageBytesMax);
    const core::ListReply keys = listFor({7, query, false}, table);
    QCOMPARE(keys.page.listing.keys.size(), std::size_t(999));
    QVERIFY(keys.page.values.empty());
}

void TestListingDesk::pagesAreMadeInTurnUntilTooManyWait()
{
    store::Table table;
    put(table, "k");
    ListingDesk desk(table);
    std::mutex mutex;
    std::condition_variable changed;
    bool isHeld = true;
    std::vector<quint64> done;
    const auto take = [&](const core::ListReply &reply) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !isHeld; });
        done.push_back(reply.page.listing.keys.size() == 1 ? reply.id : 0);
        changed.notify_all();
    };
    quint64 taken = 0;
    while (desk.list({taken + 1, {}, false}, take))
        ++taken;
    // One of them may be in work.
    QVERIFY(taken == ListingDesk::kWaitingMax || taken == ListingDesk::kWaitingMax + 1);
    std::unique_lock lock(mutex);
    isHeld = false;
    changed.notify_all();
    changed.wait(lock, [&] { return done.size() == taken; });
    for (quint64 i = 0; i < taken; ++i)
        QCOMPARE(done[i], i + 1);
}

QTEST_GUILESS_MAIN(TestListingDesk)
#include "tst_listing_desk.moc"
