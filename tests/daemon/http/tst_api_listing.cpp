// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/page_cursor.h"
#include "shared/base/limits.h"
#include "tests/daemon/http/api_test.h"

#include <QJsonObject>
#include <QJsonArray>
#include <QTest>

using namespace dynakv;
using http::HttpReply;
using http::Method;
using test::headerOf;
using test::objectOf;

/// GET /v1/keys, page by page.
class TestApiListing : public test::ApiTest
{
    Q_OBJECT

private Q_SLOTS:
    void listsWhatAnotherMemberHas();
    void listsPageByPage();
    void refusesForeignCursors_data();
    void refusesForeignCursors();
    void endsAPageAtItsByteBound();
    void listsGroupsInBothOrders_data();
    void listsGroupsInBothOrders();
    void endsAPageOfGroupsAtItsByteBound();
    void listsValuesAsTheyWereSent();
    void endsAPageOfValuesAtItsByteBound();
    void leavesOutWhatVanishedMeanwhile();
};

/// Of what its own table holds nothing is shown, and a page can be followed at any node.
void TestApiListing::listsWhatAnotherMemberHas()
{
    for (const char *key : {"a", "b/1", "b/2", "c", "d"})
        store(key, "12");
    const QByteArray target = "/v1/keys?delimiter=%2F&limit=2&values=true";
    const HttpReply whole = get(target);
    core::ListedPage page;
    core::ListQuery query;
    query.delimiter = "/";
    query.limit = 2;
    page.listing = m_api->table.list(query);
    page.values = {*m_api->table.find("a")};
    page.boot = 0xb007;
    page.seq = 9;
    m_api->coordinator.answerListingsWith({page, {}});
    m_api->coordinator.setReadiness(core::Readiness::Joining);
    store("aa", "mine");
    const HttpReply elsewhere = get(target);
    QCOMPARE(elsewhere.status, 200);
    QCOMPARE(elsewhere.body, whole.body);
    QCOMPARE(headerOf(elsewhere, "Link"), headerOf(whole, "Link"));
    QCOMPARE(headerOf(elsewhere, "DynaKV-Event-Id"), QByteArray("000000000000b007:9"));
    // The value of a key that was deleted meanwhile: left out, but followed.
    page.values.clear();
    m_api->coordinator.answerListingsWith({page, {}});
    const QJsonObject without = objectOf(get(target));
    QCOMPARE(without[QLatin1String("keys")].toArray().size(), 0);
    QCOMPARE(without[QLatin1String("next")], objectOf(whole)[QLatin1String("next")]);
    QCOMPARE(get("/v1/keys?limit=0").status, 400);
    QCOMPARE(get("/v1/keys?after=nonsense").status, 400);
}

void TestApiListing::listsPageByPage()
{
    for (const char *key : {"b", "a", "p/3", "p/1", "p/2", "q"})
        store(key, "12", {}, key == QByteArray("q") ? kNowMs + 1 : 0);
    store("p/expired", "1", {}, kNowMs);
    store("p/\xff", "1");
    QByteArrayList seen;
    QByteArray target = "/v1/keys?prefix=p%2F&limit=2";
    for (int page = 0; page < 3 && !target.isEmpty(); ++page) {
        const HttpReply answer = get(target);
        QCOMPARE(answer.status, 200);
        const QJsonObject body = objectOf(answer);
        for (const QJsonValue &row : body.value(QLatin1String("keys")).toArray()) {
            seen += row[QLatin1String("key")]
                        .toString(row[QLatin1String("key_b64")].toString())
                        .toUtf8();
        }
        const QByteArray next = body.value(QLatin1String("next")).toString().toLatin1();
        const QByteArray link = headerOf(answer, "Link");
        QCOMPARE(link.isEmpty(), next.isEmpty());
        QVERIFY(next.isEmpty() || link.contains("after=" + next + ">; rel=\"next\""));
        target = link.mid(1, link.indexOf('>') - 1);
    }
    QCOMPARE(seen, (QByteArrayList{"p/1", "p/2", "p/3", "cC//"}));
    QCOMPARE(objectOf(get("/v1/keys?from=p%2F3&limit=1"))
                 .value(QLatin1String("keys"))[0][QLatin1String("key")]
                 .toString(),
             QLatin1String("p/3"));
    QCOMPARE(get("/v1/keys?limit=0").status, 400);
    QCOMPARE(get("/v1/keys?limit=1001").status, 400);
    QCOMPARE(get("/v1/keys?prefix=" + QByteArray(1025, 'a')).status, 400);
}

