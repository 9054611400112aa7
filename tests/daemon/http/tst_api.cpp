// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/key_view.h"
#include "daemon/http/page_cursor.h"
#include "daemon/http/router.h"
#include "shared/base/limits.h"
#include "tests/daemon/http/api_fixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using http::HttpReply;
using http::HttpRequest;
using http::Method;

using test::headerOf;
using test::objectOf;

namespace {

constexpr qint64 kNowMs = 1'650'000'000'000;
constexpr qsizetype kValueBytesMax = 1000;

} // namespace

Q_DECLARE_METATYPE(dynakv::core::WriteCondition)

/// The handlers as functions: a request value goes in, an answer or a write comes out. The table is
/// real, the node is not.
class TestApi : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
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
    void putsWhatTheBodySays_data();
    void putsWhatTheBodySays();
    void refusesPuts_data();
    void refusesPuts();
    void aNameEndsAtNoZeroByte();
    void passesConditionsOn_data();
    void passesConditionsOn();
    void refusesConditions();
    void tellsTheLoserWhatIsThere();
    void passesTheOptionsOfAWriteOn();
    void passesTheDurabilityOfAWriteOn();
    void refusesADurabilityThatCannotBe_data();
    void refusesADurabilityThatCannotBe();
    void tellsTheOutcomeOfAPut();
    void tellsTheOutcomeOfADelete();
    void tellsAnUnknownOutcome();
    void tellsWhyAWriteFailed_data();
    void tellsWhyAWriteFailed();
    void answersNoReadsFromIgnorance_data();
    void answersNoReadsFromIgnorance();
    void listsPageByPage();
    void refusesForeignCursors_data();
    void refusesForeignCursors();
    void endsAPageAtItsByteBound();
    void listsGroupsInBothOrders_data();
    void listsGroupsInBothOrders();
    void endsAPageOfGroupsAtItsByteBound();
    void listsValuesAsTheyWereSent();
    void endsAPageOfValuesAtItsByteBound();
    void leavesOutWhatVanishedMeanwhile();
    void listsAliveAndSuspectMembersSorted();
    void tellsTheCluster();
    void isReadyWhenCaughtUp();
    void tellsWhichMethodsAPathTakes();

private:
    [[nodiscard]] HttpReply get(const QByteArray &target);
    [[nodiscard]] HttpReply reply(const HttpRequest &request);
    [[nodiscard]] http::PendingWrite write(const HttpRequest &request);
    static HttpRequest request(Method method, const QByteArray &target);
    static HttpRequest put(const QByteArray &target, const QByteArray &body,
                           const QByteArray &contentType = "application/json");
    void store(const QByteArray &key, const QByteArray &value, const QByteArray &contentType = {},
               qint64 expiresAtMs = 0);

    std::unique_ptr<test::ApiFixture> m_api;
    quint64 m_clock = 0;
};

void TestApi::init()
{
    m_api = std::make_unique<test::ApiFixture>(kNowMs, kValueBytesMax);
    m_clock = quint64{1'600'000'000'123} << 16;
}

HttpRequest TestApi::request(Method method, const QByteArray &target)
{
    return test::requestFor(method, target);
}

HttpRequest TestApi::put(const QByteArray &target, const QByteArray &body,
                         const QByteArray &contentType)
{
    HttpRequest put = request(Method::Put, target);
    put.hasBody = true;
    put.body = body;
    put.contentType = contentType;
    return put;
}

HttpReply TestApi::reply(const HttpRequest &request)
{
    auto answer = http::route(request, m_api->context);
    HttpReply made{-1, {}, "a write", {}};
    if (const auto *reply = std::get_if<HttpReply>(&answer))
        made = *reply;
    if (const auto *read = std::get_if<http::PendingRead>(&answer)) {
        m_api->coordinator.read(read->request, [&made, read](const core::ReadOutcome &outcome) {
            made = read->toReply(outcome);
        });
    }
    return made;
}

HttpReply TestApi::get(const QByteArray &target)
{
    return reply(request(Method::Get, target));
}

http::PendingWrite TestApi::write(const HttpRequest &request)
{
    auto answer = http::route(request, m_api->context);
    if (auto *write = std::get_if<http::PendingWrite>(&answer))
        return *write;
    return {};
}

void TestApi::store(const QByteArray &key, const QByteArray &value, const QByteArray &contentType,
                    qint64 expiresAtMs)
{
    m_api->table.apply(core::Record{
        key, core::RecordKind::Value, {++m_clock, 0xab}, expiresAtMs, contentType, {}, value});
}

void TestApi::namesKeysByTheirBytes_data()
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

void TestApi::namesKeysByTheirBytes()
{
    QFETCH(QByteArray, target);
    QFETCH(QByteArray, key);
    QCOMPARE(write(request(Method::Delete, target)).request.key, key);
    store(key, "7");
    QCOMPARE(get(target).body, "{\"value\":7}");
}

