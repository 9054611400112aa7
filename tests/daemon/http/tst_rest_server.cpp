// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/native_socket.h"
#include "tests/daemon/http/raw_client.h"
#include "tests/daemon/http/server_fixture.h"

#include <QDeadlineTimer>
#include <QElapsedTimer>
#include <QFile>
#include <QLoggingCategory>
#include <QTest>
#include <QThread>

#ifndef Q_OS_WIN
#include <cerrno>
#include <sys/socket.h>
#endif

#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <vector>

#ifndef Q_OS_WIN
#include <sys/resource.h>
#include <unistd.h>
#endif

using namespace dynakv;
using test::RawClient;
using test::ServerFixture;

namespace {

QByteArray get(const QByteArray &target)
{
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

QByteArray put(const QByteArray &target, const QByteArray &body, const QByteArray &fields = {})
{
    return "PUT " + target +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + QByteArray::number(body.size()) +
           "\r\n" + fields + "\r\n" + body;
}

http::RestServerConfig withDoor(const std::function<void(http::FrontDoorConfig &)> &change)
{
    http::RestServerConfig config;
    config.door.emplace();
    change(*config.door);
    return config;
}

qint64 residentBytes()
{
    QFile file(QStringLiteral("/proc/self/statm"));
    if (!file.open(QIODevice::ReadOnly))
        return -1;
    return file.readAll().split(' ').value(1).toLongLong() * 4096;
}

} // namespace

/// The server as its clients meet it, with the bounds and time-outs turned down far enough to be
/// seen: order, early leavers, slow ones, greedy ones, and the stop.
class TestRestServer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void answersPipelinedRequestsInOrder();
    void acceptsNobodyWhileDescriptorsAreScarce();
    void survivesAClientThatLeavesBeforeItsAnswer();
    void answersAClientThatHasSentAllItHas();
    void survivesAnOutcomeAfterItsOwnEnd();
    void answersHeadWithTheLengthAlone();
    void asksForABodyThatIsExpected();
    void refusesABodyBeforeItIsSent();
    void carriesKeysThatUrlsWouldMangle_data();
    void carriesKeysThatUrlsWouldMangle();
    void carriesALargeValueExactly();
    void refusesAValueOverTheLimit_data();
    void refusesAValueOverTheLimit();
    void cutsASlowHead();
    void cutsASlowBody();
    void givesASteadyBodyItsTime();
    void closesAnIdleConnection();
    void cutsAClientThatDoesNotRead();
    void theSystemOffersNothingMoreToAClientThatWasCut();
    void answersForANodeThatDoesNot();
    void boundsTheBodiesInFlight();
    void boundsWhatClientsDoNotRead();
    void staysSmallUnderAnEndlessHead();
    void staysSmallUnderAnEndlessBody();
    void acceptsNoMoreThanItsCap_data();
    void acceptsNoMoreThanItsCap();
    void servesOnAllItsThreads();
    void stopsWithClientsOnAllItsThreads();
    void handsOnTheFieldsThatHandlersKnow();
    void takesOverAPlainRequestId();
    void answersUnderItsAllowedNames();
    void stopsAfterTheAnswersInFlight();
    void stopsInTimeWhateverIsInFlight();
    void saysThatThePortIsInUse();
    void neverLogsTheFieldsOfRequests();
};

void TestRestServer::answersPipelinedRequestsInOrder()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    RawClient client(fixture.server.port());
    client.send(put("/key/a", "{\"value\":1}") + get("/key/a") + put("/key/b", "{\"value\":2}") +
                get("/key/b") + get("/livez"));
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    QVERIFY(!client.receive(true, 50)); // The GET waits behind the PUT before it.
    fixture.coordinator.release();
    for (const char *start :
         {"{\"key\":\"a\"", "{\"value\":1}", "{\"key\":\"b\"", "{\"value\":2}", "ok"}) {
        const auto answer = client.receive();
        QVERIFY(answer);
        QCOMPARE(answer->status, 200);
        QVERIFY2(answer->body.startsWith(start), answer->body.constData());
    }
}

