// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/event_id.h"
#include "daemon/http/watch_event.h"
#include "tests/daemon/http/raw_client.h"
#include "tests/daemon/http/server_fixture.h"
#include "tests/support/event_stream.h"

#include <QJsonArray>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::test;

namespace {

http::RestServerConfig withBeat(int beatMs)
{
    http::RestServerConfig config;
    config.door = http::FrontDoorConfig{};
    config.door->watchBeatMs = beatMs;
    return config;
}

QByteArray idOf(quint64 seq, quint64 boot = ServerFixture::kBoot)
{
    return http::EventId{boot, seq}.toText();
}

/// A server that is watched.
struct Watched : ServerFixture
{
    using ServerFixture::ServerFixture;

    EventStream watch(const QByteArray &query = {}, const QByteArray &fields = {},
                      const QByteArray &version = "HTTP/1.1")
    {
        return EventStream({"127.0.0.1", server.port()}, "/v1/watch" + query, fields, version);
    }
    /// The same, when it is established: from here on nothing is missed.
    EventStream watchFromNow(const QByteArray &query = {})
    {
        EventStream stream = watch(query);
        const auto first = stream.next();
        if (!first || first->name != "bookmark")
            qWarning("the stream does not begin with a bookmark");
        return stream;
    }
    void remove(const QByteArray &key)
    {
        table.apply(core::Record{key, core::RecordKind::Tombstone, {++clock, 0xab}});
    }
    qint64 metric(const QByteArray &name)
    {
        RawClient client(server.port());
        client.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        const auto answer = client.receive();
        const QByteArray line = "\ndynakv_" + name + ' ';
        const qsizetype at = answer ? answer->body.indexOf(line) : -1;
        return at < 0 ? -1 : answer->body.mid(at + line.size()).split('\n').first().toLongLong();
    }
};

/// `put:a delete:b ...` of the next \a count events.
QByteArray taken(EventStream &stream, int count)
{
    QByteArrayList all;
    for (int i = 0; i < count; ++i) {
        const auto event = stream.next();
        all.append(event ? event->name + ':' + event->key() : QByteArray("nothing"));
    }
    return all.join(' ');
}

} // namespace

class TestWatch : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void tellsWhatChanges();
    void tellsOnlyOfThePrefix();
    void tellsValuesWhereTheyAreSmallAndStillThere();
    void keepsValuesOfSeveralLinesWhole();
    void tellsKeysOfAnyBytes();
    void goesOnAfterAnId_data();
    void goesOnAfterAnId();
    void resetsWhatItCannotContinue_data();
    void resetsWhatItCannotContinue();
    void aListingSaysWhereToGoOn();
    void showsThatItLivesAndHowFarItIs();
    void refusesWhatItDoesNotKnow();
    void isFramedForEachVersionOfHttp();
    void aHeadHasNoStream();
    void whatIsSentBehindIsNotAnswered();
    void aSlowReaderIsToldWhatItMissed();
    void aClientThatLeavesIsForgotten();
    void aStoppingNodeEndsTheStream();
    void manyWatchersAreToldTheSame();
};

void TestWatch::tellsWhatChanges()
{
    Watched node;
    node.put("before", "1");
    EventStream stream = node.watch();
    QVERIFY(stream.head().startsWith("HTTP/1.1 200 OK\r\n"));
    QVERIFY(stream.head().contains("Content-Type: text/event-stream\r\n"));
    QVERIFY(stream.head().contains("Cache-Control: no-store\r\n"));
    const auto first = stream.next();
    QVERIFY(first);
    QCOMPARE(first->name, "bookmark");
    QCOMPARE(first->id, idOf(1));
    QCOMPARE(first->data, "{}");

    node.put("a", "12");
    const auto put = stream.next();
    QVERIFY(put);
    QCOMPARE(put->name, "put");
    QCOMPARE(put->id, idOf(2));
    const QByteArray version = core::Version{node.clock, 0xab}.toString();
    QCOMPARE(put->data, "{\"key\":\"a\",\"version\":\"" + version +
                            "\",\"updated_at\":\"2020-09-13T12:26:40.000Z\",\"size\":2}");

    node.remove("a");
    const auto removal = stream.next();
    QVERIFY(removal);
    QCOMPARE(removal->name, "delete");
    QCOMPARE(removal->key(), "a");
    QVERIFY(removal->version() > put->version());
    QVERIFY(!removal->object().contains(QLatin1String("size")));

    node.put("short", "1", {}, 500);
    node.table.tellExpired(500, 10);
    QCOMPARE(taken(stream, 2), "put:short expire:short");
    QVERIFY(!stream.isBroken());
}

