// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/shared/client/answer_waiter.h"
#include "tests/shared/client/fake_cluster.h"

#include <QTest>

#include <memory>

using namespace dynakv::client;
using namespace dynakv::test;
using dynakv::base::api::ClusterStatus;
using dynakv::base::api::KeyPage;

namespace {

QByteArray everyByte()
{
    QByteArray bytes;
    for (int i = 0; i < 256; ++i)
        bytes.append(static_cast<char>(i));
    return bytes;
}

} // namespace

class RestClientTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();

    void aJsonValueComesBackByteForByte_data();
    void aJsonValueComesBackByteForByte();
    void rawBytesKeepTheirType();
    void anyKeyReachesTheNode_data();
    void anyKeyReachesTheNode();
    void aTextThatIsNotOneValueIsNotSent();
    void keysArePagedByCursor();
    void valuesAreListedAsTheyWereSent();
    void aPageWithoutItsValuesIsRefused();
    void aPutSaysHowLongItsValueLives();
    void aGetSaysHowLongItsValueLives_data();
    void aGetSaysHowLongItsValueLives();
    void aRefusalSaysWhenToComeBack();
    void createIsRefusedWhereTheKeyExists();
    void removeTellsWhetherTheKeyExisted();
    void replaceIsRefusedWhereAnotherVersionIs();
    void aProblemIsToldInItsOwnWords();

    void garbageIsNoValue_data();
    void garbageIsNoValue();
    void anAnswerBeyondItsBoundIsRefused_data();
    void anAnswerBeyondItsBoundIsRefused();
    void redirectsAreNotFollowed();

    void healthAsksOneNodeAndTakes503ForAnAnswer();
    void noCallbackRunsForAContextThatIsGone();
    void theClientMayBeDeletedFromACallback();

private:
    std::unique_ptr<FakeCluster> m_cluster;
    std::unique_ptr<RestClient> m_client;
};

void RestClientTest::init()
{
    m_cluster = std::make_unique<FakeCluster>(3);
    m_client = clientOf({m_cluster->endpoint(0)});
}

void RestClientTest::cleanup()
{
    m_client.reset();
    m_cluster.reset();
}

void RestClientTest::aJsonValueComesBackByteForByte_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("big integer") << QByteArray("12345678901234567890");
    QTest::newRow("number forms") << QByteArray("[1.0,1e2,-0,0.10]");
    QTest::newRow("order and duplicates") << QByteArray(R"({"b":1,"a":2,"b":3})");
    QTest::newRow("space inside") << QByteArray("{ \"a\" :\n\t1 }");
    QTest::newRow("escapes and non-BMP")
        << QByteArray("\"\\ud83d\\ude00 \xF0\x9F\x98\x80 \\u0000\"");
    QTest::newRow("looks like a raw value")
        << QByteArray(R"({"value":"eA==","encoding":"base64"})");
    QTest::newRow("one megabyte") << '"' + QByteArray(1 << 20, 'x') + '"';
}

void RestClientTest::aJsonValueComesBackByteForByte()
{
    QFETCH(QByteArray, text);
    Waiter<Receipt> written;
    m_client->put("k", {text, false, {}, {}}, &written, written.callback());
    QVERIFY(written.wait().ok());
    Waiter<Value> read;
    m_client->get("k", &read, read.callback());
    QVERIFY(read.wait().ok());
    QCOMPARE(read.wait().value->bytes, text);
    QVERIFY(!read.wait().value->isRaw);
    QCOMPARE(read.wait().value->version, written.wait().value->version);
    QCOMPARE(written.wait().value->durability, QByteArray("sync; replicas=1/1"));
}

void RestClientTest::rawBytesKeepTheirType()
{
    Waiter<Receipt> written;
    m_client->put("k", {everyByte(), true, "image/png", {}}, &written, written.callback());
    QVERIFY(written.wait().ok());
    Waiter<Value> read;
    m_client->get("k", &read, read.callback());
    QVERIFY(read.wait().ok());
    QCOMPARE(read.wait().value->bytes, everyByte());
    QVERIFY(read.wait().value->isRaw);
    QCOMPARE(read.wait().value->contentType, QByteArray("image/png"));
}

void RestClientTest::anyKeyReachesTheNode_data()
{
    QTest::addColumn<QByteArray>("key");
    QTest::newRow("slashes") << QByteArray("/a//b/../c/");
    QTest::newRow("one dot") << QByteArray(".");
    QTest::newRow("two dots") << QByteArray("..");
    QTest::newRow("percent") << QByteArray("100%25");
    QTest::newRow("question and fragment") << QByteArray("a?b#c&d=e+f");
    QTest::newRow("space") << QByteArray(" a b ");
    QTest::newRow("text") << QByteArray("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80");
    QTest::newRow("every byte") << everyByte();
    QTest::newRow("longest") << QByteArray(1024, '\xFF');
}

