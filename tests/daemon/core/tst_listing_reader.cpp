// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/listing_reader.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::core;

namespace {

ListedKey keyRow(const QByteArray &key)
{
    return {key, {5, 1}, 2, 0};
}

/// Rows of a listing of `p/` with groups up to `/`, from `p/c` on.
ListQuery groupedQuery()
{
    ListQuery query;
    query.prefix = "p/";
    query.delimiter = "/";
    query.from = "p/c";
    query.limit = 3;
    return query;
}

ListedPage groupedPage()
{
    ListedPage page;
    page.listing.keys = {keyRow("p/c"), keyRow("p/e")};
    page.listing.prefixes = {{"p/d/", 7, false}};
    page.listing.hasMore = true;
    page.listing.totalEstimate = 100;
    return page;
}

/// A node that asks; the test plays the members at links 2, 3 and 4.
struct Bench
{
    void list(int timeoutMs = 1000, std::deque<LinkId> links = {2, 3, 4}, bool hasValues = false)
    {
        reader.list({7, {groupedQuery(), hasValues, timeoutMs}}, std::move(links), 5000, out);
    }
    /// The members asked so far, in their order.
    [[nodiscard]] std::vector<std::pair<LinkId, quint64>> asked() const
    {
        std::vector<std::pair<LinkId, quint64>> all;
        for (const Effect &effect : out) {
            if (const auto *send = std::get_if<Send>(&effect))
                all.emplace_back(send->link, std::get<ListRequest>(send->message).id);
        }
        return all;
    }
    void answer(LinkId link, const ListedPage &page, bool isAnswered = true)
    {
        reader.answered(link, {asked().back().second, isAnswered, page}, 5001, out);
    }
    [[nodiscard]] const ListingOutcome *outcome() const
    {
        const ListingOutcome *found = nullptr;
        for (const Effect &effect : out) {
            if (const auto *reply = std::get_if<ListingReply>(&effect)) {
                Q_ASSERT(!found && reply->request == 7);
                found = &reply->outcome;
            }
        }
        return found;
    }

    quint64 ids = 0;
    ListingReader reader{ids};
    Effects out;
};

} // namespace

class TestListingReader : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void theNearestIsAsked();
    void theNextIsAskedWhereOneDoesNotAnswer_data();
    void theNextIsAskedWhereOneDoesNotAnswer();
    void onlyWhoWasAskedAnswers();
    void whereNobodyIsLeftTheReasonIsTold();
    void tooManyAreRefused();
    void whatWasNotAskedForIsNoAnswer_data();
    void whatWasNotAskedForIsNoAnswer();
    void valuesAreOfTheKeysListed();
    void downwardsTheSameHolds();
};

