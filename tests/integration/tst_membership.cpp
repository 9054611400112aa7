// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QElapsedTimer>
#include <QTest>

using namespace dynakv;
using test::Cluster;

/// A node that is gone leaves the list within 10 s and comes back without help.
class TestMembership : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aKilledNodeLeavesAndReturns();
    void aNodeThatStopsAnsweringLeavesAndReturns();
    void aNodeThatStoppedCleanlyLeavesAtOnce();
    void theFounderIsNothingSpecial();
    void joiningThroughAnyMember();
    void aNodeReturnsWithoutItsJoinAddress();
    void fiveNodesAgree();
};

void TestMembership::aKilledNodeLeavesAndReturns()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    QElapsedTimer elapsed;
    elapsed.start();
    cluster.node(2).killHard();
    QVERIFY(cluster.waitForMembers({0, 1}));
    qInfo("left after %lld ms", static_cast<long long>(elapsed.elapsed()));
    QVERIFY(cluster.node(2).restart());
    QVERIFY(cluster.waitForAll());
}

void TestMembership::aNodeThatStopsAnsweringLeavesAndReturns()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    QElapsedTimer elapsed;
    elapsed.start();
    cluster.node(1).pause();
    QVERIFY(cluster.waitForMembers({0, 2}));
    qInfo("left after %lld ms", static_cast<long long>(elapsed.elapsed()));
    QVERIFY(cluster.rest(0).putValue("meanwhile", "1"));
    cluster.node(1).resume();
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.waitForValue("meanwhile", "1"));
}

void TestMembership::aNodeThatStoppedCleanlyLeavesAtOnce()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    QCOMPARE(cluster.node(2).terminate(), 0);
    QVERIFY(cluster.waitForMembers({0, 1}));
    QVERIFY(cluster.node(2).restart());
    QVERIFY(cluster.waitForAll());
}

void TestMembership::theFounderIsNothingSpecial()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    cluster.node(0).killHard();
    QVERIFY(cluster.waitForMembers({1, 2}));
    QVERIFY(cluster.rest(1).putValue("without", "1"));
    QVERIFY(cluster.waitForValue("without", "1"));
    QVERIFY(cluster.node(0).restart());
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.waitForValue("without", "1"));
}

void TestMembership::joiningThroughAnyMember()
{
    Cluster cluster(3);
    QVERIFY(cluster.node(0).start());
    QVERIFY(cluster.node(1).start({cluster.node(0).address().toString()}));
    QVERIFY(cluster.waitForMembers({0, 1}));
    QVERIFY(cluster.rest(0).putValue("before", "1"));
    // Through one that itself joined.
    QVERIFY(cluster.node(2).start({cluster.node(1).address().toString()}));
    QVERIFY(cluster.waitForAll());
    QCOMPARE(cluster.rest(2).value("before"), QByteArray("1"));
    QVERIFY(cluster.rest(2).putValue("after", "1"));
    QVERIFY(cluster.waitForValue("after", "1"));
}

void TestMembership::aNodeReturnsWithoutItsJoinAddress()
{
    Cluster cluster(2);
    QVERIFY(cluster.start());
    cluster.node(1).killHard();
    QVERIFY(cluster.waitForMembers({0}));
    QVERIFY(cluster.node(1).start()); // Its file knows the others.
    QVERIFY(cluster.waitForAll());
}

void TestMembership::fiveNodesAgree()
{
    Cluster cluster(5);
    QVERIFY(cluster.start());
    cluster.node(1).killHard();
    cluster.node(3).pause();
    QVERIFY(cluster.waitForMembers({0, 2, 4}));
    QVERIFY(cluster.node(1).restart());
    cluster.node(3).resume();
    QVERIFY(cluster.waitForAll());
}

QTEST_GUILESS_MAIN(TestMembership)
#include "tst_membership.moc"