void TestApi::refusesBadKeys_data()
{
    QTest::addColumn<QByteArray>("target");
    for (const char *target : {"/key/", "/key", "/key?k64=", "/key?k64=!", "/key/a?k64=Lg",
                               "/key/%", "/key/%4", "/key/%zz", "/key/a%"})
        QTest::newRow(target) << QByteArray(target);
    QTest::newRow("1025 bytes") << "/key/" + QByteArray(1025, 'a');
}

void TestApi::refusesBadKeys()
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

void TestApi::getsExactlyTheValue()
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

void TestApi::getsAbsenceAs404_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<int>("status");
    QTest::newRow("never written") << QByteArray("/key/none") << 404;
    QTest::newRow("deleted") << QByteArray("/key/deleted") << 404;
    QTest::newRow("expired now") << QByteArray("/key/expired") << 404;
    QTest::newRow("expires in a millisecond") << QByteArray("/key/late") << 200;
}

void TestApi::getsAbsenceAs404()
{
    QFETCH(QByteArray, target);
    QFETCH(int, status);
    m_api->table.apply(
        core::Record{"deleted", core::RecordKind::Tombstone, {++m_clock, 1}, 0, {}, {}, {}});
    store("expired", "1", {}, kNowMs);
    store("late", "1", {}, kNowMs + 1);
    QCOMPARE(get(target).status, status);
}

void TestApi::getsRawBytesSoThatNoBrowserRunsThem()
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

void TestApi::getsRawValuesAsBase64InTheJsonView()
{
    store("b", QByteArray("\0\xff", 2), "image/png");
    QCOMPARE(get("/key/b").body,
             "{\"value\":\"AP8=\",\"encoding\":\"base64\",\"content_type\":\"image/png\"}");
}

void TestApi::doesNotTrustAStoredContentType()
{
    store("b", "x", "a/b\r\nSet-Cookie: c");
    QCOMPARE(get("/key/b?raw").contentType, "application/octet-stream");
    QVERIFY(get("/key/b").body.contains("\"content_type\":\"application/octet-stream\""));
}

void TestApi::getsMeta()
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

void TestApi::getsConditionally_data()
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

void TestApi::getsConditionally()
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

void TestApi::readsTheAcceptField_data()
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

void TestApi::readsTheAcceptField()
{
    QFETCH(QByteArray, accept);
    QFETCH(bool, bytes);
    QCOMPARE(http::prefersBytes(accept), bytes);
}

void TestApi::putsWhatTheBodySays_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<QByteArray>("contentType");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("storedType");
    QTest::addColumn<QByteArray>("value");
    const QByteArray json = "{\"value\": 1.0 }";
    for (const char *type : {"", "application/json", "application/x-www-form-urlencoded",
                             "text/plain; charset=utf-8", "application/merge-patch+json"})
        QTest::addRow("JSON as '%s'", type) << QByteArray("/key/k") << QByteArray(type) << json
                                            << QByteArray() << QByteArray("1.0");
    const auto raw = [](const char *name, const char *target, const char *type,
                        const char *stored) {
        QTest::newRow(name) << QByteArray(target) << QByteArray(type) << QByteArray("{\xff")
                            << QByteArray(stored) << QByteArray("{\xff");
    };
    raw("bytes", "/key/k", "application/octet-stream", "application/octet-stream");
    raw("bytes in capitals", "/key/k", "Application/Octet-Stream", "Application/Octet-Stream");
    raw("raw with a type", "/key/k?raw", "image/png", "image/png");
    raw("raw with a parameter", "/key/k?raw=true", "text/plain;charset=x", "text/plain;charset=x");
    raw("raw without a type", "/key/k?raw=1", "", "application/octet-stream");
}

void TestApi::putsWhatTheBodySays()
{
    QFETCH(QByteArray, target);
    QFETCH(QByteArray, contentType);
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, storedType);
    QFETCH(QByteArray, value);
    const auto pending = write(put(target, body, contentType));
    QCOMPARE(pending.request.key, "k");
    QCOMPARE(pending.request.kind, core::RecordKind::Value);
    QCOMPARE(pending.request.contentType, storedType);
    QCOMPARE(pending.request.value, value);
    QVERIFY(!pending.request.ttlMs);
}

