// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/raw_client.h"
#include "tests/daemon/http/server_fixture.h"

#include <QDeadlineTimer>
#include <QFile>
#include <QTest>

#include <vector>

#ifndef Q_OS_WIN
#include <cerrno>
#include <sys/socket.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

using namespace dynakv;
using test::getRequest;
using test::putRequest;
using test::RawClient;
using test::ServerFixture;
using test::withDoor;

namespace {

qint64 residentBytes()
{
    QFile file(QStringLiteral("/proc/self/statm"));
    if (!file.open(QIODevice::ReadOnly))
        return -1;
    return file.readAll().split(' ').value(1).toLongLong() * 4096;
}

} // namespace

/// Slow clients, greedy ones and those that do not read, with the bounds and time-outs turned down
/// far enough to be seen.
class TestRestLimits : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void acceptsNobodyWhileDescriptorsAreScarce();
    void refusesABodyBeforeItIsSent();
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
};

void TestRestLimits::acceptsNobodyWhileDescriptorsAreScarce()
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
        clients.back()->send(getRequest("/livez"));
        return clients.back()->receive(true, timeoutMs).has_value();
    };
    QVERIFY(isServed(5000));
    while (clients.size() < 24 && isServed(clients.size() < 3 ? 5000 : 200)) {
    }
    QVERIFY2(clients.size() < 24, "the last one should not have been accepted");
    QVERIFY(clients.size() > 2);
    // The one outside is served as soon as some of the others are gone.
    const auto waiting = std::move(clients.back());
    clients.clear();
    QVERIFY(waiting->receive());
#endif
}

void TestRestLimits::refusesABodyBeforeItIsSent()
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

void TestRestLimits::refusesAValueOverTheLimit_data()
{
    QTest::addColumn<int>("bytes");
    QTest::addColumn<bool>("isChunked");
    QTest::newRow("a little over") << 1001 << false;
    QTest::newRow("far over") << 1'000'000 << false;
    QTest::newRow("a little over, chunked") << 1001 << true;
    QTest::newRow("far over, chunked") << 1'000'000 << true;
}

void TestRestLimits::refusesAValueOverTheLimit()
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
        client.send(putRequest("/key/k?raw", value));
    }
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 413);
    QCOMPARE(fixture.table.recordCount(), 0);
}

void TestRestLimits::cutsASlowHead()
{
    ServerFixture fixture(withDoor([](auto &door) { door.headTimeoutMs = 100; }));
    RawClient client(fixture.server.port());
    client.send("GET /livez HTTP/1.1\r\nHost:");
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 408);
    QVERIFY(client.isClosedByServer());
}

void TestRestLimits::cutsASlowBody()
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

void TestRestLimits::givesASteadyBodyItsTime()
{
    // At this rate what has come buys a hundred times the grace.
    ServerFixture fixture(withDoor([](auto &door) {
        door.bodyGraceMs = 100;
        door.bodyBytesPerSecondMin = 100;
    }));
    RawClient client(fixture.server.port());
    const QByteArray body = "{\"value\":\"" + QByteArray(1000, 'x') + "\"}";
    const QByteArray request = putRequest("/key/k", body);
    client.send(request.chopped(1));
    QVERIFY(!client.receive(true, 300));
    client.send(request.right(1));
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 200);
}

void TestRestLimits::closesAnIdleConnection()
{
    ServerFixture fixture(withDoor([](auto &door) { door.idleTimeoutMs = 100; }));
    RawClient fresh(fixture.server.port());
    QVERIFY(fresh.isClosedByServer());
    RawClient used(fixture.server.port());
    used.send(getRequest("/livez"));
    QVERIFY(used.receive());
    QVERIFY(used.isClosedByServer());
}

void TestRestLimits::cutsAClientThatDoesNotRead()
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
        client.send(getRequest("/key/big"));
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

