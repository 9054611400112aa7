// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"
#include "tests/support/document_requests.h"
#include "tests/support/json_schema.h"
#include "tests/support/metrics_checker.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QStandardPaths>
#include <QTest>

using namespace dynakv;
using test::Cluster;
using test::DocumentRequest;
using test::HttpAnswer;

namespace {

QJsonObject member(const QJsonObject &object, const char *name)
{
    return object.value(QLatin1String(name)).toObject();
}

} // namespace

/// What operators ask of real daemons.
class TestOperations : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void theDocumentsExamplesHold();
    void theMetricsTellOfTheCluster();
    void prometheusItselfFindsNothingWrong();
    void theReplicasOfAKeyTellWhatTheyHold();
    void theLogLevelChangesWhileItRuns();
    void logLinesCarryTheIdOfTheirRequest();

private:
    static HttpAnswer ask(Cluster &cluster, const DocumentRequest &request);
    void checkAnswer(const DocumentRequest &request, const HttpAnswer &answer);
    bool hasNoJobRunning();

    std::unique_ptr<Cluster> m_cluster;
    QJsonObject m_document;
};

void TestOperations::initTestCase()
{
    m_cluster = std::make_unique<Cluster>(2);
    m_cluster->node(0).setOptions({QStringLiteral("--log-format=json")});
    QVERIFY(m_cluster->start());
    const HttpAnswer answer = m_cluster->rest(0).get("/openapi.json");
    QCOMPARE(answer.status, 200);
    m_document = answer.object();
    QVERIFY(!m_document.isEmpty());
}

HttpAnswer TestOperations::ask(Cluster &cluster, const DocumentRequest &request)
{
    // A stream has no end; HEAD tells what it would be.
    return test::Exchange(cluster.node(0).address(),
                          (request.isStream() ? "HEAD" : request.method) + ' ' + request.target +
                              " HTTP/1.1\r\n" + request.fields,
                          request.body)
        .finish();
}

/// Its status is documented, and its body is what the document says for that.
void TestOperations::checkAnswer(const DocumentRequest &request, const HttpAnswer &answer)
{
    const test::JsonSchema schema(m_document);
    const QByteArray name = request.name();
    const QJsonObject responses = member(request.operation, "responses");
    const QString status = QString::number(answer.status);
    QVERIFY2(responses.contains(status),
             (name + ": " + status.toLatin1() + answer.body).constData());
    const QJsonObject response = schema.resolved(responses.value(status).toObject());
    const QJsonObject headers = member(response, "headers");
    QVERIFY2(answer.headers.contains("x-request-id"), name.constData());
    if (answer.body.isEmpty())
        return;
    const auto type = answer.headers.find("content-type");
    QVERIFY2(type != answer.headers.end(), name.constData());
    const QByteArray bareType = type->second.split(';').first();
    const QJsonObject content = member(response, "content");
    const QJsonObject described = member(content, bareType.constData());
    const bool isBytes = request.optional == "raw";
    QVERIFY2(!described.isEmpty() || isBytes, (name + ": " + bareType).constData());
    if (const QJsonObject line = member(described, "x-lineSchema"); !line.isEmpty()) {
        const auto faults = schema.lineFaults(answer.body, line, name);
        QVERIFY2(faults.isEmpty(), (faults.join("; ") + ": " + answer.body).constData());
        return;
    }
    if (isBytes || !bareType.endsWith("json"))
        return;
    const QJsonDocument body = QJsonDocument::fromJson(answer.body);
    const QJsonValue root = body.isArray() ? QJsonValue(body.array()) : QJsonValue(body.object());
    const auto faults = schema.faults(root, member(described, "schema"), name);
    QVERIFY2(faults.isEmpty(), (faults.join("; ") + ": " + answer.body).constData());
}

bool TestOperations::hasNoJobRunning()
{
    return !m_cluster->rest(0).get("/v1/jobs").body.contains("\"running\"");
}