void TestApiListing::refusesForeignCursors_data()
{
    const QByteArray identity = "1:p0:+"; // Of prefix=p, as the handler makes it.
    const QByteArray good = http::PageCursor{"p1"}.toText(identity);
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<int>("status");
    QTest::newRow("its own") << "/v1/keys?prefix=p&after=" + good << 200;
    QTest::newRow("its own with another limit") << "/v1/keys?limit=7&prefix=p&after=" + good << 200;
    QTest::newRow("of another prefix") << "/v1/keys?prefix=q&after=" + good << 400;
    QTest::newRow("of no prefix") << "/v1/keys?after=" + good << 400;
    QTest::newRow("with another start") << "/v1/keys?prefix=p&from=p1&after=" + good << 400;
    QTest::newRow("in the other order") << "/v1/keys?prefix=p&reverse=true&after=" + good << 400;
    QTest::newRow("with groups") << "/v1/keys?prefix=p&delimiter=/&after=" + good << 400;
    QTest::newRow("a key") << QByteArray("/v1/keys?prefix=p&after=p1") << 400;
    QTest::newRow("empty") << QByteArray("/v1/keys?prefix=p&after=") << 400;
    QTest::newRow("cut short") << "/v1/keys?prefix=p&after=" + good.left(12) << 400;
    QTest::newRow("a key outside of the prefix")
        << "/v1/keys?prefix=p&after=" + http::PageCursor{"q"}.toText(identity) << 400;
    QTest::newRow("no key") << "/v1/keys?prefix=p&after=" + http::PageCursor{""}.toText(identity)
                            << 400;
    QTest::newRow("endless") << "/v1/keys?prefix=p&after=" + QByteArray(4000, 'A') << 400;
}

void TestApiListing::refusesForeignCursors()
{
    QFETCH(QByteArray, target);
    QFETCH(int, status);
    QCOMPARE(get(target).status, status);
}

void TestApiListing::endsAPageAtItsByteBound()
{
    // Each of these bytes needs six in JSON.
    for (int i = 0; i < 1000; ++i)
        store(QByteArray::number(1000 + i) + QByteArray(1020, '\x01'), "1");
    const HttpReply answer = get("/v1/keys?limit=1000");
    QVERIFY(answer.body.size() <= base::limits::kPageBytesMax);
    QVERIFY(objectOf(answer).value(QLatin1String("keys")).toArray().size() > 500);
    QVERIFY(!headerOf(answer, "Link").isEmpty());
}

void TestApiListing::listsGroupsInBothOrders_data()
{
    QTest::addColumn<QByteArray>("parameters");
    QTest::addColumn<QByteArrayList>("rows");
    QTest::newRow("ascending") << QByteArray("delimiter=/")
                               << QByteArrayList{"a", "a/ 2", "a0", "b/ 1", "/zIv 1", "z"};
    QTest::newRow("descending") << QByteArray("delimiter=/&reverse=true")
                                << QByteArrayList{"z", "/zIv 1", "b/ 1", "a0", "a/ 2", "a"};
    QTest::newRow("descending from within a group")
        << QByteArray("delimiter=/&reverse&from=a/1") << QByteArrayList{"a/ 1", "a"};
    QTest::newRow("below a prefix")
        << QByteArray("delimiter=%2F&prefix=a%2F") << QByteArrayList{"a/1", "a/2"};
    QTest::newRow("no group") << QByteArray("delimiter=&prefix=b") << QByteArrayList{"b/1"};
}

/// Whatever the size of the pages: of a group its prefix, in base64 where it has to be, and count.
void TestApiListing::listsGroupsInBothOrders()
{
    QFETCH(QByteArray, parameters);
    QFETCH(QByteArrayList, rows);
    for (const char *key : {"a", "a/1", "a/2", "a0", "b/1", "z",
                            "\xFF"
                            "2/1"})
        store(key, "1");
    if (rows.contains("z")) // By bytes 0xFF is the last one.
        rows.move(rows.indexOf("/zIv 1"), rows.first() == "a" ? rows.size() - 1 : 0);
    for (int limit = 1; limit <= 7; ++limit) {
        QByteArrayList seen;
        QByteArray target = "/v1/keys?" + parameters + "&limit=" + QByteArray::number(limit);
        while (!target.isEmpty() && seen.size() <= rows.size()) {
            const HttpReply answer = get(target);
            QCOMPARE(answer.status, 200);
            const QJsonObject body = objectOf(answer);
            QByteArrayList page;
            for (const QJsonValue &row : body.value(QLatin1String("keys")).toArray())
                page += row[QLatin1String("key")].toString().toUtf8();
            for (const QJsonValue &row : body.value(QLatin1String("prefixes")).toArray()) {
                page += row[QLatin1String("prefix")]
                            .toString(row[QLatin1String("prefix_b64")].toString())
                            .toUtf8() +
                        ' ' + QByteArray::number(row[QLatin1String("count")].toInt());
                QVERIFY(!row.toObject().contains(QLatin1String("estimated")));
            }
            std::sort(page.begin(), page.end(), [&rows](const auto &left, const auto &right) {
                return rows.indexOf(left) < rows.indexOf(right);
            });
            QVERIFY(page.size() <= limit);
            seen += page;
            const QByteArray link = headerOf(answer, "Link");
            target = link.mid(1, link.indexOf('>') - 1);
        }
        QCOMPARE(seen, rows);
    }
    QCOMPARE(get("/v1/keys?reverse=maybe").status, 400);
    QCOMPARE(get("/v1/keys?delimiter=" + QByteArray(1025, 'a')).status, 400);
}

