// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QTest>

using namespace dynakv;
using test::Cluster;
using test::HttpAnswer;

namespace {

constexpr int kNodes = 3;

QByteArray codeOf(const HttpAnswer &answer)
{
    return answer.object().value(QLatin1String("code")).toString().toUtf8();
}

} // namespace

/// Reads of several replicas of real daemons, and reads that must see a version.
class TestReplicaReads : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void aQuorumAnswersWithoutASilentMember();
    void everyNodeShowsWhatAClientHasWritten();
    void aVersionThatNobodyHasIsRefused();
    void headTakesTheSame();

private:
    /// The version that a PUT was told.
    QByteArray put(int node, const QByteArray &target, const QByteArray &json);
    HttpAnswer getAtLeast(int node, const QByteArray &key, const QByteArray &version,
                          const QByteArray &method = "GET");

    std::unique_ptr<Cluster> m_cluster;
};

void TestReplicaReads::initTestCase()
{
    m_cluster = std::make_unique<Cluster>(kNodes);
    QVERIFY(m_cluster->start());
    QVERIFY(m_cluster->rest(0).putValue("first", "1"));
    // Ready is who says so; the others know it a heartbeat later.
    for (int node = 0; node < kNodes; ++node) {
        QVERIFY(test::waitUntil(
            [&] { return m_cluster->rest(node).get("/key/first?r=all").status == 200; }, 30'000));
    }
}

QByteArray TestReplicaReads::put(int node, const QByteArray &target, const QByteArray &json)
{
    const HttpAnswer answer = m_cluster->rest(node).put(target, R"({"value":)" + json + '}');
    return answer.object().value(QLatin1String("version")).toString().toLatin1();
}

HttpAnswer TestReplicaReads::getAtLeast(int node, const QByteArray &key, const QByteArray &version,
                                        const QByteArray &method)
{
    return test::Exchange(
               m_cluster->node(node).address(),
               method + " /key/" + key + " HTTP/1.1\r\nDynaKV-At-Least: " + version + "\r\n", {})
        .finish();
}

void TestReplicaReads::aQuorumAnswersWithoutASilentMember()
{
    m_cluster->node(2).pause();
    QVERIFY(!put(0, "/key/k?w=quorum", "1").isEmpty());
    const HttpAnswer quorum = m_cluster->rest(1).get("/key/k?r=quorum");
    const HttpAnswer all = m_cluster->rest(1).get("/key/k?r=all&timeout=1500");
    m_cluster->node(2).resume();
    QCOMPARE(quorum.status, 200);
    QCOMPARE(quorum.body, R"({"value":1})");
    QCOMPARE(all.status, 503);
    QCOMPARE(codeOf(all), QByteArray("too_few_replicas"));
    QCOMPARE(all.object().value(QLatin1String("acked")).toInt(), 2);
    QCOMPARE(all.object().value(QLatin1String("required")).toInt(), 3);
    QVERIFY(all.headers.contains("retry-after"));
    QVERIFY(m_cluster->waitForAll());
    QVERIFY(m_cluster->waitForValue("k", "1"));
    QCOMPARE(m_cluster->rest(0).get("/key/k?r=4").status, 400);
    QCOMPARE(m_cluster->rest(0).get("/key/none?r=quorum").status, 404);
}

void TestReplicaReads::everyNodeShowsWhatAClientHasWritten()
{
    for (int round = 0; round < 100; ++round) {
        const QByteArray value = QByteArray::number(round);
        const QByteArray version = put(round % kNodes, "/key/own", value);
        QVERIFY(!version.isEmpty());
        const HttpAnswer answer = getAtLeast((round + 1) % kNodes, "own", version);
        QCOMPARE(answer.status, 200);
        QCOMPARE(answer.body, R"({"value":)" + value + '}');
    }
    const HttpAnswer gone = m_cluster->rest(0).del("/key/own");
    const QByteArray version = gone.object().value(QLatin1String("version")).toString().toLatin1();
    QCOMPARE(getAtLeast(1, "own", version).status, 404);
}

void TestReplicaReads::aVersionThatNobodyHasIsRefused()
{
    QVERIFY(!put(0, "/key/k", "2").isEmpty());
    const HttpAnswer future = getAtLeast(0, "k", "ffffffffffff0000-0000000000000001");
    QCOMPARE(future.status, 503);
    QCOMPARE(codeOf(future), QByteArray("version_not_reached"));
    QCOMPARE(getAtLeast(0, "k", "tomorrow").status, 400);
}

void TestReplicaReads::headTakesTheSame()
{
    const QByteArray version = put(0, "/key/k", "3");
    const HttpAnswer head = getAtLeast(1, "k", version, "HEAD");
    QCOMPARE(head.status, 200);
    QVERIFY(head.body.isEmpty());
    QCOMPARE(head.headers.at("etag"), '"' + version + '"');
}

QTEST_GUILESS_MAIN(TestReplicaReads)
#include "tst_replica_reads.moc"