void TestWatch::tellsOnlyOfThePrefix()
{
    Watched node;
    EventStream stream = node.watchFromNow("?prefix=b%2F");
    for (const char *key : {"a/1", "b/1", "b", "c", "b/2"})
        node.put(key, "1");
    QCOMPARE(taken(stream, 2), "put:b/1 put:b/2");
}

void TestWatch::tellsValuesWhereTheyAreSmallAndStillThere()
{
    Watched node;
    const auto valueOf = [](const StreamEvent &event) {
        return event.object().value(QLatin1String("value"));
    };
    node.put("replaced", "1");
    node.put("replaced", "[2]");
    node.put("expired", "3", {}, 1000);
    node.put("large", QByteArray(http::kWatchValueBytesMax + 1, '7'));
    node.put("largest", '"' + QByteArray(http::kWatchValueBytesMax - 2, 'x') + '"');
    node.put("raw", "\x01\x02", "image/png");
    EventStream stream = node.watch("?values=true&after=" + idOf(0));
    QCOMPARE(stream.next()->name, "bookmark");
    std::vector<StreamEvent> all;
    for (int i = 0; i < 6; ++i) {
        const auto event = stream.next();
        QVERIFY(event);
        all.push_back(*event);
    }
    QVERIFY(valueOf(all[0]).isUndefined()); // Its successor is the next event.
    QCOMPARE(valueOf(all[1]).toArray().first().toInt(), 2);
    QVERIFY(valueOf(all[2]).isUndefined());
    QVERIFY(valueOf(all[3]).isUndefined());
    QCOMPARE(all[3].object().value(QLatin1String("size")).toInt(), 64 * 1024 + 1);
    QCOMPARE(valueOf(all[4]).toString().size(), 64 * 1024 - 2);
    QCOMPARE(valueOf(all[5]).toString(), QStringLiteral("AQI="));
    QCOMPARE(all[5].object().value(QLatin1String("content_type")).toString(),
             QStringLiteral("image/png"));
}

void TestWatch::keepsValuesOfSeveralLinesWhole()
{
    Watched node;
    EventStream stream = node.watchFromNow("?values");
    node.put("k", "[\n1,\r\n2,\r3]");
    const auto event = stream.next();
    QVERIFY(event);
    QVERIFY(event->data.endsWith(",\"value\":[\n1,\n2,\n3]}"));
    QVERIFY(!stream.isBroken());
}

void TestWatch::tellsKeysOfAnyBytes()
{
    Watched node;
    EventStream stream = node.watchFromNow("?prefix=%FF");
    node.put("\xff\n\n", "1");
    const auto event = stream.next();
    QVERIFY(event);
    QCOMPARE(event->object().value(QLatin1String("key_b64")).toString(), QStringLiteral("/woK"));
}

void TestWatch::goesOnAfterAnId_data()
{
    QTest::addColumn<QByteArray>("query");
    QTest::addColumn<QByteArray>("fields");
    QTest::newRow("header") << QByteArray() << "Last-Event-ID: " + idOf(2) + "\r\n";
    QTest::newRow("parameter") << "?after=" + idOf(2) << QByteArray();
    QTest::newRow("both") << "?after=" + idOf(1) << "Last-Event-ID: " + idOf(2) + "\r\n";
}

void TestWatch::goesOnAfterAnId()
{
    QFETCH(QByteArray, query);
    QFETCH(QByteArray, fields);
    Watched node;
    for (const char *key : {"a", "b", "c", "d"})
        node.put(key, "1");
    EventStream stream = node.watch(query, fields);
    const auto first = stream.next();
    QVERIFY(first);
    QCOMPARE(first->name, "bookmark");
    QCOMPARE(first->id, idOf(2));
    QCOMPARE(taken(stream, 2), "put:c put:d");
    node.put("e", "1");
    QCOMPARE(taken(stream, 1), "put:e");
}