void RestClientTest::anyKeyReachesTheNode()
{
    QFETCH(QByteArray, key);
    Waiter<Receipt> written;
    m_client->put(key, {"1", false, {}, {}}, &written, written.callback());
    QVERIFY(written.wait().ok());
    QVERIFY(m_cluster->find(key));
    Waiter<Value> read;
    m_client->get(key, &read, read.callback());
    QVERIFY(read.wait().ok());
}

void RestClientTest::aTextThatIsNotOneValueIsNotSent()
{
    Waiter<Receipt> written;
    m_client->put("k", {"1,\"ttl\":1", false, {}, {}}, &written, written.callback());
    QCOMPARE(written.calls(), 0); // Never from inside the call.
    QVERIFY(!written.wait().ok());
    QVERIFY(m_cluster->node(0).seen().empty());
}

void RestClientTest::keysArePagedByCursor()
{
    for (int i = 0; i < 25; ++i)
        m_cluster->putJson("user:" + QByteArray::number(i).rightJustified(2, '0'), "1");
    m_cluster->putJson("other", "1");
    QByteArrayList found;
    QByteArray after;
    do {
        Waiter<KeyPage> page;
        m_client->keys("user:", after, 10, &page, page.callback());
        QVERIFY(page.wait().ok());
        QVERIFY(page.wait().value->keys.size() <= 10);
        QCOMPARE(page.wait().value->totalEstimate, 25);
        for (const auto &entry : page.wait().value->keys)
            found.append(entry.key);
        after = page.wait().value->next;
    } while (!after.isEmpty());
    QCOMPARE(found.size(), 25);
    QCOMPARE(found.first(), QByteArray("user:00"));
    QCOMPARE(found.last(), QByteArray("user:24"));
}

void RestClientTest::valuesAreListedAsTheyWereSent()
{
    m_cluster->putJson("p:0", "0");
    m_cluster->putJson("p:1", R"({"value":[1e2], "b":12345678901234567890,"a":"]},{\"x"})");
    // Sound JSON that Qt's parser takes for broken: smaller than a double can be.
    m_cluster->putJson("p:3", R"([1e-400, {"value": -2E-999}])");
    m_cluster->put("p:2", {QByteArray("\x00\xff", 2), true, "image/png", {}});
    m_cluster->putJson(QByteArray("p:\xff"), "1.0");
    std::vector<ListedValue> found;
    ListQuery query{"p:", "p:1", {}, 2};
    do {
        Waiter<ValuePage> page;
        m_client->values(query, &page, page.callback());
        QVERIFY2(page.wait().ok(), page.wait().failure.message.constData());
        for (const auto &each : page.wait().value->keys)
            found.push_back(each);
        query.after = page.wait().value->next;
    } while (!query.after.isEmpty());
    QCOMPARE(found.size(), std::size_t(4));
    QCOMPARE(found[0].entry.key, QByteArray("p:1"));
    for (const ListedValue &each : found) {
        const Value &stored = *m_cluster->find(each.entry.key);
        QCOMPARE(each.value, stored);
    }
}

void RestClientTest::aPageWithoutItsValuesIsRefused()
{
    FakeNode node([](const FakeRequest &) {
        return FakeNode::response(
            200, R"({"keys":[{"key":"a","version":"v","size":1,)"
                 R"("updated_at":"2024-01-01T00:00:00.000Z"}],"total_estimate":1})");
    });
    RestClient client({node.endpoint()});
    Waiter<ValuePage> page;
    client.values({}, &page, page.callback());
    QCOMPARE(page.wait().failure.kind, FailureKind::BadAnswer);
}

void RestClientTest::aPutSaysHowLongItsValueLives()
{
    Value value{"1", false, {}, {}};
    value.ttlSeconds = 60;
    Waiter<Receipt> json;
    m_client->put("k", value, &json, json.callback());
    QVERIFY(json.wait().ok());
    value.isRaw = true;
    Waiter<Receipt> raw;
    m_client->put("..", value, &raw, raw.callback());
    QVERIFY(raw.wait().ok());
    const auto &seen = m_cluster->node(0).seen();
    QCOMPARE(seen[0].target, QByteArray("/key/k?ttl=60"));
    QCOMPARE(seen[1].target, QByteArray("/key?k64=Li4&ttl=60&raw"));
}

