// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QNetworkInterface>
#include <QTest>

#include <algorithm>

using namespace dynakv;
using test::Cluster;

namespace {

/// An IPv4 address of this machine besides the loopback, if it has one.
QByteArray addressOfThisMachine()
{
    for (const QHostAddress &address : QNetworkInterface::allAddresses()) {
        if (address.protocol() == QAbstractSocket::IPv4Protocol && !address.isLoopback())
            return address.toString().toLatin1();
    }
    return {};
}

} // namespace

/// Founding, adopting, merging and refusing, as docs/architecture.md tells it.
class TestBecomingACluster : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aFounderIsReadyAtOnceAndKnownAgainAfterARestart();
    void anUnreachableMemberIsTriedUntilItAnswers();
    void anEmptyFounderThatIsDialledAdoptsTheCluster();
    void aSoleMemberThatJoinsBringsItsData();
    void aMemberOfALargerClusterRefusesAnother();
    void aWildcardListenerIsKnownByAnAddressThatCanBeDialled();
    void aWildcardListenerMovesToTheAddressThatReachedItFromOutside();
    void itsOwnAddressAsJoinIsLeftOut();
};

void TestBecomingACluster::aFounderIsReadyAtOnceAndKnownAgainAfterARestart()
{
    Cluster cluster(1);
    QVERIFY(cluster.node(0).start());
    QVERIFY(cluster.waitForAll());
    const QByteArray before = cluster.rest(0).get("/v1/cluster").body;
    const qsizetype id = before.indexOf("cluster_id");
    QVERIFY(id >= 0);
    QVERIFY(cluster.rest(0).putValue("a", "1"));
    cluster.node(0).killHard();
    QVERIFY(cluster.node(0).restart());
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.rest(0).get("/v1/cluster").body.contains(before.sliced(id, 32)));
    QCOMPARE(cluster.rest(0).value("a"), QByteArray("1"));
}

void TestBecomingACluster::anUnreachableMemberIsTriedUntilItAnswers()
{
    Cluster cluster(2);
    const QByteArray founder = cluster.node(0).address().toString();
    QVERIFY(cluster.node(1).start({founder}));
    QVERIFY2(test::waitUntil([&] { return cluster.node(1).log().contains(founder); }, 30'000),
             cluster.node(1).log().constData());
    // Until then it knows nothing, and says so rather than "not found".
    QCOMPARE(cluster.rest(1).get("/readyz").status, 503);
    QCOMPARE(cluster.rest(1).get("/key/a").status, 503);
    QCOMPARE(cluster.rest(1).put("/key/a", R"({"value":1})").status, 503);
    const test::Ended health = test::runDaemonToEnd(
        {QStringLiteral("health"), QString::fromLatin1(cluster.node(1).address().toString())},
        cluster.directory());
    QCOMPARE(health.code, 1);
    QCOMPARE(health.out.count('\n'), 1);

    QVERIFY(cluster.node(0).start());
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.rest(1).putValue("a", "1"));
    QVERIFY(cluster.waitForValue("a", "1"));
}

void TestBecomingACluster::anEmptyFounderThatIsDialledAdoptsTheCluster()
{
    Cluster cluster(3);
    QVERIFY(cluster.node(0).start());
    QVERIFY(cluster.node(1).start({cluster.node(0).address().toString()}));
    QVERIFY(cluster.waitForMembers({0, 1}));
    QVERIFY(cluster.rest(0).putValue("a", "1"));
    QVERIFY(cluster.node(2).start()); // On its own: the other two do not know it.
    QVERIFY(cluster.waitForMembers({2}));

    QCOMPARE(cluster.node(1).terminate(), 0);
    QVERIFY(cluster.node(1).start({cluster.node(2).address().toString()}));
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.waitForValue("a", "1"));
}

void TestBecomingACluster::aSoleMemberThatJoinsBringsItsData()
{
    Cluster cluster(3);
    QVERIFY(cluster.node(0).start());
    QVERIFY(cluster.node(1).start({cluster.node(0).address().toString()}));
    QVERIFY(cluster.waitForMembers({0, 1}));
    QVERIFY(cluster.rest(0).putValue("theirs", "1"));
    QVERIFY(cluster.node(2).start());
    QVERIFY(cluster.waitForMembers({2}));
    QVERIFY(cluster.rest(2).putValue("mine", "2"));

    QCOMPARE(cluster.node(2).terminate(), 0);
    QVERIFY(cluster.node(2).start({cluster.node(0).address().toString()}));
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.waitForValue("mine", "2"));
    QVERIFY(cluster.waitForValue("theirs", "1"));
}

