// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QJsonArray>
#include <QTest>

using namespace dynakv;
using test::Cluster;
using test::HttpAnswer;

namespace {

constexpr int kKeys = 120;
constexpr int kFenced = 2; ///< The node that is held back.

/// Of some groups, and with bytes that a target has to escape.
QByteArray targetOf(int number)
{
    return "g" + QByteArray::number(number % 7) + "%2F%FF" + QByteArray::number(number);
}

QByteArray codeOf(const HttpAnswer &answer)
{
    return answer.object().value(QLatin1String("code")).toString().toUtf8();
}

/// The target of the next page; empty if there is none.
QByteArray nextOf(const HttpAnswer &answer)
{
    const auto link = answer.headers.find("link");
    if (link == answer.headers.end())
        return {};
    return link->second.mid(1, link->second.indexOf('>') - 1);
}

} // namespace

/// A node that must not answer from its own table, among two that hold everything.
class TestFencedNode : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void itReadsThroughAMember();
    void itListsThroughAMember_data();
    void itListsThroughAMember();
    void itTakesNoWritesAndNothingElseThatNeedsItsTable();
    void aMemberThatStopsIsPassedOver();
    void aloneItSaysWhy();

private:
    HttpAnswer ask(int node, const QByteArray &method, const QByteArray &target,
                   const QByteArray &fields = {});

    std::unique_ptr<Cluster> m_cluster;
};