void TestApi::refusesPuts_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<QByteArray>("contentType");
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<int>("status");
    const QByteArray json = "{\"value\":1}";
    const auto row = [](const char *name, const QByteArray &target, const QByteArray &type,
                        const QByteArray &body,
                        int status) { QTest::newRow(name) << target << type << body << status; };
    row("multipart", "/key/k", "multipart/form-data; boundary=x", json, 415);
    row("image", "/key/k", "image/png", "x", 415);
    row("no JSON", "/key/k", "", "x", 400);
    row("no value", "/key/k", "", "{}", 400);
    row("raw with a bad type", "/key/k?raw", "nonsense", "x", 400);
    row("raw with a long type", "/key/k?raw", "a/" + QByteArray(300, 'b'), "x", 400);
    row("value over the limit", "/key/k", "", "{\"value\":\"" + QByteArray(999, 'x') + "\"}", 413);
    row("bytes over the limit", "/key/k?raw", "a/b", QByteArray(1001, 'x'), 413);
    row("ttl of 0", "/key/k?ttl=0", "", json, 400);
    row("ttl below 0", "/key/k?ttl=-1", "", json, 400);
    row("ttl over ten years", "/key/k?ttl=315360001", "", json, 400);
    row("fractional ttl", "/key/k", "", "{\"value\":1,\"ttl\":1.5}", 400);
    row("two ttls", "/key/k?ttl=1", "", "{\"value\":1,\"ttl\":1}", 400);
    row("w of 0", "/key/k?w=0", "", json, 400);
    row("w of words", "/key/k?w=most", "", json, 400);
    row("w over the members", "/key/k?w=2", "", json, 400);
    row("timeout of 0", "/key/k?timeout=0", "", json, 400);
    row("timeout over a minute", "/key/k?timeout=60001", "", json, 400);
    row("unknown parameter", "/key/k?tll=5", "", json, 400);
    row("parameter twice", "/key/k?ttl=5&ttl=6", "", json, 400);
    row("malformed query", "/key/k?ttl=%5", "", json, 400);
}

void TestApi::refusesPuts()
{
    QFETCH(QByteArray, target);
    QFETCH(QByteArray, contentType);
    QFETCH(QByteArray, body);
    QFETCH(int, status);
    m_api->coordinator.setMembers({{1, "a:1", "a:2"}, {2, "b:1", "b:2", core::MemberState::Left}});
    const HttpReply answer = reply(put(target, body, contentType));
    QCOMPARE(answer.status, status);
    QCOMPARE(answer.contentType, "application/problem+json");
    QCOMPARE(headerOf(answer, "Accept").isEmpty(), status != 415);
}

void TestApi::aNameEndsAtNoZeroByte()
{
    const auto detailOf = [this](const QByteArray &query) { return get("/v1/keys?" + query).body; };
    QVERIFY(detailOf("limit=1&limit%00=2").contains("is not known here"));
    QVERIFY(detailOf("a%00b=1&a%00b=2").contains("stands twice"));
}

void TestApi::passesConditionsOn_data()
{
    QTest::addColumn<QByteArray>("match");
    QTest::addColumn<QByteArray>("noneMatch");
    QTest::addColumn<core::WriteCondition>("expected");
    const QByteArray one = "\"0000000000000001-0000000000000002\"";
    const QByteArray two = "\"0000000000000003-0000000000000004\"";
    using Set = core::VersionSet;
    const auto row = [](const char *name, const char *match, const QByteArray &noneMatch,
                        const core::WriteCondition &expected) {
        QTest::newRow(name) << QByteArray(match) << noneMatch << expected;
    };
    row("none", "", "", {});
    row("any", "*", "", {Set{true, {}}, {}});
    row("create only", "", "*", {{}, Set{true, {}}});
    row("a version", one.constData(), "", {Set{false, {{1, 2}}}, {}});
    row("two versions", (one + " ,\t" + two).constData(), "", {Set{false, {{1, 2}, {3, 4}}}, {}});
    row("both", one.constData(), two, {Set{false, {{1, 2}}}, Set{false, {{3, 4}}}});
    row("a weak tag never matches", ("W/" + one).constData(), "", {Set{false, {}}, {}});
    row("but keeps away", "", "W/" + one, {{}, Set{false, {{1, 2}}}});
    row("another's tag", "\"abc\"", "", {Set{false, {}}, {}});
}

void TestApi::passesConditionsOn()
{
    QFETCH(QByteArray, match);
    QFETCH(QByteArray, noneMatch);
    QFETCH(core::WriteCondition, expected);
    for (const Method method : {Method::Put, Method::Delete}) {
        HttpRequest request = method == Method::Put ? put("/key/k", "{\"value\":1}")
                                                    : this->request(method, "/key/k");
        if (!match.isEmpty())
            request.ifMatch = match;
        if (!noneMatch.isEmpty())
            request.ifNoneMatch = noneMatch;
        QCOMPARE(write(request).request.condition, expected);
    }
}

void TestApi::refusesConditions()
{
    const QByteArray one = "\"0000000000000001-0000000000000002\"";
    QByteArray many = one;
    for (int i = 0; i < 16; ++i)
        many += ',' + one;
    for (const QByteArray &list : {QByteArray(""), QByteArray("abc"), QByteArray("\"abc"),
                                   one + ',', ',' + one, one + one, "*," + one, many}) {
        HttpRequest request = put("/key/k", "{\"value\":1}");
        request.ifMatch = list;
        QCOMPARE(reply(request).status, 400);
        request.ifNoneMatch = std::exchange(request.ifMatch, std::nullopt);
        QCOMPARE(reply(request).status, 400);
    }
    HttpRequest request = put("/key/k", "{\"value\":1}");
    request.atLeast = "0000000000000001-0000000000000002";
    QCOMPARE(reply(request).status, 400);
}