void TestBecomingACluster::aMemberOfALargerClusterRefusesAnother()
{
    Cluster cluster(4);
    for (const int founder : {0, 2}) {
        QVERIFY(cluster.node(founder).start());
        QVERIFY(cluster.node(founder + 1).start({cluster.node(founder).address().toString()}));
        QVERIFY(cluster.waitForMembers({founder, founder + 1}));
        QVERIFY(cluster.rest(founder).putValue("of", QByteArray::number(founder)));
    }
    QCOMPARE(cluster.node(1).terminate(), 0);
    const qsizetype logged = cluster.node(1).log().size();
    QVERIFY(cluster.node(1).start({cluster.node(2).address().toString()}));
    QVERIFY2(test::waitUntil(
                 [&] { return cluster.node(1).log().sliced(logged).contains("warning"); }, 30'000),
             cluster.node(1).log().constData());
    QVERIFY(cluster.waitForMembers({0, 1}));
    QVERIFY(cluster.waitForMembers({2, 3}));
    QCOMPARE(cluster.rest(1).value("of"), QByteArray("0"));
    QCOMPARE(cluster.rest(3).value("of"), QByteArray("2"));
}

void TestBecomingACluster::aWildcardListenerIsKnownByAnAddressThatCanBeDialled()
{
    Cluster cluster(2);
    cluster.node(0).setListenHost("0.0.0.0");
    cluster.node(0).setOptions({QStringLiteral("--insecure-allow-remote")});
    QVERIFY(cluster.start());
    for (int i = 0; i < 2; ++i) {
        for (const QByteArray &member : cluster.rest(i).members())
            QVERIFY2(!member.startsWith("0.0.0.0"), member.constData());
    }
    QVERIFY(cluster.node(0).log().contains("--insecure-allow-remote: "));
    QVERIFY(cluster.rest(1).putValue("a", "1"));
    QVERIFY(cluster.waitForValue("a", "1"));
}

void TestBecomingACluster::aWildcardListenerMovesToTheAddressThatReachedItFromOutside()
{
    const QByteArray host = addressOfThisMachine();
    if (host.isEmpty())
        QSKIP("this machine has the loopback only");
    Cluster cluster(3);
    for (const int i : {0, 2}) {
        cluster.node(i).setListenHost("0.0.0.0");
        cluster.node(i).setOptions({QStringLiteral("--insecure-allow-remote")});
    }
    const auto outside = [&](int i) {
        return base::Endpoint{host, cluster.node(i).address().port}.toString();
    };
    // As long as only this machine reaches it, the loopback will do.
    QVERIFY(cluster.node(0).start());
    QVERIFY(cluster.node(1).start({cluster.node(0).address().toString()}));
    QVERIFY(cluster.waitForMembers({0, 1}));

    QVERIFY(cluster.node(2).start({outside(0)}));
    QList<QByteArray> expected{outside(0), cluster.node(1).address().toString(), outside(2)};
    std::sort(expected.begin(), expected.end());
    QVERIFY(test::waitUntil(
        [&] {
            return cluster.rest(0).members() == expected && cluster.rest(1).members() == expected &&
                   cluster.rest(2).members() == expected;
        },
        30'000));
}

void TestBecomingACluster::itsOwnAddressAsJoinIsLeftOut()
{
    // The container line: LISTEN once more in front of the real members.
    Cluster cluster(2);
    for (int i = 0; i < 2; ++i) {
        cluster.node(i).setListenHost("0.0.0.0");
        cluster.node(i).setOptions({QStringLiteral("--insecure-allow-remote")});
    }
    const auto wildcard = [&](int i) {
        return base::Endpoint{"0.0.0.0", cluster.node(i).address().port}.toString();
    };
    QVERIFY(cluster.node(0).start({wildcard(0)}));
    QVERIFY(cluster.node(1).start({wildcard(1), cluster.node(0).address().toString()}));
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.node(0).log().contains("JOIN " + wildcard(0) + " is this node's own address"));
}

QTEST_GUILESS_MAIN(TestBecomingACluster)
#include "tst_becoming_a_cluster.moc"
