// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <algorithm>
#include <deque>

using namespace dynakv;
using test::Cluster;

namespace {

QByteArray keyOf(int number)
{
    return "crash-" + QByteArray::number(number);
}

/// Keeps eight writes on their way to \a victim, kills it in the middle of them once \a ackedMin
/// are acknowledged, and returns the numbers of those that were.
std::vector<int> writeUntilKilled(test::DaemonProcess &victim, int first, std::size_t ackedMin)
{
    struct Flight
    {
        int number = 0;
        test::Exchange exchange;
    };
    std::deque<Flight> flights;
    std::vector<int> acked;
    int next = first;
    const auto send = [&] {
        const QByteArray body = R"({"value":)" + QByteArray::number(next) + '}';
        flights.push_back({next, victim.rest().begin("PUT", "/key/" + keyOf(next), body)});
        ++next;
    };
    while (acked.size() < ackedMin && next < first + 10'000) {
        while (flights.size() < 8)
            send();
        if (flights.front().exchange.finish().status == 200)
            acked.push_back(flights.front().number);
        flights.pop_front();
    }
    while (flights.size() < 8)
        send();
    victim.killHard();
    // An answer that left before the kill counts.
    for (Flight &flight : flights) {
        if (flight.exchange.finish().status == 200)
            acked.push_back(flight.number);
    }
    return acked;
}

QByteArray versionIn(const test::HttpAnswer &answer)
{
    const QJsonObject object = QJsonDocument::fromJson(answer.body).object();
    return object.value(QLatin1String("version")).toString().toLatin1();
}

} // namespace

/// What was acknowledged is there after every kind of death.
class TestDeadNodes : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void killedDuringWritesNothingAcknowledgedIsMissing_data();
    void killedDuringWritesNothingAcknowledgedIsMissing();
    void aDeleteMadeWhileANodeWasDownHolds();
    void whatWasWrittenWhileANodeWasDownReachesIt();
    void allKilledAtOnceComeBackWithTheirData();
    void concurrentWritesToOneKeyEndEqual();
    void aForgottenNodeIsNeitherCountedNorLetIn();
    void aNodeThatLeavesHandsOverAndIsNoLongerCounted();
};

