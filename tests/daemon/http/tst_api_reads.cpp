// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/key_view.h"
#include "tests/daemon/http/api_test.h"

#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using http::HttpReply;
using http::HttpRequest;
using http::Method;
using test::headerOf;
using test::objectOf;

/// How keys are named, and what a GET of one answers.
class TestApiReads : public test::ApiTest
{
    Q_OBJECT

private Q_SLOTS:
    void namesKeysByTheirBytes_data();
    void namesKeysByTheirBytes();
    void refusesBadKeys_data();
    void refusesBadKeys();
    void getsExactlyTheValue();
    void getsAbsenceAs404_data();
    void getsAbsenceAs404();
    void getsRawBytesSoThatNoBrowserRunsThem();
    void getsRawValuesAsBase64InTheJsonView();
    void doesNotTrustAStoredContentType();
    void getsMeta();
    void getsConditionally_data();
    void getsConditionally();
    void readsTheAcceptField_data();
    void readsTheAcceptField();
    void answersNoReadsFromIgnorance_data();
    void answersNoReadsFromIgnorance();
};

void TestApiReads::namesKeysByTheirBytes_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<QByteArray>("key");
    const auto row = [](const char *target, const QByteArray &key) {
        QTest::newRow(target) << QByteArray(target) << key;
    };
    row("/key/a", "a");
    row("/key/a/b", "a/b");
    row("/key/a%2Fb", "a/b");
    row("/key/a%2fb", "a/b");
    row("/key//", "/");
    row("/key//a//b/", "/a//b/");
    row("/key/.", ".");
    row("/key/..", "..");
    row("/key/%2e%2e", "..");
    row("/key/a/../b", "a/../b");
    row("/key/a+b", "a+b");
    row("/key/a%20b", "a b");
    row("/key/%FF", "\xff");
    row("/key/%00", QByteArray(1, '\0'));
    row("/key/%25zz", "%zz");
    row("/key/%2525", "%25");
    row("/key/%C3%A9", "\xc3\xa9");
    row("/key/a%3Fb", "a?b");
    row("/key/a?timeout=5", "a");
    row("/key/key/", "key/");
    row("/key?k64=Lg", ".");
    row("/key?k64=Lg==", ".");
    row("/key?k64=Li4", "..");
    row("/key?k64=_w", "\xff");
    row("/key?k64=%5Fw", "\xff");
    QTest::newRow("1024 bytes") << "/key/" + QByteArray("%41").repeated(1024)
                                << QByteArray(1024, 'A');
}

void TestApiReads::namesKeysByTheirBytes()
{
    QFETCH(QByteArray, target);
    QFETCH(QByteArray, key);
    QCOMPARE(write(request(Method::Delete, target)).request.key, key);
    store(key, "7");
    QCOMPARE(get(target).body, "{\"value\":7}");
}

void TestApiReads::refusesBadKeys_data()
{
    QTest::addColumn<QByteArray>("target");
    for (const char *target : {"/key/", "/key", "/key?k64=", "/key?k64=!", "/key/a?k64=Lg",
                               "/key/%", "/key/%4", "/key/%zz", "/key/a%"})
        QTest::newRow(target) << QByteArray(target);
    QTest::newRow("1025 bytes") << "/key/" + QByteArray(1025, 'a');
}

void TestApiReads::refusesBadKeys()
{
    QFETCH(QByteArray, target);
    for (const Method method : {Method::Get, Method::Delete}) {
        const HttpReply answer = reply(request(method, target));
        QCOMPARE(answer.status, 400);
        QCOMPARE(objectOf(answer).value(QLatin1String("code")).toString(),
                 QLatin1String("bad_key"));
        QCOMPARE(objectOf(answer).value(QLatin1String("request_id")).toString(),
                 QLatin1String("id-1"));
    }
}