void RestClientTest::aGetSaysHowLongItsValueLives_data()
{
    QTest::addColumn<QByteArray>("expiry");
    QTest::addColumn<qint64>("seconds");
    QTest::newRow("for ever") << QByteArray() << qint64{0};
    QTest::newRow("an hour") << QByteArray("2001-02-03T05:05:06.000Z") << qint64{3600};
    QTest::newRow("begun") << QByteArray("2001-02-03T04:05:07.001Z") << qint64{2};
    QTest::newRow("just over") << QByteArray("2001-02-03T04:05:05.000Z") << qint64{1};
}

/// By the clock of the node, which is years behind.
void RestClientTest::aGetSaysHowLongItsValueLives()
{
    QFETCH(const QByteArray, expiry);
    QFETCH(const qint64, seconds);
    const QByteArray body =
        R"({"value":1)" + (expiry.isEmpty() ? "" : R"(,"expires_at":")" + expiry + '"') + '}';
    FakeNode node([&body](const FakeRequest &) {
        return FakeNode::response(200, body, "Date: Sat, 03 Feb 2001 04:05:06 GMT\r\n");
    });
    RestClient client({node.endpoint()});
    Waiter<Value> read;
    client.get("k", &read, read.callback());
    QVERIFY(read.wait().ok());
    QCOMPARE(read.wait().value->ttlSeconds, seconds);
    QCOMPARE(node.seen()[0].target, QByteArray("/key/k?meta=true"));
}

void RestClientTest::aRefusalSaysWhenToComeBack()
{
    for (const auto &[header, seconds] : std::vector<std::pair<QByteArray, int>>{
             {"Retry-After: 7\r\n", 7}, {"Retry-After: soon\r\n", 0}, {"", 0}}) {
        const QByteArray told = header;
        FakeNode node([told](const FakeRequest &) { return FakeNode::response(503, "{}", told); });
        RestClient client({node.endpoint()});
        Waiter<Value> refused;
        client.get("k", &refused, refused.callback());
        QVERIFY(refused.wait().hasStatus(503));
        QCOMPARE(refused.wait().failure.retryAfterSeconds, seconds);
    }
}

void RestClientTest::createIsRefusedWhereTheKeyExists()
{
    m_cluster->putJson("k", "\"old\"");
    Waiter<Receipt> refused;
    m_client->create("k", {"\"new\"", false, {}, {}}, &refused, refused.callback());
    QVERIFY(refused.wait().hasStatus(412));
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("\"old\""));
    Waiter<Receipt> created;
    m_client->create("fresh", {"\"new\"", false, {}, {}}, &created, created.callback());
    QVERIFY(created.wait().ok());
    QCOMPARE(m_cluster->find("fresh")->bytes, QByteArray("\"new\""));
}

void RestClientTest::removeTellsWhetherTheKeyExisted()
{
    m_cluster->putJson("k", "1");
    Waiter<Receipt> first;
    m_client->remove("k", &first, first.callback());
    QVERIFY(first.wait().ok());
    QVERIFY(first.wait().value->existed);
    Waiter<Receipt> second;
    m_client->remove("k", &second, second.callback());
    QVERIFY(!second.wait().value->existed);
}

void RestClientTest::replaceIsRefusedWhereAnotherVersionIs()
{
    m_cluster->putJson("k", "1");
    const QByteArray first = m_cluster->find("k")->version;
    Waiter<Receipt> replaced;
    m_client->replace("k", first, {"2", false, {}, {}}, &replaced, replaced.callback());
    QVERIFY(replaced.wait().ok());
    const QByteArray second = m_cluster->find("k")->version;
    Waiter<Receipt> refused;
    m_client->replace("k", first, {"3", false, {}, {}}, &refused, refused.callback());
    QVERIFY(refused.wait().hasStatus(412));
    QCOMPARE(refused.wait().failure.problem.extra.value(QLatin1String("version")).toString(),
             QString::fromLatin1(second));
    QCOMPARE(m_cluster->find("k")->bytes, QByteArray("2"));
}

void RestClientTest::aProblemIsToldInItsOwnWords()
{
    Waiter<Value> read;
    m_client->get("absent", &read, read.callback());
    const Answer<Value> &answer = read.wait();
    QVERIFY(answer.hasStatus(404));
    QCOMPARE(answer.failure.kind, FailureKind::Refused);
    QCOMPARE(answer.failure.message, QByteArray("the key does not exist"));
    QCOMPARE(answer.failure.problem.code, QByteArray("not_found"));
    QVERIFY(!answer.failure.outcomeUnknown);
}

