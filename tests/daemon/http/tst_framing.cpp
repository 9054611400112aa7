// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/answer_framing.h"
#include "daemon/http/chunked_decoder.h"
#include "daemon/http/head_parser.h"
#include "daemon/http/incoming_request.h"

#include <QTest>

using namespace dynakv::http;

/// The pure functions between the wire and the handlers, where the wire itself cannot tell which of
/// them was wrong.
class TestFraming : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aPartOfAHeadNeedsMore();
    void carriesEveryByteOfATarget();
    void takesTheFieldsThatHandlersKnow();
    void joinsFieldsThatAreLists();
    void passesOnlyKnownFieldsOn();
    void framesForTheWire_data();
    void framesForTheWire();
    void framesTheHeadAloneOfAnEndlessAnswer();
    void writesHttpDates_data();
    void writesHttpDates();
    void decodesChunksHoweverTheyAreCut();
};

void TestFraming::aPartOfAHeadNeedsMore()
{
    const QByteArray whole = "PUT http://h/key/a?w=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                             "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    for (qsizetype size = 0; size < whole.size(); ++size)
        QVERIFY(std::holds_alternative<NeedMore>(parseHead(QByteArrayView(whole).first(size), {})));
    const QByteArray bytes = whole + "extra";
    const HeadResult result = parseHead(bytes, {});
    const auto *head = std::get_if<RequestHead>(&result);
    QVERIFY(head);
    QCOMPARE(head->size, whole.size());
    QCOMPARE(head->path, "/key/a");
    QCOMPARE(head->query, "w=1");
    QCOMPARE(head->contentLength, 5);
    QVERIFY(head->expectsContinue);
    QVERIFY(!head->keepsAlive);
}

void TestFraming::carriesEveryByteOfATarget()
{
    QByteArray path = "/";
    for (int c = 0x21; c < 0x7f; ++c) {
        if (c != '?' && c != '#')
            path += static_cast<char>(c);
    }
    path += "//..//%2F";
    const QByteArray bytes = "GET " + path + "?a=?/..&b HTTP/1.1\r\nHost: h\r\n\r\n";
    const HeadResult result = parseHead(bytes, {});
    const auto *head = std::get_if<RequestHead>(&result);
    QVERIFY(head);
    const HttpRequest request = requestFrom(*head, "id");
    QCOMPARE(request.path, path);
    QCOMPARE(request.query, "a=?/..&b");
    QCOMPARE(request.requestId, "id");
}

void TestFraming::takesTheFieldsThatHandlersKnow()
{
    RequestHead head;
    head.method = Method::Put;
    head.path = "/";
    head.framing = BodyFraming::Length;
    head.fields = {{"CONTENT-TYPE", "a/b"},  {"Content-Encoding", "gzip"}, {"Accept", "c/d"},
                   {"If-Match", "\"1\""},    {"If-None-Match", "*"},       {"DynaKV-At-Least", "v"},
                   {"Last-Event-ID", "7-1"}, {"Content-Length", "3"}};
    const HttpRequest request = requestFrom(head, "id");
    QCOMPARE(request.method, Method::Put);
    QCOMPARE(request.contentType, "a/b");
    QCOMPARE(request.contentEncoding, "gzip");
    QCOMPARE(request.accept, "c/d");
    QCOMPARE(request.ifMatch, "\"1\"");
    QCOMPARE(request.ifNoneMatch, "*");
    QCOMPARE(request.atLeast, "v");
    QCOMPARE(request.lastEventId, "7-1");
    QVERIFY(request.hasBody);
    QVERIFY(!requestFrom(RequestHead{}, "id").hasBody);
}

void TestFraming::joinsFieldsThatAreLists()
{
    RequestHead head;
    head.path = "/";
    head.fields = {
        {"Accept", "a/b"}, {"If-Match", "\"1\""}, {"ACCEPT", "c/d"}, {"if-match", "\"2\""}};
    const HttpRequest request = requestFrom(head, "id");
    QCOMPARE(request.accept, "a/b, c/d");
    QCOMPARE(request.ifMatch, "\"1\", \"2\"");
}

void TestFraming::passesOnlyKnownFieldsOn()
{
    RequestHead head;
    head.method = Method::Head;
    head.path = "/";
    head.fields = {
        {"Authorization", "secret"}, {"Connection", "upgrade"}, {"X-Request-Id", "forged"}};
    const HttpRequest request = requestFrom(head, "id");
    QCOMPARE(request.method, Method::Get);
    QCOMPARE(request.requestId, "id");
    QVERIFY(request.accept.isNull() && !request.ifMatch && !request.ifNoneMatch);
    QVERIFY(request.contentType.isNull() && request.atLeast.isNull() && !request.lastEventId);
}

