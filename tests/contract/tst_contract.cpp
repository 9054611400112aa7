// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/contract/prism_proxy.h"
#include "tests/support/cluster_fixture.h"
#include "tests/support/document_requests.h"
#include "tests/support/event_stream.h"
#include "tests/support/json_schema.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>
#include <QTest>

using namespace dynakv;
using test::Cluster;
using test::DocumentRequest;
using test::HttpAnswer;
using test::PrismProxy;
using test::Validated;

namespace {

constexpr const char *kJson = "Content-Type: application/json\r\n";
constexpr const char *kBytes = "Content-Type: application/octet-stream\r\n";
constexpr const char *kLines = "Content-Type: application/x-ndjson\r\n";

/// Answers that are documented and not brought about here, each for its reason.
const QSet<QByteArray> &notBroughtAbout()
{
    static const QSet<QByteArray> all{
        "compact 503",        // A full disk: tst_full_disk has one.
        "backup 503",         // The same.
        "forgetMember 503",   // Thousands of requests that wait at once.
        "leaveCluster 503",   // A minute in which nobody takes over: tst_leave has one.
        "repair 503",         // The same.
        "repair 409",         // A node that is about to stop.
        "getKeyReplicas 503", // The same.
    };
    return all;
}

QJsonObject member(const QJsonObject &object, const char *name)
{
    return object.value(QLatin1String(name)).toObject();
}

/// Whether such a request may be wrong by the document as well.
bool blamesTheRequest(int status)
{
    return status == 400 || status == 413 || status == 415;
}

QByteArray with(const QByteArray &target, const QByteArray &parameter)
{
    return target + (target.contains('?') ? '&' : '?') + parameter;
}

/// \a name in lower case.
QByteArray fieldOf(const HttpAnswer &answer, const char *name)
{
    const auto field = answer.headers.find(name);
    return field == answer.headers.end() ? QByteArray() : field->second;
}

} // namespace

/// Real requests to real nodes through `prism proxy`, which knows our API document and nothing else
/// of us. Each documented answer has to come at least once, and none may differ from what is said.
///
/// What Prism cannot do, so that it is asked of the node itself and judged by our own reader of
/// schemas:
/// - a key with slashes in its path, as for OpenAPI a parameter ends at one, and one that is not
///   UTF-8, which ends Prism itself: those are named by `k64` here;
/// - bytes that are JSON, put or got with `raw`: the form of a body cannot depend on a parameter;
/// - HEAD and OPTIONS, which the document does not list for each path, and paths that it has not;
/// - a stream that does not end, since Prism waits for the end of an answer;
/// - lines of JSON, which are one text to it: they are checked here as they come through it;
/// - requests without a length (411), with another host or a broken `%`, since it sends its own.
class TestContract : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void aWrongDocumentIsNoticed();
    void theDocumentsExamplesPass();
    void whatNoOperationKnowsIsRefused();
    void valuesPass();
    void conditionsPass();
    void listingsPass();
    void batchesPass();
    void prefixDeletionsPass();
    void operationsPass();
    void whatPrismCannotCarry();
    void tooFewReplicas();
    void aNodeWithoutAFile();
    void aNodeThatHasNotJoined();
    void aMemberIsForgotten();
    void aMemberLeaves();
    void everyDocumentedAnswerCame();
    void cleanupTestCase();

