// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/api_test.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using http::HttpReply;
using http::HttpRequest;
using http::Method;
using test::headerOf;
using test::objectOf;

Q_DECLARE_METATYPE(dynakv::core::WriteCondition)

/// What PUT and DELETE ask the node for, and what they say of the outcome.
class TestApiWrites : public test::ApiTest
{
    Q_OBJECT

private Q_SLOTS:
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
};

void TestApiWrites::putsWhatTheBodySays_data()
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

void TestApiWrites::putsWhatTheBodySays()
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

void TestApiWrites::refusesPuts_data()
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

void TestApiWrites::refusesPuts()
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

void TestApiWrites::aNameEndsAtNoZeroByte()
{
    const auto detailOf = [this](const QByteArray &query) { return get("/v1/keys?" + query).body; };
    QVERIFY(detailOf("limit=1&limit%00=2").contains("is not known here"));
    QVERIFY(detailOf("a%00b=1&a%00b=2").contains("stands twice"));
}

void TestApiWrites::passesConditionsOn_data()
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

void TestApiWrites::passesConditionsOn()
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

void TestApiWrites::refusesConditions()
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

void TestApiWrites::tellsTheLoserWhatIsThere()
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

void TestApiWrites::passesTheOptionsOfAWriteOn()
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

void TestApiWrites::passesTheDurabilityOfAWriteOn()
{
    using core::Durability;
    QCOMPARE(write(put("/key/k", "{\"value\":1}")).request.durability, std::nullopt);
    for (const auto each : {Durability::Sync, Durability::Interval, Durability::Os}) {
        const QByteArray target = "/key/k?durability=" + core::toText(each);
        QCOMPARE(write(put(target, "{\"value\":1}")).request.durability, std::optional(each));
        QCOMPARE(write(request(Method::Delete, target)).request.durability, std::optional(each));
    }
}

void TestApiWrites::refusesADurabilityThatCannotBe_data()
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

void TestApiWrites::refusesADurabilityThatCannotBe()
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

void TestApiWrites::tellsTheOutcomeOfAPut()
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

void TestApiWrites::tellsTheOutcomeOfADelete()
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

void TestApiWrites::tellsAnUnknownOutcome()
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

void TestApiWrites::tellsWhyAWriteFailed_data()
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

void TestApiWrites::tellsWhyAWriteFailed()
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

QTEST_GUILESS_MAIN(TestApiWrites)
#include "tst_api_writes.moc"