void TestWatch::resetsWhatItCannotContinue_data()
{
    QTest::addColumn<QByteArray>("id");
    QTest::addColumn<QByteArray>("reason");
    QTest::newRow("other boot") << idOf(2, 0xdead) << QByteArray("unknown_id");
    QTest::newRow("no id") << QByteArray("abc") << QByteArray("unknown_id");
    QTest::newRow("empty") << QByteArray("") << QByteArray("unknown_id");
    QTest::newRow("future") << idOf(5) << QByteArray("unknown_id");
    QTest::newRow("another form") << idOf(0).chopped(1) + "02" << QByteArray("unknown_id");
    QTest::newRow("huge") << idOf(0) + "99999999999999999999" << QByteArray("unknown_id");
}

void TestWatch::resetsWhatItCannotContinue()
{
    QFETCH(QByteArray, id);
    QFETCH(QByteArray, reason);
    Watched node;
    for (const char *key : {"a", "b", "c", "d"})
        node.put(key, "1");
    EventStream stream = node.watch("?after=" + id);
    const auto first = stream.next();
    QVERIFY(first);
    QCOMPARE(first->name, "reset");
    QCOMPARE(first->id, idOf(4));
    QCOMPARE(first->data, "{\"reason\":\"" + reason + "\"}");
    node.put("e", "1");
    QCOMPARE(taken(stream, 1), "put:e");
    QCOMPARE(node.metric("watch_resets_total"), 1);
}