void TestDeadNodes::aForgottenNodeIsNeitherCountedNorLetIn()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    const QByteArray id = cluster.rest(2)
                              .get("/v1/cluster")
                              .object()
                              .value(QLatin1String("node_id"))
                              .toString()
                              .toLatin1();
    QCOMPARE(id.size(), 16);
    const auto forget = [&](int asked, const QByteArray &node) {
        return cluster.rest(asked).begin("POST", "/v1/admin/forget?node=" + node).finish();
    };
    QCOMPARE(forget(0, "nonsense").status, 400);
    QCOMPARE(forget(0, "00000000000000ff").status, 404);
    QCOMPARE(forget(0, id).status, 409);
    cluster.node(2).killHard();
    QVERIFY(cluster.waitForMembers({0, 1}));
    const test::HttpAnswer forgotten = forget(0, id);
    QCOMPARE(forgotten.status, 200);
    QCOMPARE(forgotten.object().value(QLatin1String("forgotten")).toString().toLatin1(), id);
    // The word of it reaches the other one a moment after the answer.
    QVERIFY(test::waitUntil(
        [&] { return cluster.rest(1).get("/v1/cluster").body.contains("\"left\""); }, 30'000));
    // All there are now are two.
    const test::HttpAnswer all = cluster.rest(1).put("/key/k?w=all", R"({"value":1})");
    QCOMPARE(all.status, 200);
    QCOMPARE(all.headers.at("dynakv-durability"), "sync; replicas=2/2");
    // Its directory says why it is of no use any more; an empty one joins as ever.
    QVERIFY(cluster.node(2).restart());
    const auto reason = [&] { return cluster.rest(2).get("/readyz?verbose").body; };
    QTRY_VERIFY2_WITH_TIMEOUT(reason().contains("forgotten"), reason().constData(), 20'000);
    QCOMPARE(cluster.rest(2).get("/key/k").status, 503);
    QVERIFY(cluster.waitForMembers({0, 1}));
}

void TestDeadNodes::aNodeThatLeavesHandsOverAndIsNoLongerCounted()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    const auto leave = [&](int node) {
        return cluster.rest(node).begin("POST", "/v1/admin/leave").finish();
    };
    // The word that a node has left reaches the others a moment after its answer.
    const auto isKnownTo = [&](int node, int leavers) {
        return test::waitUntil(
            [&] { return cluster.rest(node).get("/v1/cluster").body.count("\"left\"") == leavers; },
            30'000);
    };
    QCOMPARE(cluster.rest(2).put("/key/k", R"({"value":1})").status, 200);
    const test::HttpAnswer left = leave(2);
    QVERIFY2(left.status == 200, left.body.constData());
    QCOMPARE(left.object().value(QLatin1String("handed_to")).toInt(), 2);
    for (const int other : {0, 1})
        QVERIFY(cluster.rest(other).get("/key/k").body.contains("\"value\":1"));
    QVERIFY(isKnownTo(0, 1) && isKnownTo(1, 1));
    const test::HttpAnswer all = cluster.rest(1).put("/key/k?w=all", R"({"value":2})");
    QCOMPARE(all.status, 200);
    QCOMPARE(all.headers.at("dynakv-durability"), "sync; replicas=2/2");
    QCOMPARE(cluster.rest(2).put("/key/k", R"({"value":3})").status, 503);
    QVERIFY(cluster.rest(2).get("/readyz?verbose").body.contains("left it"));
    // Two may become one, but the last one stays.
    QCOMPARE(leave(1).status, 200);
    QVERIFY(isKnownTo(0, 2));
    QCOMPARE(leave(0).status, 409);
    QVERIFY(cluster.rest(0).get("/key/k").body.contains("\"value\":2"));
    QCOMPARE(cluster.rest(0).put("/key/k?w=all", R"({"value":4})").status, 200);
}

void TestDeadNodes::killedDuringWritesNothingAcknowledgedIsMissing_data()
{
    QTest::addColumn<int>("nodes");
    QTest::addColumn<QString>("durability");
    QTest::newRow("alone, sync") << 1 << QStringLiteral("sync");
    QTest::newRow("alone, os") << 1 << QStringLiteral("os");
    QTest::newRow("of three, sync") << 3 << QStringLiteral("sync");
}

void TestDeadNodes::killedDuringWritesNothingAcknowledgedIsMissing()
{
    QFETCH(const int, nodes);
    QFETCH(const QString, durability);
    Cluster cluster(nodes);
    for (int i = 0; i < nodes; ++i)
        cluster.node(i).setOptions({QStringLiteral("--durability"), durability});
    QVERIFY(cluster.start());

    const int victim = nodes - 1;
    std::vector<int> acked;
    for (int round = 0; round < 3; ++round) {
        const auto numbers = writeUntilKilled(cluster.node(victim), round * 100'000, 150);
        QVERIFY(numbers.size() >= 150);
        acked.insert(acked.end(), numbers.begin(), numbers.end());
        QVERIFY(cluster.node(victim).restart());
        QVERIFY(cluster.waitForAll());
        // Its own disk must have given them back: asked at once, before any peer could help.
        for (const int number : acked)
            QCOMPARE(cluster.rest(victim).value(keyOf(number)), QByteArray::number(number));
    }
    for (const int number : acked)
        QVERIFY2(cluster.waitForValue(keyOf(number), QByteArray::number(number)),
                 keyOf(number).constData());
}

void TestDeadNodes::aDeleteMadeWhileANodeWasDownHolds()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    for (int i = 0; i < 20; ++i)
        QVERIFY(cluster.rest(0).putValue(keyOf(i), "1"));
    for (int i = 0; i < 20; ++i)
        QVERIFY(cluster.waitForValue(keyOf(i), "1"));

    cluster.node(2).killHard();
    for (int i = 0; i < 20; ++i)
        QCOMPARE(cluster.rest(i % 2).del("/key/" + keyOf(i)).status, 200);
    QVERIFY(cluster.node(2).restart());
    QVERIFY(cluster.waitForAll());
    // Ready means caught up: from then on nobody says that it exists, and nobody is told so later.
    for (int round = 0; round < 3; ++round) {
        for (int node = 0; node < 3; ++node) {
            for (int i = 0; i < 20; ++i)
                QCOMPARE(cluster.rest(node).get("/key/" + keyOf(i)).status, 404);
        }
        QTest::qWait(1000);
    }
}

void TestDeadNodes::whatWasWrittenWhileANodeWasDownReachesIt()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    QVERIFY(cluster.rest(0).putValue("kept", "1"));
    QVERIFY(cluster.rest(0).putValue("changed", "1"));
    QVERIFY(cluster.waitForValue("changed", "1"));

    cluster.node(1).killHard();
    QVERIFY(cluster.rest(2).putValue("changed", "2"));
    for (int i = 0; i < 300; ++i)
        QVERIFY(cluster.rest(0).putValue(keyOf(i), QByteArray::number(i)));
    QVERIFY(cluster.node(1).restart());
    QVERIFY(cluster.waitForAll());
    QCOMPARE(cluster.rest(1).value("changed"), QByteArray("2"));
    QCOMPARE(cluster.rest(1).value("kept"), QByteArray("1"));
    for (int i = 0; i < 300; ++i)
        QCOMPARE(cluster.rest(1).value(keyOf(i)), QByteArray::number(i));
}

void TestDeadNodes::allKilledAtOnceComeBackWithTheirData()
{
    Cluster cluster(3);
    QVERIFY(cluster.start());
    for (int i = 0; i < 100; ++i)
        QVERIFY(cluster.rest(i % 3).putValue(keyOf(i), QByteArray::number(i)));
    QCOMPARE(cluster.rest(0).del("/key/" + keyOf(0)).status, 200);
    for (int i = 0; i < 3; ++i)
        cluster.node(i).killHard();
    // In another order, and with the founder last: the cluster is known from the files.
    for (const int i : {2, 1, 0})
        QVERIFY(cluster.node(i).restart());
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.waitForValue(keyOf(0), {}));
    for (int i = 1; i < 100; ++i)
        QVERIFY2(cluster.waitForValue(keyOf(i), QByteArray::number(i)), keyOf(i).constData());
}

