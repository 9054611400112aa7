// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/cluster_status.h"
#include "shared/base/api/key_page.h"
#include "shared/base/api/problem.h"
#include "shared/base/limits.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

using namespace dynakv::base::api;

namespace {

QJsonObject throughText(const QJsonObject &object)
{
    return QJsonDocument::fromJson(QJsonDocument(object).toJson()).object();
}

ClusterStatus exampleStatus()
{
    MemberStatus full;
    full.id = "0123456789abcdef";
    full.address = "127.0.0.1:6660";
    full.clusterAddress = "127.0.0.1:16660";
    full.state = "alive";
    full.sinceMs = 1709210096789;
    full.isSelf = true;
    full.version = "0.1.0";
    full.keys = 9'007'199'254'740'993; // Above 2^53: must not become a double.
    full.bytes = 0;
    full.rttMs = 0.25;
    full.memoryUsedPermille = 951;
    full.mayLack = true;
    full.clockOffsetMs = -3;
    full.replicationLagMs = 1200;
    full.hintsPending = 12;
    full.areHintsDropped = true;
    full.partitionsEqual = 255;
    full.comparedMs = 1709210096789;
    full.holdsPurgeBack = true;
    MemberStatus bare;
    bare.id = "fedcba9876543210";
    bare.address = "[::1]:6661";
    bare.clusterAddress = "[::1]:16661";
    bare.state = "down";
    ClusterStatus status;
    status.clusterId = "00000000000000aa";
    status.nodeId = full.id;
    status.state = "catching_up";
    status.detail = "12 of 256 partitions are fetched";
    status.members = {full, bare};
    status.purgedUpToMs = 1709210000000;
    return status;
}

KeyPage examplePage()
{
    KeyPage page;
    page.keys = {{"a", "v1", 0, 1709210096789, std::nullopt},
                 {QByteArray("\xFF\x00", 2), "v2", 1 << 20, 0, 4107542400000}};
    page.prefixes = {{"dir/", 17, false}, {"\xFE/", 5000, true}};
    page.totalEstimate = 1'000'000;
    page.next = "b3BhcXVl";
    return page;
}

} // namespace

class ApiValuesTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aClusterStatusSurvivesJson();
    void figuresThatAreNotKnownAreLeftOut();
    void aClusterStatusFromANewerNodeIsRead();
    void aDamagedClusterStatusIsRefused_data();
    void aDamagedClusterStatusIsRefused();
    void tooManyMembersAreRefused();
    void aKeyPageSurvivesJson();
    void theLastPageHasNoCursor();
    void aDamagedKeyPageIsRefused_data();
    void aDamagedKeyPageIsRefused();
    void aProblemSurvivesJson();
    void extraMembersNeverHideTheProblemItself();
    void whatIsNoProblemIsRefused_data();
    void whatIsNoProblemIsRefused();
};

void ApiValuesTest::aClusterStatusSurvivesJson()
{
    const auto read = clusterStatusFromJson(throughText(toJson(exampleStatus())));
    QVERIFY(read.ok());
    QCOMPARE(*read, exampleStatus());
}

void ApiValuesTest::figuresThatAreNotKnownAreLeftOut()
{
    const QJsonArray members = toJson(exampleStatus()).value(QLatin1String("members")).toArray();
    const QJsonObject bare = members.at(1).toObject();
    for (const char *name : {"version", "keys", "bytes", "rtt_ms", "memory_used_permille",
                             "may_lack", "clock_offset_ms", "replication_lag_ms", "hints_pending",
                             "hints_dropped", "partitions_equal", "compared_at"})
        QVERIFY2(!bare.contains(QLatin1String(name)), name);
    QCOMPARE(members.at(0).toObject().value(QLatin1String("since")).toString(),
             QStringLiteral("2024-02-29T12:34:56.789Z"));
}

void ApiValuesTest::aClusterStatusFromANewerNodeIsRead()
{
    QJsonObject object = toJson(exampleStatus());
    object.insert(QLatin1String("epoch"), 7);
    QVERIFY(clusterStatusFromJson(object).ok());
}

void ApiValuesTest::aDamagedClusterStatusIsRefused_data()
{
    QTest::addColumn<QByteArray>("json");
    QTest::newRow("empty") << QByteArray("{}");
    QTest::newRow("no members") << QByteArray(R"({"cluster_id":"","node_id":"","state":"ready"})");
    QTest::newRow("members of another type")
        << QByteArray(R"({"cluster_id":"","node_id":"","state":"ready","members":{}})");
    QTest::newRow("a member that is no object")
        << QByteArray(R"({"cluster_id":"","node_id":"","state":"ready","members":[1]})");
    const QByteArray member = R"("id":"a","address":"a:1","cluster_address":"a:2","state":"alive")";
    const auto wrap = [](const QByteArray &fields) {
        return R"({"cluster_id":"","node_id":"","state":"ready","members":[{)" + fields + "}]}";
    };
    QTest::newRow("no time") << wrap(member);
    QTest::newRow("a time that is a number") << wrap(member + R"(,"since":1)");
    const QByteArray timed = member + R"(,"since":"2024-01-01T00:00:00.000Z")";
    QTest::newRow("negative keys") << wrap(timed + R"(,"keys":-1)");
    QTest::newRow("fractional keys") << wrap(timed + R"(,"keys":1.5)");
    QTest::newRow("keys as text") << wrap(timed + R"(,"keys":"1")");
    QTest::newRow("keys beyond 64 bits") << wrap(timed + R"(,"keys":1e30)");
    QTest::newRow("self as a number") << wrap(timed + R"(,"self":1)");
}