void TestListingReader::theNearestIsAsked()
{
    Bench bench;
    bench.list();
    QCOMPARE(bench.asked().size(), 1U);
    QCOMPARE(bench.asked().front().first, 2U);
    bench.answer(2, groupedPage());
    QVERIFY(bench.outcome() && bench.outcome()->page == groupedPage());
    bench.reader.linkLost(2, 5002, bench.out);
    bench.reader.expire(99'000, bench.out);
    QCOMPARE(bench.asked().size(), 1U);
}

void TestListingReader::theNextIsAskedWhereOneDoesNotAnswer_data()
{
    QTest::addColumn<QString>("how");
    for (const char *how : {"refuses", "lost", "late", "nonsense"})
        QTest::newRow(how) << QString::fromLatin1(how);
}

void TestListingReader::theNextIsAskedWhereOneDoesNotAnswer()
{
    QFETCH(const QString, how);
    Bench bench;
    bench.list();
    if (how == QLatin1String("refuses"))
        bench.answer(2, {}, false);
    else if (how == QLatin1String("lost"))
        bench.reader.linkLost(2, 5001, bench.out);
    else if (how == QLatin1String("nonsense"))
        bench.answer(2, {{{keyRow("other")}, {}, false, 1, {}}, {}, 0, 0});
    if (how == QLatin1String("late")) {
        bench.reader.expire(5499, bench.out);
        QCOMPARE(bench.asked().size(), 1U);
        bench.reader.expire(5500, bench.out);
    }
    QCOMPARE(bench.asked().size(), 2U);
    QCOMPARE(bench.asked().back().first, 3U);
    QVERIFY(!bench.outcome());
    bench.answer(3, groupedPage());
    QVERIFY(bench.outcome() && bench.outcome()->page == groupedPage());
}

void TestListingReader::onlyWhoWasAskedAnswers()
{
    Bench bench;
    bench.list();
    bench.answer(3, groupedPage());
    bench.reader.answered(2, {99, true, groupedPage()}, 5001, bench.out);
    QVERIFY(!bench.outcome());
    // The others need not be there any more when their turn comes.
    bench.reader.linkLost(3, 5001, bench.out);
    bench.reader.linkLost(2, 5001, bench.out);
    QCOMPARE(bench.asked().back().first, 4U);
    bench.answer(4, groupedPage());
    QVERIFY(bench.outcome());
}

void TestListingReader::whereNobodyIsLeftTheReasonIsTold()
{
    Bench nobody;
    nobody.list(1000, {});
    QVERIFY(nobody.outcome() && !nobody.outcome()->page);
    QVERIFY(nobody.outcome()->detail.contains("no connection"));

    Bench silent;
    silent.list(1000, {2, 3});
    silent.reader.expire(5500, silent.out);
    silent.reader.expire(5999, silent.out);
    QVERIFY(!silent.outcome()); // The last one has all the time that is left.
    silent.reader.expire(6000, silent.out);
    QVERIFY(silent.outcome() && !silent.outcome()->page);
    QVERIFY(silent.outcome()->detail.contains("in time"));
}

void TestListingReader::tooManyAreRefused()
{
    Bench bench;
    for (std::size_t i = 0; i < ListingReader::kListingsMax; ++i)
        bench.reader.list({100 + i, {}}, {2}, 5000, bench.out);
    QVERIFY(!bench.outcome());
    bench.list();
    QVERIFY(bench.outcome() && bench.outcome()->detail.contains("overloaded"));
}

void TestListingReader::whatWasNotAskedForIsNoAnswer_data()
{
    QTest::addColumn<int>("change");
    const char *names[] = {"another prefix",
                           "before `from`",
                           "out of order",
                           "twice",
                           "inside a group",
                           "too many rows",
                           "more, but no row",
                           "an empty group",
                           "a group of another depth",
                           "a group before",
                           "a negative estimate",
                           "a negative size",
                           "values unasked for",
                           "groups out of order",
                           "the prefix as a group"};
    for (int i = 0; i < int(std::size(names)); ++i)
        QTest::newRow(names[i]) << i;
}

void TestListingReader::whatWasNotAskedForIsNoAnswer()
{
    QFETCH(const int, change);
    QVERIFY(isAnswerTo(groupedQuery(), groupedPage()));
    ListedPage page = groupedPage();
    Listing &listing = page.listing;
    switch (change) {
    case 0:
        listing.keys.back().key = "q/e";
        break;
    case 1:
        listing.keys.front().key = "p/b";
        break;
    case 2:
        std::swap(listing.keys[0], listing.keys[1]);
        break;
    case 3:
        listing.keys[1] = listing.keys[0];
        break;
    case 4:
        listing.keys.back().key = "p/e/f";
        break;
    case 5:
        listing.keys.push_back(keyRow("p/f"));
        break;
    case 6:
        listing.keys.clear();
        listing.prefixes.clear();
        break;
    case 7:
        listing.prefixes.front().count = 0;
        break;
    case 8:
        listing.prefixes.front().prefix = "p/d/e/";
        break;
    case 9:
        listing.prefixes.front().prefix = "p/b/";
        break;
    case 10:
        listing.totalEstimate = -1;
        break;
    case 11:
        listing.keys.front().valueBytes = -1;
        break;
    case 12: {
        page.values = {{"p/c", RecordKind::Value, {5, 1}}};
        Bench bench;
        bench.list(1000, {2});
        bench.answer(2, page);
        QVERIFY(bench.outcome() && !bench.outcome()->page);
        return;
    }
    case 13:
        listing.keys.pop_back();
        listing.prefixes = {{"p/e/", 1, false}, {"p/d/", 1, false}};
        break;
    default:
        listing.prefixes.front().prefix = "p/";
        break;
    }
    QVERIFY(!isAnswerTo(groupedQuery(), page));
}

void TestListingReader::valuesAreOfTheKeysListed()
{
    ListedPage page = groupedPage();
    const Record first{"p/c", RecordKind::Value, {5, 1}, 0, {}, {}, "12"};
    const Record second{"p/e", RecordKind::Value, {6, 1}, 0, {}, {}, "123"};
    page.values = {first, second};
    QVERIFY(isAnswerTo(groupedQuery(), page));
    page.values = {second}; // The other one is gone meanwhile.
    QVERIFY(isAnswerTo(groupedQuery(), page));
    page.values = {second, first};
    QVERIFY(!isAnswerTo(groupedQuery(), page));
    page.values = {first, first};
    QVERIFY(!isAnswerTo(groupedQuery(), page));
    page.values = {{"p/x", RecordKind::Value, {5, 1}}};
    QVERIFY(!isAnswerTo(groupedQuery(), page));
    page.values = {{"p/c", RecordKind::Tombstone, {7, 1}}};
    QVERIFY(!isAnswerTo(groupedQuery(), page));
}

void TestListingReader::downwardsTheSameHolds()
{
    ListQuery query = groupedQuery();
    query.order = Order::Descending;
    query.from = "p/d/m";
    ListedPage page;
    page.listing.keys = {keyRow("p/c"), keyRow("p/b")};
    page.listing.prefixes = {{"p/d/", 1, false}};
    QVERIFY(isAnswerTo(query, page));
    query.after = "p/d/";
    QVERIFY(!isAnswerTo(query, page)); // The group was on the page before.
    page.listing.prefixes.clear();
    QVERIFY(isAnswerTo(query, page));
    query.after = "p/c";
    QVERIFY(!isAnswerTo(query, page));
}

QTEST_APPLESS_MAIN(TestListingReader)
#include "tst_listing_reader.moc"
