// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/metrics_text.h"
#include "tests/daemon/http/raw_client.h"
#include "tests/daemon/http/server_fixture.h"
#include "tests/support/metrics_checker.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QtTest>

using namespace dynakv;
using test::MetricsChecker;
using test::RawClient;

namespace {

QByteArray scrape(test::ServerFixture &fixture)
{
    RawClient client(fixture.server.port());
    client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto answer = client.receive();
    return answer ? answer->body : QByteArray();
}

QByteArray joined(const QList<QByteArray> &faults)
{
    return faults.join("; ");
}

} // namespace

/// What `GET /metrics` says, against a real server.
class TestMetrics : public QObject
{
    Q_OBJECT

private:
    /// Sends \a bytes on a connection of their own; the status of the answer, 0 for none.
    static int ask(test::ServerFixture &fixture, const QByteArray &bytes)
    {
        RawClient client(fixture.server.port());
        client.send(bytes);
        const auto answer = client.receive();
        return answer ? answer->status : 0;
    }

private Q_SLOTS:
    void theCheckerFindsWhatIsWrong_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<bool>("isGood");
        const QByteArray head = "# HELP dynakv_a A.\n# TYPE dynakv_a gauge\n";
        const QByteArray histogram = "# HELP dynakv_h H.\n# TYPE dynakv_h histogram\n";
        QTest::newRow("good") << head + "dynakv_a{b=\"c\\\"\\\\\",d=\"\"} 1.5e-3\n" << true;
        QTest::newRow("good histogram")
            << histogram + "dynakv_h_bucket{le=\"1\"} 1\ndynakv_h_bucket{le=\"+Inf\"} 2\n"
                           "dynakv_h_sum 4\ndynakv_h_count 2\n"
            << true;
        QTest::newRow("no end") << head + "dynakv_a 1" << false;
        QTest::newRow("no type") << QByteArray("# HELP dynakv_a A.\ndynakv_a 1\n") << false;
        QTest::newRow("no help") << QByteArray("# TYPE dynakv_a gauge\ndynakv_a 1\n") << false;
        QTest::newRow("twice") << head + "dynakv_a 1\ndynakv_a 2\n" << false;
        QTest::newRow("foreign sample") << head + "dynakv_b 1\n" << false;
        QTest::newRow("no number") << head + "dynakv_a x\n" << false;
        QTest::newRow("raw quote") << head + "dynakv_a{b=\"\"\"} 1\n" << false;
        QTest::newRow("raw line feed") << head + "dynakv_a{b=\"\n\"} 1\n" << false;
        QTest::newRow("counter without _total")
            << QByteArray("# HELP dynakv_c C.\n# TYPE dynakv_c counter\ndynakv_c 1\n") << false;
        QTest::newRow("falling buckets")
            << histogram + "dynakv_h_bucket{le=\"1\"} 3\ndynakv_h_bucket{le=\"+Inf\"} 2\n"
                           "dynakv_h_sum 4\ndynakv_h_count 2\n"
            << false;
        QTest::newRow("falling bounds")
            << histogram + "dynakv_h_bucket{le=\"2\"} 1\ndynakv_h_bucket{le=\"1\"} 2\n"
                           "dynakv_h_bucket{le=\"+Inf\"} 2\ndynakv_h_sum 4\ndynakv_h_count 2\n"
            << false;
        QTest::newRow("other count")
            << histogram + "dynakv_h_bucket{le=\"+Inf\"} 2\ndynakv_h_sum 4\ndynakv_h_count 3\n"
            << false;
        QTest::newRow("no sum") << histogram + "dynakv_h_bucket{le=\"+Inf\"} 2\ndynakv_h_count 2\n"
                                << false;
    }
    void theCheckerFindsWhatIsWrong()
    {
        QFETCH(QByteArray, text);
        QFETCH(bool, isGood);
        const MetricsChecker checker(text);
        QVERIFY2(checker.faults().isEmpty() == isGood, joined(checker.faults()).constData());
    }

    void whatAMemberCallsItselfBreaksNoLine()
    {
        http::MetricsText text;
        text.family("a", http::MetricsText::Type::Gauge, "A.");
        text.sample({{"member", "x\"} 1\n\\evil"}}, qint64{1});
        const MetricsChecker checker(text.take());
        QVERIFY2(checker.faults().isEmpty(), joined(checker.faults()).constData());
        QCOMPARE(checker.value("dynakv_a{member=\"x\\\"} 1\\n\\\\evil\"}"), 1);
    }

    void everythingIsThereFromTheStartAndWellFormed()
    {
        test::ServerFixture fixture;
        core::MemberView other;
        other.address = "127.0.0.1:6661";
        other.state = core::MemberState::Suspect;
        other.rttMs = 2.5;
        other.pushLagMs = 1500;
        other.hintsPending = 9;
        other.partitionsEqual = 250;
        other.comparedMs = 1'700'000'000'000;
        fixture.coordinator.setMembers({other});
        const QByteArray text = scrape(fixture);
        const MetricsChecker checker(text);
        QVERIFY2(checker.faults().isEmpty(), joined(checker.faults()).constData());
        for (const char *family : {"build_info",
                                   "http_requests_total",
                                   "http_request_duration_seconds",
                                   "http_rejected_total",
                                   "http_timeouts_total",
                                   "http_connections",
                                   "storage_commits_total",
                                   "storage_sync_duration_seconds",
                                   "storage_batch_commits",
                                   "storage_file_bytes",
                                   "storage_dead_bytes",
                                   "storage_jobs_total",
                                   "store_keys",
                                   "store_tombstones",
                                   "store_purged_total",
                                   "purge_watermark_seconds",
                                   "purge_held_back",
                                   "replication_refused_records_total",
                                   "store_bytes",
                                   "store_memory_limit_bytes",
                                   "cluster_members",
                                   "cluster_messages_total",
                                   "cluster_bytes_total",
                                   "sync_rounds_total",
                                   "sync_partitions_equal",
                                   "replication_lag_seconds",
                                   "hints_pending",
                                   "hints_replayed_total",
                                   "hints_dropped_total",
                                   "writes_total",
                                   "node_turn_duration_seconds"})
            QVERIFY2(checker.families().contains(QByteArray("dynakv_") + family), family);
        QCOMPARE(checker.value("dynakv_build_info{version=\"1.2.3\",qt=\"" +
                               QByteArray(qVersion()) + "\"}"),
                 1);
        QCOMPARE(checker.value(R"(dynakv_cluster_members{state="suspect"})"), 1);
        QCOMPARE(checker.value(R"(dynakv_cluster_members{state="alive"})"), 0);
        QCOMPARE(checker.value(R"(dynakv_cluster_rtt_seconds{member="127.0.0.1:6661"})"), 0.0025);
        QCOMPARE(checker.value(R"(dynakv_replication_lag_seconds{member="127.0.0.1:6661"})"), 1.5);
        QCOMPARE(checker.value(R"(dynakv_hints_pending{member="127.0.0.1:6661"})"), 9);
        QCOMPARE(checker.value(R"(dynakv_sync_partitions_equal{member="127.0.0.1:6661"})"), 250);
        QCOMPARE(checker.value(R"(dynakv_http_rejected_total{reason="head_too_large"})"), 0);
        QCOMPARE(checker.value(
                     R"(dynakv_http_requests_total{method="PUT",route="/key/{key}",code="200"})"),
                 0);
    }

    void requestsAreCountedByMethodRouteAndStatus()
    {
        test::ServerFixture fixture;
        const QByteArray host = " HTTP/1.1\r\nHost: localhost\r\n";
        const QByteArray body = R"({"value":1})";
        const QByteArray length = "Content-Length: " + QByteArray::number(body.size()) + "\r\n";
        QCOMPARE(ask(fixture, "PUT /key/a" + host + length + "\r\n" + body), 200);
        QCOMPARE(ask(fixture, "PUT /key/b" + host + length + "\r\n" + body), 200);
        QCOMPARE(ask(fixture, "PUT /key/b" + host + "Content-Length: 1\r\n\r\n{"), 400);
        QCOMPARE(ask(fixture, "GET /key/absentkey" + host + "\r\n"), 404);
        QCOMPARE(ask(fixture, "GET /nowhere" + host + "\r\n"), 404);
        QCOMPARE(ask(fixture, "POST /membership" + host + "Content-Length: 0\r\n\r\n"), 405);
        QCOMPARE(ask(fixture, "GET /v1/jobs/77" + host + "\r\n"), 404);
        const MetricsChecker checker(scrape(fixture));
        const auto requests = [&checker](const char *method, const char *route, const char *code) {
            return checker.value("dynakv_http_requests_total{method=\"" + QByteArray(method) +
                                 "\",route=\"" + route + "\",code=\"" + code + "\"}");
        };
        QCOMPARE(requests("PUT", "/key/{key}", "200"), 2);
        QCOMPARE(requests("PUT", "/key/{key}", "400"), 1);
        QCOMPARE(requests("GET", "/key/{key}", "404"), 1);
        QCOMPARE(requests("GET", "/v1/jobs/{id}", "404"), 1);
        QCOMPARE(requests("other", "other", "404"), 1);
        QCOMPARE(requests("other", "other", "405"), 1);
        QCOMPARE(checker.value("dynakv_http_request_duration_seconds_count{method=\"PUT\",route=\"/"
                               "key/{key}\"}"),
                 3);
        QVERIFY(checker.value("dynakv_http_request_duration_seconds_sum{method=\"PUT\",route=\"/"
                              "key/{key}\"}") > 0);
        QCOMPARE(checker.value("dynakv_http_connections_accepted_total"), 8);
        QVERIFY(checker.value("dynakv_http_received_bytes_total") > 300);
        QVERIFY(checker.value("dynakv_http_sent_bytes_total") > 300);
        // The requests of one key are none of another: nothing of a key may become a label.
        QVERIFY(!scrape(fixture).contains("absentkey"));
    }

    void everyLimitOfTheDoorHasACounter()
    {
        http::RestServerConfig config;
        config.door.emplace();
        config.door->headTimeoutMs = 100;
        config.door->bodyGraceMs = 100;
        config.door->connectionsMax = 3;
        config.valueBytesMax = 1000;
        test::ServerFixture fixture(config);
        QCOMPARE(ask(fixture, "GET /\r\n\r\n"), 400);
        QCOMPARE(ask(fixture, "GET / HTTP/1.1\r\n\r\n"), 400);
        QCOMPARE(ask(fixture, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"), 421);
        QCOMPARE(ask(fixture, "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + QByteArray(20'000, 'x') +
                                  "\r\n\r\n"),
                 431);
        QCOMPARE(ask(fixture, "PUT /key/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                              "9999999\r\n\r\n"),
                 413);
        QCOMPARE(ask(fixture, "GET /slow HTTP/1.1\r\nHost:"), 408);
        QCOMPARE(ask(fixture, "PUT /key/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                              "5\r\n\r\n{"),
                 408);
        {
            // A third one and nobody else is let in until one of them leaves.
            RawClient first(fixture.server.port());
            RawClient second(fixture.server.port());
            RawClient third(fixture.server.port());
            third.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
            QVERIFY(third.receive());
        }
        const MetricsChecker checker(scrape(fixture));
        const auto rejected = [&checker](const char *reason) {
            return checker.value("dynakv_http_rejected_total{reason=\"" + QByteArray(reason) +
                                 "\"}");
        };
        QCOMPARE(rejected("wrong_host"), 1);
        QCOMPARE(rejected("head_too_large"), 1);
        QCOMPARE(rejected("too_large"), 1);
        QCOMPARE(rejected("timeout"), 2);
        QCOMPARE(rejected("other"), 0);
        QCOMPARE(checker.value(R"(dynakv_http_timeouts_total{phase="head"})"), 1);
        QCOMPARE(checker.value(R"(dynakv_http_timeouts_total{phase="body"})"), 1);
        QVERIFY(checker.value("dynakv_http_connection_limit_reached_total") >= 1);
    }

    void theStatisticsTellOfOperations()
    {
        test::ServerFixture fixture;
        fixture.put("a", "1");
        for (int i = 0; i < 5; ++i)
            QCOMPARE(ask(fixture, "GET /key/a HTTP/1.1\r\nHost: localhost\r\n\r\n"), 200);
        RawClient client(fixture.server.port());
        client.send("GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const auto answer = client.receive();
        QVERIFY(answer);
        const QJsonObject stats = QJsonDocument::fromJson(answer->body).object();
        const QJsonObject operations = stats[QLatin1String("operations")].toObject();
        const QJsonObject get = operations[QLatin1String("get")].toObject();
        QCOMPARE(get[QLatin1String("count")].toInt(), 5);
        QCOMPARE(get[QLatin1String("failed")].toInt(), 0);
        QVERIFY(get[QLatin1String("p50_us")].toInt() > 0);
        QVERIFY(get[QLatin1String("p99_us")].toInt() >= get[QLatin1String("p50_us")].toInt());
        QCOMPARE(operations[QLatin1String("put")].toObject()[QLatin1String("count")].toInt(), 0);
        QCOMPARE(stats[QLatin1String("connections")].toObject()[QLatin1String("accepted")].toInt(),
                 6);
    }
};

QTEST_GUILESS_MAIN(TestMetrics)
#include "tst_metrics.moc"
