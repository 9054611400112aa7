// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"
#include "tests/support/event_stream.h"

#include <QJsonArray>
#include <QTest>

#include <algorithm>

using namespace dynakv;
using test::Cluster;
using test::EventStream;
using test::StreamEvent;

namespace {

constexpr int kNodes = 3;
constexpr int kKeys = 60;

/// What a client that lists and then watches believes: the version of each key that has a value.
using Belief = std::map<QByteArray, QByteArray>;

struct Listed
{
    Belief keys = {};
    QByteArray eventId = {};
};

/// In small pages, so that much is written between the first and the last.
Listed list(const test::RestProbe &node)
{
    Listed listed;
    QByteArray after;
    do {
        const test::HttpAnswer page =
            node.get("/v1/keys?limit=7" + (after.isEmpty() ? QByteArray() : "&after=" + after));
        const auto id = page.headers.find("dynakv-event-id");
        if (page.status != 200 || id == page.headers.end())
            return {};
        if (listed.eventId.isEmpty())
            listed.eventId = id->second; // That of the first page is before all of them.
        const QJsonObject object = page.object();
        for (const QJsonValue &value : object.value(QLatin1String("keys")).toArray()) {
            const QJsonObject entry = value.toObject();
            listed.keys[entry.value(QLatin1String("key")).toString().toUtf8()] =
                entry.value(QLatin1String("version")).toString().toUtf8();
        }
        after = object.value(QLatin1String("next")).toString().toUtf8();
    } while (!after.isEmpty());
    return listed;
}

/// One client of one node, which checks what it is told against what it knows.
class Follower
{
public:
    explicit Follower(Cluster &cluster, int index)
        : m_address(cluster.node(index).address())
    {
        const Listed listed = list(cluster.rest(index));
        belief = listed.keys;
        lastId = listed.eventId;
        follow();
    }

    /// Comes back to where it was.
    void follow()
    {
        m_stream = std::make_unique<EventStream>(m_address, "/v1/watch",
                                                 "Last-Event-ID: " + lastId + "\r\n");
    }
    void leave() { m_stream.reset(); }

    /// Takes what has come, or waits so long for the first.
    bool take(int timeoutMs = 0)
    {
        bool hasTaken = false;
        while (const auto event = m_stream->next(hasTaken ? 0 : timeoutMs)) {
            hasTaken = true;
            note(*event);
        }
        return hasTaken;
    }

    Belief belief = {};
    QByteArray lastId = {};
    int resets = 0;
    int falls = 0; ///< Of a key's version.
    std::map<QByteArray, int> expiries = {};

private:
    void note(const StreamEvent &event)
    {
        lastId = event.id;
        if (event.name == "bookmark")
            return;
        if (event.name == "reset") {
            ++resets;
            return;
        }
        QByteArray &newest = m_newest[event.key()];
        if (event.version() < newest)
            ++falls;
        newest = event.version();
        if (event.name == "expire")
            ++expiries[event.key()];
        // What the listing saw may be told again.
        const auto held = belief.find(event.key());
        if (held != belief.end() && event.version() < held->second)
            return;
        if (event.name == "put")
            belief[event.key()] = event.version();
        else
            belief.erase(event.key());
    }

    base::Endpoint m_address;
    std::unique_ptr<EventStream> m_stream;
    std::map<QByteArray, QByteArray> m_newest;
};

QByteArray keyOf(int number)
{
    return "/key/k" + QByteArray::number(number % kKeys);
}

/// Puts and deletes at all nodes at once; whether all were acknowledged.
bool write(Cluster &cluster, int round)
{
    std::vector<test::Exchange> exchanges;
    for (int i = 0; i < 30; ++i) {
        const int number = round * 7 + i * 11;
        const test::RestProbe node = cluster.rest(i % kNodes);
        exchanges.push_back(number % 5 == 0
                                ? node.begin("DELETE", keyOf(number))
                                : node.begin("PUT", keyOf(number),
                                             "{\"value\":" + QByteArray::number(number) + '}'));
    }
    return std::all_of(exchanges.begin(), exchanges.end(),
                       [](test::Exchange &each) { return each.finish().status == 200; });
}

} // namespace

/// `GET /v1/watch` of real nodes.
class TestWatchCluster : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void listingAndWatchingLeavesNoGap();
    void aKilledNodeSaysThatItLost();
    void everyNodeTellsOfAnExpiryOnce();
};