void TestApiListing::endsAPageOfGroupsAtItsByteBound()
{
    for (int i = 0; i < 1000; ++i)
        store(QByteArray::number(1000 + i) + QByteArray(1019, '\x01') + '/', "1");
    int rows = 0;
    QByteArray target = "/v1/keys?limit=1000&delimiter=/&reverse";
    for (int page = 0; page < 2; ++page) {
        const HttpReply answer = get(target);
        QVERIFY(answer.body.size() <= base::limits::kPageBytesMax);
        rows +=
            static_cast<int>(objectOf(answer).value(QLatin1String("prefixes")).toArray().size());
        const QByteArray link = headerOf(answer, "Link");
        target = link.mid(1, link.indexOf('>') - 1);
    }
    QCOMPARE(rows, 1000);
    QCOMPARE(target, QByteArray());
}

void TestApiListing::listsValuesAsTheyWereSent()
{
    store("a", "12345678901234567890");
    store("b", "{\"z\": 1.0,\n \"a\":1e2}", {}, kNowMs + 5000);
    store("c", QByteArray("\x00\xff", 2), "image/png; q=\"x\"");
    store("d", "\"text\"", "not a type");
    store("e", "1");
    const HttpReply answer = get("/v1/keys?values=true&limit=4");
    QCOMPARE(answer.status, 200);
    const auto has = [&answer](const char *text) { return answer.body.contains(text); };
    QVERIFY2(has("\"value\":12345678901234567890}"), answer.body.constData());
    QVERIFY(has("\"value\":{\"z\": 1.0,\n \"a\":1e2}}"));
    QVERIFY(has(R"("value":"AP8=","encoding":"base64","content_type":"image/png; q=\"x\""})"));
    QVERIFY(has(R"("encoding":"base64","content_type":"application/octet-stream"})"));
    const QJsonObject body = objectOf(answer);
    QCOMPARE(body.value(QLatin1String("total_estimate")).toInt(), 5);
    const QJsonValue second = body.value(QLatin1String("keys"))[1];
    QCOMPARE(second[QLatin1String("key")].toString(), QLatin1String("b"));
    QCOMPARE(second[QLatin1String("size")].toInt(), 20);
    QCOMPARE(second[QLatin1String("expires_at")].toString(),
             QLatin1String("2022-04-15T05:20:05.000Z"));
    // The link goes on as the page began.
    QVERIFY(headerOf(answer, "Link").contains("values=true&"));
    QVERIFY(!get("/v1/keys").body.contains("\"value\""));
    QVERIFY(!get("/v1/keys?values=false").body.contains("\"value\""));
    QCOMPARE(get("/v1/keys?values=maybe").status, 400);
}

void TestApiListing::endsAPageOfValuesAtItsByteBound()
{
    const QByteArray large = '"' + QByteArray(base::limits::kPageBytesMax / 2 - 10'000, 'x') + '"';
    store("a", "1");
    store("b", large);
    store("c", large);
    store("d", QByteArray(base::limits::kPageBytesMax + 1, 'x'), "text/plain");
    store("e", "1");
    QByteArrayList pages;
    QByteArray target = "/v1/keys?values=true&limit=1000";
    while (!target.isEmpty() && pages.size() < 10) {
        const HttpReply answer = get(target);
        QByteArray names;
        for (const QJsonValue &row : objectOf(answer).value(QLatin1String("keys")).toArray())
            names += row[QLatin1String("key")].toString().toUtf8();
        QVERIFY(names == "d" || answer.body.size() <= base::limits::kPageBytesMax);
        pages += names;
        const QByteArray link = headerOf(answer, "Link");
        target = link.mid(1, link.indexOf('>') - 1);
    }
    QCOMPARE(pages, (QByteArrayList{"abc", "d", "e"}));
}

void TestApiListing::leavesOutWhatVanishedMeanwhile()
{
    // Between listing and reading the clock passes an expiry: the listing takes the time first.
    store("a", "1", {}, kNowMs + 1);
    store("b", "2");
    qint64 nowMs = kNowMs;
    const http::ApiContext ticking{m_api->table,
                                   m_api->coordinator,
                                   m_api->file,
                                   kValueBytesMax,
                                   "1.2.3",
                                   [&nowMs] { return nowMs++; },
                                   core::Durability::Sync,
                                   *m_api->deletions};
    const auto page = [&ticking](const QByteArray &target) {
        return std::get<HttpReply>(http::route(request(Method::Get, target), ticking));
    };
    const HttpReply first = page("/v1/keys?values=true&limit=1");
    QVERIFY2(first.body.startsWith("{\"keys\":[],\"prefixes\":[],\"next\":"),
             first.body.constData());
    const QByteArray link = headerOf(first, "Link");
    const HttpReply second = page(link.mid(1, link.indexOf('>') - 1));
    QVERIFY(second.body.contains("\"value\":2}"));
    QVERIFY(headerOf(second, "Link").isEmpty());
}

QTEST_GUILESS_MAIN(TestApiListing)
#include "tst_api_listing.moc"