void TestDeadNodes::concurrentWritesToOneKeyEndEqual()
{
    constexpr int rounds = 30;
    Cluster cluster(3);
    QVERIFY(cluster.start());
    std::vector<QByteArray> winners;
    for (int round = 0; round < rounds; ++round) {
        const QByteArray target = "/key/same-" + QByteArray::number(round);
        std::vector<test::Exchange> writes;
        for (int node = 0; node < 3; ++node) {
            const QByteArray body = R"({"value":)" + QByteArray::number(node) + '}';
            writes.push_back(cluster.rest(node).begin("PUT", target, body));
        }
        QByteArray newest;
        QByteArray winner;
        for (int node = 0; node < 3; ++node) {
            const test::HttpAnswer answer = writes[static_cast<std::size_t>(node)].finish();
            QCOMPARE(answer.status, 200);
            if (versionIn(answer) > newest) {
                newest = versionIn(answer);
                winner = QByteArray::number(node);
            }
        }
        winners.push_back(winner);
    }
    // Equal everywhere, and the greatest version that was acknowledged.
    for (int round = 0; round < rounds; ++round) {
        QVERIFY(cluster.waitForValue("same-" + QByteArray::number(round),
                                     winners[static_cast<std::size_t>(round)]));
    }
}

QTEST_GUILESS_MAIN(TestDeadNodes)
#include "tst_dead_nodes.moc"