private:
    [[nodiscard]] QString path(const char *name) const
    {
        return m_cluster->directory() + QLatin1Char('/') + QLatin1String(name);
    }
    [[nodiscard]] bool write(const QString &file, const QByteArray &text) const;
    [[nodiscard]] QJsonObject operationOf(const QByteArray &method, const QByteArray &target) const;
    void note(const QByteArray &method, const QByteArray &target, int status);
    /// What asks the same node as m_proxy, for requests that are right.
    [[nodiscard]] const PrismProxy &strictest() const
    {
        return m_proxy == m_main.get() ? *m_strict : *m_proxy;
    }
    /// Fails the test, and goes on, where the answer through the proxy has another status or prism
    /// found a difference.
    HttpAnswer expect(int status, const QByteArray &method, const QByteArray &target,
                      const QByteArray &fields = {}, const QByteArray &body = {});
    /// Any status that is documented.
    HttpAnswer pass(const DocumentRequest &request);
    HttpAnswer judge(const Validated &came, const QByteArray &name, int status);
    HttpAnswer expectLines(const QByteArray &body, const QByteArray &query = {});
    /// The same of the node itself; \a head is the first line and fields.
    HttpAnswer expectDirectly(int status, const QByteArray &method, const QByteArray &target,
                              const QByteArray &fields = {});
    static void fail(const QByteArray &why) { QTest::qFail(why.constData(), __FILE__, __LINE__); }

    std::unique_ptr<Cluster> m_cluster;
    std::unique_ptr<PrismProxy> m_main;
    std::unique_ptr<PrismProxy> m_strict; ///< Of the same node, with --errors.
    const PrismProxy *m_proxy = nullptr;  ///< The one that is asked.
    QByteArray m_text;
    QJsonObject m_document;
    QSet<QByteArray> m_seen; ///< `<operationId> <status>`
    int m_asked = 0;
};

void TestContract::initTestCase()
{
    QVERIFY2(qEnvironmentVariableIsSet("DYNAKV_PRISM"), "tests/contract/run.sh runs this");
    m_cluster = std::make_unique<Cluster>(3);
    QVERIFY(m_cluster->start());
    m_text = m_cluster->rest(0).get("/openapi.json").body;
    m_document = QJsonDocument::fromJson(m_text).object();
    QVERIFY(!m_document.isEmpty());
    QVERIFY(write(path("openapi.json"), m_text));
    m_main = std::make_unique<PrismProxy>(m_cluster->node(0).address(), path("openapi.json"),
                                          m_cluster->directory());
    QVERIFY2(m_main->start(), m_main->log().constData());
    m_strict = std::make_unique<PrismProxy>(m_cluster->node(0).address(), path("openapi.json"),
                                            m_cluster->directory(), PrismProxy::OnFault::Stop);
    QVERIFY2(m_strict->start(), m_strict->log().constData());
    m_proxy = m_main.get();
}

bool TestContract::write(const QString &name, const QByteArray &text) const
{
    QFile file(name);
    return file.open(QIODevice::WriteOnly) && file.write(text) == text.size();
}

QJsonObject TestContract::operationOf(const QByteArray &method, const QByteArray &target) const
{
    const QByteArray wanted = target.split('?').first();
    const QJsonObject paths = member(m_document, "paths");
    QJsonObject found = member(paths, wanted.constData());
    for (auto it = paths.begin(); found.isEmpty() && it != paths.end(); ++it) {
        const QByteArray name = it.key().toUtf8();
        const qsizetype brace = name.indexOf('{');
        if (brace > 0 && wanted.size() > brace && wanted.startsWith(name.left(brace)))
            found = it.value().toObject();
    }
    return member(found, method.toLower().constData());
}

void TestContract::note(const QByteArray &method, const QByteArray &target, int status)
{
    const QJsonObject operation = operationOf(method, target);
    m_seen.insert(operation.value(QLatin1String("operationId")).toString().toUtf8() + ' ' +
                  QByteArray::number(status));
    ++m_asked;
}

HttpAnswer TestContract::judge(const Validated &came, const QByteArray &name, int status)
{
    QList<QByteArray> faults = came.answerFaults;
    if (!blamesTheRequest(came.answer.status))
        faults += came.requestFaults;
    if (came.answer.status != status)
        faults.append("the status is not " + QByteArray::number(status));
    // Prism's own errors have none.
    if (came.answer.headers.count("x-request-id") == 0)
        faults.append("the node did not answer");
    if (!faults.isEmpty()) {
        fail(name + ": " + faults.join("; ") + "\n   " + QByteArray::number(came.answer.status) +
             ' ' + came.answer.failure + came.answer.body.left(400));
    }
    return came.answer;
}

