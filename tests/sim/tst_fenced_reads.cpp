// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

namespace {

constexpr int kKeys = 2000;

QByteArray keyOf(int number)
{
    return "g" + QByteArray::number(number % 10) + "/" + QByteArray::number(number);
}

/// Three members with kKeys values everywhere.
void formWithKeys(SimCluster &cluster)
{
    QVERIFY(cluster.form(3));
    for (int i = 0; i < kKeys; ++i)
        cluster.put(i % 3, keyOf(i), QByteArray::number(i));
    QVERIFY(cluster.runUntil(20'000, [&] {
        return cluster.records(0).recordCount() == kKeys && cluster.recordsAgree();
    }));
}

/// A page of node 0, who is caught up, as \a query asks for it.
core::ListedPage pageOf(const SimCluster &cluster, core::ListQuery query, bool hasValues)
{
    query.wallMs = 1;
    return cluster.records(0).list(query, hasValues);
}

std::vector<core::ListQuery> queries()
{
    std::vector<core::ListQuery> all(6);
    all[1].delimiter = "/";
    all[2].order = core::Order::Descending;
    all[2].from = "g7/1";
    all[3].prefix = "g3/";
    all[3].after = "g3/1003";
    all[3].limit = 1000;
    all[4].prefix = "none";
    all[5].delimiter = "/";
    all[5].order = core::Order::Descending;
    all[5].after = "g5/";
    all[5].limit = 3;
    return all;
}

} // namespace

/// Listings asked of nodes that must not answer from their own table.
class TestFencedReads : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aJoiningNodeListsThroughAMember_data();
    void aJoiningNodeListsThroughAMember();
    void aReturningNodeNeverListsWhatItMissed();
    void whoIsNotCaughtUpIsNotAsked();
    void aSilentMemberCostsHalfOfTheTime();
    void aReadToleratesAMemberThatStopsInTheMiddle();
};

void TestFencedReads::aJoiningNodeListsThroughAMember_data()
{
    QTest::addColumn<bool>("hasValues");
    QTest::newRow("keys") << false;
    QTest::newRow("values") << true;
}

void TestFencedReads::aJoiningNodeListsThroughAMember()
{
    QFETCH(const bool, hasValues);
    SimCluster cluster(1);
    formWithKeys(cluster);
    cluster.addNode({0});
    cluster.setMemoryMax(3, 1000); // It never has room for all, so that it stays what it is.
    cluster.start(3);
    cluster.run(3000);
    QCOMPARE(cluster.view(3).readiness, core::Readiness::Joining);
    for (const core::ListQuery &query : queries()) {
        const size_t listing = cluster.list(3, {query, hasValues, 1000});
        cluster.run(100);
        QVERIFY(cluster.listedOf(listing).isAnswered);
        const auto &page = cluster.listedOf(listing).outcome.page;
        QVERIFY2(page, cluster.listedOf(listing).outcome.detail.constData());
        QVERIFY(*page == pageOf(cluster, query, hasValues));
    }
    // And says why once nobody is left.
    for (int node = 0; node < 3; ++node)
        cluster.crash(node);
    cluster.run(100);
    const size_t listing = cluster.list(3, {{}, hasValues, 1000});
    QVERIFY(cluster.listedOf(listing).isAnswered);
    QVERIFY(!cluster.listedOf(listing).outcome.page);
    QVERIFY(!cluster.listedOf(listing).outcome.detail.isEmpty());
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

/// From the first millisecond on: a page is whole, or there is none.
void TestFencedReads::aReturningNodeNeverListsWhatItMissed()
{
    SimCluster cluster(2);
    formWithKeys(cluster);
    cluster.crash(2);
    for (int i = 0; i < kKeys; ++i)
        cluster.put(i % 2, "new" + QByteArray::number(i), "1");
    cluster.run(10'000);
    cluster.start(2);
    core::ListQuery query;
    query.prefix = "new";
    query.limit = 1000;
    const core::ListedPage whole = pageOf(cluster, query, false);
    QCOMPARE(whole.listing.keys.size(), 1000U);
    std::vector<size_t> listings;
    while (cluster.view(2).readiness != core::Readiness::Ready) {
        listings.push_back(cluster.list(2, {query, false, 1000}));
        cluster.run(1);
        QVERIFY(listings.size() < 20'000);
    }
    cluster.run(2000);
    int through = 0;
    for (const size_t each : listings) {
        QVERIFY(cluster.listedOf(each).isAnswered);
        if (const auto &page = cluster.listedOf(each).outcome.page) {
            QVERIFY(*page == whole);
            ++through;
        }
    }
    QVERIFY(through > 0);
    QCOMPARE(cluster.wrongAnswer(), QByteArray());
}

/// Both that could be asked lost something: neither lists for the other.
void TestFencedReads::whoIsNotCaughtUpIsNotAsked()
{
    SimCluster cluster(3);
    formWithKeys(cluster);
    for (const int node : {1, 2}) {
        cluster.crash(node);
        cluster.cutDisk(node, cluster.diskWrites(node) / 2);
        cluster.setCutBothWays(node, 0, true);
    }
    cluster.start(1);
    cluster.start(2);
    cluster.run(2000);
    for (const int node : {1, 2}) {
        QVERIFY(cluster.view(node).readiness != core::Readiness::Ready);
        const size_t listing = cluster.list(node, {{}, false, 1000});
        const size_t read = cluster.read(node, {keyOf(1), {}, {}, 1000});
        cluster.run(1100);
        QVERIFY(cluster.listedOf(listing).isAnswered && cluster.readOf(read).isAnswered);
        QVERIFY(!cluster.listedOf(listing).outcome.page);
        QVERIFY(cluster.readOf(read).outcome.status != core::ReadOutcome::Status::Done);
    }
}

void TestFencedReads::aSilentMemberCostsHalfOfTheTime()
{
    SimCluster cluster(4);
    formWithKeys(cluster);
    cluster.addNode({0});
    cluster.setMemoryMax(3, 1000);
    cluster.start(3);
    cluster.run(3000);
    for (int silent = 0; silent < 3; ++silent) {
        cluster.setPaused(silent, true);
        const size_t listing = cluster.list(3, {{}, false, 1000});
        cluster.run(700);
        QVERIFY(cluster.listedOf(listing).outcome.page);
        cluster.setPaused(silent, false);
        cluster.run(3000);
    }
}

/// It has said what it holds, but does not give it.
void TestFencedReads::aReadToleratesAMemberThatStopsInTheMiddle()
{
    SimCluster cluster(5);
    formWithKeys(cluster);
    cluster.addNode({0});
    cluster.setMemoryMax(3, 1000);
    cluster.start(3);
    cluster.run(3000);
    int held = 0;
    for (int round = 0; round < 30; ++round) {
        const int silent = round % 3;
        const size_t read = cluster.read(3, {keyOf(round), {}, {}, 1000});
        cluster.run(round % 12);
        cluster.setPaused(silent, true);
        held += cluster.readOf(read).isAnswered ? 0 : 1;
        cluster.run(800);
        QVERIFY(cluster.readOf(read).isAnswered);
        QCOMPARE(cluster.readOf(read).outcome.status, core::ReadOutcome::Status::Done);
        QVERIFY(cluster.readOf(read).outcome.record);
        QCOMPARE(cluster.readOf(read).outcome.record->value, QByteArray::number(round));
        cluster.setPaused(silent, false);
        cluster.run(3000);
    }
    QVERIFY(held > 5);
}

QTEST_APPLESS_MAIN(TestFencedReads)
#include "tst_fenced_reads.moc"