void TestWatchCluster::listingAndWatchingLeavesNoGap()
{
    Cluster cluster(kNodes);
    QVERIFY(cluster.start());
    int round = 0;
    while (round < 5)
        QVERIFY(write(cluster, round++));
    std::vector<Follower> followers;
    for (int i = 0; i < 2 * kNodes; ++i) {
        QVERIFY(write(cluster, round++));
        followers.emplace_back(cluster, i % kNodes); // Replication goes on meanwhile.
        QVERIFY(write(cluster, round++));
    }
    while (round < 40) {
        QVERIFY(write(cluster, round++));
        for (Follower &follower : followers)
            follower.take();
        // One of them is away for a while again and again.
        if (round % 4 == 0) {
            followers.front().leave();
            QVERIFY(write(cluster, round++));
            followers.front().follow();
        }
    }
    const auto isSettled = [&cluster, &followers] {
        for (Follower &follower : followers)
            follower.take();
        const Belief truth = list(cluster.rest(0)).keys;
        return !truth.empty() &&
               std::all_of(followers.begin(), followers.end(),
                           [&truth](const Follower &each) { return each.belief == truth; });
    };
    QVERIFY(test::waitUntil(isSettled, 20'000));
    for (int i = 1; i < kNodes; ++i)
        QCOMPARE(list(cluster.rest(i)).keys, followers.front().belief);
    for (const Follower &follower : followers) {
        QCOMPARE(follower.resets, 0);
        QCOMPARE(follower.falls, 0);
    }
}

void TestWatchCluster::aKilledNodeSaysThatItLost()
{
    Cluster cluster(kNodes);
    QVERIFY(cluster.start());
    QVERIFY(write(cluster, 0));
    Follower follower(cluster, 1);
    QVERIFY(follower.take(5000));
    cluster.node(1).killHard();
    QVERIFY(cluster.rest(0).putValue("meanwhile", "1"));
    QVERIFY(cluster.node(1).restart());
    QVERIFY(cluster.waitForAll());
    QVERIFY(cluster.waitForValue("meanwhile", "1"));
    follower.follow();
    QVERIFY(follower.take(5000));
    QCOMPARE(follower.resets, 1);
    // From there on it misses nothing again.
    QVERIFY(cluster.rest(2).putValue("afterwards", "1"));
    QVERIFY(test::waitUntil(
        [&follower] {
            follower.take();
            return follower.belief.contains("afterwards");
        },
        30'000));
    // An id of another node is as little worth.
    follower.lastId = list(cluster.rest(0)).eventId;
    follower.follow();
    QVERIFY(follower.take(5000));
    QCOMPARE(follower.resets, 2);
}

void TestWatchCluster::everyNodeTellsOfAnExpiryOnce()
{
    Cluster cluster(kNodes);
    QVERIFY(cluster.start());
    std::vector<Follower> followers;
    for (int i = 0; i < kNodes; ++i)
        followers.emplace_back(cluster, i);
    const auto putFor = [&cluster](const QByteArray &seconds, const QByteArray &key) {
        return cluster.rest(0).put("/key/" + key + "?ttl=" + seconds, "{\"value\":1}").status;
    };
    for (const char *key : {"short", "kept", "removed"})
        QCOMPARE(putFor("1", key), 200);
    QVERIFY(cluster.rest(1).putValue("kept", "2")); // Without an end.
    QCOMPARE(cluster.rest(2).del("/key/removed").status, 200);
    QCOMPARE(putFor("2", "last"), 200);
    const auto haveExpired = [&followers] {
        return std::all_of(followers.begin(), followers.end(), [](Follower &each) {
            each.take();
            return each.expiries.contains("last");
        });
    };
    QVERIFY(test::waitUntil(haveExpired, 30'000));
    for (Follower &follower : followers) {
        follower.take();
        QVERIFY(follower.expiries.contains("short"));
        // Nor twice those that, on a slow machine, expired before they were written again.
        for (const auto &[key, count] : follower.expiries)
            QVERIFY2(count == 1, key.constData());
        QCOMPARE(follower.belief.size(), std::size_t{1});
        QVERIFY(follower.belief.contains("kept"));
    }
}

QTEST_GUILESS_MAIN(TestWatchCluster)
#include "tst_watch_cluster.moc"