void TestRestServer::acceptsNobodyWhileDescriptorsAreScarce()
{
#ifdef Q_OS_WIN
    QSKIP("Windows has no such limit");
#else
    rlimit limit = {};
    QCOMPARE(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const int lowest = ::dup(0);
    ::close(lowest);
    // Room for this server and a few clients, both ends of whom are in this process.
    ServerFixture fixture(withDoor([&](auto &door) {
        door.descriptorsSpare = static_cast<int>(limit.rlim_cur) - (lowest + 24);
    }));
    std::vector<std::unique_ptr<RawClient>> clients;
    const auto isServed = [&fixture, &clients](int timeoutMs) {
        clients.push_back(std::make_unique<RawClient>(fixture.server.port()));
        clients.back()->send(get("/livez"));
        return clients.back()->receive(true, timeoutMs).has_value();
    };
    QVERIFY(isServed(5000));
    while (clients.size() < 24 && isServed(200)) {
    }
    QVERIFY2(clients.size() < 24, "the last one should not have been accepted");
    QVERIFY(clients.size() > 2);
    // The one outside is served as soon as some of the others are gone.
    const auto waiting = std::move(clients.back());
    clients.clear();
    QVERIFY(waiting->receive());
#endif
}

/// As `nc -N` does, and some load balancers: its end is no reason to keep the answer back.
void TestRestServer::answersAClientThatHasSentAllItHas()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    RawClient client(fixture.server.port());
    client.send(put("/key/a", "{\"value\":1}") + put("/key/b", "{\"value\":2}") + get("/livez"));
    http::native::closeWriting(client.socket().socketDescriptor());
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    fixture.coordinator.release();
    for (int i = 0; i < 3; ++i) {
        const auto answer = client.receive();
        QVERIFY(answer);
        QCOMPARE(answer->status, 200);
    }
    QVERIFY(client.isClosedByServer());
}

void TestRestServer::survivesAClientThatLeavesBeforeItsAnswer()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    for (int i = 1; i <= 20; ++i) {
        RawClient client(fixture.server.port());
        client.send(put("/key/left" + QByteArray::number(i), "{\"value\":1}") + get("/livez"));
        QTRY_COMPARE(fixture.coordinator.submittedCount(), i);
        client.abort();
    }
    RawClient witness(fixture.server.port());
    witness.send(get("/livez"));
    QVERIFY(witness.receive());
    fixture.coordinator.release();
    witness.send(put("/key/w", "{\"value\":1}"));
    const auto answer = witness.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 200);
    // They left, but they had asked.
    QVERIFY(fixture.table.find("left20"));
}

void TestRestServer::survivesAnOutcomeAfterItsOwnEnd()
{
    store::Table table;
    test::FakeCoordinator coordinator(table);
    test::FakeFileKeeper file;
    coordinator.hold();
    {
        http::RestServer server(ServerFixture::withAddress({}), table, coordinator, file);
        QVERIFY(server.start());
        RawClient client(server.port());
        client.send(put("/key/a", "{\"value\":1}"));
        QTRY_COMPARE(coordinator.submittedCount(), 1);
    }
    coordinator.release();
    QTRY_VERIFY(table.find("a"));
}

void TestRestServer::answersHeadWithTheLengthAlone()
{
    ServerFixture fixture;
    fixture.put("k", "12345");
    RawClient client(fixture.server.port());
    client.send("HEAD /key/k HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/key/k") +
                "HEAD /key/none HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/livez"));
    const auto head = client.receive(false);
    QVERIFY(head);
    QCOMPARE(head->header("content-length"), "15");
    const auto whole = client.receive();
    QVERIFY(whole);
    QCOMPARE(whole->body, "{\"value\":12345}");
    QCOMPARE(whole->header("etag"), head->header("etag"));
    const auto absent = client.receive(false);
    QVERIFY(absent);
    QCOMPARE(absent->status, 404);
    const auto last = client.receive();
    QVERIFY(last);
    QCOMPARE(last->body, "ok\n");
}