HttpAnswer TestContract::expect(int status, const QByteArray &method, const QByteArray &target,
                                const QByteArray &fields, const QByteArray &body)
{
    note(method, target, status);
    const PrismProxy &proxy = blamesTheRequest(status) ? *m_proxy : strictest();
    return judge(proxy.ask(method, target, fields, body), method + ' ' + target, status);
}

HttpAnswer TestContract::pass(const DocumentRequest &request)
{
    const Validated came =
        strictest().ask(request.method, request.target, request.fields, request.body);
    const QJsonObject responses = member(request.operation, "responses");
    if (!responses.contains(QString::number(came.answer.status)))
        fail(request.name() + ": its answer is not documented");
    note(request.method, request.target, came.answer.status);
    return judge(came, request.name(), came.answer.status);
}

HttpAnswer TestContract::expectLines(const QByteArray &body, const QByteArray &query)
{
    const HttpAnswer answer = expect(200, "POST", "/v1/batch" + query, kLines, body);
    const QJsonObject response =
        member(member(operationOf("POST", "/v1/batch"), "responses"), "200");
    const QJsonObject content = member(member(response, "content"), "application/x-ndjson");
    const auto faults = test::JsonSchema(m_document)
                            .lineFaults(answer.body, member(content, "x-lineSchema"), "batch");
    if (!faults.isEmpty() || answer.body.count('\n') != body.count('\n'))
        fail("a batch: " + faults.join("; ") + answer.body.left(400));
    return answer;
}

HttpAnswer TestContract::expectDirectly(int status, const QByteArray &method,
                                        const QByteArray &target, const QByteArray &fields)
{
    note(method, target, status);
    const QByteArray head = method + ' ' + target + " HTTP/1.1\r\n" + fields;
    const HttpAnswer answer = test::Exchange(m_cluster->node(0).address(), head, {}).finish();
    QList<QByteArray> faults;
    if (answer.status != status)
        faults.append("the status is " + QByteArray::number(answer.status));
    if (answer.status >= 400 && method != "HEAD") {
        const QJsonObject problem =
            member(member(member(m_document, "components"), "schemas"), "Problem");
        faults += test::JsonSchema(m_document).faults(answer.object(), problem);
    }
    if (!faults.isEmpty())
        fail(method + ' ' + target + ": " + faults.join("; ") + answer.body.left(400));
    return answer;
}

