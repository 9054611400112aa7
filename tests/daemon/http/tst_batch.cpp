// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/batch_line.h"
#include "daemon/http/router.h"
#include "shared/base/limits.h"
#include "tests/daemon/http/api_fixture.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

#include <future>

using namespace dynakv;
using namespace dynakv::http;

using test::headerOf;

namespace {

constexpr qint64 kNowMs = 1'700'000'000'000;
constexpr qsizetype kValueBytesMax = 1 << 20;

QList<QJsonObject> linesOf(const HttpReply &reply)
{
    QList<QJsonObject> lines;
    for (const QByteArray &line : reply.body.split('\n')) {
        if (!line.isEmpty())
            lines.append(QJsonDocument::fromJson(line).object());
    }
    return lines;
}

QList<int> statusesOf(const HttpReply &reply)
{
    QList<int> statuses;
    for (const QJsonObject &line : linesOf(reply))
        statuses.append(line.value(QLatin1String("status")).toInt());
    return statuses;
}

QString codeOf(const QJsonObject &line)
{
    return line.value(QLatin1String("error"))[QLatin1String("code")].toString();
}

} // namespace

/// `POST /v1/batch`.
class TestBatch : public QObject
{
    Q_OBJECT

private:
    HttpReply post(const QByteArray &body, const QByteArray &query = {},
                   const QByteArray &type = "application/x-ndjson")
    {
        HttpRequest request;
        request.method = Method::Post;
        request.path = "/v1/batch";
        request.query = query;
        request.contentType = type;
        request.hasBody = true;
        request.body = body;
        request.requestId = "r1";
        Answer answer = route(request, m_api->context);
        const auto *group = std::get_if<PendingGroup>(&answer);
        if (!group)
            return std::get<HttpReply>(answer);
        std::promise<std::vector<core::WriteOutcome>> done;
        m_api->coordinator.submitGroup(
            group->requests, [&done](auto outcomes) { done.set_value(std::move(outcomes)); });
        return group->toReply(done.get_future().get());
    }
    void store(const QByteArray &key, const QByteArray &value, const QByteArray &type = {})
    {
        m_api->table.apply(core::Record{key, core::RecordKind::Value, {1, 7}, 0, type, {}, value});
    }

    std::unique_ptr<test::ApiFixture> m_api;

private Q_SLOTS:
    void init();
    void eachLineIsAnsweredInItsPlace();
    void linesOfOneKeySeeEachOther();
    void linesHaveConditions();
    void theOptionsHoldForAllWrites();
    void aBadLineSpoilsOnlyItself_data();
    void aBadLineSpoilsOnlyItself();
    void theWholeIsRefusedWhereNoLineCanBeMeant();
    void valuesBeyondTheBoundOfAnAnswerAreRefused();
    void anOutcomeIsToldForEachWrite();
};

void TestBatch::init()
{
    m_api = std::make_unique<test::ApiFixture>(kNowMs, kValueBytesMax);
}