void RestClientTest::garbageIsNoValue_data()
{
    QTest::addColumn<QByteArray>("answer");
    QTest::newRow("html") << FakeNode::response(200, "<html>hello</html>");
    QTest::newRow("empty") << FakeNode::response(200, "");
    QTest::newRow("another member") << FakeNode::response(200, "{\"v\":1}");
    QTest::newRow("cut") << FakeNode::response(200, "{\"value\":[1,2");
    QTest::newRow("bad base64") << FakeNode::response(200, R"({"value":"*","encoding":"base64"})");
    QTest::newRow("unknown encoding")
        << FakeNode::response(200, R"({"value":"eA==","encoding":"rot13"})");
    QTest::newRow("no HTTP") << QByteArray("SSH-2.0-OpenSSH\r\n\r\n\r\n");
}

void RestClientTest::garbageIsNoValue()
{
    QFETCH(QByteArray, answer);
    FakeNode node([answer](const FakeRequest &) { return answer; });
    m_client = clientOf({node.endpoint()});
    Waiter<Value> read;
    m_client->get("k", &read, read.callback());
    QVERIFY(!read.wait().ok());
    QVERIFY(read.wait().failure.message.contains(node.endpoint().toString()));
}

void RestClientTest::anAnswerBeyondItsBoundIsRefused_data()
{
    QTest::addColumn<bool>("announced");
    QTest::newRow("by its length") << true;
    QTest::newRow("while it comes") << false;
}

void RestClientTest::anAnswerBeyondItsBoundIsRefused()
{
    QFETCH(bool, announced);
    FakeNode node([announced](const FakeRequest &) -> QByteArray {
        if (announced)
            return "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{";
        return "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + QByteArray(9 << 20, ' ');
    });
    m_client = clientOf({node.endpoint(), m_cluster->endpoint(1)});
    Waiter<ClusterStatus> status;
    m_client->cluster(&status, status.callback());
    QVERIFY(!status.wait().ok());
    QCOMPARE(status.wait().failure.kind, FailureKind::TooLarge);
}

void RestClientTest::redirectsAreNotFollowed()
{
    const QByteArray elsewhere =
        "Location: http://" + m_cluster->endpoint(1).toString() + "/v1/cluster\r\n";
    FakeNode node(
        [elsewhere](const FakeRequest &) { return FakeNode::response(302, "", elsewhere); });
    m_client = clientOf({node.endpoint()});
    Waiter<ClusterStatus> status;
    m_client->cluster(&status, status.callback());
    QVERIFY(status.wait().hasStatus(302));
    QVERIFY(m_cluster->node(1).seen().empty());
}

void RestClientTest::healthAsksOneNodeAndTakes503ForAnAnswer()
{
    FakeNode starting([](const FakeRequest &) {
        return FakeNode::response(503, R"({"status":503,"detail":"still starting"})");
    });
    m_client = clientOf({starting.endpoint(), m_cluster->endpoint(1)});
    Waiter<Health> notReady;
    m_client->health(&notReady, notReady.callback());
    QVERIFY(notReady.wait().ok());
    QCOMPARE(*notReady.wait().value, (Health{false, "still starting"}));
    m_client = clientOf({m_cluster->endpoint(1)});
    Waiter<Health> ready;
    m_client->health(&ready, ready.callback());
    QVERIFY(ready.wait().ok() && ready.wait().value->isReady);
}

void RestClientTest::noCallbackRunsForAContextThatIsGone()
{
    auto gone = std::make_unique<Waiter<ClusterStatus>>();
    bool ran = false;
    m_client->cluster(gone.get(), [&ran](const Answer<ClusterStatus> &) { ran = true; });
    gone.reset();
    Waiter<ClusterStatus> later;
    m_client->cluster(&later, later.callback());
    QVERIFY(later.wait().ok());
    QTRY_COMPARE(m_cluster->node(0).seen().size(), std::size_t{2});
    QVERIFY(!ran);
}

void RestClientTest::theClientMayBeDeletedFromACallback()
{
    Waiter<ClusterStatus> other;
    m_client->cluster(&other, other.callback()); // Still under way when the client goes.
    QObject context;
    bool ran = false;
    m_client->cluster(&context, [this, &ran](const Answer<ClusterStatus> &) {
        ran = true;
        m_client.reset();
    });
    QTRY_VERIFY(ran);
    QVERIFY(!m_client);
}

QTEST_GUILESS_MAIN(RestClientTest)
#include "tst_rest_client.moc"