void TestWatch::aListingSaysWhereToGoOn()
{
    Watched node;
    node.put("a", "1");
    RawClient client(node.server.port());
    client.send("GET /v1/keys HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto listing = client.receive();
    QVERIFY(listing);
    const QByteArray id = listing->header("dynakv-event-id");
    QCOMPARE(id, idOf(1));
    node.put("b", "1");
    EventStream stream = node.watch({}, "Last-Event-ID: " + id + "\r\n");
    QCOMPARE(stream.next()->name, "bookmark");
    QCOMPARE(taken(stream, 1), "put:b");
}

void TestWatch::showsThatItLivesAndHowFarItIs()
{
    Watched node(withBeat(20));
    EventStream stream = node.watchFromNow("?prefix=mine/");
    const auto comment = stream.next(5000, true);
    QVERIFY(comment);
    QVERIFY(comment->name.isEmpty());
    node.put("others", "1");
    const auto bookmark = stream.next();
    QVERIFY(bookmark);
    QCOMPARE(bookmark->name, "bookmark");
    QCOMPARE(bookmark->id, idOf(1));
}

void TestWatch::refusesWhatItDoesNotKnow()
{
    Watched node;
    const auto statusOf = [&node](const QByteArray &request) {
        RawClient client(node.server.port());
        client.send(request + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const auto answer = client.receive();
        return answer ? answer->status : 0;
    };
    QCOMPARE(statusOf("GET /v1/watch?prefx=a"), 400);
    QCOMPARE(statusOf("GET /v1/watch?values=maybe"), 400);
    QCOMPARE(statusOf("GET /v1/watch?prefix=" + QByteArray(1025, 'x')), 400);
    QCOMPARE(statusOf("DELETE /v1/watch"), 405);
    node.coordinator.setReadiness(core::Readiness::CatchingUp);
    QCOMPARE(statusOf("GET /v1/watch"), 503);
}

void TestWatch::isFramedForEachVersionOfHttp()
{
    Watched node;
    EventStream modern = node.watchFromNow();
    QVERIFY(modern.head().contains("Transfer-Encoding: chunked\r\n"));
    QVERIFY(modern.head().contains("Connection: close\r\n"));
    QVERIFY(!modern.head().contains("Content-Length"));
    EventStream old = node.watch({}, {}, "HTTP/1.0");
    QCOMPARE(old.next()->name, "bookmark");
    QVERIFY(!old.head().contains("Transfer-Encoding"));
    QVERIFY(!old.head().contains("Content-Length"));
    QVERIFY(old.head().contains("Connection: close\r\n"));
    node.put("a", "1");
    QCOMPARE(taken(modern, 1), "put:a");
    QCOMPARE(taken(old, 1), "put:a");
    node.server.stop();
    QVERIFY(modern.isEndedCleanly());
    QVERIFY(old.isEndedCleanly());
}

void TestWatch::aHeadHasNoStream()
{
    Watched node;
    RawClient client(node.server.port());
    client.send("HEAD /v1/watch HTTP/1.1\r\nHost: localhost\r\n\r\n"
                "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto head = client.receive(false);
    QVERIFY(head);
    QCOMPARE(head->status, 200);
    QCOMPARE(head->header("content-type"), "text/event-stream");
    QCOMPARE(head->header("transfer-encoding"), "chunked");
    QVERIFY(head->header("connection").isEmpty());
    const auto next = client.receive();
    QVERIFY(next);
    QCOMPARE(next->status, 200);
    QCOMPARE(node.metric("watchers"), 0);
}

void TestWatch::whatIsSentBehindIsNotAnswered()
{
    Watched node;
    EventStream stream({"127.0.0.1", node.server.port()}, "/v1/watch",
                       "\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n");
    QCOMPARE(stream.next()->name, "bookmark");
    // More than any buffer on the way holds: it is read and thrown away.
    const QByteArray more(64 * 1024, 'x');
    for (int i = 0; i < 200; ++i) {
        stream.socket().write(more);
        while (stream.socket().bytesToWrite() > 0)
            QVERIFY(stream.socket().waitForBytesWritten(5000));
    }
    node.put("a", "1");
    QCOMPARE(taken(stream, 1), "put:a");
    node.server.stop();
    QVERIFY(stream.isEndedCleanly());
}

void TestWatch::aSlowReaderIsToldWhatItMissed()
{
    Watched node;
    EventStream slow = node.watch();
    slow.socket().setReadBufferSize(1024);
    QVERIFY(!slow.head().isEmpty());
    EventStream quick = node.watchFromNow("?prefix=last");
    // Twice what the ring holds, and more than the buffers on the way hold.
    const QByteArray tail(1000, 'k');
    const quint64 count = 2 * store::ChangeRing::kBytesMax / 1024;
    for (quint64 i = 1; i <= count; ++i)
        node.put(QByteArray::number(i) + tail, "1");
    node.put("last", "1");
    auto news = quick.next();
    while (news && news->name == "bookmark") // So much passed by.
        news = quick.next();
    QVERIFY(news);
    QCOMPARE(news->key(), "last");
    const quint64 last = count + 1;

    slow.socket().setReadBufferSize(0);
    quint64 seen = 0;
    int resets = 0;
    QCOMPARE(slow.next()->name, "bookmark");
    while (seen < last) {
        const auto event = slow.next(20'000);
        QVERIFY(event);
        const auto id = http::EventId::fromText(event->id);
        QVERIFY(id);
        if (event->name == "reset")
            ++resets;
        else
            QVERIFY(id->seq == seen + 1); // Never a silent gap.
        seen = id->seq;
    }
    QCOMPARE(resets, 1);
    QVERIFY(!slow.isBroken());
}

void TestWatch::aClientThatLeavesIsForgotten()
{
    Watched node;
    {
        EventStream first = node.watchFromNow();
        EventStream second = node.watchFromNow();
        QCOMPARE(node.metric("watchers"), 2);
    }
    QTRY_COMPARE(node.metric("watchers"), 0);
    node.put("a", "1");
    QCOMPARE(node.metric("watch_events_total"), 0);
    // Whoever comes then does not wait for the next change.
    {
        EventStream third = node.watchFromNow();
        node.put("b", "1");
        QCOMPARE(taken(third, 1), "put:b");
    }
    QTRY_COMPARE(node.metric("watchers"), 0);
    EventStream fourth = node.watchFromNow("?after=" + idOf(0));
    QCOMPARE(taken(fourth, 2), "put:a put:b");
}

void TestWatch::aStoppingNodeEndsTheStream()
{
    Watched node;
    EventStream stream = node.watchFromNow();
    node.put("last", "1");
    node.server.stop();
    QCOMPARE(taken(stream, 1), "put:last");
    QVERIFY(stream.isEndedCleanly());
}

void TestWatch::manyWatchersAreToldTheSame()
{
    Watched node;
    constexpr int count = 200;
    std::vector<EventStream> streams;
    for (int i = 0; i < count; ++i)
        streams.push_back(node.watchFromNow("?prefix=p" + QByteArray::number(i % 3)));
    for (int i = 0; i < 3000; ++i)
        node.put('p' + QByteArray::number(i % 3) + '/' + QByteArray::number(i), "1");
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t n = i % 3; n < 3000; n += 3) {
            const auto event = streams[i].next();
            QVERIFY(event);
            QCOMPARE(event->id, idOf(n + 1));
        }
    }
    QCOMPARE(node.metric("watch_events_total"), 1000 * count);
}

QTEST_GUILESS_MAIN(TestWatch)
#include "tst_watch.moc"
