// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using test::Cluster;

namespace {

/// Follows `next` to the end. Keys as they are, groups as `prefix count`, in the order of the
/// pages.
QByteArrayList walk(const test::RestProbe &rest, const QByteArray &parameters)
{
    QByteArrayList rows;
    QByteArray target = "/v1/keys?" + parameters;
    while (!target.isEmpty() && rows.size() < 10'000) {
        test::HttpAnswer answer = rest.get(target);
        if (answer.status != 200)
            return {"status " + QByteArray::number(answer.status)};
        const QJsonObject page = answer.object();
        for (const QJsonValue &row : page.value(QLatin1String("keys")).toArray())
            rows += row[QLatin1String("key")].toString().toUtf8();
        for (const QJsonValue &row : page.value(QLatin1String("prefixes")).toArray()) {
            rows += row[QLatin1String("prefix")].toString().toUtf8() + ' ' +
                    QByteArray::number(row[QLatin1String("count")].toInt());
        }
        const QByteArray link = answer.headers["link"];
        target = link.mid(1, link.indexOf('>') - 1);
    }
    return rows;
}

int count(const test::RestProbe &rest, const QByteArray &prefix)
{
    return rest.get("/v1/keys?limit=1000&prefix=" + prefix)
        .object()
        .value(QLatin1String("total_estimate"))
        .toInt(-1);
}

} // namespace

/// What the API does with many keys at once, against a cluster of two.
class TestKeyRanges : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void groupsAreWalkedOnAnyNodeInBothOrders();
    void aSmallPrefixIsDeletedAtOnce();
    void aLargePrefixIsDeletedByAJob();
};

void TestKeyRanges::groupsAreWalkedOnAnyNodeInBothOrders()
{
    Cluster cluster(2);
    QVERIFY(cluster.start());
    QByteArrayList rows;
    for (int group = 0; group < 6; ++group) {
        const QByteArray name = "g" + QByteArray::number(group);
        QVERIFY(cluster.rest(group % 2).putValue(name, "1"));
        for (int i = 0; i < 5; ++i)
            QVERIFY(cluster.rest(i % 2).putValue(name + "%2F" + QByteArray::number(i), "1"));
        rows += {name, name + "/ 5"};
    }
    for (int node = 0; node < 2; ++node) {
        QVERIFY(test::waitUntil([&] { return count(cluster.rest(node), "g") == 36; }, 30'000));
        // Pages of one row have no order but that of the walk.
        QCOMPARE(walk(cluster.rest(node), "delimiter=%2F&limit=1"), rows);
        const QByteArrayList down = walk(cluster.rest(node), "delimiter=%2F&limit=1&reverse=true");
        QCOMPARE(down, QByteArrayList(rows.rbegin(), rows.rend()));
        QCOMPARE(walk(cluster.rest(node), "limit=7&reverse=true&from=g0%2F1&prefix=g0"),
                 (QByteArrayList{"g0/1", "g0/0", "g0"}));
        QCOMPARE(walk(cluster.rest(node), "limit=36").size(), 36);
    }
    // A cursor holds for its own listing, on every node; what is none is refused.
    const QByteArray next = cluster.rest(0)
                                .get("/v1/keys?delimiter=%2F&limit=1")
                                .object()
                                .value(QLatin1String("next"))
                                .toString()
                                .toLatin1();
    QVERIFY(!next.isEmpty());
    QCOMPARE(cluster.rest(1).get("/v1/keys?delimiter=%2F&limit=1&after=" + next).status, 200);
    for (const QByteArray &hostile :
         {"delimiter=%2F&reverse=true&after=" + next, "after=" + next,
          "delimiter=%2F&after=" + next.chopped(4), QByteArray("delimiter=%2F&after="),
          QByteArray("after=%00%FF"), QByteArray("after=g1"), "after=" + QByteArray(6000, 'A')})
        QCOMPARE(cluster.rest(1).get("/v1/keys?" + hostile).status, 400);
}

void TestKeyRanges::aSmallPrefixIsDeletedAtOnce()
{
    Cluster cluster(2);
    QVERIFY(cluster.start());
    for (int i = 0; i < 20; ++i) {
        QVERIFY(cluster.rest(0).putValue("drop" + QByteArray::number(i), "1"));
        QVERIFY(cluster.rest(0).putValue("keep" + QByteArray::number(i), "1"));
    }
    QCOMPARE(cluster.rest(0).del("/v1/keys").status, 400);
    QCOMPARE(cluster.rest(0).del("/v1/keys?prefix=drop&dry_run=true").body, "{\"count\":20}");
    const test::HttpAnswer answer = cluster.rest(0).del("/v1/keys?prefix=drop&w=all");
    QCOMPARE(answer.status, 200);
    QCOMPARE(answer.body, "{\"deleted\":20}");
    // With w=all the other node has it too.
    QCOMPARE(count(cluster.rest(1), "drop"), 0);
    QCOMPARE(count(cluster.rest(1), "keep"), 20);
    cluster.node(0).killHard();
    QVERIFY(cluster.node(0).restart());
    QVERIFY(cluster.waitForAll());
    QCOMPARE(count(cluster.rest(0), "drop"), 0);
    QCOMPARE(count(cluster.rest(0), "keep"), 20);
}

void TestKeyRanges::aLargePrefixIsDeletedByAJob()
{
    Cluster cluster(2);
    QVERIFY(cluster.start());
    constexpr int keys = 2300;
    QByteArray lines;
    for (int i = 0; i < keys; ++i)
        lines += R"({"op":"put","value":1,"key":"drop)" + QByteArray::number(i) + "\"}\n";
    const auto filled = cluster.rest(0).batch(lines);
    QCOMPARE(filled.body.count("\"status\":200"), keys);
    QVERIFY(cluster.rest(0).putValue("keep", "1"));
    test::HttpAnswer begun = cluster.rest(0).del("/v1/keys?prefix=drop&durability=sync");
    QCOMPARE(begun.status, 202);
    QVERIFY(cluster.rest(0).putValue("drop7", "\"written after the request\""));
    const QByteArray target = begun.headers["location"];
    QCOMPARE(target, "/v1/jobs/d1");
    QVERIFY(test::waitUntil(
        [&] {
            return cluster.rest(0).get(target).object().value(QLatin1String("state")) ==
                   QLatin1String("done");
        },
        20'000));
    QCOMPARE(cluster.rest(0).value("drop7"), "\"written after the request\"");
    QCOMPARE(count(cluster.rest(0), "drop"), 1);
    QVERIFY(test::waitUntil([&] { return count(cluster.rest(1), "drop") == 1; }, 20'000));
    QVERIFY(cluster.waitForValue("keep", "1"));
}

QTEST_GUILESS_MAIN(TestKeyRanges)
#include "tst_key_ranges.moc"