void TestRestLimits::theSystemOffersNothingMoreToAClientThatWasCut()
{
#ifdef Q_OS_WIN
    QSKIP("asks the system in the way of POSIX");
#else
    ServerFixture fixture(withDoor([](auto &door) { door.writeStallMs = 100; }));
    fixture.put("big", '"' + QByteArray(1'000'000, 'x') + '"');
    RawClient client(fixture.server.port());
    client.setReadBufferSize(1);
    client.send(getRequest("/key/big").repeated(20)); // At once: what is not read is an error too.
    const auto isCut = [&fixture] {
        RawClient other(fixture.server.port());
        other.send(getRequest("/metrics"));
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

void TestRestLimits::answersForANodeThatDoesNot()
{
    ServerFixture fixture(withDoor([](auto &door) { door.answerTimeoutMs = 100; }));
    fixture.coordinator.hold();
    RawClient client(fixture.server.port());
    client.send(putRequest("/key/k", "{\"value\":1}"));
    const auto answer = client.receive();
    QVERIFY(answer);
    QCOMPARE(answer->status, 503);
    QVERIFY(answer->body.contains("no_answer"));
    QVERIFY(client.isClosedByServer());
    fixture.coordinator.release();
    RawClient next(fixture.server.port());
    next.send(getRequest("/livez"));
    QVERIFY(next.receive());
}

void TestRestLimits::boundsTheBodiesInFlight()
{
    ServerFixture fixture(withDoor([](auto &door) { door.bodyBytesInFlightMax = 10'000; }));
    fixture.coordinator.hold();
    const QByteArray body = "{\"value\":\"" + QByteArray(6000, 'x') + "\"}";
    RawClient first(fixture.server.port());
    first.send(putRequest("/key/a", body));
    QTRY_COMPARE(fixture.coordinator.submittedCount(), 1);
    RawClient second(fixture.server.port());
    second.send(putRequest("/key/b", body));
    const auto refused = second.receive();
    QVERIFY(refused);
    QCOMPARE(refused->status, 503);
    QVERIFY(refused->body.contains("overload"));
    fixture.coordinator.release();
    QVERIFY(first.receive());
    RawClient third(fixture.server.port());
    third.send(putRequest("/key/b", body));
    const auto taken = third.receive();
    QVERIFY(taken);
    QCOMPARE(taken->status, 200);
}

/// Each of them is well within its own bound, all together are not.
void TestRestLimits::boundsWhatClientsDoNotRead()
{
    constexpr qsizetype bytesMax = 20 << 20;
    constexpr qsizetype valueBytes = 12 << 20; // More than the system keeps for both ends.
    ServerFixture fixture(withDoor([](auto &door) { door.unsentBytesMax = bytesMax; }));
    fixture.put("large", QByteArray(valueBytes, 'x'), "application/octet-stream");
    const auto metric = [&fixture](const QByteArray &name) {
        RawClient client(fixture.server.port());
        client.send(getRequest("/metrics"));
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
        idle.back()->send(getRequest("/key/large?raw"));
    }
    const QByteArray cuts = R"(dynakv_http_timeouts_total{phase="unsent"})";
    QTRY_VERIFY_WITH_TIMEOUT(metric(cuts) >= 1, 20'000);
    QVERIFY(metric("dynakv_http_unsent_bytes") <= bytesMax + valueBytes);
    // Who reads is served meanwhile, however large its value is.
    RawClient reader(fixture.server.port());
    reader.send(getRequest("/livez"));
    QVERIFY(reader.receive());
    idle.clear();
    QTRY_COMPARE_WITH_TIMEOUT(metric("dynakv_http_unsent_bytes"), 0, 20'000);
    reader.send(getRequest("/key/large?raw"));
    const auto answer = reader.receive(true, 20'000);
    QVERIFY(answer);
    QCOMPARE(answer->body.size(), valueBytes);
}

void TestRestLimits::staysSmallUnderAnEndlessHead()
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

void TestRestLimits::staysSmallUnderAnEndlessBody()
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

void TestRestLimits::acceptsNoMoreThanItsCap_data()
{
    QTest::addColumn<int>("threads");
    QTest::newRow("one thread") << 1;
    QTest::newRow("the threads together") << 4;
}

void TestRestLimits::acceptsNoMoreThanItsCap()
{
    QFETCH(int, threads);
    http::RestServerConfig config = withDoor([](auto &door) { door.connectionsMax = 3; });
    config.threads = threads;
    ServerFixture fixture(config);
    std::vector<std::unique_ptr<RawClient>> inside;
    for (int i = 0; i < 3; ++i) {
        inside.push_back(std::make_unique<RawClient>(fixture.server.port()));
        inside.back()->send(getRequest("/livez"));
        QVERIFY(inside.back()->receive());
    }
    RawClient outside(fixture.server.port());
    outside.send(getRequest("/livez"));
    QVERIFY(!outside.receive(true, 200));
    inside[0]->send(getRequest("/livez"));
    QVERIFY(inside[0]->receive());
    inside.pop_back();
    QVERIFY(outside.receive());
}

QTEST_GUILESS_MAIN(TestRestLimits)
#include "tst_rest_limits.moc"
