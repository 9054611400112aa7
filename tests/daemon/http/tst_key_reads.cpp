// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/router.h"
#include "tests/daemon/http/api_fixture.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::http;
using Status = core::ReadOutcome::Status;

using test::objectOf;

namespace {

constexpr qint64 kNowMs = 1'700'000'000'000;

core::Record recordOf(quint64 clock, const QByteArray &value)
{
    return {"k", core::RecordKind::Value, {clock, 2}, 0, {}, {}, value};
}

} // namespace

/// `GET /key/{key}` with `r` and `DynaKV-At-Least`, and where this node must not answer by itself.
class TestKeyReads : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void oneReplicaIsReadFromTheTable();
    void moreAreAsked_data();
    void moreAreAsked();
    void whatIsNoNumberOfReplicasIsRefused_data();
    void whatIsNoNumberOfReplicasIsRefused();
    void aSeenVersionIsReadFromTheTableIfItIsThere();
    void aMalformedVersionIsRefused_data();
    void aMalformedVersionIsRefused();
    void theOutcomeIsShownAsAnyValue();
    void tooFewAreTold();
    void whatIsNotReachedIsTold();
    void whoIsNotReadyAsksOthers();

private:
    Answer ask(const QByteArray &query, const QByteArray &atLeast = {});
    HttpReply reply(const core::ReadOutcome &outcome, const QByteArray &query = "r=2");

    std::unique_ptr<test::ApiFixture> m_api;
};

void TestKeyReads::init()
{
    m_api = std::make_unique<test::ApiFixture>(kNowMs);
    m_api->coordinator.setMembers({{1, "a:1", "a:2"}, {2, "b:1", "b:2"}, {3, "c:1", "c:2"}});
}

Answer TestKeyReads::ask(const QByteArray &query, const QByteArray &atLeast)
{
    HttpRequest request;
    request.path = "/key/k";
    request.query = query;
    request.atLeast = atLeast;
    request.requestId = "id-1";
    return route(request, m_api->context);
}

HttpReply TestKeyReads::reply(const core::ReadOutcome &outcome, const QByteArray &query)
{
    const Answer answer = ask(query);
    const auto *read = std::get_if<PendingRead>(&answer);
    return read ? read->toReply(outcome) : HttpReply{-1};
}

void TestKeyReads::oneReplicaIsReadFromTheTable()
{
    m_api->table.apply(recordOf(1, "1"));
    for (const char *query : {"", "r=1", "timeout=5"}) {
        const Answer answer = ask(query);
        const auto *reply = std::get_if<HttpReply>(&answer);
        QVERIFY(reply && reply->body == R"({"value":1})");
    }
}

void TestKeyReads::moreAreAsked_data()
{
    using Kind = core::WriteConcern::Kind;
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<core::ReadRequest>("expected");
    const auto row = [](const char *query, core::ReadConcern concern, int timeoutMs = 3000) {
        QTest::newRow(query) << QByteArray(query) << core::ReadRequest{"k", concern, {}, timeoutMs};
    };
    row("r=2", {Kind::Count, 2});
    row("r=3&timeout=70", {Kind::Count, 3}, 70);
    row("r=quorum", {Kind::Quorum});
    row("r=all", {Kind::All});
}

void TestKeyReads::moreAreAsked()
{
    QFETCH(QByteArray, query);
    QFETCH(core::ReadRequest, expected);
    m_api->table.apply(recordOf(1, "1"));
    const Answer answer = ask(query);
    const auto *read = std::get_if<PendingRead>(&answer);
    QVERIFY(read);
    QCOMPARE(read->request, expected);
}

void TestKeyReads::whatIsNoNumberOfReplicasIsRefused_data()
{
    QTest::addColumn<QByteArray>("query");
    for (const char *query : {"r=", "r=0", "r=4", "r=-1", "r=most", "r=1&r=1", "w=1"})
        QTest::newRow(query) << QByteArray(query);
}

void TestKeyReads::whatIsNoNumberOfReplicasIsRefused()
{
    QFETCH(QByteArray, query);
    const Answer answer = ask(query);
    const auto *reply = std::get_if<HttpReply>(&answer);
    QVERIFY(reply && reply->status == 400);
    QCOMPARE(objectOf(*reply).value(QLatin1String("code")).toString(),
             QLatin1String("bad_parameter"));
}