void TestRestServer::asksForABodyThatIsExpected()
{
    ServerFixture fixture;
    RawClient client(fixture.server.port());
    client.send("PUT /key/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n"
                "Expect: 100-continue\r\n\r\n");
    QVERIFY(!client.receive(true, 50));
    QCOMPARE(client.continues(), 1);
    client.send("{\"value\":1}");
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 200);
    QCOMPARE(client.continues(), 1);
}

void TestRestServer::refusesABodyBeforeItIsSent()
{
    ServerFixture fixture;
    RawClient client(fixture.server.port());
    client.send("PUT /key/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n"
                "Expect: 100-continue\r\n\r\n");
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 413);
    QCOMPARE(client.continues(), 0);
    QVERIFY(client.isClosedByServer());
}

void TestRestServer::carriesKeysThatUrlsWouldMangle_data()
{
    QTest::addColumn<QByteArray>("target");
    QTest::addColumn<QByteArray>("key");
    const auto row = [](const char *target, const QByteArray &key) {
        QTest::newRow(target) << QByteArray(target) << key;
    };
    row("/key/a%2Fb", "a/b");
    row("/key//a//b/", "/a//b/");
    row("/key/..", "..");
    row("/key/a/../../b", "a/../../b");
    row("/key/%00", QByteArray(1, '\0'));
    row("/key/%FF%FE", "\xff\xfe");
    row("/key/%25zz", "%zz");
    row("/key/a%23%3F%26", "a#?&");
    row("/key/a;b:c@d!$'()*,=", "a;b:c@d!$'()*,=");
    row("/key/%0D%0AX:%20y", "\r\nX: y");
    row("/key?k64=Li4", "..");
}

void TestRestServer::carriesKeysThatUrlsWouldMangle()
{
    QFETCH(QByteArray, target);
    QFETCH(QByteArray, key);
    ServerFixture fixture;
    RawClient client(fixture.server.port());
    client.send(put(target, "{\"value\":[1]}") + get(target));
    const auto written = client.receive();
    QVERIFY(written);
    QCOMPARE(written->status, 200);
    const auto record = fixture.table.find(key);
    QVERIFY(record);
    QCOMPARE(record->value, "[1]");
    QCOMPARE(fixture.table.recordCount(), 1);
    const auto read = client.receive();
    QVERIFY(read);
    QCOMPARE(read->body, "{\"value\":[1]}");
}

void TestRestServer::carriesALargeValueExactly()
{
    ServerFixture fixture;
    QByteArray value(qsizetype{1} << 20, Qt::Uninitialized);
    for (qsizetype i = 0; i < value.size(); ++i)
        value[i] = static_cast<char>(i * 131 >> 3);
    RawClient client(fixture.server.port());
    client.send(put("/key/k", value, "Content-Type: application/octet-stream\r\n"));
    const auto written = client.receive();
    QVERIFY(written);
    QCOMPARE(written->status, 200);
    client.send(get("/key/k?raw"));
    const auto read = client.receive();
    QVERIFY(read);
    QVERIFY(read->body == value);
}

void TestRestServer::refusesAValueOverTheLimit_data()
{
    QTest::addColumn<int>("bytes");
    QTest::addColumn<bool>("isChunked");
    QTest::newRow("a little over") << 1001 << false;
    QTest::newRow("far over") << 1'000'000 << false;
    QTest::newRow("a little over, chunked") << 1001 << true;
    QTest::newRow("far over, chunked") << 1'000'000 << true;
}

void TestRestServer::refusesAValueOverTheLimit()
{
    QFETCH(int, bytes);
    QFETCH(bool, isChunked);
    http::RestServerConfig config;
    config.valueBytesMax = 1000;
    ServerFixture fixture(config);
    RawClient client(fixture.server.port());
    const QByteArray value(bytes, 'x');
    if (isChunked) {
        client.send(
            "PUT /key/k?raw HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" +
            QByteArray::number(bytes, 16) + "\r\n" + value + "\r\n0\r\n\r\n");
    } else {
        client.send(put("/key/k?raw", value));
    }
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 413);
    QCOMPARE(fixture.table.recordCount(), 0);
}