void TestApi::tellsTheLoserWhatIsThere()
{
    const auto pending = write(put("/key/k", "{\"value\":1}"));
    core::WriteOutcome outcome{.status = core::WriteOutcome::Status::ConditionFailed};
    outcome.version = {1, 2};
    outcome.existed = true;
    HttpReply answer = pending.toReply(outcome);
    QCOMPARE(answer.status, 412);
    QCOMPARE(headerOf(answer, "ETag"), "\"0000000000000001-0000000000000002\"");
    QJsonObject body = QJsonDocument::fromJson(answer.body).object();
    QCOMPARE(body.value(QLatin1String("code")).toString(), QLatin1String("precondition_failed"));
    QCOMPARE(body.value(QLatin1String("version")).toString(),
             QLatin1String("0000000000000001-0000000000000002"));
    outcome.existed = false;
    answer = pending.toReply(outcome);
    QCOMPARE(answer.status, 412);
    QVERIFY(headerOf(answer, "ETag").isEmpty());
    body = QJsonDocument::fromJson(answer.body).object();
    QVERIFY(body.value(QLatin1String("version")).isNull());
}

void TestApi::passesTheOptionsOfAWriteOn()
{
    m_api->coordinator.setMembers({{1, "a:1", "a:2"}, {2, "b:1", "b:2", core::MemberState::Down}});
    auto pending = write(put("/key/k?w=2&timeout=250&ttl=60", "{\"value\":1}"));
    QCOMPARE(pending.request.concern.kind, core::WriteConcern::Kind::Count);
    QCOMPARE(pending.request.concern.count, 2);
    QCOMPARE(pending.request.timeoutMs, 250);
    QCOMPARE(pending.request.ttlMs, std::optional<qint64>(60'000));
    pending = write(put("/key/k?w=quorum", "{\"value\":1,\"ttl\":315360000}"));
    QCOMPARE(pending.request.concern.kind, core::WriteConcern::Kind::Quorum);
    QCOMPARE(pending.request.timeoutMs, 3000);
    QCOMPARE(pending.request.ttlMs, std::optional<qint64>(315'360'000'000));
    pending = write(request(Method::Delete, "/key/k?w=all"));
    QCOMPARE(pending.request.concern.kind, core::WriteConcern::Kind::All);
    QCOMPARE(pending.request.kind, core::RecordKind::Tombstone);
}

void TestApi::passesTheDurabilityOfAWriteOn()
{
    using core::Durability;
    QCOMPARE(write(put("/key/k", "{\"value\":1}")).request.durability, std::nullopt);
    for (const auto each : {Durability::Sync, Durability::Interval, Durability::Os}) {
        const QByteArray target = "/key/k?durability=" + core::toText(each);
        QCOMPARE(write(put(target, "{\"value\":1}")).request.durability, std::optional(each));
        QCOMPARE(write(request(Method::Delete, target)).request.durability, std::optional(each));
    }
}

void TestApi::refusesADurabilityThatCannotBe_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<core::Durability>("mode");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("part");
    using core::Durability;
    for (const char *text : {"memory", "", "SYNC", "fsync", "1", "sync,os"}) {
        QTest::newRow(text) << "/key/k?durability=" + QByteArray(text) << Durability::Sync << 400
                            << QByteArray("sync, interval or os");
    }
    QTest::newRow("without a file") << QByteArray("/key/k?durability=os") << Durability::Memory
                                    << 409 << QByteArray("--durability memory");
    QTest::newRow("nonsense without a file")
        << QByteArray("/key/k?durability=x") << Durability::Memory << 400 << QByteArray("sync");
}

void TestApi::refusesADurabilityThatCannotBe()
{
    QFETCH(const QByteArray, target);
    QFETCH(const core::Durability, mode);
    QFETCH(const int, status);
    QFETCH(const QByteArray, part);
    m_api->context.durability = mode;
    for (const HttpRequest &each :
         {put(target, "{\"value\":1}"), request(Method::Delete, target)}) {
        const HttpReply answer = reply(each);
        QCOMPARE(answer.status, status);
        const QString detail = objectOf(answer).value(QLatin1String("detail")).toString();
        QVERIFY2(detail.contains(QString::fromLatin1(part)), qPrintable(detail));
    }
    QCOMPARE(m_api->coordinator.submittedCount(), 0);
    QCOMPARE(get(target).status, 400); // Nothing for a read to do with it.
}

void TestApi::tellsTheOutcomeOfAPut()
{
    core::WriteOutcome outcome;
    outcome.version = {5, 6};
    outcome.durability = core::Durability::Interval;
    outcome.acked = 2;
    outcome.replicas = 3;
    const HttpReply answer = write(put("/key/k", "{\"value\":1}")).toReply(outcome);
    QCOMPARE(answer.status, 200);
    QCOMPARE(answer.body, "{\"key\":\"k\",\"version\":\"0000000000000005-0000000000000006\"}");
    QCOMPARE(headerOf(answer, "ETag"), "\"0000000000000005-0000000000000006\"");
    QCOMPARE(headerOf(answer, "DynaKV-Durability"), "interval; replicas=2/3");
}

void TestApi::tellsTheOutcomeOfADelete()
{
    core::WriteOutcome outcome;
    outcome.existed = true;
    const HttpReply answer = write(request(Method::Delete, "/key/%FF")).toReply(outcome);
    QCOMPARE(answer.status, 200);
    const QJsonObject body = objectOf(answer);
    QCOMPARE(body.value(QLatin1String("key_b64")).toString(), QLatin1String("/w=="));
    QCOMPARE(body.value(QLatin1String("existed")).toBool(), true);
    QVERIFY(body.contains(QLatin1String("version")));
}

void TestApi::tellsAnUnknownOutcome()
{
    core::WriteOutcome outcome;
    outcome.status = core::WriteOutcome::Status::TooFewReplicas;
    outcome.acked = 1;
    outcome.required = 2;
    outcome.replicas = 3;
    const HttpReply answer = write(put("/key/k", "{\"value\":1}")).toReply(outcome);
    QCOMPARE(answer.status, 503);
    QVERIFY(!headerOf(answer, "Retry-After").isEmpty());
    const QJsonObject body = objectOf(answer);
    QCOMPARE(body.value(QLatin1String("outcome")).toString(), QLatin1String("unknown"));
    QCOMPARE(body.value(QLatin1String("acked")).toInt(), 1);
    QCOMPARE(body.value(QLatin1String("required")).toInt(), 2);
    QCOMPARE(body.value(QLatin1String("code")).toString(), QLatin1String("too_few_replicas"));
}

void TestApi::tellsWhyAWriteFailed_data()
{
    using Status = core::WriteOutcome::Status;
    QTest::addColumn<Status>("status");
    QTest::addColumn<core::Readiness>("readiness");
    QTest::addColumn<QByteArray>("code");
    QTest::newRow("joining") << Status::NotReady << core::Readiness::Joining
                             << QByteArray("joining");
    QTest::newRow("catching up") << Status::NotReady << core::Readiness::CatchingUp
                                 << QByteArray("catching_up");
    QTest::newRow("stopping") << Status::NotReady << core::Readiness::Stopping
                              << QByteArray("stopping");
    QTest::newRow("ready since") << Status::NotReady << core::Readiness::Ready
                                 << QByteArray("not_ready");
    QTest::newRow("clock") << Status::ClockOff << core::Readiness::Ready << QByteArray("clock");
    QTest::newRow("full") << Status::NoSpace << core::Readiness::Ready << QByteArray("full");
    QTest::newRow("failed") << Status::Failed << core::Readiness::Ready
                            << QByteArray("storage_failed");
}

void TestApi::tellsWhyAWriteFailed()
{
    QFETCH(core::WriteOutcome::Status, status);
    QFETCH(core::Readiness, readiness);
    QFETCH(QByteArray, code);
    core::WriteOutcome outcome;
    outcome.status = status;
    outcome.detail = "because";
    m_api->coordinator.setReadiness(readiness);
    const HttpReply answer = write(request(Method::Delete, "/key/k")).toReply(outcome);
    QCOMPARE(answer.status, 503);
    QVERIFY(!headerOf(answer, "Retry-After").isEmpty());
    QCOMPARE(objectOf(answer).value(QLatin1String("code")).toString().toLatin1(), code);
    QCOMPARE(objectOf(answer).value(QLatin1String("detail")).toString(), QLatin1String("because"));
}

void TestApi::answersNoReadsFromIgnorance_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::newRow("held key") << QByteArray("/key/k");
    QTest::newRow("absent key") << QByteArray("/key/absent");
    QTest::newRow("listing") << QByteArray("/v1/keys");
    QTest::newRow("readiness") << QByteArray("/readyz?verbose");
}

void TestApi::answersNoReadsFromIgnorance()
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

void TestApi::listsPageByPage()
{
    for (const char *key : {"b", "a", "p/3", "p/1", "p/2", "q"})
        store(key, "12", {}, key == QByteArray("q") ? kNowMs + 1 : 0);
    store("p/expired", "1", {}, kNowMs);
    store("p/\xff", "1");
    QByteArrayList seen;
    QByteArray target = "/v1/keys?prefix=p%2F&limit=2";
    for (int page = 0; page < 3 && !target.isEmpty(); ++page) {
        const HttpReply answer = get(target);
        QCOMPARE(answer.status, 200);
        const QJsonObject body = objectOf(answer);
        for (const QJsonValue &row : body.value(QLatin1String("keys")).toArray()) {
            seen += row[QLatin1String("key")]
                        .toString(row[QLatin1String("key_b64")].toString())
                        .toUtf8();
        }
        const QByteArray next = body.value(QLatin1String("next")).toString().toLatin1();
        const QByteArray link = headerOf(answer, "Link");
        QCOMPARE(link.isEmpty(), next.isEmpty());
        QVERIFY(next.isEmpty() || link.contains("after=" + next + ">; rel=\"next\""));
        target = link.mid(1, link.indexOf('>') - 1);
    }
    QCOMPARE(seen, (QByteArrayList{"p/1", "p/2", "p/3", "cC//"}));
    QCOMPARE(objectOf(get("/v1/keys?from=p%2F3&limit=1"))
                 .value(QLatin1String("keys"))[0][QLatin1String("key")]
                 .toString(),
             QLatin1String("p/3"));
    QCOMPARE(get("/v1/keys?limit=0").status, 400);
    QCOMPARE(get("/v1/keys?limit=1001").status, 400);
    QCOMPARE(get("/v1/keys?prefix=" + QByteArray(1025, 'a')).status, 400);
}

void TestApi::refusesForeignCursors_data()
{
    const QByteArray identity = "1:p0:+"; // Of prefix=p, as the handler makes it.
    const QByteArray good = http::PageCursor{"p1"}.toText(identity);
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<int>("status");
    QTest::newRow("its own") << "/v1/keys?prefix=p&after=" + good << 200;
    QTest::newRow("its own with another limit") << "/v1/keys?limit=7&prefix=p&after=" + good << 200;
    QTest::newRow("of another prefix") << "/v1/keys?prefix=q&after=" + good << 400;
    QTest::newRow("of no prefix") << "/v1/keys?after=" + good << 400;
    QTest::newRow("with another start") << "/v1/keys?prefix=p&from=p1&after=" + good << 400;
    QTest::newRow("in the other order") << "/v1/keys?prefix=p&reverse=true&after=" + good << 400;
    QTest::newRow("with groups") << "/v1/keys?prefix=p&delimiter=/&after=" + good << 400;
    QTest::newRow("a key") << QByteArray("/v1/keys?prefix=p&after=p1") << 400;
    QTest::newRow("empty") << QByteArray("/v1/keys?prefix=p&after=") << 400;
    QTest::newRow("cut short") << "/v1/keys?prefix=p&after=" + good.left(12) << 400;
    QTest::newRow("a key outside of the prefix")
        << "/v1/keys?prefix=p&after=" + http::PageCursor{"q"}.toText(identity) << 400;
    QTest::newRow("no key") << "/v1/keys?prefix=p&after=" + http::PageCursor{""}.toText(identity)
                            << 400;
    QTest::newRow("endless") << "/v1/keys?prefix=p&after=" + QByteArray(4000, 'A') << 400;
}

void TestApi::refusesForeignCursors()
{
    QFETCH(QByteArray, target);
    QFETCH(int, status);
    QCOMPARE(get(target).status, status);
}

void TestApi::endsAPageAtItsByteBound()
{
    // Each of these bytes needs six in JSON.
    for (int i = 0; i < 1000; ++i)
        store(QByteArray::number(1000 + i) + QByteArray(1020, '\x01'), "1");
    const HttpReply answer = get("/v1/keys?limit=1000");
    QVERIFY(answer.body.size() <= base::limits::kPageBytesMax);
    QVERIFY(objectOf(answer).value(QLatin1String("keys")).toArray().size() > 500);
    QVERIFY(!headerOf(answer, "Link").isEmpty());
}

void TestApi::listsGroupsInBothOrders_data()
{
    QTest::addColumn<QByteArray>("parameters");
    QTest::addColumn<QByteArrayList>("rows");
    QTest::newRow("ascending") << QByteArray("delimiter=/")
                               << QByteArrayList{"a", "a/ 2", "a0", "b/ 1", "/zIv 1", "z"};
    QTest::newRow("descending") << QByteArray("delimiter=/&reverse=true")
                                << QByteArrayList{"z", "/zIv 1", "b/ 1", "a0", "a/ 2", "a"};
    QTest::newRow("descending from within a group")
        << QByteArray("delimiter=/&reverse&from=a/1") << QByteArrayList{"a/ 1", "a"};
    QTest::newRow("below a prefix")
        << QByteArray("delimiter=%2F&prefix=a%2F") << QByteArrayList{"a/1", "a/2"};
    QTest::newRow("no group") << QByteArray("delimiter=&prefix=b") << QByteArrayList{"b/1"};
}

/// Whatever the size of the pages: of a group its prefix, in base64 where it has to be, and count.
void TestApi::listsGroupsInBothOrders()
{
    QFETCH(QByteArray, parameters);
    QFETCH(QByteArrayList, rows);
    for (const char *key : {"a", "a/1", "a/2", "a0", "b/1", "z",
                            "\xFF"
                            "2/1"})
        store(key, "1");
    if (rows.contains("z")) // By bytes 0xFF is the last one.
        rows.move(rows.indexOf("/zIv 1"), rows.first() == "a" ? rows.size() - 1 : 0);
    for (int limit = 1; limit <= 7; ++limit) {
        QByteArrayList seen;
        QByteArray target = "/v1/keys?" + parameters + "&limit=" + QByteArray::number(limit);
        while (!target.isEmpty() && seen.size() <= rows.size()) {
            const HttpReply answer = get(target);
            QCOMPARE(answer.status, 200);
            const QJsonObject body = objectOf(answer);
            QByteArrayList page;
            for (const QJsonValue &row : body.value(QLatin1String("keys")).toArray())
                page += row[QLatin1String("key")].toString().toUtf8();
            for (const QJsonValue &row : body.value(QLatin1String("prefixes")).toArray()) {
                page += row[QLatin1String("prefix")]
                            .toString(row[QLatin1String("prefix_b64")].toString())
                            .toUtf8() +
                        ' ' + QByteArray::number(row[QLatin1String("count")].toInt());
                QVERIFY(!row.toObject().contains(QLatin1String("estimated")));
            }
            std::sort(page.begin(), page.end(), [&rows](const auto &left, const auto &right) {
                return rows.indexOf(left) < rows.indexOf(right);
            });
            QVERIFY(page.size() <= limit);
            seen += page;
            const QByteArray link = headerOf(answer, "Link");
            target = link.mid(1, link.indexOf('>') - 1);
        }
        QCOMPARE(seen, rows);
    }
    QCOMPARE(get("/v1/keys?reverse=maybe").status, 400);
    QCOMPARE(get("/v1/keys?delimiter=" + QByteArray(1025, 'a')).status, 400);
}

void TestApi::endsAPageOfGroupsAtItsByteBound()
{
    for (int i = 0; i < 1000; ++i)
        store(QByteArray::number(1000 + i) + QByteArray(1019, '\x01') + '/', "1");
    int rows = 0;
    QByteArray target = "/v1/keys?limit=1000&delimiter=/&reverse";
    for (int page = 0; page < 2; ++page) {
        const HttpReply answer = get(target);
        QVERIFY(answer.body.size() <= base::limits::kPageBytesMax);
        rows +=
            static_cast<int>(objectOf(answer).value(QLatin1String("prefixes")).toArray().size());
        const QByteArray link = headerOf(answer, "Link");
        target = link.mid(1, link.indexOf('>') - 1);
    }
    QCOMPARE(rows, 1000);
    QCOMPARE(target, QByteArray());
}

void TestApi::listsValuesAsTheyWereSent()
{
    store("a", "12345678901234567890");
    store("b", "{\"z\": 1.0,\n \"a\":1e2}", {}, kNowMs + 5000);
    store("c", QByteArray("\x00\xff", 2), "image/png; q=\"x\"");
    store("d", "\"text\"", "not a type");
    store("e", "1");
    const HttpReply answer = get("/v1/keys?values=true&limit=4");
    QCOMPARE(answer.status, 200);
    const auto has = [&answer](const char *text) { return answer.body.contains(text); };
    QVERIFY2(has("\"value\":12345678901234567890}"), answer.body.constData());
    QVERIFY(has("\"value\":{\"z\": 1.0,\n \"a\":1e2}}"));
    QVERIFY(has(R"("value":"AP8=","encoding":"base64","content_type":"image/png; q=\"x\""})"));
    QVERIFY(has(R"("encoding":"base64","content_type":"application/octet-stream"})"));
    const QJsonObject body = objectOf(answer);
    QCOMPARE(body.value(QLatin1String("total_estimate")).toInt(), 5);
    const QJsonValue second = body.value(QLatin1String("keys"))[1];
    QCOMPARE(second[QLatin1String("key")].toString(), QLatin1String("b"));
    QCOMPARE(second[QLatin1String("size")].toInt(), 20);
    QCOMPARE(second[QLatin1String("expires_at")].toString(),
             QLatin1String("2022-04-15T05:20:05.000Z"));
    // The link goes on as the page began.
    QVERIFY(headerOf(answer, "Link").contains("values=true&"));
    QVERIFY(!get("/v1/keys").body.contains("\"value\""));
    QVERIFY(!get("/v1/keys?values=false").body.contains("\"value\""));
    QCOMPARE(get("/v1/keys?values=maybe").status, 400);
}

void TestApi::endsAPageOfValuesAtItsByteBound()
{
    const QByteArray large = '"' + QByteArray(base::limits::kPageBytesMax / 2 - 10'000, 'x') + '"';
    store("a", "1");
    store("b", large);
    store("c", large);
    store("d", QByteArray(base::limits::kPageBytesMax + 1, 'x'), "text/plain");
    store("e", "1");
    QByteArrayList pages;
    QByteArray target = "/v1/keys?values=true&limit=1000";
    while (!target.isEmpty() && pages.size() < 10) {
        const HttpReply answer = get(target);
        QByteArray names;
        for (const QJsonValue &row : objectOf(answer).value(QLatin1String("keys")).toArray())
            names += row[QLatin1String("key")].toString().toUtf8();
        QVERIFY(names == "d" || answer.body.size() <= base::limits::kPageBytesMax);
        pages += names;
        const QByteArray link = headerOf(answer, "Link");
        target = link.mid(1, link.indexOf('>') - 1);
    }
    QCOMPARE(pages, (QByteArrayList{"abc", "d", "e"}));
}

void TestApi::leavesOutWhatVanishedMeanwhile()
{
    // Between listing and reading the clock passes an expiry: the listing takes the time first.
    store("a", "1", {}, kNowMs + 1);
    store("b", "2");
    qint64 nowMs = kNowMs;
    const http::ApiContext ticking{m_api->table,
                                   m_api->coordinator,
                                   m_api->file,
                                   kValueBytesMax,
                                   "1.2.3",
                                   [&nowMs] { return nowMs++; },
                                   core::Durability::Sync,
                                   *m_api->deletions};
    const auto page = [&ticking](const QByteArray &target) {
        return std::get<HttpReply>(http::route(request(Method::Get, target), ticking));
    };
    const HttpReply first = page("/v1/keys?values=true&limit=1");
    QVERIFY2(first.body.startsWith("{\"keys\":[],\"prefixes\":[],\"next\":"),
             first.body.constData());
    const QByteArray link = headerOf(first, "Link");
    const HttpReply second = page(link.mid(1, link.indexOf('>') - 1));
    QVERIFY(second.body.contains("\"value\":2}"));
    QVERIFY(headerOf(second, "Link").isEmpty());
}

void TestApi::listsAliveAndSuspectMembersSorted()
{
    using core::MemberState;
    m_api->coordinator.setMembers({{1, "127.0.0.1:6661", "", MemberState::Alive},
                                   {2, "127.0.0.1:10000", "", MemberState::Suspect},
                                   {3, "127.0.0.1:6660", "", MemberState::Alive, 0, true},
                                   {4, "127.0.0.1:6663", "", MemberState::Down},
                                   {5, "127.0.0.1:6664", "", MemberState::Joining},
                                   {6, "127.0.0.1:6665", "", MemberState::Left}});
    const HttpReply answer = get("/membership");
    QCOMPARE(answer.status, 200);
    QCOMPARE(answer.body, "[\"127.0.0.1:10000\",\"127.0.0.1:6660\",\"127.0.0.1:6661\"]");
}

void TestApi::tellsTheCluster()
{
    m_api->coordinator.setMembers({{0xa, "h:1", "h:2", core::MemberState::Suspect, 1000, true,
                                    "1.2", 5, 6, 0.5, 951, true, -7, 1200, 3, 250, 2000}});
    const QJsonObject body = objectOf(get("/v1/cluster"));
    QCOMPARE(body.value(QLatin1String("cluster_id")).toString(), QLatin1String("0000000000000007"));
    QCOMPARE(body.value(QLatin1String("state")).toString(), QLatin1String("ready"));
    const QJsonValue member = body.value(QLatin1String("members"))[0];
    QCOMPARE(member[QLatin1String("id")].toString(), QLatin1String("000000000000000a"));
    QCOMPARE(member[QLatin1String("state")].toString(), QLatin1String("suspect"));
    QCOMPARE(member[QLatin1String("since")].toString(), QLatin1String("1970-01-01T00:00:01.000Z"));
    QCOMPARE(member[QLatin1String("keys")].toInt(), 5);
    QCOMPARE(member[QLatin1String("memory_used_permille")].toInt(), 951);
    QCOMPARE(member[QLatin1String("may_lack")].toBool(), true);
    QCOMPARE(member[QLatin1String("clock_offset_ms")].toInt(), -7);
    QCOMPARE(member[QLatin1String("replication_lag_ms")].toInt(), 1200);
    QCOMPARE(member[QLatin1String("partitions_equal")].toInt(), 250);
    QCOMPARE(member[QLatin1String("compared_at")].toString(),
             QLatin1String("1970-01-01T00:00:02.000Z"));
}

void TestApi::isReadyWhenCaughtUp()
{
    QCOMPARE(get("/readyz").status, 200);
    QCOMPARE(objectOf(get("/readyz?verbose")).value(QLatin1String("status")).toString(),
             QLatin1String("ready"));
    m_api->coordinator.setReadiness(core::Readiness::CatchingUp);
    const HttpReply answer = get("/readyz");
    QCOMPARE(answer.status, 503);
    const QJsonArray checks = objectOf(answer).value(QLatin1String("checks")).toArray();
    QCOMPARE(checks[0][QLatin1String("ok")].toBool(), true);
    QCOMPARE(checks[1][QLatin1String("ok")].toBool(), false);
    QCOMPARE(get("/livez").status, 200);
    m_api->coordinator.setReadiness(core::Readiness::Stopping);
    QCOMPARE(get("/readyz").status, 503);
}

void TestApi::tellsWhichMethodsAPathTakes()
{
    const HttpReply refused = reply(request(Method::Post, "/key/a"));
    QCOMPARE(refused.status, 405);
    QCOMPARE(headerOf(refused, "Allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
    const HttpReply options = reply(request(Method::Options, "/membership"));
    QCOMPARE(options.status, 204);
    QCOMPARE(headerOf(options, "Allow"), "GET, HEAD, OPTIONS");
    QCOMPARE(get("/unknown").status, 404);
    QCOMPARE(get("/").status, 200);
    QCOMPARE(get("/version").status, 200);
    HttpRequest bodyless = request(Method::Put, "/key/a");
    QCOMPARE(reply(bodyless).status, 411);
}

QTEST_GUILESS_MAIN(TestApi)
#include "tst_api.moc"