void TestBatch::eachLineIsAnsweredInItsPlace()
{
    store("there", "{\"old\": 1.0}");
    store("raw", "\x01\xFF", "image/png");
    const HttpReply reply = post(R"({"op":"put","key":"a","value":12345678901234567890,"ttl":60}
{"op":"get","key":"there"}
{"op":"get","key":"missing"}
{"op":"delete","key":"there"}
{"op":"put","key_b64":"/wA=","value_b64":"AAEC"}
{"op":"put","key":"typed","value_b64":"AAEC","content_type":"text/plain"}
{"op":"get","key":"raw"})");
    QCOMPARE(reply.status, 200);
    QCOMPARE(reply.contentType, "application/x-ndjson");
    QCOMPARE(headerOf(reply, "DynaKV-Durability"), "sync; replicas=1/3");
    QCOMPARE(statusesOf(reply), (QList<int>{200, 200, 404, 200, 200, 200, 200}));
    const QByteArrayList lines = reply.body.split('\n');
    QCOMPARE(lines.size(), 8);
    QCOMPARE(lines[7], "");
    QVERIFY2(lines[0].startsWith("{\"key\":\"a\",\"status\":200,\"version\":\""),
             lines[0].constData());
    QVERIFY2(lines[1].endsWith(",\"value\":{\"old\": 1.0}}"), lines[1].constData());
    QVERIFY2(lines[4].startsWith("{\"key_b64\":\"/wA=\",\"status\":200"), lines[4].constData());
    QVERIFY2(lines[6].endsWith(R"("value":"Af8=","encoding":"base64","content_type":"image/png"})"),
             lines[6].constData());
    QCOMPARE(m_api->coordinator.submittedCount(), 1);
    const auto a = m_api->table.find("a");
    QCOMPARE(a->value, "12345678901234567890");
    QCOMPARE(a->expiresAtMs, a->version.wallMs() + 60'000);
    QCOMPARE(linesOf(reply)[0].value(QLatin1String("version")).toString().toLatin1(),
             a->version.toString());
    QVERIFY(!m_api->table.find("there")->isLive(kNowMs));
    QCOMPARE(m_api->table.find(QByteArray("\xFF\0", 2))->contentType, "application/octet-stream");
    QCOMPARE(m_api->table.find("typed")->contentType, "text/plain");
}

void TestBatch::linesOfOneKeySeeEachOther()
{
    store("k", "0");
    const HttpReply reply = post(R"({"op":"get","key":"k"}
{"op":"put","key":"k","value":1}
{"op":"get","key":"k"}
{"op":"put","key":"k","value":2}
{"op":"get","key":"k"}
{"op":"delete","key":"k"}
{"op":"get","key":"k"}
{"op":"put","key":"k","value":3}
)");
    QCOMPARE(statusesOf(reply), (QList<int>{200, 200, 200, 200, 200, 200, 404, 200}));
    const QList<QJsonObject> lines = linesOf(reply);
    for (int i = 0; i < 3; ++i)
        QCOMPARE(lines[i * 2].value(QLatin1String("value")).toInt(-1), i);
    QCOMPARE(lines[2].value(QLatin1String("version")), lines[1].value(QLatin1String("version")));
    QCOMPARE(m_api->table.find("k")->value, "3");
}

void TestBatch::linesHaveConditions()
{
    store("k", "0");
    const QByteArray version = m_api->table.find("k")->version.toString();
    const QByteArray put = R"({"op":"put","key":"k","value":1,)";
    const QByteArray matching = put + "\"if_match\":";
    const QByteArray creating = put + "\"if_none_match\":\"*\"}\n";
    const HttpReply reply = post(
        creating + matching + '"' + version + "\"}\n" + matching + "\"\\\"" + version +
        "\\\"\"}\n" +
        R"({"op":"delete","key":"k","if_none_match":"0000000000000001-0000000000000002"})" + '\n' +
        creating + "{\"op\":\"get\",\"key\":\"k\"}\n" + R"({"op":"put","key":"l","value":1})");
    QCOMPARE(statusesOf(reply), (QList<int>{412, 200, 412, 200, 200, 200, 200}));
    const QList<QJsonObject> lines = linesOf(reply);
    QCOMPARE(lines[0].value(QLatin1String("version")).toString().toLatin1(), version);
    QCOMPARE(lines[2].value(QLatin1String("version")), lines[1].value(QLatin1String("version")));
    QCOMPARE(m_api->table.find("k")->value, "1");
    // All lines of such a key go to its home, so that they keep their order; no others do.
    QVERIFY(!m_api->coordinator.lastRequest().isForHome);
    QCOMPARE(
        statusesOf(post(put + "\"if_match\":\"*\"}\n" + R"({"op":"put","key":"k","value":2})")),
        (QList<int>{200, 200}));
    QVERIFY(m_api->coordinator.lastRequest().isForHome);
}

void TestBatch::theOptionsHoldForAllWrites()
{
    const HttpReply reply =
        post(R"({"op":"delete","key":"k"})", "w=1&durability=interval&timeout=77");
    QCOMPARE(statusesOf(reply), QList<int>{200});
    QCOMPARE(m_api->coordinator.lastRequest().durability, core::Durability::Interval);
    QCOMPARE(m_api->coordinator.lastRequest().timeoutMs, 77);
    for (const char *bad : {"w=0", "w=few", "durability=memory", "timeout=0", "ttl=5", "w=1&w=1"})
        QCOMPARE(post("{}", bad).status, 400);
    QCOMPARE(post("{}", "r=1").status, 400);
}

void TestBatch::aBadLineSpoilsOnlyItself_data()
{
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<int>("status");
    QTest::addColumn<QString>("code");
    const auto row = [](const char *name, const QByteArray &line, int status, const char *code) {
        QTest::newRow(name) << line << status << QString::fromLatin1(code);
    };
    row("empty", "", 400, "bad_json");
    row("white space", " \r", 400, "bad_json");
    row("truncated", R"({"op":"put","key":"k","val)", 400, "bad_json");
    row("no object", "[1]", 400, "bad_json");
    row("two objects", R"({"op":"get","key":"k"}{"op":"get","key":"k"})", 400, "bad_json");
    row("NUL", QByteArray("{\"op\":\"get\",\"key\":\"k\0\"}", 23), 400, "bad_json");
    row("NUL behind it", QByteArray("{\"op\":\"get\",\"key\":\"k\"}\0", 23), 400, "bad_json");
    row("bad UTF-8", "{\"op\":\"get\",\"key\":\"k\xFF\"}", 400, "bad_json");
    row("overlong UTF-8", "{\"op\":\"get\",\"key\":\"\xC0\x80\"}", 400, "bad_json");
    row("a lone surrogate", R"({"op":"get","key":"\ud800"})", 400, "bad_json");
    row("a member twice", R"({"op":"get","key":"k","key":"l"})", 400, "bad_json");
    row("too deep",
        "{\"op\":\"put\",\"key\":\"k\",\"value\":" + QByteArray(65, '[') + QByteArray(65, ']') +
            '}',
        400, "bad_json");
    row("a huge number", R"({"op":"put","key":"k","value":1e999})", 400, "bad_json");
    row("no key", R"({"op":"get"})", 400, "bad_key");
    row("two keys", R"({"op":"get","key":"k","key_b64":"aw=="})", 400, "bad_key");
    row("an empty key", R"({"op":"get","key":""})", 400, "bad_key");
    row("a long key", "{\"op\":\"get\",\"key\":\"" + QByteArray(1025, 'k') + "\"}", 400, "bad_key");
    row("a key that is a number", R"({"op":"get","key":1})", 400, "bad_line");
    row("a key that is no base64", R"({"op":"get","key_b64":"a?b="})", 400, "bad_line");
    row("no operation", R"({"key":"k"})", 400, "bad_line");
    row("another operation", R"({"op":"PUT","key":"k","value":1})", 400, "bad_line");
    row("an unknown member", R"({"op":"get","key":"k","r":1})", 400, "bad_line");
    row("no value", R"({"op":"put","key":"k"})", 400, "bad_line");
    row("two values", R"({"op":"put","key":"k","value":1,"value_b64":""})", 400, "bad_line");
    row("a value that is no base64", R"({"op":"put","key":"k","value_b64":"*"})", 400, "bad_line");
    row("a type of JSON", R"({"op":"put","key":"k","value":1,"content_type":"a/b"})", 400,
        "bad_line");
    row("no type", R"({"op":"put","key":"k","value_b64":"","content_type":"ab"})", 400, "bad_type");
    row("a get with a value", R"({"op":"get","key":"k","value":1})", 400, "bad_line");
    row("a delete with a ttl", R"({"op":"delete","key":"k","ttl":1})", 400, "bad_line");
    row("a ttl of nothing", R"({"op":"put","key":"k","value":1,"ttl":0})", 400, "bad_ttl");
    row("half a ttl", R"({"op":"put","key":"k","value":1,"ttl":1.5})", 400, "bad_ttl");
    row("a ttl in words", R"({"op":"put","key":"k","value":1,"ttl":"60"})", 400, "bad_ttl");
    row("nothing to match", R"({"op":"put","key":"k","value":1,"if_match":"*"})", 412,
        "precondition_failed");
    row("a get with a condition", R"({"op":"get","key":"k","if_none_match":"*"})", 400, "bad_line");
    row("a condition of words", R"({"op":"put","key":"k","value":1,"if_match":"one"})", 400,
        "bad_condition");
    row("a condition in numbers", R"({"op":"delete","key":"k","if_match":1})", 400, "bad_line");
    row("a large value",
        "{\"op\":\"put\",\"key\":\"k\",\"value\":\"" + QByteArray(kValueBytesMax, 'v') + "\"}", 413,
        "too_large");
}

void TestBatch::aBadLineSpoilsOnlyItself()
{
    QFETCH(QByteArray, line);
    QFETCH(int, status);
    QFETCH(QString, code);
    const HttpReply reply = post("{\"op\":\"put\",\"key\":\"before\",\"value\":1}\n" + line +
                                 "\n{\"op\":\"put\",\"key\":\"behind\",\"value\":2}\r\n");
    QCOMPARE(statusesOf(reply), (QList<int>{200, status, 200}));
    const QJsonObject answer = linesOf(reply)[1];
    QCOMPARE(codeOf(answer), code);
    QVERIFY(!answer.value(QLatin1String("error"))[QLatin1String("detail")].toString().isEmpty());
    QVERIFY(m_api->table.find("before"));
    QVERIFY(m_api->table.find("behind"));
    QVERIFY(!m_api->table.find("k"));
    // Where the key could be read the answer names it.
    if (status != 400)
        QCOMPARE(answer.value(QLatin1String("key")).toString(), QStringLiteral("k"));
}

void TestBatch::theWholeIsRefusedWhereNoLineCanBeMeant()
{
    const QByteArray get = "{\"op\":\"get\",\"key\":\"k\"}\n";
    QCOMPARE(post(get.repeated(base::limits::kBatchLinesMax)).status, 200);
    QCOMPARE(post(get.repeated(base::limits::kBatchLinesMax + 1)).status, 413);
    QCOMPARE(post(get.repeated(base::limits::kBatchLinesMax) + '{').status, 413);
    QCOMPARE(post({}).status, 200);
    QCOMPARE(post({}).body, "");
    QCOMPARE(post(get, {}, "application/x-www-form-urlencoded").status, 415);
    QCOMPARE(post(get, {}, "application/x-ndjson; charset=utf-8").status, 200);
    m_api->coordinator.setReadiness(core::Readiness::Joining);
    QCOMPARE(post(get).status, 503);
    QCOMPARE(m_api->coordinator.submittedCount(), 0);
}

void TestBatch::valuesBeyondTheBoundOfAnAnswerAreRefused()
{
    store("large", '"' + QByteArray(1 << 20, 'v') + '"');
    store("small", "1");
    QByteArray body;
    for (int i = 0; i < 20; ++i)
        body += "{\"op\":\"get\",\"key\":\"large\"}\n";
    body += "{\"op\":\"get\",\"key\":\"small\"}\n{\"op\":\"put\",\"key\":\"p\",\"value\":1}\n";
    const HttpReply reply = post(body);
    QVERIFY(reply.body.size() < base::limits::kBatchBytesMax + 10'000);
    const QList<int> statuses = statusesOf(reply);
    QCOMPARE(statuses.count(200), 16);
    QCOMPARE(statuses.count(413), 6);
    QCOMPARE(statuses[0], 200);
    QCOMPARE(statuses[21], 200); // A write is answered whatever was read.
}

void TestBatch::anOutcomeIsToldForEachWrite()
{
    store("k", "0");
    const QByteArray body = R"({"op":"put","key":"k","value":1}
{"op":"get","key":"k"}
{"op":"get","key":"other"})";
    core::WriteOutcome outcome;
    outcome.status = core::WriteOutcome::Status::NoSpace;
    outcome.detail = "the \"disk\" is full";
    m_api->coordinator.answerWith(outcome);
    const HttpReply full = post(body);
    QCOMPARE(full.status, 200);
    QVERIFY(headerOf(full, "DynaKV-Durability").isEmpty());
    QCOMPARE(statusesOf(full), (QList<int>{503, 200, 404}));
    QCOMPARE(codeOf(linesOf(full)[0]), QStringLiteral("full"));
    QCOMPARE(linesOf(full)[1].value(QLatin1String("value")).toInt(-1), 0);
    outcome.status = core::WriteOutcome::Status::TooFewReplicas;
    m_api->coordinator.answerWith(outcome);
    const HttpReply unknown = post(body);
    // What is not known to be written is not known to be read either.
    QCOMPARE(statusesOf(unknown), (QList<int>{503, 503, 404}));
    QCOMPARE(codeOf(linesOf(unknown)[1]), QStringLiteral("too_few_replicas"));
}

QTEST_GUILESS_MAIN(TestBatch)
#include "tst_batch.moc"