void TestRestServer::cutsASlowHead()
{
    ServerFixture fixture(withDoor([](auto &door) { door.headTimeoutMs = 100; }));
    RawClient client(fixture.server.port());
    client.send("GET /livez HTTP/1.1\r\nHost:");
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 408);
    QVERIFY(client.isClosedByServer());
}

void TestRestServer::cutsASlowBody()
{
    ServerFixture fixture(withDoor([](auto &door) { door.bodyGraceMs = 100; }));
    RawClient client(fixture.server.port());
    client.send("PUT /key/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n{\"val");
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 408);
    QVERIFY(client.isClosedByServer());
    QCOMPARE(fixture.coordinator.submittedCount(), 0);
}

void TestRestServer::givesASteadyBodyItsTime()
{
    // At this rate what has come buys ten times the grace.
    ServerFixture fixture(withDoor([](auto &door) {
        door.bodyGraceMs = 100;
        door.bodyBytesPerSecondMin = 1000;
    }));
    RawClient client(fixture.server.port());
    const QByteArray body = "{\"value\":\"" + QByteArray(1000, 'x') + "\"}";
    const QByteArray request = put("/key/k", body);
    client.send(request.chopped(1));
    QVERIFY(!client.receive(true, 300));
    client.send(request.right(1));
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 200);
}

void TestRestServer::closesAnIdleConnection()
{
    ServerFixture fixture(withDoor([](auto &door) { door.idleTimeoutMs = 100; }));
    RawClient fresh(fixture.server.port());
    QVERIFY(fresh.isClosedByServer());
    RawClient used(fixture.server.port());
    used.send(get("/livez"));
    QVERIFY(used.receive());
    QVERIFY(used.isClosedByServer());
}

void TestRestServer::cutsAClientThatDoesNotRead()
{
    ServerFixture fixture(withDoor([](auto &door) {
        door.writeStallMs = 300;
        door.backlogBytesMax = 100'000;
    }));
    fixture.put("big", '"' + QByteArray(1'000'000, 'x') + '"');
    RawClient client(fixture.server.port());
    client.setReadBufferSize(1);
    constexpr int asked = 60;
    const qint64 before = residentBytes();
    for (int i = 0; i < asked; ++i)
        client.send(get("/key/big"));
    QTest::qWait(700); // Nothing is to be seen from outside; the time-out must pass.
    if (before > 0)
        QVERIFY2(residentBytes() - before < 30'000'000,
                 "answers pile up for a client that is deaf");
    client.setReadBufferSize(0);
    int answered = 0;
    while (client.receive(true, 1000))
        ++answered;
    QVERIFY(answered < asked);
    QCOMPARE(client.socket().state(), QAbstractSocket::UnconnectedState);
}

void TestRestServer::theSystemOffersNothingMoreToAClientThatWasCut()
{
#ifdef Q_OS_WIN
    QSKIP("asks the system in the way of POSIX");
#else
    ServerFixture fixture(withDoor([](auto &door) { door.writeStallMs = 100; }));
    fixture.put("big", '"' + QByteArray(1'000'000, 'x') + '"');
    RawClient client(fixture.server.port());
    client.setReadBufferSize(1);
    client.send(get("/key/big").repeated(20)); // At once: what is not read is an error too.
    const auto isCut = [&fixture] {
        RawClient other(fixture.server.port());
        other.send(get("/metrics"));
        const auto metrics = other.receive();
        return metrics && metrics->body.contains("http_timeouts_total{phase=\"write\"} 1\n");
    };
    QTRY_VERIFY(isCut());
    // What has arrived is still read; behind it is no end, but an error.
    std::vector<char> buffer(1 << 20);
    const auto descriptor = static_cast<int>(client.socket().socketDescriptor());
    const QDeadlineTimer deadline(5000);
    ssize_t got = 0;
    do {
        got = ::recv(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
    } while ((got > 0 || (got < 0 && errno == EAGAIN)) && !deadline.hasExpired());
    QCOMPARE(got, -1);
    QCOMPARE(errno, ECONNRESET);
#endif
}

void TestRestServer::answersForANodeThatDoesNot()
{
    ServerFixture fixture(withDoor([](auto &door) { door.answerTimeoutMs = 100; }));
    fixture.coordinator.hold();
    RawClient client(fixture.server.port());
    client.send(put("/key/k", "{\"value\":1}"));
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 503);
    QVERIFY(answer->body.contains("no_answer"));
    QVERIFY(client.isClosedByServer());
    fixture.coordinator.release();
    RawClient next(fixture.server.port());
    next.send(get("/livez"));
    QVERIFY(next.receive());
}

