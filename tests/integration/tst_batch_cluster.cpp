// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QTest>

using namespace dynakv;
using test::Cluster;

namespace {

QByteArray putLine(const QByteArray &key, const QByteArray &value)
{
    return "{\"op\":\"put\",\"key\":\"" + key + "\",\"value\":" + value + "}\n";
}

} // namespace

/// `POST /v1/batch` against real nodes.
class TestBatchCluster : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aBatchReachesEveryNodeAndOutlivesAKill();
    void aBatchWaitsForTheReplicasItAsksFor();
    void oneOfManyBatchesCreatesAKey();
    void hostileBatchesChangeNothingElse();
};

void TestBatchCluster::aBatchReachesEveryNodeAndOutlivesAKill()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    constexpr int keys = 10'000; // As many as may be: the node takes them in ten parts.
    QByteArray lines;
    for (int i = 0; i < keys; ++i)
        lines += putLine("k" + QByteArray::number(i % (keys - 1)), QByteArray::number(i));
    const test::HttpAnswer answer = cluster.rest(0).batch(lines);
    QCOMPARE(answer.status, 200);
    QCOMPARE(answer.body.count('\n'), keys);
    QCOMPARE(answer.body.count("\"status\":200"), keys);
    cluster.node(0).killHard();
    QVERIFY(cluster.node(0).restart());
    QVERIFY(cluster.waitForAll());
    for (int i : {1, 999, 1000, 5432, keys - 2})
        QVERIFY(cluster.waitForValue("k" + QByteArray::number(i), QByteArray::number(i)));
    // The last line has the key of the first one.
    QVERIFY(cluster.waitForValue("k0", QByteArray::number(keys - 1)));
}

void TestBatchCluster::aBatchWaitsForTheReplicasItAsksFor()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    QByteArray lines;
    for (int i = 0; i < 2000; ++i)
        lines += putLine("k" + QByteArray::number(i), '"' + QByteArray(500, 'v') + '"');
    test::HttpAnswer all = cluster.rest(1).batch(lines, "?w=all");
    QCOMPARE(all.body.count("\"status\":200"), 2000);
    QCOMPARE(all.headers["dynakv-durability"], "sync; replicas=3/3");
    for (int node = 0; node < 3; ++node)
        QCOMPARE(cluster.rest(node).value("k1999").size(), 502);
    cluster.node(2).pause();
    const test::HttpAnswer quorum = cluster.rest(1).batch(lines, "?w=quorum");
    QCOMPARE(quorum.body.count("\"status\":200"), 2000);
    const test::HttpAnswer late = cluster.rest(1).batch(
        putLine("late", "1") + "{\"op\":\"get\",\"key\":\"k1\"}\n", "?w=all&timeout=300");
    cluster.node(2).resume();
    QCOMPARE(late.status, 200);
    QVERIFY2(late.body.startsWith(R"({"key":"late","status":503,"error":{"code":"too_few)"),
             late.body.constData());
    QCOMPARE(late.body.count("\"status\":200"), 1);
    QVERIFY(cluster.waitForValue("late", "1"));
}

/// Whichever node is asked, and whichever node judges: half of these keys are created before.
void TestBatchCluster::oneOfManyBatchesCreatesAKey()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    constexpr int keys = 3000;
    QByteArray lines;
    for (int i = 0; i < keys; ++i) {
        const QByteArray key = "k" + QByteArray::number(i);
        lines += "{\"op\":\"put\",\"key\":\"" + key + "\",\"value\":1,\"if_none_match\":\"*\"}\n";
        // Behind it in the same place, though it has no condition of its own.
        lines += putLine(key, "2");
    }
    QVERIFY(cluster.rest(0).putValue("k7", "0"));
    QVERIFY(cluster.waitForValue("k7", "0"));
    std::vector<int> created(keys);
    for (int node = 0; node < 3; ++node) {
        // Most of them are judged elsewhere, one by one, each behind two disks.
        const QByteArrayList answers =
            cluster.rest(node).batch(lines, "?timeout=60000", 70'000).body.split('\n');
        QCOMPARE(answers.size(), 2 * keys + 1);
        for (int i = 0; i < keys; ++i) {
            const bool isCreated = answers[2 * i].contains("\"status\":200");
            created[static_cast<std::size_t>(i)] += isCreated ? 1 : 0;
            QVERIFY2(isCreated || answers[2 * i].contains("\"status\":412"),
                     answers[2 * i].constData());
            QVERIFY(answers[2 * i + 1].contains("\"status\":200"));
        }
    }
    for (int i = 0; i < keys; ++i)
        QCOMPARE(created[static_cast<std::size_t>(i)], i == 7 ? 0 : 1);
    for (const QByteArray key : {"k0", "k7", "k2999"})
        QVERIFY(cluster.waitForValue(key, "2"));
}

void TestBatchCluster::hostileBatchesChangeNothingElse()
{
    Cluster cluster(1);
    QVERIFY(cluster.start());
    QVERIFY(cluster.rest(0).putValue("k", "1"));
    const QByteArray put = putLine("k", "2");
    QCOMPARE(cluster.rest(0).batch(put.repeated(10'001)).status, 413);
    QCOMPARE(cluster.rest(0).batch(QByteArray((16 << 20) + 1, ' ')).status, 413);
    // A form is what curl sends with -d: refused, with the type that it takes.
    QCOMPARE(cluster.rest(0).begin("POST", "/v1/batch", put).finish().status, 415);
    QCOMPARE(cluster.rest(0).get("/v1/batch").status, 405);
    QCOMPARE(cluster.rest(0).value("k"), "1");
    const QByteArray hostile = QByteArray("{\"op\":\"put\",\"key\":\"k\0\",\"value\":3}\n", 34) +
                               "{\"op\":\"put\",\"key\":\"\xFF\",\"value\":3}\n" +
                               "{\"op\":\"put\",\"key\":\"k\",\"value\":\"" +
                               QByteArray(3 << 20, 'v') + "\"}\n" + QByteArray(1 << 20, '[') +
                               "\n\n" + putLine("good", "4") + "{\"op\":\"put\",\"key\":\"k\",\"va";
    const test::HttpAnswer answer = cluster.rest(0).batch(hostile);
    QCOMPARE(answer.status, 200);
    QByteArrayList statuses;
    for (const QByteArray &line : answer.body.split('\n'))
        statuses += line.mid(line.indexOf("\"status\":") + 9, 3);
    statuses.removeLast();
    QCOMPARE(statuses, (QByteArrayList{"400", "400", "413", "400", "400", "200", "400"}));
    QCOMPARE(cluster.rest(0).value("k"), "1");
    QCOMPARE(cluster.rest(0).value("good"), "4");
}

QTEST_GUILESS_MAIN(TestBatchCluster)
#include "tst_batch_cluster.moc"