void ApiValuesTest::aDamagedClusterStatusIsRefused()
{
    QFETCH(QByteArray, json);
    const QJsonDocument document = QJsonDocument::fromJson(json);
    QVERIFY(document.isObject());
    const auto read = clusterStatusFromJson(document.object());
    QVERIFY(!read.ok());
    QVERIFY(!read.error().message.isEmpty());
}

void ApiValuesTest::tooManyMembersAreRefused()
{
    ClusterStatus status = exampleStatus();
    status.members.assign(dynakv::base::limits::kMembersMax + 1, status.members.front());
    QVERIFY(!clusterStatusFromJson(toJson(status)).ok());
}

void ApiValuesTest::aKeyPageSurvivesJson()
{
    const auto read = keyPageFromJson(throughText(toJson(examplePage())));
    QVERIFY(read.ok());
    QCOMPARE(*read, examplePage());
}

void ApiValuesTest::theLastPageHasNoCursor()
{
    KeyPage page = examplePage();
    page.next.clear();
    QVERIFY(!toJson(page).contains(QLatin1String("next")));
    QCOMPARE(*keyPageFromJson(toJson(page)), page);
}

void ApiValuesTest::aDamagedKeyPageIsRefused_data()
{
    QTest::addColumn<QByteArray>("json");
    const QByteArray entry = R"("version":"v","size":1,"updated_at":"2024-01-01T00:00:00.000Z")";
    const auto wrap = [](const QByteArray &fields) {
        return R"({"total_estimate":1,"keys":[{)" + fields + "}]}";
    };
    QTest::newRow("empty") << QByteArray("{}");
    QTest::newRow("no estimate") << QByteArray(R"({"keys":[]})");
    QTest::newRow("no key") << wrap(entry);
    QTest::newRow("an empty key") << wrap(R"("key":"",)" + entry);
    QTest::newRow("a key that is too long")
        << wrap("\"key\":\"" + QByteArray(1025, 'k') + "\"," + entry);
    QTest::newRow("no version") << wrap(
        R"("key":"k","size":1,"updated_at":"2024-01-01T00:00:00Z")");
    QTest::newRow("an empty prefix")
        << QByteArray(R"({"total_estimate":1,"keys":[],"prefixes":[{"prefix":"","count":1}]})");
    QTest::newRow("a prefix without a count")
        << QByteArray(R"({"total_estimate":1,"keys":[],"prefixes":[{"prefix":"a/"}]})");
    QTest::newRow("a bad expiry") << wrap(R"("key":"k","expires_at":5,)" + entry);
}

void ApiValuesTest::aDamagedKeyPageIsRefused()
{
    QFETCH(QByteArray, json);
    const QJsonDocument document = QJsonDocument::fromJson(json);
    QVERIFY(document.isObject());
    QVERIFY(!keyPageFromJson(document.object()).ok());
}

void ApiValuesTest::aProblemSurvivesJson()
{
    const Problem problem{
        503,
        "too_few_replicas",
        "Too few replicas",
        "2 of 3 answered; retry",
        "req-1",
        {{QLatin1String("outcome"), QLatin1String("unknown")}, {QLatin1String("acked"), 2}}};
    const auto read = problemFromJson(toJsonBytes(problem));
    QVERIFY(read.ok());
    QCOMPARE(*read, problem);
}

void ApiValuesTest::extraMembersNeverHideTheProblemItself()
{
    Problem problem;
    problem.status = 404;
    problem.extra = {{QLatin1String("status"), 200},
                     {QLatin1String("code"), QLatin1String("fine")}};
    const auto read = problemFromJson(toJsonBytes(problem));
    QVERIFY(read.ok());
    QCOMPARE(read->status, 404);
    QVERIFY(read->code.isEmpty());
}

void ApiValuesTest::whatIsNoProblemIsRefused_data()
{
    QTest::addColumn<QByteArray>("body");
    for (const char *body :
         {"", "<html>", "[]", "{}", R"({"status":"404"})", R"({"status":0})", R"({"status":99999})",
          R"({"status":404,"code":1})", R"({"status":404)"})
        QTest::newRow(*body == '\0' ? "nothing" : body) << QByteArray(body);
}

void ApiValuesTest::whatIsNoProblemIsRefused()
{
    QFETCH(QByteArray, body);
    QVERIFY(!problemFromJson(body).ok());
}

QTEST_APPLESS_MAIN(ApiValuesTest)
#include "tst_api_values.moc"