void TestFraming::framesForTheWire_data()
{
    QTest::addColumn<int>("status");
    QTest::addColumn<bool>("isHead");
    QTest::addColumn<bool>("closes");
    QTest::addColumn<bool>("isHttp10");
    QTest::addColumn<QByteArray>("expected");
    const QByteArray fixed = "\r\nX-Request-Id: i\r\n";
    QTest::newRow("plain") << 200 << false << false << false
                           << "200 OK\r\nDate: d\r\nContent-Length: 2" + fixed + "A: b\r\n\r\nhi";
    QTest::newRow("HEAD") << 200 << true << false << false
                          << "200 OK\r\nDate: d\r\nContent-Length: 2" + fixed + "A: b\r\n\r\n";
    QTest::newRow("304") << 304 << false << false << false
                         << "304 Not Modified\r\nDate: d" + fixed + "A: b\r\n\r\n";
    QTest::newRow("close") << 200 << false << true << false
                           << "200 OK\r\nDate: d\r\nContent-Length: 2" + fixed +
                                  "Connection: close\r\nA: b\r\n\r\nhi";
    QTest::newRow("HTTP/1.0") << 200 << false << false << true
                              << "200 OK\r\nDate: d\r\nContent-Length: 2" + fixed +
                                     "Connection: keep-alive\r\nA: b\r\n\r\nhi";
}

void TestFraming::framesForTheWire()
{
    QFETCH(int, status);
    QFETCH(bool, isHead);
    QFETCH(bool, closes);
    QFETCH(bool, isHttp10);
    QFETCH(QByteArray, expected);
    QByteArray wire = "before";
    appendReply(wire, {status, {}, "hi", {{"A", "b"}}}, {"d", "i", isHead, closes, isHttp10});
    QCOMPARE(wire, "beforeHTTP/1.1 " + expected);
}

void TestFraming::framesTheHeadAloneOfAnEndlessAnswer()
{
    QByteArray wire;
    const HttpReply reply{200, "text/event-stream", {}, {}};
    appendReply(wire, reply, {"d", "i", false, true, false, true});
    QCOMPARE(wire, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\nX-Request-Id: i\r\n"
                   "Connection: close\r\nContent-Type: text/event-stream\r\n\r\n");
    wire.clear();
    appendReply(wire, reply, {"d", "i", false, true, true, true});
    QVERIFY(!wire.contains("Transfer-Encoding") && !wire.contains("Content-Length"));
}

void TestFraming::writesHttpDates_data()
{
    QTest::addColumn<qint64>("seconds");
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("epoch") << qint64{0} << QByteArray("Thu, 01 Jan 1970 00:00:00 GMT");
    QTest::newRow("example of RFC 9110")
        << qint64{784'111'777} << QByteArray("Sun, 06 Nov 1994 08:49:37 GMT");
    QTest::newRow("leap day") << qint64{1'709'251'199}
                              << QByteArray("Thu, 29 Feb 2024 23:59:59 GMT");
    QTest::newRow("last second") << qint64{253'402'300'799}
                                 << QByteArray("Fri, 31 Dec 9999 23:59:59 GMT");
    QTest::newRow("before the epoch") << qint64{-5} << QByteArray("Thu, 01 Jan 1970 00:00:00 GMT");
    QTest::newRow("after the last")
        << (qint64{1} << 48) << QByteArray("Fri, 31 Dec 9999 23:59:59 GMT");
}

void TestFraming::writesHttpDates()
{
    QFETCH(qint64, seconds);
    QFETCH(QByteArray, text);
    QCOMPARE(toHttpDate(seconds), text);
}

void TestFraming::decodesChunksHoweverTheyAreCut()
{
    const QByteArray wire = "5;x=y\r\nhello\r\n00006\r\n world\r\n0\r\nA: b\r\nC: d\r\n\r\nnext";
    for (qsizetype pieceBytes = 1; pieceBytes <= wire.size(); ++pieceBytes) {
        ChunkedDecoder decoder(11);
        QByteArray body;
        QByteArrayView rest(wire);
        auto status = ChunkedDecoder::Status::NeedMore;
        while (status == ChunkedDecoder::Status::NeedMore) {
            QVERIFY(!rest.isEmpty());
            QByteArrayView piece = rest.first(qMin(pieceBytes, rest.size()));
            const qsizetype given = piece.size();
            status = decoder.feed(piece, body);
            rest = rest.sliced(given - piece.size());
        }
        QCOMPARE(status, ChunkedDecoder::Status::Done);
        QCOMPARE(body, "hello world");
        QCOMPARE(rest, "next");
    }
}

QTEST_APPLESS_MAIN(TestFraming)
#include "tst_framing.moc"