/// The third has too little memory for what the others hold, so that it never catches up, however
/// long it takes; what it holds of it is not all.
void TestFencedNode::initTestCase()
{
    m_cluster = std::make_unique<Cluster>(3);
    QVERIFY(m_cluster->node(0).start());
    QVERIFY(m_cluster->node(1).start({m_cluster->node(0).address().toString()}));
    QVERIFY(m_cluster->waitForMembers({0, 1}));
    for (int i = 0; i < kKeys; ++i) {
        const QByteArray value = QByteArray::number(i) + QByteArrayLiteral(",1").repeated(10'000);
        QCOMPARE(
            m_cluster->rest(i % 2).put("/key/" + targetOf(i), "{\"value\":[" + value + "]}").status,
            200);
    }
    QCOMPARE(m_cluster->rest(0).put("/key/gone", R"({"value":1})").status, 200);
    QCOMPARE(m_cluster->rest(1).del("/key/gone").status, 200);
    QVERIFY(m_cluster->waitForValue("gone", {}));
    m_cluster->node(kFenced).setOptions({QStringLiteral("--max-memory=1M")});
    QVERIFY(m_cluster->node(kFenced).start({m_cluster->node(0).address().toString()}));
    QVERIFY(
        test::waitUntil([this] { return ask(kFenced, "GET", "/v1/keys").status == 200; }, 20'000));
    QCOMPARE(m_cluster->rest(kFenced).get("/readyz").status, 503);
}

HttpAnswer TestFencedNode::ask(int node, const QByteArray &method, const QByteArray &target,
                               const QByteArray &fields)
{
    return test::Exchange(m_cluster->node(node).address(),
                          method + ' ' + target + " HTTP/1.1\r\n" + fields, {})
        .finish();
}

void TestFencedNode::itReadsThroughAMember()
{
    for (int i = 0; i < kKeys; ++i) {
        const HttpAnswer own = ask(0, "GET", "/key/" + targetOf(i));
        const HttpAnswer through = ask(kFenced, "GET", "/key/" + targetOf(i));
        QCOMPARE(through.status, 200);
        QVERIFY(through.body == own.body);
        QCOMPARE(through.headers.at("etag"), own.headers.at("etag"));
        const HttpAnswer head = ask(kFenced, "HEAD", "/key/" + targetOf(i));
        QCOMPARE(head.status, 200);
        QCOMPARE(head.headers.at("content-length"), own.headers.at("content-length"));
        const QByteArray tag = own.headers.at("etag");
        const QByteArray target = "/key/" + targetOf(i);
        QCOMPARE(ask(kFenced, "GET", target, "If-None-Match: " + tag + "\r\n").status, 304);
        QCOMPARE(ask(kFenced, "GET", target, "If-Match: " + tag + "\r\n").status, 200);
        QCOMPARE(ask(kFenced, "GET", target, "If-Match: \"x\"\r\n").status, 412);
        QCOMPARE(ask(kFenced, "HEAD", target, "If-None-Match: *\r\n").status, 304);
    }
    QCOMPARE(ask(kFenced, "GET", "/key/gone").status, 404);
    QCOMPARE(ask(kFenced, "GET", "/key/never").status, 404);
    QCOMPARE(ask(kFenced, "GET", "/key/gone?r=2").status, 404);
    QCOMPARE(m_cluster->rest(kFenced).get("/readyz").status, 503); // All the time.
}

void TestFencedNode::itListsThroughAMember_data()
{
    QTest::addColumn<QByteArray>("target");
    for (const char *target :
         {"/v1/keys?limit=50", "/v1/keys?limit=7&reverse=true", "/v1/keys?prefix=g3%2F&limit=4",
          "/v1/keys?delimiter=%2F&limit=2", "/v1/keys?delimiter=%2F&reverse=true&from=g5%2Fz",
          "/v1/keys?values=true&limit=1000", "/v1/keys?prefix=g1&values=true&reverse=true&limit=3",
          "/v1/keys?prefix=none"})
        QTest::newRow(target) << QByteArray(target);
}

/// Page by page, the cursors made by turns at one node and used at the other.
void TestFencedNode::itListsThroughAMember()
{
    QFETCH(const QByteArray, target);
    QByteArray at = target;
    int pages = 0;
    for (; !at.isEmpty(); ++pages) {
        QVERIFY(pages < 40);
        const HttpAnswer own = ask(1, "GET", at);
        const HttpAnswer through = ask(kFenced, "GET", at);
        QCOMPARE(through.status, 200);
        QVERIFY2(through.body == own.body, through.body.left(500).constData());
        QVERIFY(!through.headers.at("dynakv-event-id").isEmpty());
        QCOMPARE(nextOf(through), nextOf(own));
        at = nextOf(pages % 2 == 0 ? through : own);
    }
    QVERIFY(pages > 0);
    QCOMPARE(m_cluster->rest(kFenced).get("/readyz").status, 503);
}

void TestFencedNode::itTakesNoWritesAndNothingElseThatNeedsItsTable()
{
    const test::RestProbe rest = m_cluster->rest(kFenced);
    QCOMPARE(rest.put("/key/new", R"({"value":1})").status, 503);
    QCOMPARE(codeOf(rest.del("/key/" + targetOf(0))), QByteArray("joining"));
    QCOMPARE(rest.get("/v1/watch").status, 503);
    QCOMPARE(rest.del("/v1/keys?prefix=g1&dry_run=true").status, 503);
    QCOMPARE(rest.get("/v1/key-replicas/" + targetOf(0)).status, 200);
    QCOMPARE(m_cluster->rest(0).get("/key/" + targetOf(0)).status, 200);
}

/// Two answer for it by turns; either may stop without a word.
void TestFencedNode::aMemberThatStopsIsPassedOver()
{
    const HttpAnswer before = ask(kFenced, "GET", "/v1/keys?limit=1000");
    for (const int silent : {0, 1}) {
        // Both can be asked: the other one is, after the first pause, again.
        QVERIFY(test::waitUntil(
            [this] { return ask(kFenced, "GET", "/key/never-there?r=2").status == 404; }, 30'000));
        m_cluster->node(silent).pause();
        const HttpAnswer listing = ask(kFenced, "GET", "/v1/keys?limit=1000");
        const HttpAnswer value = ask(kFenced, "GET", "/key/" + targetOf(silent));
        m_cluster->node(silent).resume();
        QCOMPARE(listing.status, 200);
        QVERIFY(listing.body == before.body);
        QCOMPARE(value.status, 200);
        QVERIFY(m_cluster->waitForMembers({0, 1}));
    }
}

void TestFencedNode::aloneItSaysWhy()
{
    m_cluster->node(0).killHard();
    m_cluster->node(1).killHard();
    for (const QByteArray target :
         {"/key/gone", "/key/never", "/v1/keys", "/v1/keys?values=true"}) {
        const HttpAnswer answer = ask(kFenced, "GET", target);
        QCOMPARE(answer.status, 503);
        QCOMPARE(codeOf(answer), QByteArray("joining"));
        QVERIFY(answer.headers.contains("retry-after"));
    }
    QCOMPARE(ask(kFenced, "GET", "/key/" + targetOf(0)).status, 503);
}

QTEST_GUILESS_MAIN(TestFencedNode)
#include "tst_fenced_node.moc"
