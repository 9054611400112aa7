// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/native_socket.h"
#include "tests/daemon/http/raw_client.h"
#include "tests/daemon/http/server_fixture.h"

#include <QLoggingCategory>
#include <QTest>

using namespace dynakv;
using test::getRequest;
using test::putRequest;
using test::RawClient;
using test::ServerFixture;

/// The server as its clients meet it.
class TestRestServer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void answersPipelinedRequestsInOrder();
    void answersAClientThatHasSentAllItHas();
    void survivesAClientThatLeavesBeforeItsAnswer();
    void answersHeadWithTheLengthAlone();
    void asksForABodyThatIsExpected();
    void carriesKeysThatUrlsWouldMangle_data();
    void carriesKeysThatUrlsWouldMangle();
    void carriesALargeValueExactly();
    void handsOnTheFieldsThatHandlersKnow();
    void takesOverAPlainRequestId();
    void answersUnderItsAllowedNames();
    void neverLogsTheFieldsOfRequests();
};

void TestRestServer::answersPipelinedRequestsInOrder()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    RawClient client(fixture.server.port());
    client.send(putRequest("/key/a", "{\"value\":1}") + getRequest("/key/a") +
                putRequest("/key/b", "{\"value\":2}") + getRequest("/key/b") +
                getRequest("/livez"));
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    QVERIFY(!client.receive(true, 50)); // The GET waits behind the PUT before it.
    fixture.coordinator.release();
    for (const char *start :
         {"{\"key\":\"a\"", "{\"value\":1}", "{\"key\":\"b\"", "{\"value\":2}", "ok"}) {
        const auto answer = client.receive();
        QVERIFY(answer);
        QCOMPARE(answer->status, 200);
        QVERIFY2(answer->body.startsWith(start), answer->body.constData());
    }
}

/// As `nc -N` does, and some load balancers: its end is no reason to keep the answer back.
void TestRestServer::answersAClientThatHasSentAllItHas()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    RawClient client(fixture.server.port());
    client.send(putRequest("/key/a", "{\"value\":1}") + putRequest("/key/b", "{\"value\":2}") +
                getRequest("/livez"));
    http::native::closeWriting(client.socket().socketDescriptor());
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    fixture.coordinator.release();
    for (int i = 0; i < 3; ++i) {
        const auto answer = client.receive();
        QVERIFY(answer);
        QCOMPARE(answer->status, 200);
    }
    QVERIFY(client.isClosedByServer());
}

void TestRestServer::survivesAClientThatLeavesBeforeItsAnswer()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    for (int i = 1; i <= 20; ++i) {
        RawClient client(fixture.server.port());
        client.send(putRequest("/key/left" + QByteArray::number(i), "{\"value\":1}") +
                    getRequest("/livez"));
        QTRY_COMPARE(fixture.coordinator.submittedCount(), i);
        client.abort();
    }
    RawClient witness(fixture.server.port());
    witness.send(getRequest("/livez"));
    QVERIFY(witness.receive());
    fixture.coordinator.release();
    witness.send(putRequest("/key/w", "{\"value\":1}"));
    const auto answer = witness.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 200);
    // They left, but they had asked.
    QVERIFY(fixture.table.find("left20"));
}

void TestRestServer::answersHeadWithTheLengthAlone()
{
    ServerFixture fixture;
    fixture.put("k", "12345");
    RawClient client(fixture.server.port());
    client.send("HEAD /key/k HTTP/1.1\r\nHost: localhost\r\n\r\n" + getRequest("/key/k") +
                "HEAD /key/none HTTP/1.1\r\nHost: localhost\r\n\r\n" + getRequest("/livez"));
    const auto head = client.receive(false);
    QVERIFY(head);
    QCOMPARE(head->header("content-length"), "15");
    const auto whole = client.receive();
    QVERIFY(whole);
    QCOMPARE(whole->body, "{\"value\":12345}");
    QCOMPARE(whole->header("etag"), head->header("etag"));
    const auto absent = client.receive(false);
    QVERIFY(absent);
    QCOMPARE(absent->status, 404);
    const auto last = client.receive();
    QVERIFY(last);
    QCOMPARE(last->body, "ok\n");
}

void TestRestServer::asksForABodyThatIsExpected()
{
    ServerFixture fixture;
    RawClient client(fixture.server.port());
    client.send("PUT /key/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n"
                "Expect: 100-continue\r\n\r\n");
    QVERIFY(!client.receive(true, 50));
    QCOMPARE(client.continues(), 1);
    client.send("{\"value\":1}");
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 200);
    QCOMPARE(client.continues(), 1);
}

void TestRestServer::carriesKeysThatUrlsWouldMangle_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<QByteArray>("key");
    const auto row = [](const char *target, const QByteArray &key) {
        QTest::newRow(target) << QByteArray(target) << key;
    };
    row("/key/a%2Fb", "a/b");
    row("/key//a//b/", "/a//b/");
    row("/key/..", "..");
    row("/key/a/../../b", "a/../../b");
    row("/key/%00", QByteArray(1, '\0'));
    row("/key/%FF%FE", "\xff\xfe");
    row("/key/%25zz", "%zz");
    row("/key/a%23%3F%26", "a#?&");
    row("/key/a;b:c@d!$'()*,=", "a;b:c@d!$'()*,=");
    row("/key/%0D%0AX:%20y", "\r\nX: y");
    row("/key?k64=Li4", "..");
}