void TestApiReads::getsExactlyTheValue()
{
    store("k", "{\"b\":1.0, \"a\":12345678901234567890}");
    const HttpReply answer = get("/key/k");
    QCOMPARE(answer.status, 200);
    QCOMPARE(answer.contentType, "application/json");
    QCOMPARE(answer.body, "{\"value\":{\"b\":1.0, \"a\":12345678901234567890}}");
    const QByteArray version = m_api->table.find("k")->version.toString();
    QCOMPARE(headerOf(answer, "ETag"), '"' + version + '"');
    QCOMPARE(headerOf(answer, "Last-Modified"), "Sun, 13 Sep 2020 12:26:40 GMT");
}

void TestApiReads::getsAbsenceAs404_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<int>("status");
    QTest::newRow("never written") << QByteArray("/key/none") << 404;
    QTest::newRow("deleted") << QByteArray("/key/deleted") << 404;
    QTest::newRow("expired now") << QByteArray("/key/expired") << 404;
    QTest::newRow("expires in a millisecond") << QByteArray("/key/late") << 200;
}

void TestApiReads::getsAbsenceAs404()
{
    QFETCH(QByteArray, target);
    QFETCH(int, status);
    m_api->table.apply(
        core::Record{"deleted", core::RecordKind::Tombstone, {++m_clock, 1}, 0, {}, {}, {}});
    store("expired", "1", {}, kNowMs);
    store("late", "1", {}, kNowMs + 1);
    QCOMPARE(get(target).status, status);
}

void TestApiReads::getsRawBytesSoThatNoBrowserRunsThem()
{
    store("page", "<script>", "text/html");
    store("json", "[1]");
    HttpRequest accepting = request(Method::Get, "/key/page");
    accepting.accept = "application/octet-stream";
    for (const HttpReply &answer : {get("/key/page?raw"), reply(accepting)}) {
        QCOMPARE(answer.status, 200);
        QCOMPARE(answer.body, "<script>");
        QCOMPARE(answer.contentType, "text/html");
        QCOMPARE(headerOf(answer, "X-Content-Type-Options"), "nosniff");
        QVERIFY(headerOf(answer, "Content-Security-Policy").startsWith("sandbox"));
        QCOMPARE(headerOf(answer, "Content-Disposition"), "attachment");
    }
    QCOMPARE(get("/key/json?raw").body, "[1]");
    QCOMPARE(get("/key/json?raw").contentType, "application/json");
    QCOMPARE(get("/key/json?raw=false").body, "{\"value\":[1]}");
    QCOMPARE(get("/key/json?raw=maybe").status, 400);
}

void TestApiReads::getsRawValuesAsBase64InTheJsonView()
{
    store("b", QByteArray("\0\xff", 2), "image/png");
    QCOMPARE(get("/key/b").body,
             "{\"value\":\"AP8=\",\"encoding\":\"base64\",\"content_type\":\"image/png\"}");
}

void TestApiReads::doesNotTrustAStoredContentType()
{
    store("b", "x", "a/b\r\nSet-Cookie: c");
    QCOMPARE(get("/key/b?raw").contentType, "application/octet-stream");
    QVERIFY(get("/key/b").body.contains("\"content_type\":\"application/octet-stream\""));
}

void TestApiReads::getsMeta()
{
    store("\xff", "\"v\"", {}, kNowMs + 5);
    const QJsonObject meta = objectOf(get("/key/%FF?meta=true"));
    const auto text = [&meta](const char *name) {
        return meta.value(QLatin1String(name)).toString();
    };
    QCOMPARE(text("value"), QLatin1String("v"));
    QCOMPARE(text("key_b64"), QLatin1String("/w=="));
    QCOMPARE(text("version").toLatin1(), m_api->table.find("\xff")->version.toString());
    QCOMPARE(text("updated_at"), QLatin1String("2020-09-13T12:26:40.123Z"));
    QCOMPARE(text("expires_at"), QLatin1String("2022-04-15T05:20:00.005Z"));
    QCOMPARE(text("node"), QLatin1String("00000000000000ab"));
    QCOMPARE(meta.value(QLatin1String("size")).toInt(), 3);
}