void TestRestServer::boundsTheBodiesInFlight()
{
    ServerFixture fixture(withDoor([](auto &door) { door.bodyBytesInFlightMax = 10'000; }));
    fixture.coordinator.hold();
    const QByteArray body = "{\"value\":\"" + QByteArray(6000, 'x') + "\"}";
    RawClient first(fixture.server.port());
    first.send(put("/key/a", body));
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    RawClient second(fixture.server.port());
    second.send(put("/key/b", body));
    const auto refused = second.receive();
    QVERIFY(refused);
    QCOMPARE(refused->status, 503);
    QVERIFY(refused->body.contains("overload"));
    fixture.coordinator.release();
    QVERIFY(first.receive());
    RawClient third(fixture.server.port());
    third.send(put("/key/b", body));
    const auto taken = third.receive();
    QVERIFY(taken);
    QCOMPARE(taken->status, 200);
}

/// Each of them is well within its own bound, all together are not.
void TestRestServer::boundsWhatClientsDoNotRead()
{
    constexpr qsizetype bytesMax = 20 << 20;
    constexpr qsizetype valueBytes = 12 << 20; // More than the system keeps for both ends.
    ServerFixture fixture(withDoor([](auto &door) { door.unsentBytesMax = bytesMax; }));
    fixture.put("large", QByteArray(valueBytes, 'x'), "application/octet-stream");
    const auto metric = [&fixture](const QByteArray &name) {
        RawClient client(fixture.server.port());
        client.send(get("/metrics"));
        const auto answer = client.receive();
        const qsizetype at = answer ? answer->body.indexOf("\n" + name + ' ') : -1;
        return at < 0 ? -1
                      : answer->body.sliced(at + name.size() + 2)
                            .first(answer->body.sliced(at + name.size() + 2).indexOf('\n'))
                            .toLongLong();
    };
    std::vector<std::unique_ptr<RawClient>> idle;
    for (int i = 0; i < 10; ++i) {
        idle.push_back(std::make_unique<RawClient>(fixture.server.port()));
        idle.back()->setReadBufferSize(1);
        idle.back()->send(get("/key/large?raw"));
    }
    const QByteArray cuts = R"(dynakv_http_timeouts_total{phase="unsent"})";
    QTRY_VERIFY_WITH_TIMEOUT(metric(cuts) >= 1, 20'000);
    QVERIFY(metric("dynakv_http_unsent_bytes") <= bytesMax + valueBytes);
    // Who reads is served meanwhile, however large its value is.
    RawClient reader(fixture.server.port());
    reader.send(get("/livez"));
    QVERIFY(reader.receive());
    idle.clear();
    QTRY_COMPARE_WITH_TIMEOUT(metric("dynakv_http_unsent_bytes"), 0, 20'000);
    reader.send(get("/key/large?raw"));
    const auto answer = reader.receive(true, 20'000);
    QVERIFY(answer);
    QCOMPARE(answer->body.size(), valueBytes);
}

void TestRestServer::staysSmallUnderAnEndlessHead()
{
    ServerFixture fixture(withDoor([](auto &door) { door.lingerMs = 60'000; }));
    const qint64 before = residentBytes();
    if (before < 0)
        QSKIP("the memory in use is read from /proc");
    RawClient client(fixture.server.port());
    client.send("GET /livez HTTP/1.1\r\nX: ");
    const QByteArray part(1 << 20, 'x');
    for (int i = 0; i < 64; ++i)
        client.send(part);
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 431);
    QVERIFY(residentBytes() - before < 8 << 20);
}

void TestRestServer::staysSmallUnderAnEndlessBody()
{
    ServerFixture fixture(withDoor([](auto &door) { door.lingerMs = 60'000; }));
    const qint64 before = residentBytes();
    if (before < 0)
        QSKIP("the memory in use is read from /proc");
    RawClient client(fixture.server.port());
    client.send("PUT /key/k HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    const QByteArray chunk = "10000\r\n" + QByteArray(65'536, 'x') + "\r\n";
    for (int i = 0; i < 1000; ++i)
        client.send(chunk);
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 413);
    QVERIFY(residentBytes() - before < 12 << 20);
}

void TestRestServer::acceptsNoMoreThanItsCap_data()
{
    QTest::addColumn<int>("threads");
    QTest::newRow("one thread") << 1;
    QTest::newRow("the threads together") << 4;
}

void TestRestServer::acceptsNoMoreThanItsCap()
{
    QFETCH(int, threads);
    http::RestServerConfig config = withDoor([](auto &door) { door.connectionsMax = 3; });
    config.threads = threads;
    ServerFixture fixture(config);
    std::vector<std::unique_ptr<RawClient>> inside;
    for (int i = 0; i < 3; ++i) {
        inside.push_back(std::make_unique<RawClient>(fixture.server.port()));
        inside.back()->send(get("/livez"));
        QVERIFY(inside.back()->receive());
    }
    RawClient outside(fixture.server.port());
    outside.send(get("/livez"));
    QVERIFY(!outside.receive(true, 200));
    inside[0]->send(get("/livez"));
    QVERIFY(inside[0]->receive());
    inside.pop_back();
    QVERIFY(outside.receive());
}

void TestRestServer::servesOnAllItsThreads()
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
        client->send(put("/key/k", "{\"value\":1}") + get("/key/k") + get("/v1/stats"));
    for (const auto &client : clients) {
        for (int i = 0; i < 3; ++i) {
            const auto answer = client->receive();
            QVERIFY(answer);
            QCOMPARE(answer->status, 200);
        }
    }
    QCOMPARE(threads.size(), std::size_t{3});

    // Whichever thread is asked, it tells what all of them did.
    clients.front()->send(get("/metrics"));
    const auto metrics = clients.front()->receive();
    QVERIFY(metrics);
    for (const char *line :
         {"\ndynakv_http_connections 6\n", "\ndynakv_http_connections_accepted_total 6\n",
          "\ndynakv_http_requests_total{method=\"PUT\",route=\"/key/{key}\",code=\"200\"} 6\n",
          "\ndynakv_http_request_duration_seconds_count{method=\"GET\",route=\"/key/{key}\"} 6\n"})
        QVERIFY2(metrics->body.contains(line), line);
}

void TestRestServer::stopsWithClientsOnAllItsThreads()
{
    http::RestServerConfig config;
    config.threads = 3;
    ServerFixture fixture(config);
    fixture.coordinator.hold();
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 9; ++i) {
        clients.push_back(std::make_unique<RawClient>(fixture.server.port()));
        if (i % 2 == 0)
            clients.back()->send(put("/key/k", "{\"value\":1}"));
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

void TestRestServer::handsOnTheFieldsThatHandlersKnow()
{
    ServerFixture fixture;
    fixture.put("k", "1");
    RawClient client(fixture.server.port());
    const auto statusOf = [&client](const QByteArray &request) {
        client.send(request);
        const auto answer = client.receive();
        return answer ? answer->status : 0;
    };
    const auto getWith = [](const QByteArray &field) {
        return "GET /key/k HTTP/1.1\r\nHost: localhost\r\n" + field + "\r\n\r\n";
    };
    const QByteArray etag = '"' + fixture.table.find("k")->version.toString() + '"';
    QCOMPARE(statusOf(getWith("If-None-Match: \"x\"\r\nIf-None-Match: " + etag)), 304);
    QCOMPARE(statusOf(getWith("If-Match: \"x\"")), 412);
    QCOMPARE(statusOf(getWith("DynaKV-At-Least: x")), 400);
    QCOMPARE(statusOf(put("/key/k", "{\"value\":1}", "If-Match: *\r\n")), 200);
    QCOMPARE(statusOf(put("/key/k", "{\"value\":1}", "If-None-Match: *\r\n")), 412);
    QCOMPARE(statusOf(put("/key/k", "{\"value\":1}", "Content-Encoding: gzip\r\n")), 415);
    QCOMPARE(statusOf(put("/key/k", "{\"value\":1}", "Content-Type: image/png\r\n")), 415);
    client.send(getWith("Accept: application/octet-stream"));
    const auto bytes = client.receive();
    QVERIFY(bytes);
    QCOMPARE(bytes->body, "1");
}

void TestRestServer::takesOverAPlainRequestId()
{
    ServerFixture fixture;
    RawClient client(fixture.server.port());
    client.send("GET /key/none HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: my-id_1.2\r\n\r\n");
    auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->header("x-request-id"), "my-id_1.2");
    QVERIFY(answer->body.contains("\"request_id\":\"my-id_1.2\""));
    client.send("GET /key/none HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: a\"b\r\n\r\n");
    answer = client.receive();
    QVERIFY(answer);
    QVERIFY(!answer->header("x-request-id").contains('"'));
    QVERIFY(!answer->header("x-request-id").isEmpty());
}

void TestRestServer::answersUnderItsAllowedNames()
{
    const auto statusUnder = [](const http::RestServerConfig &config, const QByteArray &host) {
        ServerFixture fixture(config);
        RawClient client(fixture.server.port());
        client.send("GET /livez HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
        const auto answer = client.receive();
        return answer ? answer->status : 0;
    };
    http::RestServerConfig config;
    QCOMPARE(statusUnder(config, "kv.example.org"), 421);
    QCOMPARE(statusUnder(config, QSysInfo::machineHostName().toUtf8()), 200);
    config.allowedHosts = {"KV.example.org"};
    QCOMPARE(statusUnder(config, "kv.EXAMPLE.org:80"), 200);
    QCOMPARE(statusUnder(config, "example.org"), 421);
    config.allowedHosts = {};
    config.isHostCheckOff = true;
    QCOMPARE(statusUnder(config, "anything"), 200);
}

void TestRestServer::stopsAfterTheAnswersInFlight()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    RawClient idle(fixture.server.port());
    idle.send(get("/livez"));
    QVERIFY(idle.receive());
    RawClient busy(fixture.server.port());
    busy.send(put("/key/k", "{\"value\":1}"));
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

void TestRestServer::stopsInTimeWhateverIsInFlight()
{
    ServerFixture fixture;
    fixture.coordinator.hold();
    RawClient client(fixture.server.port());
    client.send(put("/key/k", "{\"value\":1}"));
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    fixture.server.stop();
    QVERIFY(!client.receive());
    QCOMPARE(client.socket().state(), QAbstractSocket::UnconnectedState);
}

void TestRestServer::saysThatThePortIsInUse()
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

void TestRestServer::neverLogsTheFieldsOfRequests()
{
    ServerFixture fixture;
    QLoggingCategory::setFilterRules(QStringLiteral("*=true"));
    const QLoggingCategory category("qt.httpserver");
    QVERIFY(!category.isDebugEnabled());
    QVERIFY(category.isWarningEnabled());
    QLoggingCategory::setFilterRules({});
}

QTEST_GUILESS_MAIN(TestRestServer)
#include "tst_rest_server.moc"