/// The check can fail: a document that is wrong in one place for each of these is found out.
void TestContract::aWrongDocumentIsNoticed()
{
    struct Wrong
    {
        const char *is;
        const char *becomes;
        const char *method;
        const char *target;
        const char *body = "";
    };
    const Wrong wrongs[] = {
        {R"("enum": ["dynakvd"])", R"("enum": ["other"])", "GET", "/version"},
        {R"("required": ["name", "version", "links"])", R"("required": ["never"])", "GET", "/"},
        {R"("required": ["jobs"])", R"("additionalProperties": false, "x": [0])", "GET",
         "/v1/jobs"},
        {R"("schema": {"type": "array", "items": {"type": "string"}})",
         R"("schema": {"type": "object"})", "GET", "/membership"},
        {R"("maximum": 1000})", R"("maximum": 5})", "GET", "/v1/keys?limit=10"},
        {R"("pattern": "^[0-9a-f]{16}:[0-9]+$")", R"("pattern": "^x$")", "GET", "/v1/keys"},
        {R"({"description": "It does.", "content": {"text/plain")",
         R"({"description": "It does.", "content": {"text/html")", "GET", "/livez"},
        {R"("202": {)", R"("203": {)", "POST", "/v1/admin/compact"},
        {R"("ttl": {"type": "integer")", R"("ttl": {"type": "string")", "PUT", "/key/wrong",
         R"({"value":1,"ttl":60})"},
        {R"("name": "level")", R"("required": true, "name": "level")", "POST",
         "/v1/admin/log-level"},
        {R"("pattern": "^[a-z0-9_]+$")", R"("pattern": "^[A-Z]+$")", "GET", "/key/absent"},
    };
    QByteArray text = m_text;
    for (const Wrong &wrong : wrongs) {
        QVERIFY2(text.contains(wrong.is), wrong.is);
        text.replace(wrong.is, wrong.becomes);
    }
    // The word that stands in for a member left out.
    text.replace(R"(, "x": [0],)", ",");
    text.replace(R"("properties": {"jobs": )", R"("properties": {"works": )");
    QVERIFY(write(path("wrong.json"), text));
    PrismProxy proxy(m_cluster->node(0).address(), path("wrong.json"), m_cluster->directory());
    QVERIFY2(proxy.start(), proxy.log().constData());
    for (const Wrong &wrong : wrongs) {
        const QByteArray body = wrong.body;
        const Validated came =
            proxy.ask(wrong.method, wrong.target, body.isEmpty() ? "" : kJson, body);
        QVERIFY2(came.answer.headers.count("x-request-id") == 1, wrong.target);
        QVERIFY2(!came.requestFaults.isEmpty() || !came.answerFaults.isEmpty(), wrong.target);
    }
}

void TestContract::theDocumentsExamplesPass()
{
    for (const DocumentRequest &request : test::documentRequests(m_document)) {
        const bool isForLone = request.operation.value(QLatin1String("x-exampleAlone")).toBool();
        if (!request.isStream() && request.optional != "raw" && !isForLone)
            pass(request);
    }
}

void TestContract::whatNoOperationKnowsIsRefused()
{
    for (const DocumentRequest &request : test::documentRequests(m_document)) {
        if (request.optional.isEmpty())
            expect(400, request.method, with(request.target, "nonsense=1"), request.fields,
                   request.body);
    }
}

void TestContract::valuesPass()
{
    for (const QByteArray target :
         {"/key/a%2Fb%20c", "/key?k64=Lg", "/key/%C3%A9", "/key?k64=_w"}) {
        expect(200, "PUT", target, kJson, R"({"value":{"n":[1,2.5,null,true,"x"]}})");
        expect(200, "PUT", target, kJson, R"({"value":"short","ttl":60})");
        expect(200, "GET", target);
        expect(200, "GET", with(target, "meta=true"));
        expect(200, "GET", with(target, "r=all"));
        // What curl says of -d.
        expect(200, "PUT", target, "Content-Type: application/x-www-form-urlencoded\r\n",
               R"({"value":1})");
        expect(200, "PUT", with(target, "w=all&durability=os&timeout=5000"), kBytes, "bytes");
        expect(200, "GET", target, "Accept: application/octet-stream\r\n");
        expect(200, "GET", with(target, "meta"));
        expect(200, "PUT", with(target, "raw&ttl=3600"), "Content-Type: text/csv;header=absent\r\n",
               "1,2\n");
        const HttpAnswer raw = expect(200, "GET", with(target, "raw=true"));
        QCOMPARE(raw.body, "1,2\n");
        expect(200, "DELETE", with(target, "w=quorum"));
        expect(200, "DELETE", target);
        expect(404, "GET", target);
        expect(404, "GET", with(target, "raw"));
        for (const char *wrong : {"ttl=0", "w=4", "w=most", "timeout=0", "durability=memory",
                                  "raw=perhaps", "ttl=1&ttl=2", "ttl=%25"})
            expect(400, "PUT", with(target, wrong), kJson, R"({"value":1})");
        expect(400, "PUT", target, kJson, R"({"valeu":1})");
        expect(400, "PUT", target, "Content-Type: text/plain\r\n", "{");
        expect(400, "GET", with(target, "r=0"));
        expect(400, "GET", target, "DynaKV-At-Least: yesterday\r\n");
        expect(400, "DELETE", with(target, "w=0"));
        expect(413, "PUT", target, kBytes, QByteArray((1 << 20) + 1, 'x'));
        expect(415, "PUT", target, "Content-Type: image/png\r\n", "x");
        expect(415, "PUT", target, QByteArray(kJson) + "Content-Encoding: zstd\r\n", "{}");
    }
    expect(400, "GET", "/key?k64=*");
    expect(400, "GET", "/key/" + QByteArray(1025, 'k'));
}

