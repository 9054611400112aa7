// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/api_test.h"

#include <QJsonArray>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using http::HttpReply;
using http::HttpRequest;
using http::Method;
using test::headerOf;
using test::objectOf;

/// The cluster, readiness, and the methods of each path.
class TestApi : public test::ApiTest
{
    Q_OBJECT

private Q_SLOTS:
    void listsAliveAndSuspectMembersSorted();
    void tellsTheCluster();
    void isReadyWhenCaughtUp();
    void tellsWhichMethodsAPathTakes();
};

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
    core::MemberView away{0xb, "h:3", "h:4", core::MemberState::Down};
    away.hintsPending = 12;
    away.areHintsDropped = true;
    m_api->coordinator.setMembers({{0xa, "h:1", "h:2", core::MemberState::Suspect, 1000, true,
                                    "1.2", 5, 6, 0.5, 951, true, -7, 1200, 3, 250, 2000},
                                   away,
                                   {0xc, "h:5", "h:6", core::MemberState::Alive}});
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
    QVERIFY(member[QLatin1String("hints_pending")].isUndefined());
    const QJsonValue hinted = body.value(QLatin1String("members"))[1];
    QCOMPARE(hinted[QLatin1String("hints_pending")].toInt(), 12);
    QCOMPARE(hinted[QLatin1String("hints_dropped")].toBool(), true);
    const QJsonValue whole = body.value(QLatin1String("members"))[2];
    QCOMPARE(whole[QLatin1String("hints_pending")].toInt(-1), 0);
    QVERIFY(whole[QLatin1String("hints_dropped")].isUndefined());
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