void TestOperations::theDocumentsExamplesHold()
{
    const test::JsonSchema schema(m_document);
    const auto requests = test::documentRequests(m_document);
    QVERIFY(requests.size() > 40);
    Cluster lone(1);
    QVERIFY(lone.start());
    for (const DocumentRequest &request : requests) {
        const QByteArray name = request.name();
        const bool isPlain = request.optional.isEmpty();
        if (isPlain)
            QVERIFY(test::waitUntil([this] { return hasNoJobRunning(); }, 30'000));
        // What ends a member's life is asked of a lone node.
        const bool isForLone = request.operation.value(QLatin1String("x-exampleAlone")).toBool();
        const HttpAnswer answer = ask(isForLone ? lone : *m_cluster, request);
        checkAnswer(request, answer);
        QVERIFY2(answer.status != 501, name.constData());
        if (!isPlain)
            continue;
        // Where an example cannot succeed, as nobody is down here, the document says so.
        const int wanted = request.operation.value(QLatin1String("x-exampleStatus")).toInt(200);
        QVERIFY2(answer.status / 100 == wanted / 100, (name + ": " + answer.body).constData());
        const QByteArray status = QByteArray::number(answer.status);
        const QJsonObject responses = member(request.operation, "responses");
        const QJsonObject response = schema.resolved(member(responses, status.constData()));
        QVERIFY2(!member(response, "content").isEmpty(), name.constData());
    }
}

void TestOperations::theMetricsTellOfTheCluster()
{
    QVERIFY(m_cluster->rest(0).putValue("counted", "1"));
    QVERIFY(m_cluster->waitForValue("counted", "1"));
    const QByteArray other = m_cluster->node(1).address().toString();
    const auto value = [this](const QByteArray &series) {
        const test::MetricsChecker checker(m_cluster->rest(0).get("/metrics").body);
        return checker.faults().isEmpty() ? checker.value(series).value_or(-1) : -2;
    };
    // The node thread tells once a second.
    const auto becomes = [&value](const QByteArray &series, auto holds) {
        return test::waitUntil([&] { return holds(value(series)); }, 20'000);
    };
    const auto isPositive = [](double each) { return each > 0; };
    QVERIFY(
        becomes(R"(dynakv_cluster_members{state="alive"})", [](double each) { return each == 2; }));
    QVERIFY(becomes(R"(dynakv_writes_total{outcome="done"})", isPositive));
    const HttpAnswer refused =
        test::Exchange(m_cluster->node(0).address(),
                       "DELETE /key/counted HTTP/1.1\r\nIf-Match: \"none\"\r\n", {})
            .finish();
    QCOMPARE(refused.status, 412);
    QVERIFY(becomes(R"(dynakv_http_requests_total{method="DELETE",route="/key/{key}",code="412"})",
                    isPositive));
    QVERIFY(becomes(R"(dynakv_cluster_messages_total{type="push",direction="sent"})", isPositive));
    QVERIFY(becomes(R"(dynakv_cluster_messages_total{type="push_ack",direction="received"})",
                    isPositive));
    QVERIFY(becomes(R"(dynakv_cluster_bytes_total{direction="received"})", isPositive));
    // In milliseconds, so that on a loopback it may well be none.
    QVERIFY(becomes("dynakv_cluster_rtt_seconds{member=\"" + other + "\"}",
                    [](double each) { return each >= 0; }));
    QVERIFY(becomes("dynakv_replication_lag_seconds{member=\"" + other + "\"}",
                    [](double each) { return each == 0; }));
    QVERIFY(becomes("dynakv_sync_partitions_equal{member=\"" + other + "\"}", isPositive));
    QVERIFY(becomes("dynakv_node_turn_duration_seconds_count", isPositive));
    QVERIFY(becomes("dynakv_storage_sync_duration_seconds_count", isPositive));
    QVERIFY(becomes("process_resident_memory_bytes", [](double each) { return each > 1e6; }));
    QVERIFY(becomes("process_start_time_seconds", [](double each) { return each > 1e9; }));
    QVERIFY(becomes("process_open_fds", [](double each) { return each > 5; }));
    // What it does not confirm any more grows older.
    const QByteArray lag = "dynakv_replication_lag_seconds{member=\"" + other + "\"}";
    bool isOlder = false;
    for (int attempt = 0; attempt < 3 && !isOlder; ++attempt) {
        m_cluster->node(1).pause();
        QVERIFY(m_cluster->rest(0).putValue("counted", "2"));
        // It is told as long as the link stands, which is some seconds.
        isOlder = becomes(lag, isPositive);
        m_cluster->node(1).resume();
        QVERIFY(m_cluster->waitForAll());
    }
    QVERIFY(isOlder);
}

void TestOperations::prometheusItselfFindsNothingWrong()
{
    const QString promtool = QStandardPaths::findExecutable(QStringLiteral("promtool"));
    if (promtool.isEmpty())
        QSKIP("promtool is not installed (Debian package prometheus)");
    const HttpAnswer metrics = m_cluster->rest(0).get("/metrics");
    QCOMPARE(metrics.status, 200);
    QProcess process;
    process.start(promtool, {QStringLiteral("check"), QStringLiteral("metrics")});
    QVERIFY(process.waitForStarted());
    process.write(metrics.body);
    process.closeWriteChannel();
    QVERIFY(process.waitForFinished());
    const QByteArray said = process.readAllStandardError() + process.readAllStandardOutput();
    QVERIFY2(process.exitCode() == 0 && said.isEmpty(), said.constData());
}

void TestOperations::theReplicasOfAKeyTellWhatTheyHold()
{
    const auto replicas = [this](const QByteArray &query) {
        const HttpAnswer answer = m_cluster->rest(0).get("/v1/key-replicas/shared" + query);
        return answer.status == 200 ? answer.object() : QJsonObject();
    };
    const auto of = [](const QJsonObject &object, bool isSelf) {
        for (const QJsonValue &each : object.value(QLatin1String("replicas")).toArray()) {
            if (each[QLatin1String("self")].toBool() == isSelf)
                return each.toObject();
        }
        return QJsonObject();
    };
    QVERIFY(m_cluster->rest(0).putValue("shared", "1"));
    QVERIFY(m_cluster->waitForValue("shared", "1"));
    const QJsonObject both = replicas({});
    QCOMPARE(both.value(QLatin1String("equal")).toBool(), true);
    const QJsonObject mine = of(both, true);
    const QJsonObject theirs = of(both, false);
    QVERIFY(mine.value(QLatin1String("version")).isString());
    for (const char *name : {"answered", "held", "version", "hash", "size", "kind"})
        QCOMPARE(theirs.value(QLatin1String(name)), mine.value(QLatin1String(name)));
    // One that is there and does not answer costs the time given and no more.
    m_cluster->node(1).pause();
    const QJsonObject silent = of(replicas("?timeout=200"), false);
    m_cluster->node(1).resume();
    QCOMPARE(silent.value(QLatin1String("answered")).toBool(true), false);
    QVERIFY(!silent.value(QLatin1String("detail")).toString().isEmpty());
    QVERIFY(m_cluster->waitForAll());
    QCOMPARE(m_cluster->rest(0).del("/key/shared").status, 200);
    QVERIFY(m_cluster->waitForValue("shared", {}));
    QVERIFY(test::waitUntil(
        [&] {
            return of(replicas({}), false).value(QLatin1String("kind")) ==
                   QLatin1String("tombstone");
        },
        30'000));
}

void TestOperations::theLogLevelChangesWhileItRuns()
{
    const auto post = [this](const QByteArray &target) {
        return m_cluster->rest(0).begin("POST", target).finish();
    };
    const auto isLogged = [this](const QByteArray &what) {
        return m_cluster->node(0).log().contains(what);
    };
    QCOMPARE(post("/v1/admin/log-level?level=info").status, 200);
    QCOMPARE(m_cluster->rest(0).get("/key/unseen").status, 404);
    HttpAnswer changed = post("/v1/admin/log-level?level=info,http.access=debug");
    QCOMPARE(changed.status, 200);
    QCOMPARE(changed.object().value(QLatin1String("level")).toString(),
             QStringLiteral("info,http.access=debug"));
    QCOMPARE(m_cluster->rest(0).get("/key/seen").status, 404);
    changed = post("/v1/admin/log-level?level=info");
    QCOMPARE(changed.object().value(QLatin1String("before")).toString(),
             QStringLiteral("info,http.access=debug"));
    QCOMPARE(m_cluster->rest(0).get("/key/unseen").status, 404);
    QCOMPARE(post("/v1/admin/log-level?level=loud").status, 400);
    QVERIFY(test::waitUntil([&] { return isLogged("GET /key/seen 404 in "); }, 30'000));
    QVERIFY(!isLogged("/key/unseen"));
    QVERIFY(isLogged("the log rules are info now"));
}

void TestOperations::logLinesCarryTheIdOfTheirRequest()
{
    m_cluster->rest(0).begin("POST", "/v1/admin/log-level?level=debug").finish();
    const HttpAnswer missing = m_cluster->rest(0).get("/key/whose");
    m_cluster->rest(0).begin("POST", "/v1/admin/log-level?level=info").finish();
    const QByteArray id = missing.headers.at("x-request-id");
    QCOMPARE(missing.object().value(QLatin1String("request_id")).toString().toUtf8(), id);
    QByteArray line;
    QVERIFY(test::waitUntil(
        [&] {
            for (const QByteArray &each : m_cluster->node(0).log().split('\n')) {
                if (each.contains("/key/whose"))
                    line = each;
            }
            return !line.isEmpty();
        },
        30'000));
    const QJsonObject object = QJsonDocument::fromJson(line).object();
    QCOMPARE(object.value(QLatin1String("request_id")).toString().toUtf8(), id);
    QCOMPARE(object.value(QLatin1String("category")).toString(),
             QStringLiteral("dynakv.http.access"));
}

QTEST_GUILESS_MAIN(TestOperations)
#include "tst_operations.moc"
