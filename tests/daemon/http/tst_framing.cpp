// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/answer_framing.h"
#include "daemon/http/canonical_request.h"
#include "daemon/http/chunked_decoder.h"
#include "daemon/http/head_parser.h"

#include <QTest>

using namespace dynakv::http;

namespace {

QByteArray canonicalTarget(const QByteArray &path, const QByteArray &query)
{
    RequestHead head;
    head.path = path;
    if (!query.isNull())
        head.query = query;
    const QByteArray text = toCanonicalHead(head, "id");
    const qsizetype start = text.indexOf(' ') + 1;
    return text.mid(start, text.indexOf(' ', start) - start);
}

} // namespace

/// The pure functions between the wire and Qt's HTTP server, where the wire itself cannot tell
/// which of them was wrong.
class TestFraming : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aPartOfAHeadNeedsMore();
    void carriesEveryByteOfATarget();
    void writesTargetsThatUrlsLeaveAlone_data();
    void writesTargetsThatUrlsLeaveAlone();
    void refusesTargetsItDoesNotWrite();
    void joinsFieldsThatAreLists();
    void passesOnlyKnownFieldsOn();
    void findsAnAnswerOnlyWhenItIsWhole();
    void framesForTheWire_data();
    void framesForTheWire();
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
        if (c != '?')
            path += static_cast<char>(c);
    }
    HttpRequest request;
    QVERIFY(readCanonicalTarget(canonicalTarget(path + "//..//", "a=?/..&b"), request));
    QCOMPARE(request.path, path + "//..//");
    QCOMPARE(request.query, "a=?/..&b");
}

void TestFraming::writesTargetsThatUrlsLeaveAlone_data()
{
    QTest::addColumn<QByteArray>("path");
    QTest::addColumn<QByteArray>("canonical");
    const auto row = [](const char *path, const char *canonical) {
        QTest::newRow(path) << QByteArray(path) << QByteArray(canonical);
    };
    row("/key/a", "/key/a");
    row("//host/a", "/.2fhost/a");
    row("///", "/.2f/");
    row("/../a", "/.2e.2e/a");
    row("/a%2F", "/a.252F");
    row("/a;b:c@d", "/a.3bb.3ac.40d");
    row("*", "/.x");
    row("/*", "/.2a");
}

void TestFraming::writesTargetsThatUrlsLeaveAlone()
{
    QFETCH(QByteArray, path);
    QFETCH(QByteArray, canonical);
    QCOMPARE(canonicalTarget(path, {}), canonical);
    HttpRequest request;
    QVERIFY(readCanonicalTarget(canonical, request));
    QCOMPARE(request.path, path);
}

void TestFraming::refusesTargetsItDoesNotWrite()
{
    for (const char *target : {"", "a", ".", "/.", "/.2", "/.zz", "/a.2", ".2a"}) {
        HttpRequest request;
        QVERIFY2(!readCanonicalTarget(target, request), target);
    }
}

void TestFraming::joinsFieldsThatAreLists()
{
    RequestHead head;
    head.path = "/";
    head.fields = {{"Accept", "a/b"}, {"X", "y"}, {"ACCEPT", "c/d"}};
    QVERIFY(toCanonicalHead(head, "id").contains("\r\naccept: a/b, c/d\r\n"));
}

void TestFraming::passesOnlyKnownFieldsOn()
{
    RequestHead head;
    head.method = Method::Head;
    head.path = "/";
    head.fields = {{"Authorization", "secret"}, {"Connection", "upgrade"}, {"Id", "forged"}};
    QByteArray canonical = toCanonicalHead(head, "id");
    endCanonicalHead(canonical, -1);
    QCOMPARE(canonical, "GET / HTTP/1.1\r\nHost: h\r\nid: id\r\n\r\n");
}

void TestFraming::findsAnAnswerOnlyWhenItIsWhole()
{
    const QByteArray whole = "HTTP/1.1 200 OK\r\nA: b\r\ncontent-length:  5\r\n\r\nhello";
    for (qsizetype size = 0; size < whole.size(); ++size)
        QVERIFY(!findAnswer(QByteArrayView(whole).first(size)));
    const auto answer = findAnswer(whole);
    QVERIFY(answer);
    QCOMPARE(answer->status, 200);
    QCOMPARE(answer->bodyBytes, 5);
    QVERIFY(findAnswer("HTTP/1.1 304 Not Modified\r\n\r\n"));
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
    const QByteArray captured =
        "HTTP/1.1 " + QByteArray::number(status) +
        " X\r\nContent-Length: 2\r\nConnection: x\r\nA: b\r\nDate: never\r\n\r\nhi";
    const auto answer = findAnswer(captured);
    QVERIFY(answer);
    const AnswerFrame frame{"d", "i", isHead, closes, isHttp10};
    QCOMPARE(frameHead(captured, *answer, frame) +
                 bodyToSend(captured, *answer, frame).toByteArray(),
             "HTTP/1.1 " + expected);
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