void TestContract::conditionsPass()
{
    for (const QByteArray target : {"/key/condition", "/key?k64=Li4"}) {
        const QByteArray value = R"({"value":1})";
        const QByteArray json = kJson;
        const QByteArray etag = fieldOf(expect(200, "PUT", target, json, value), "etag");
        const QByteArray version = etag.mid(1, etag.size() - 2);
        const QByteArray other = "\"0000000000000001-0000000000000001\"";
        expect(304, "GET", target, "If-None-Match: " + etag + "\r\n");
        expect(304, "GET", target, "If-None-Match: *\r\n");
        expect(200, "GET", target, "If-None-Match: " + other + ", W/" + other + "\r\n");
        expect(412, "GET", target, "If-Match: " + other + "\r\n");
        expect(200, "GET", target, "DynaKV-At-Least: " + version + "\r\n");
        expect(503, "GET", with(target, "timeout=300"),
               "DynaKV-At-Least: ffffffffffff0000-0000000000000001\r\n");
        expect(412, "PUT", target, json + "If-None-Match: *\r\n", value);
        expect(412, "PUT", target, json + "If-Match: " + other + "\r\n", value);
        expect(400, "PUT", target, json + "If-Match: unquoted\r\n", value);
        expect(200, "PUT", target, json + "If-Match: " + etag + "\r\n", value);
        expect(412, "DELETE", target, "If-Match: " + etag + "\r\n");
        expect(200, "DELETE", target, "If-Match: *\r\n");
        expect(412, "DELETE", target, "If-Match: *\r\n");
        expect(412, "PUT", target, json + "If-Match: *\r\n", value);
        expect(200, "PUT", target, json + "If-None-Match: *\r\n", value);
    }
}

void TestContract::listingsPass()
{
    for (const char *key : {"l/a/1", "l/a/2", "l/b", "l/c/1", "l/d"})
        expect(200, "PUT", "/key/" + QByteArray(key).toPercentEncoding(), kJson,
               R"({"value":[1]})");
    expect(200, "PUT", "/key?k64=bC_-", kBytes, "bytes");
    expect(200, "PUT", "/key?k64=bC_-Lw", "Content-Type: text/plain\r\n", R"({"value":1})");
    expect(200, "PUT", "/key/l%2Fe?ttl=600", kJson, R"({"value":1})");
    for (const QByteArray reverse : {"", "&reverse=true", "&reverse=0"}) {
        for (const QByteArray delimiter : {"", "&delimiter=%2F", "&delimiter="}) {
            QByteArray after;
            int pages = 0;
            do {
                const QByteArray query = "/v1/keys?prefix=l%2F&values=true&limit=2";
                const HttpAnswer page = expect(200, "GET", query + reverse + delimiter + after);
                const QByteArray next =
                    page.object().value(QLatin1String("next")).toString().toUtf8();
                QCOMPARE(page.headers.count("link") == 1, !next.isEmpty());
                after = next.isEmpty() ? QByteArray() : "&after=" + next;
            } while (!after.isEmpty() && ++pages < 10);
            QVERIFY(pages > 1 && pages < 10);
        }
    }
    expect(200, "GET", "/v1/keys?prefix=no%2Fsuch");
    expect(200, "GET", "/v1/keys?from=l%2Fb&limit=1000&values");
    for (const char *wrong :
         {"limit=0", "limit=1001", "limit=ten", "reverse=down", "after=b3BhcXVl", "values=x"})
        expect(400, "GET", QByteArray("/v1/keys?") + wrong);
}

