// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/raw_client.h"
#include "tests/daemon/http/server_fixture.h"

#include <QElapsedTimer>
#include <QTest>
#include <QThread>

#include <future>
#include <mutex>
#include <set>
#include <vector>

using namespace dynakv;
using test::getRequest;
using test::putRequest;
using test::RawClient;
using test::ServerFixture;

/// Its threads, its start and its stop.
class TestRestStop : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void survivesAnOutcomeAfterItsOwnEnd();
    void servesOnAllItsThreads();
    void stopsWithClientsOnAllItsThreads();
    void stopsAfterTheAnswersInFlight();
    void stopsInTimeWhateverIsInFlight();
    void saysThatThePortIsInUse();
};

void TestRestStop::survivesAnOutcomeAfterItsOwnEnd()
{
    store::Table table;
    test::FakeCoordinator coordinator(table);
    test::FakeFileKeeper file;
    coordinator.hold();
    {
        http::RestServer server(ServerFixture::withAddress({}), table, coordinator, file);
        QVERIFY(server.start());
        RawClient client(server.port());
        client.send(putRequest("/key/a", "{\"value\":1}"));
        QTRY_COMPARE(coordinator.submittedCount(), 1);
    }
    coordinator.release();
    QTRY_VERIFY(table.find("a"));
}

void TestRestStop::servesOnAllItsThreads()
{
    std::mutex mutex;
    std::set<Qt::HANDLE> threads;
    http::RestServerConfig config;
    config.threads = 3;
    config.process.stats = [&] {
        const std::lock_guard lock(mutex);
        threads.insert(QThread::currentThreadId());
        return http::ProcessStats{};
    };
    ServerFixture fixture(config);
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 6; ++i)
        clients.push_back(std::make_unique<RawClient>(fixture.server.port()));
    for (const auto &client : clients)
        client->send(putRequest("/key/k", "{\"value\":1}") + getRequest("/key/k") +
                     getRequest("/v1/stats"));
    for (const auto &client : clients) {
        for (int i = 0; i < 3; ++i) {
            const auto answer = client->receive();
            QVERIFY(answer);
            QCOMPARE(answer->status, 200);
        }
    }
    QCOMPARE(threads.size(), std::size_t{3});

    // Whichever thread is asked, it tells what all of them did.
    clients.front()->send(getRequest("/metrics"));
    const auto metrics = clients.front()->receive();
    QVERIFY(metrics);
    for (const char *line :
         {"\ndynakv_http_connections 6\n", "\ndynakv_http_connections_accepted_total 6\n",
          "\ndynakv_http_requests_total{method=\"PUT\",route=\"/key/{key}\",code=\"200\"} 6\n",
          "\ndynakv_http_request_duration_seconds_count{method=\"GET\",route=\"/key/{key}\"} 6\n"})
        QVERIFY2(metrics->body.contains(line), line);
}

void TestRestStop::stopsWithClientsOnAllItsThreads()
{
    http::RestServerConfig config;
    config.threads = 3;
    ServerFixture fixture(config);
    fixture.coordinator.hold();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 9; ++i) {
        clients.push_back(std::make_unique<RawClient>(fixture.server.port()));
        if (i % 2 == 0)
            clients.back()->send(putRequest("/key/k", "{\"value\":1}"));
    }
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 5);
    QElapsedTimer clock;
    clock.start();
    fixture.server.stop();
    // Two seconds of grace for all of them, not for each.
    QVERIFY(clock.elapsed() < 3500);
    for (const auto &client : clients)
        QVERIFY(client->isClosedByServer());
    fixture.coordinator.release();
}

void TestRestStop::stopsAfterTheAnswersInFlight()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    RawClient idle(fixture.server.port());
    idle.send(getRequest("/livez"));
    QVERIFY(idle.receive());
    RawClient busy(fixture.server.port());
    busy.send(putRequest("/key/k", "{\"value\":1}"));
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    const auto stopped = std::async(std::launch::async, [&fixture] { fixture.server.stop(); });
    QVERIFY(idle.isClosedByServer());
    fixture.coordinator.release();
    const auto answer = busy.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 200);
    QCOMPARE(answer->header("connection"), "close");
    QVERIFY(busy.isClosedByServer());
    stopped.wait();
    RawClient late(fixture.server.port());
    QCOMPARE(late.socket().state(), QAbstractSocket::UnconnectedState);
    fixture.server.stop();
}

void TestRestStop::stopsInTimeWhateverIsInFlight()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    RawClient client(fixture.server.port());
    client.send(putRequest("/key/k", "{\"value\":1}"));
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    fixture.server.stop();
    QVERIFY(!client.receive());
    QCOMPARE(client.socket().state(), QAbstractSocket::UnconnectedState);
}

void TestRestStop::saysThatThePortIsInUse()
{
    ServerFixture fixture;
    http::RestServerConfig config = ServerFixture::withAddress({});
    config.listen.port = fixture.server.port();
    http::RestServer second(config, fixture.table, fixture.coordinator, fixture.file);
    const auto started = second.start();
    QVERIFY(!started);
    QCOMPARE(started.error().code, base::ErrorCode::Busy);
    QVERIFY(started.error().message.contains(QByteArray::number(fixture.server.port())));
    config.listen = {"192.0.2.1", 0};
    http::RestServer foreign(config, fixture.table, fixture.coordinator, fixture.file);
    QVERIFY(!foreign.start());
}

QTEST_GUILESS_MAIN(TestRestStop)
#include "tst_rest_stop.moc"