void TestApiReads::getsConditionally_data()
{
    QTest::addColumn<QByteArray>("field");
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<QByteArray>("key");
    QTest::addColumn<int>("status");
    const auto row = [](const char *field, const char *value, const char *key, int status) {
        QTest::addRow("%s %s %s", field, value, key)
            << QByteArray(field) << QByteArray(value) << QByteArray(key) << status;
    };
    row("none", "\"V\"", "k", 304);
    row("none", "W/\"V\"", "k", 304);
    row("none", "\"x\", \"V\"", "k", 304);
    row("none", "\"x\" , W/\"y\"", "k", 200);
    row("none", "*", "k", 304);
    row("none", "*", "absent", 404);
    row("none", "\"V\"", "absent", 404);
    row("none", "V", "k", 400);
    row("none", "\"V", "k", 400);
    row("none", "\"a\" \"b\"", "k", 400);
    row("none", "\"a\",", "k", 400);
    row("match", "\"V\"", "k", 200);
    row("match", "*", "k", 200);
    row("match", "W/\"V\"", "k", 412);
    row("match", "\"x\"", "k", 412);
    row("match", "*", "absent", 412);
}

void TestApiReads::getsConditionally()
{
    QFETCH(QByteArray, field);
    QFETCH(QByteArray, value);
    QFETCH(QByteArray, key);
    QFETCH(int, status);
    store("k", "1");
    const QByteArray version = m_api->table.find("k")->version.toString();
    HttpRequest conditional = request(Method::Get, "/key/" + key);
    (field == "match" ? conditional.ifMatch : conditional.ifNoneMatch) =
        value.replace("V", version);
    const HttpReply answer = reply(conditional);
    QCOMPARE(answer.status, status);
    if (status == 304) {
        QVERIFY(answer.body.isEmpty());
        QCOMPARE(headerOf(answer, "ETag"), '"' + version + '"');
    }
    if (status == 412) {
        const bool isThere = key == "k";
        QCOMPARE(headerOf(answer, "ETag"), isThere ? '"' + version + '"' : QByteArray());
        QVERIFY2(answer.body.contains(isThere ? "\"version\":\"" + version + '"'
                                              : QByteArray("\"version\":null")),
                 answer.body.constData());
    }
}

void TestApiReads::readsTheAcceptField_data()
{
    QTest::addColumn<QByteArray>("accept");
    QTest::addColumn<bool>("bytes");
    const auto row = [](const char *accept, bool bytes) {
        QTest::newRow(accept) << QByteArray(accept) << bytes;
    };
    row("", false);
    row("*/*", false);
    row("application/json", false);
    row("text/html,application/xhtml+xml,*/*;q=0.8", false);
    row("application/octet-stream", true);
    row("Application/Octet-Stream", true);
    row("application/octet-stream;q=0", false);
    row("application/octet-stream;q=0.5, application/json", false);
    row("application/octet-stream, */*;q=0.1", true);
    row("application/octet-stream;q=x", false);
}

void TestApiReads::readsTheAcceptField()
{
    QFETCH(QByteArray, accept);
    QFETCH(bool, bytes);
    QCOMPARE(http::prefersBytes(accept), bytes);
}

void TestApiReads::answersNoReadsFromIgnorance_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::newRow("held key") << QByteArray("/key/k");
    QTest::newRow("absent key") << QByteArray("/key/absent");
    QTest::newRow("listing") << QByteArray("/v1/keys");
    QTest::newRow("readiness") << QByteArray("/readyz?verbose");
}

void TestApiReads::answersNoReadsFromIgnorance()
{
    QFETCH(QByteArray, target);
    store("k", "1");
    for (const auto readiness : {core::Readiness::Joining, core::Readiness::CatchingUp}) {
        m_api->coordinator.setReadiness(readiness);
        const HttpReply answer = get(target);
        QCOMPARE(answer.status, 503);
        QVERIFY(!headerOf(answer, "Retry-After").isEmpty());
    }
}

QTEST_GUILESS_MAIN(TestApiReads)
#include "tst_api_reads.moc"