void TestKeyReads::aSeenVersionIsReadFromTheTableIfItIsThere()
{
    m_api->table.apply(recordOf(5, "1"));
    for (const core::Version version : {core::Version{4, 9}, core::Version{5, 2}}) {
        const Answer answer = ask({}, version.toString());
        const auto *reply = std::get_if<HttpReply>(&answer);
        QVERIFY(reply && reply->status == 200);
    }
    const core::Version later{5, 3};
    const Answer answer = ask({}, later.toString());
    const auto *read = std::get_if<PendingRead>(&answer);
    QVERIFY(read);
    QCOMPARE(read->request, (core::ReadRequest{"k", {}, later, 3000}));
    // A deletion is a version too.
    core::Record tombstone{"k", core::RecordKind::Tombstone, {6, 2}, 0, {}, {}, {}};
    m_api->table.apply(tombstone);
    const Answer deleted = ask({}, later.toString());
    const auto *reply = std::get_if<HttpReply>(&deleted);
    QVERIFY(reply && reply->status == 404);
}

void TestKeyReads::aMalformedVersionIsRefused_data()
{
    QTest::addColumn<QByteArray>("version");
    for (const char *version : {"1", "x", "\"0000000000000001-0000000000000002\"",
                                "0000000000000001-000000000000000", "*"})
        QTest::newRow(version) << QByteArray(version);
}

void TestKeyReads::aMalformedVersionIsRefused()
{
    QFETCH(QByteArray, version);
    const Answer answer = ask({}, version);
    const auto *reply = std::get_if<HttpReply>(&answer);
    QVERIFY(reply && reply->status == 400);
}

void TestKeyReads::theOutcomeIsShownAsAnyValue()
{
    const HttpReply found = reply({.record = recordOf(7, "[1]"), .acked = 2}, "r=2&meta");
    QCOMPARE(found.status, 200);
    QCOMPARE(objectOf(found).value(QLatin1String("version")).toString(),
             QLatin1String("0000000000000007-0000000000000002"));
    QCOMPARE(reply({.acked = 2}).status, 404);
    core::Record expired = recordOf(7, "1");
    expired.expiresAtMs = kNowMs;
    QCOMPARE(reply({.record = expired, .acked = 2}).status, 404);
}

void TestKeyReads::tooFewAreTold()
{
    const HttpReply answer =
        reply({.status = Status::TooFewReplicas, .acked = 1, .required = 2, .detail = "why"});
    QCOMPARE(answer.status, 503);
    const QJsonObject problem = objectOf(answer);
    QCOMPARE(problem.value(QLatin1String("code")).toString(), QLatin1String("too_few_replicas"));
    QCOMPARE(problem.value(QLatin1String("acked")).toInt(), 1);
    QCOMPARE(problem.value(QLatin1String("required")).toInt(), 2);
    QVERIFY(!problem.contains(QLatin1String("outcome"))); // Nothing could have been changed.
    QVERIFY(std::any_of(answer.headers.begin(), answer.headers.end(),
                        [](const auto &each) { return each.first == "Retry-After"; }));
}

void TestKeyReads::whatIsNotReachedIsTold()
{
    const HttpReply answer = reply({.status = Status::TooOld});
    QCOMPARE(answer.status, 503);
    QCOMPARE(objectOf(answer).value(QLatin1String("code")).toString(),
             QLatin1String("version_not_reached"));
    QCOMPARE(objectOf(reply({.status = Status::NotReady, .detail = "busy"}))
                 .value(QLatin1String("code"))
                 .toString(),
             QLatin1String("overload"));
}

void TestKeyReads::whoIsNotReadyAsksOthers()
{
    m_api->table.apply(recordOf(1, "1"));
    m_api->coordinator.setReadiness(core::Readiness::CatchingUp);
    const Answer answer = ask({});
    const auto *read = std::get_if<PendingRead>(&answer);
    QVERIFY(read);
    QCOMPARE(read->request.concern, core::ReadConcern{});
    QCOMPARE(read->toReply({.record = recordOf(2, "2"), .acked = 1}).body, R"({"value":2})");
    const HttpReply alone = read->toReply({.status = Status::TooFewReplicas});
    QCOMPARE(objectOf(alone).value(QLatin1String("code")).toString(), QLatin1String("catching_up"));
    const HttpReply some = read->toReply({.status = Status::TooFewReplicas, .acked = 1});
    QCOMPARE(objectOf(some).value(QLatin1String("code")).toString(),
             QLatin1String("too_few_replicas"));
}

QTEST_GUILESS_MAIN(TestKeyReads)
#include "tst_key_reads.moc"