void TestContract::batchesPass()
{
    expectLines(
        "{\"op\":\"put\",\"key\":\"b\",\"value\":{\"a\":1},\"ttl\":60}\n"
        "{\"op\":\"get\",\"key\":\"b\"}\n"
        "{\"op\":\"put\",\"key_b64\":\"/w==\",\"value_b64\":\"AAE=\",\"content_type\":\"a/b\"}\n"
        "{\"op\":\"get\",\"key_b64\":\"/w==\"}\n"
        "{\"op\":\"put\",\"key\":\"b\",\"value\":1,\"if_none_match\":\"*\"}\n"
        "{\"op\":\"delete\",\"key\":\"b\",\"if_match\":\"*\"}\n"
        "{\"op\":\"get\",\"key\":\"b\"}\n"
        "{\"op\":\"delete\",\"key\":\"b\"}\n");
    // Lines that are wrong spoil only themselves.
    expectLines("\n{\"op\":\"get\"}\n{\"op\":\"jump\",\"key\":\"k\"}\nno JSON\n"
                "{\"op\":\"put\",\"key\":\"k\",\"value\":1,\"ttl\":0}\n",
                "?w=all&durability=sync&timeout=5000");
    expect(400, "POST", "/v1/batch?w=none", kLines, "{\"op\":\"get\",\"key\":\"b\"}\n");
    expect(413, "POST", "/v1/batch", kLines, QByteArray(10'001, '\n'));
    expect(415, "POST", "/v1/batch", kJson, "{}");
}

void TestContract::prefixDeletionsPass()
{
    QByteArray lines;
    for (int i = 0; i < 1500; ++i)
        lines += "{\"op\":\"put\",\"key\":\"many:" + QByteArray::number(i) + "\",\"value\":1}\n";
    expectLines(lines);
    expect(200, "DELETE", "/v1/keys?prefix=many:1&dry_run=true");
    expect(200, "DELETE", "/v1/keys?prefix=many:&dry_run");
    const HttpAnswer begun = expect(202, "DELETE", "/v1/keys?prefix=many:&w=quorum");
    const QByteArray location = fieldOf(begun, "location");
    expect(200, "GET", location);
    QVERIFY(test::waitUntil(
        [&] { return m_cluster->rest(0).get(location).body.contains("\"done\""); }, 20'000));
    expect(200, "GET", location);
    expect(200, "GET", "/v1/jobs");
    expect(200, "DELETE", "/v1/keys?prefix=many:&durability=os&timeout=5000");
    for (const char *wrong : {"prefix=", "prefix=a&all=true", "dry_run=true", "prefix=a&w=9"})
        expect(400, "DELETE", QByteArray("/v1/keys?") + wrong);
}

void TestContract::operationsPass()
{
    const auto settle = [this] {
        return test::waitUntil(
            [this] { return !m_cluster->rest(0).get("/v1/jobs").body.contains("\"running\""); },
            20'000);
    };
    QVERIFY(settle());
    const HttpAnswer begun = expect(202, "POST", "/v1/admin/backup?name=once");
    expect(200, "GET", fieldOf(begun, "location"));
    QVERIFY(settle());
    expect(409, "POST", "/v1/admin/backup?name=once");
    expect(400, "POST", "/v1/admin/backup?name=..%2Fout");
    expect(202, "POST", "/v1/admin/compact");
    QVERIFY(settle());
    expect(400, "POST", "/v1/admin/compact", kJson, "{}");
    expect(404, "GET", "/v1/jobs/999");
    expect(200, "POST", "/v1/admin/log-level?level=warning,http.access=debug");
    expect(200, "POST", "/v1/admin/log-level?level=info");
    expect(400, "POST", "/v1/admin/log-level?level=loud");
    expect(200, "POST", "/v1/admin/repair");
    expect(404, "POST", "/v1/admin/forget?node=00000000000000a1");
    expect(400, "POST", "/v1/admin/forget?node=me");
    expect(200, "GET", "/v1/key-replicas/l%2Fb?timeout=2000");
    expect(200, "GET", "/v1/key-replicas/none");
    expect(400, "GET", "/v1/key-replicas/none?timeout=-1");
    for (const char *target : {"/readyz", "/readyz?verbose", "/livez", "/metrics", "/version", "/",
                               "/v1/stats", "/v1/cluster", "/membership", "/openapi.json"})
        expect(200, "GET", target);
}

void TestContract::whatPrismCannotCarry()
{
    expectDirectly(404, "GET", "/key/a/deep/key");
    expectDirectly(200, "GET", "/key/%FF");
    expectDirectly(200, "GET", "/v1/keys?prefix=%FF");
    expectDirectly(404, "GET", "/no/such/path");
    const HttpAnswer refused = expectDirectly(405, "POST", "/key/k", "Content-Length: 0\r\n");
    QCOMPARE(fieldOf(refused, "allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
    expectDirectly(204, "OPTIONS", "/v1/keys");
    expectDirectly(411, "PUT", "/key/k");
    expectDirectly(411, "PUT", "/key?k64=aw");
    expectDirectly(411, "POST", "/v1/batch", kLines);
    expectDirectly(400, "GET", "http://elsewhere.example/livez");
    expectDirectly(400, "GET", "/v1/keys?prefix=%FG");
    for (const char *target : {"/livez", "/v1/keys", "/v1/watch", "/metrics"}) {
        const HttpAnswer head = expectDirectly(200, "HEAD", target);
        QVERIFY2(head.body.isEmpty() && head.headers.count("content-type") == 1, target);
    }

    test::EventStream stream(m_cluster->node(0).address(), "/v1/watch?prefix=w&values=true");
    QVERIFY(stream.head().contains("Content-Type: text/event-stream"));
    note("GET", "/v1/watch", 200);
    const auto first = stream.next();
    QVERIFY(first && first->name == "bookmark");
    expect(200, "PUT", "/key/watched", kJson, R"({"value":1})");
    const auto put = stream.next();
    QVERIFY(put && put->name == "put" && put->key() == "watched");
    expect(400, "GET", "/v1/watch?values=x");
}

void TestContract::tooFewReplicas()
{
    const QByteArray few = "w=all&timeout=300";
    m_cluster->node(1).pause();
    m_cluster->node(2).pause();
    for (const QByteArray target : {"/key/few", "/key?k64=ZmV3"}) {
        expect(503, "PUT", with(target, few), kJson, R"({"value":1})");
        expect(503, "GET", with(target, "r=all&timeout=300"));
        expect(503, "DELETE", with(target, few));
    }
    expectLines("{\"op\":\"put\",\"key\":\"few\",\"value\":1}\n{\"op\":\"get\",\"key\":\"few\"}\n",
                "?" + few);
    expect(200, "GET", "/v1/key-replicas/few?timeout=200");
    m_cluster->node(1).resume();
    m_cluster->node(2).resume();
    QVERIFY(m_cluster->waitForAll());
}

void TestContract::aNodeWithoutAFile()
{
    test::DaemonProcess &node = m_cluster->add();
    node.setOptions({QStringLiteral("--durability=memory")});
    QVERIFY(node.start());
    PrismProxy proxy(node.address(), path("openapi.json"), m_cluster->directory());
    QVERIFY2(proxy.start(), proxy.log().constData());
    m_proxy = &proxy;
    for (const QByteArray target : {"/key/m", "/key?k64=bQ"}) {
        expect(200, "PUT", target, kJson, R"({"value":1})");
        expect(409, "PUT", with(target, "durability=sync"), kJson, R"({"value":1})");
        expect(409, "DELETE", with(target, "durability=os"));
        expect(200, "DELETE", target);
    }
    expect(409, "DELETE", "/v1/keys?prefix=m&durability=sync");
    expect(409, "POST", "/v1/batch?durability=sync", kLines, "{\"op\":\"delete\",\"key\":\"m\"}\n");
    expect(409, "POST", "/v1/admin/compact");
    expect(409, "POST", "/v1/admin/backup");
    expect(200, "GET", "/v1/stats");
    expect(200, "GET", "/v1/cluster");
    m_proxy = m_main.get();
    node.killHard();
}

void TestContract::aNodeThatHasNotJoined()
{
    test::DaemonProcess &node = m_cluster->add();
    // Nobody listens there.
    QVERIFY(node.start({test::freeAddress().toString()}));
    PrismProxy proxy(node.address(), path("openapi.json"), m_cluster->directory());
    QVERIFY2(proxy.start(), proxy.log().constData());
    m_proxy = &proxy;
    for (const DocumentRequest &request : test::documentRequests(m_document)) {
        if (request.optional != "raw")
            pass(request);
    }
    expect(503, "GET", "/readyz");
    expect(503, "GET", "/v1/watch");
    expect(503, "PUT", "/key/j", kJson, R"({"value":1})");
    m_proxy = m_main.get();
    node.killHard();
}

void TestContract::aMemberIsForgotten()
{
    const auto memberWith = [this](const QByteArray &address) {
        const QJsonObject cluster = m_cluster->rest(0).get("/v1/cluster").object();
        for (const QJsonValue &each : cluster.value(QLatin1String("members")).toArray()) {
            if (each[QLatin1String("address")].toString().toUtf8() == address)
                return each.toObject();
        }
        return QJsonObject();
    };
    const QByteArray address = m_cluster->node(2).address().toString();
    const QByteArray target = "/v1/admin/forget?node=" +
                              memberWith(address).value(QLatin1String("id")).toString().toUtf8();
    expect(409, "POST", target);
    m_cluster->node(2).killHard();
    QVERIFY(test::waitUntil(
        [&] { return memberWith(address).value(QLatin1String("state")) == QLatin1String("down"); },
        60'000));
    expect(200, "GET", "/v1/cluster");
    expect(200, "GET", "/v1/key-replicas/l%2Fb");
    expect(200, "POST", target);
}

void TestContract::aMemberLeaves()
{
    PrismProxy proxy(m_cluster->node(1).address(), path("openapi.json"), m_cluster->directory());
    QVERIFY2(proxy.start(), proxy.log().constData());
    m_proxy = &proxy;
    expect(200, "POST", "/v1/admin/leave");
    expect(409, "POST", "/v1/admin/leave");
    m_proxy = m_main.get();
}

void TestContract::everyDocumentedAnswerCame()
{
    QList<QByteArray> missing;
    QSet<QByteArray> excused = notBroughtAbout();
    for (const DocumentRequest &request : test::documentRequests(m_document)) {
        if (!request.optional.isEmpty())
            continue;
        const QByteArray id =
            request.operation.value(QLatin1String("operationId")).toString().toUtf8();
        for (const QString &status : member(request.operation, "responses").keys()) {
            const QByteArray answer = id + ' ' + status.toUtf8();
            if (status == QLatin1String("default") || m_seen.contains(answer))
                continue;
            if (!excused.remove(answer))
                missing.append(answer);
        }
    }
    QVERIFY2(missing.isEmpty(), missing.join(", ").constData());
    // Whoever brings one about takes it from the list.
    QVERIFY2(excused.isEmpty(), excused.values().join(", ").constData());
    qInfo("%d requests, %d kinds of answer", m_asked, static_cast<int>(m_seen.size()));
}

void TestContract::cleanupTestCase()
{
    m_main.reset();
    m_strict.reset();
    m_cluster.reset();
}

QTEST_GUILESS_MAIN(TestContract)
#include "tst_contract.moc"