void TestRestServer::carriesKeysThatUrlsWouldMangle()
{
    QFETCH(QByteArray, target);
    QFETCH(QByteArray, key);
    ServerFixture fixture;
    RawClient client(fixture.server.port());
    client.send(putRequest(target, "{\"value\":[1]}") + getRequest(target));
    const auto written = client.receive();
    QVERIFY(written);
    QCOMPARE(written->status, 200);
    const auto record = fixture.table.find(key);
    QVERIFY(record);
    QCOMPARE(record->value, "[1]");
    QCOMPARE(fixture.table.recordCount(), 1);
    const auto read = client.receive();
    QVERIFY(read);
    QCOMPARE(read->body, "{\"value\":[1]}");
}

void TestRestServer::carriesALargeValueExactly()
{
    ServerFixture fixture;
    QByteArray value(qsizetype{1} << 20, Qt::Uninitialized);
    for (qsizetype i = 0; i < value.size(); ++i)
        value[i] = static_cast<char>(i * 131 >> 3);
    RawClient client(fixture.server.port());
    client.send(putRequest("/key/k", value, "Content-Type: application/octet-stream\r\n"));
    const auto written = client.receive();
    QVERIFY(written);
    QCOMPARE(written->status, 200);
    client.send(getRequest("/key/k?raw"));
    const auto read = client.receive();
    QVERIFY(read);
    QVERIFY(read->body == value);
}

void TestRestServer::handsOnTheFieldsThatHandlersKnow()
{
    ServerFixture fixture;
    fixture.put("k", "1");
    RawClient client(fixture.server.port());
    const auto statusOf = [&client](const QByteArray &request) {
        client.send(request);
        const auto answer = client.receive();
        return answer ? answer->status : 0;
    };
    const auto getWith = [](const QByteArray &field) {
        return "GET /key/k HTTP/1.1\r\nHost: localhost\r\n" + field + "\r\n\r\n";
    };
    const QByteArray etag = '"' + fixture.table.find("k")->version.toString() + '"';
    QCOMPARE(statusOf(getWith("If-None-Match: \"x\"\r\nIf-None-Match: " + etag)), 304);
    QCOMPARE(statusOf(getWith("If-Match: \"x\"")), 412);
    QCOMPARE(statusOf(getWith("DynaKV-At-Least: x")), 400);
    QCOMPARE(statusOf(putRequest("/key/k", "{\"value\":1}", "If-Match: *\r\n")), 200);
    QCOMPARE(statusOf(putRequest("/key/k", "{\"value\":1}", "If-None-Match: *\r\n")), 412);
    QCOMPARE(statusOf(putRequest("/key/k", "{\"value\":1}", "Content-Encoding: gzip\r\n")), 415);
    QCOMPARE(statusOf(putRequest("/key/k", "{\"value\":1}", "Content-Type: image/png\r\n")), 415);
    client.send(getWith("Accept: application/octet-stream"));
    const auto bytes = client.receive();
    QVERIFY(bytes);
    QCOMPARE(bytes->body, "1");
}

void TestRestServer::takesOverAPlainRequestId()
{
    ServerFixture fixture;
    RawClient client(fixture.server.port());
    client.send("GET /key/none HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: my-id_1.2\r\n\r\n");
    auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->header("x-request-id"), "my-id_1.2");
    QVERIFY(answer->body.contains("\"request_id\":\"my-id_1.2\""));
    client.send("GET /key/none HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\"b\r\n\r\n");
    answer = client.receive();
    QVERIFY(answer);
    QVERIFY(!answer->header("x-request-id").contains('"'));
    QVERIFY(!answer->header("x-request-id").isEmpty());
}

void TestRestServer::answersUnderItsAllowedNames()
{
    const auto statusUnder = [](const http::RestServerConfig &config, const QByteArray &host) {
        ServerFixture fixture(config);
        RawClient client(fixture.server.port());
        client.send("GET /livez HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        const auto answer = client.receive();
        return answer ? answer->status : 0;
    };
    http::RestServerConfig config;
    QCOMPARE(statusUnder(config, "kv.example.org"), 421);
    QCOMPARE(statusUnder(config, QSysInfo::machineHostName().toUtf8()), 200);
    config.allowedHosts = {"KV.example.org"};
    QCOMPARE(statusUnder(config, "kv.EXAMPLE.org:80"), 200);
    QCOMPARE(statusUnder(config, "example.org"), 421);
    config.allowedHosts = {};
    config.isHostCheckOff = true;
    QCOMPARE(statusUnder(config, "anything"), 200);
}

void TestRestServer::neverLogsTheFieldsOfRequests()
{
    ServerFixture fixture;
    QLoggingCategory::setFilterRules(QStringLiteral("*=true"));
    const QLoggingCategory category("qt.httpserver");
    QVERIFY(!category.isDebugEnabled());
    QVERIFY(category.isWarningEnabled());
    QLoggingCategory::setFilterRules({});
}

QTEST_GUILESS_MAIN(TestRestServer)
#include "tst_rest_server.moc"
