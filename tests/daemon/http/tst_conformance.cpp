// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/raw_client.h"
#include "tests/daemon/http/server_fixture.h"

#include <QTest>

using dynakv::test::RawClient;
using dynakv::test::ServerFixture;

namespace {

const QByteArray kPing = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A request with the field lines given, each without its line end.
QByteArray request(const QByteArray &line, const QList<QByteArray> &fields = {"Host: localhost"},
                   const QByteArray &body = {})
{
    QByteArray text = line + "\r\n";
    for (const QByteArray &field : fields)
        text += field + "\r\n";
    return text + "\r\n" + body;
}

QByteArray put(const QList<QByteArray> &fields, const QByteArray &body)
{
    return request("PUT /key/c HTTP/1.1", QList<QByteArray>{"Host: localhost"} + fields, body);
}

QByteArray chunked(const QByteArray &body)
{
    return put({"Transfer-Encoding: chunked"}, body);
}

QList<QByteArray> manyFields(int count)
{
    QList<QByteArray> fields{"Host: localhost"};
    while (fields.size() < count)
        fields += "X-" + QByteArray::number(fields.size()) + ": y";
    return fields;
}

constexpr bool kStays = true;
constexpr bool kCloses = false;

} // namespace

/// What is accepted, what is refused and with which status, on the wire of a real server. Each case
/// is sent in one piece, byte by byte and behind another request; and after each the connection
/// must either be in step (another request is answered) or ended by the server.
class TestConformance : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void wholeRequest_data() { cases(); }
    void wholeRequest();
    void byteByByte_data() { cases(); }
    void byteByByte();
    void behindAnotherRequest_data() { cases(); }
    void behindAnotherRequest();

private:
    static void cases();
    static void requestLines();
    static void targets();
    static void fields();
    static void hosts();
    static void lengths();
    static void codings();
    static void chunks();
    static void persistence();
    static void methods();
    void checkAfter(RawClient &client);

    std::unique_ptr<ServerFixture> m_fixture;
};

void TestConformance::initTestCase()
{
    dynakv::http::RestServerConfig config;
    config.door.emplace();
    config.door->lingerMs = 500;
    m_fixture = std::make_unique<ServerFixture>(config);
    QVERIFY(m_fixture->isUp);
    m_fixture->put("k", "1");
}

void TestConformance::cases()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("status");
    QTest::addColumn<bool>("stays");
    requestLines();
    targets();
    fields();
    hosts();
    lengths();
    codings();
    chunks();
    persistence();
    methods();
}

void TestConformance::requestLines()
{
    const auto row = [](const char *name, const QByteArray &line, int status,
                        bool stays = kCloses) {
        QTest::newRow(name) << request(line) << status << stays;
    };
    row("plain", "GET /livez HTTP/1.1", 200, kStays);
    row("two spaces after the method", "GET  /livez HTTP/1.1", 400);
    row("two spaces before the version", "GET /livez  HTTP/1.1", 400);
    row("tab for a space", "GET\t/livez HTTP/1.1", 400);
    row("tab in the target", "GET /a\tb HTTP/1.1", 400);
    row("space in the target", "GET /key/a b HTTP/1.1", 400);
    row("space before the method", " GET /livez HTTP/1.1", 400);
    row("space after the version", "GET /livez HTTP/1.1 ", 400);
    row("no version", "GET /livez", 400);
    row("no target", "GET HTTP/1.1", 400);
    row("method alone", "GET", 400);
    row("lower-case version", "GET /livez http/1.1", 400);
    row("unknown protocol", "GET /livez HTTPXYZZ", 400);
    row("two-digit version", "GET /livez HTTP/1.10", 400);
    row("version with plus", "GET /livez HTTP/+1.1", 400);
    row("HTTP/2.0", "GET /livez HTTP/2.0", 505);
    row("HTTP/0.9 named", "GET /livez HTTP/0.9", 505);
    row("HTTP/1.2", "GET /livez HTTP/1.2", 505);
    row("HTTP/2 preface", "PRI * HTTP/2.0", 505);
    row("lower-case method", "get /livez HTTP/1.1", 501);
    row("unknown method", "BREW /livez HTTP/1.1", 501);
    row("TRACE", "TRACE /livez HTTP/1.1", 501);
    row("CONNECT", "CONNECT example.org:80 HTTP/1.1", 501);
    row("method with a separator", "G(T /livez HTTP/1.1", 400);
    row("method of 33 letters", QByteArray(33, 'A') + " / HTTP/1.1", 400);
    row("NUL in the method", QByteArray("GE\0T / HTTP/1.1", 15), 400);
    QTest::newRow("one empty line before") << "\r\n" + kPing << 200 << kStays;
    QTest::newRow("two empty lines before") << "\r\n\r\n" + kPing << 400 << kCloses;
    QTest::newRow("bare LF after the request line")
        << QByteArray("GET /livez HTTP/1.1\nHost: localhost\r\n\r\n") << 400 << kCloses;
    QTest::newRow("CR in the request line")
        << QByteArray("GET /li\rvez HTTP/1.1\r\nHost: localhost\r\n\r\n") << 400 << kCloses;
    QTest::newRow("TLS handshake") << QByteArray("\x16\x03\x01\x02\x00\x01", 6) << 400 << kCloses;
    QTest::newRow("binary noise") << QByteArray("\xff\xfe\x00\x01", 4) << 400 << kCloses;
    QTest::newRow("JSON without a head") << QByteArray("{\"value\":1}\r\n\r\n") << 400 << kCloses;
}

void TestConformance::targets()
{
    const auto row = [](const char *name, const QByteArray &target, int status,
                        bool stays = kCloses) {
        QTest::newRow(name) << request("GET " + target + " HTTP/1.1") << status << stays;
    };
    row("absolute target", "http://localhost/livez", 200, kStays);
    row("absolute target in capitals", "HTTP://LOCALHOST/livez", 200, kStays);
    row("absolute target without a path", "http://localhost", 200, kStays);
    row("absolute target with a query alone", "http://localhost?x=1", 400, kStays);
    row("absolute target of another host", "http://127.0.0.1/livez", 400);
    row("absolute target with user information", "http://u@localhost/livez", 400);
    row("absolute target of another scheme", "ftp://localhost/livez", 400);
    row("asterisk for GET", "*", 400);
    row("no slash", "livez", 400);
    row("fragment", "/livez#x", 400);
    row("byte over 127", "/key/\xc3\xa9", 400);
    row("DEL", "/key/\x7f", 400);
    row("empty query", "/livez?", 200, kStays);
    row("unknown parameter", "/livez?x=1", 400, kStays);
    row("unknown path", "/nope", 404, kStays);
    row("double slash at the start", "//key/k", 404, kStays);
    row("dots are not folded", "/x/../livez", 404, kStays);
    row("target of 8192 bytes", "/" + QByteArray(8191, 'a'), 404, kStays);
    row("target of 8193 bytes", "/" + QByteArray(8192, 'a'), 414);
    QTest::newRow("endless target") << "GET /" + QByteArray(20'000, 'a') << 414 << kCloses;
}

void TestConformance::fields()
{
    const auto row = [](const char *name, const QByteArray &field, int status,
                        bool stays = kCloses) {
        QTest::newRow(name) << request("GET /livez HTTP/1.1", {"Host: localhost", field}) << status
                            << stays;
    };
    row("empty value", "X-A:", 200, kStays);
    row("spaces around the value", "X-A: \t b \t", 200, kStays);
    row("colons in the value", "X-A: b:c:d", 200, kStays);
    row("obs-text in the value", "X-A: \xe4", 200, kStays);
    row("space before the colon", "X-A : b", 400);
    row("tab before the colon", "X-A\t: b", 400);
    row("no colon", "X-A b", 400);
    row("empty name", ": b", 400);
    row("separator in the name", "X(A): b", 400);
    row("byte over 127 in the name", "X-\xe4: b", 400);
    row("folded line", " folded: b", 400);
    row("folded line with a tab", "\tfolded: b", 400);
    row("NUL in the value", QByteArray("X-A: b\0c", 8), 400);
    row("CR in the value", "X-A: b\rc", 400);
    row("bell in the value", "X-A: \x07", 400);
    row("DEL in the value", "X-A: \x7f", 400);
    row("two content types", "Content-Type: a/b\r\nContent-Type: c/d", 400);
    row("field of 8000 bytes", "X-A: " + QByteArray(7995, 'b'), 200, kStays);
    row("field over 8 KiB", "X-A: " + QByteArray(8200, 'b'), 431);
    QTest::newRow("bare LF after a field")
        << QByteArray("GET /livez HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n") << 400 << kCloses;
    QTest::newRow("bare LF for the empty line")
        << QByteArray("GET /livez HTTP/1.1\r\nHost: localhost\r\n\n") << 400 << kCloses;
    QTest::newRow("head over 16 KiB")
        << request("GET /livez HTTP/1.1",
                   {"Host: localhost", "A: " + QByteArray(6000, 'b'), "B: " + QByteArray(6000, 'b'),
                    "C: " + QByteArray(6000, 'b')})
        << 431 << kCloses;
    QTest::newRow("100 fields") << request("GET /livez HTTP/1.1", manyFields(100)) << 200 << kStays;
    QTest::newRow("101 fields") << request("GET /livez HTTP/1.1", manyFields(101)) << 431
                                << kCloses;
}

void TestConformance::hosts()
{
    const auto row = [](const char *name, const QList<QByteArray> &lines, int status,
                        bool stays = kCloses) {
        QTest::newRow(name) << request("GET /livez HTTP/1.1", lines) << status << stays;
    };
    row("no Host", {}, 400);
    row("two Hosts", {"Host: localhost", "Host: localhost"}, 400);
    row("empty Host", {"Host:"}, 400);
    row("Host list", {"Host: localhost, localhost"}, 400);
    row("Host with user information", {"Host: u@localhost"}, 400);
    row("Host with a path", {"Host: localhost/x"}, 400);
    row("Host with a bad port", {"Host: localhost:6x"}, 400);
    row("Host without bracket", {"Host: [::1"}, 400);
    row("Host with a zone", {"Host: [fe80::1%25eth0]"}, 400);
    row("Host with any port", {"Host: localhost:1"}, 200, kStays);
    row("Host in capitals", {"HOST: LocalHost"}, 200, kStays);
    row("Host with a final dot", {"Host: localhost."}, 200, kStays);
    row("IPv4 Host", {"Host: 192.0.2.1:80"}, 200, kStays);
    row("IPv6 Host", {"Host: [2001:db8::1]:80"}, 200, kStays);
    row("foreign Host", {"Host: example.org"}, 421);
    row("foreign Host that looks like an address", {"Host: 127.0.0.1.example.org"}, 421);
    row("short IPv4 is a name", {"Host: 127.1"}, 421);
    row("decimal IPv4 is a name", {"Host: 2130706433"}, 421);
    row("cross-site GET", {"Host: localhost", "Sec-Fetch-Site: cross-site"}, 403);
    row("same-site GET", {"Host: localhost", "Sec-Fetch-Site: same-site"}, 200, kStays);
    const auto write = [](const char *name, const QByteArray &field, int status, bool stays) {
        QTest::newRow(name) << request("DELETE /key/nothing HTTP/1.1",
                                       {"Host: localhost:80", field})
                            << status << stays;
    };
    write("cross-site write", "Sec-Fetch-Site: cross-site", 403, kCloses);
    write("same-site write", "Sec-Fetch-Site: same-site", 403, kCloses);
    write("same-origin write", "Sec-Fetch-Site: same-origin", 200, kStays);
    write("write by the user", "Sec-Fetch-Site: none", 200, kStays);
    write("write of a foreign origin", "Origin: http://example.org", 403, kCloses);
    write("write of another port", "Origin: http://localhost:81", 403, kCloses);
    write("write of no origin", "Origin: null", 403, kCloses);
    write("write of our origin", "Origin: http://localhost:80", 200, kStays);
}

void TestConformance::lengths()
{
    const QByteArray body = "{\"value\":1}";
    const auto row = [&body](const char *name, const QList<QByteArray> &lines, int status,
                             bool stays = kCloses) {
        QTest::newRow(name) << put(lines, body) << status << stays;
    };
    row("one length", {"Content-Length: 11"}, 200, kStays);
    row("length with leading zeros", {"Content-Length: 0011"}, 200, kStays);
    row("two equal lengths", {"Content-Length: 11", "Content-Length: 11"}, 400);
    row("two lengths", {"Content-Length: 3", "Content-Length: 11"}, 400);
    row("list of lengths", {"Content-Length: 11, 11"}, 400);
    row("negative length", {"Content-Length: -1"}, 400);
    row("length with a plus", {"Content-Length: +11"}, 400);
    row("hexadecimal length", {"Content-Length: 0xb"}, 400);
    row("length with a unit", {"Content-Length: 11B"}, 400);
    row("fractional length", {"Content-Length: 11.0"}, 400);
    row("empty length", {"Content-Length:"}, 400);
    row("length over 64 bits", {"Content-Length: 99999999999999999999999"}, 413);
    row("length of 2^63", {"Content-Length: 9223372036854775808"}, 413);
    row("length over the limit", {"Content-Length: 3000000"}, 413);
    row("length and chunked", {"Content-Length: 11", "Transfer-Encoding: chunked"}, 400);
    row("chunked and length", {"Transfer-Encoding: chunked", "Content-Length: 11"}, 400);
    QTest::newRow("no length at a PUT") << put({}, {}) << 411 << kStays;
    QTest::newRow("length 0 at a PUT") << put({"Content-Length: 0"}, {}) << 400 << kStays;
    QTest::newRow("body of a GET is passed over")
        << request("GET /livez HTTP/1.1", {"Host: localhost", "Content-Length: 5"}, "GET /") << 200
        << kStays;
    QTest::newRow("unknown expectation")
        << put({"Content-Length: 11", "Expect: 200-ok"}, body) << 417 << kCloses;
    QTest::newRow("expectation with the body at once")
        << put({"Content-Length: 11", "Expect: 100-continue"}, body) << 200 << kStays;
}

void TestConformance::codings()
{
    const QByteArray body = "b\r\n{\"value\":1}\r\n0\r\n\r\n";
    const auto row = [&body](const char *name, const QList<QByteArray> &lines, int status,
                             bool stays = kCloses) {
        QTest::newRow(name) << put(lines, body) << status << stays;
    };
    row("chunked", {"Transfer-Encoding: chunked"}, 200, kStays);
    row("chunked in capitals", {"Transfer-Encoding: Chunked"}, 200, kStays);
    row("unknown coding", {"Transfer-Encoding: xchunked"}, 501);
    row("gzip, chunked", {"Transfer-Encoding: gzip, chunked"}, 501);
    row("identity", {"Transfer-Encoding: identity"}, 501);
    row("chunked not last", {"Transfer-Encoding: chunked, gzip"}, 400);
    row("chunked twice", {"Transfer-Encoding: chunked, chunked"}, 400);
    row("two codings", {"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, 400);
    row("empty coding", {"Transfer-Encoding:"}, 400);
    row("coding with a vertical tab",
        {"Transfer-Encoding: \x0b"
         "chunked"},
        400);
    row("coding with a space before the colon", {"Transfer-Encoding : chunked"}, 400);
    QTest::newRow("coding on HTTP/1.0")
        << request("PUT /key/c HTTP/1.0", {"Host: localhost", "Transfer-Encoding: chunked"}, body)
        << 400 << kCloses;
}

void TestConformance::chunks()
{
    const auto row = [](const char *name, const QByteArray &body, int status,
                        bool stays = kCloses) {
        QTest::newRow(name) << chunked(body) << status << stays;
    };
    row("two chunks", "4\r\n{\"va\r\n7\r\nlue\":1}\r\n0\r\n\r\n", 200, kStays);
    row("size in capitals", "B\r\n{\"value\":1}\r\n0\r\n\r\n", 200, kStays);
    row("size with leading zeros", "000b\r\n{\"value\":1}\r\n000\r\n\r\n", 200, kStays);
    row("extension", "b;a=\"b c\"\r\n{\"value\":1}\r\n0;x\r\n\r\n", 200, kStays);
    row("trailer field", "b\r\n{\"value\":1}\r\n0\r\nX-A: b\r\n\r\n", 200, kStays);
    row("negative size", "-3\r\nabc\r\n0\r\n\r\n", 400);
    row("size with a plus", "+b\r\n{\"value\":1}\r\n0\r\n\r\n", 400);
    row("size with 0x", "0xb\r\n{\"value\":1}\r\n0\r\n\r\n", 400);
    row("no number", "zz\r\n\r\n", 400);
    row("empty size", "\r\n\r\n", 400);
    row("space before the size", " b\r\n{\"value\":1}\r\n0\r\n\r\n", 400);
    row("space after the size", "b \r\n{\"value\":1}\r\n0\r\n\r\n", 400);
    row("bare LF after the size", "b\n{\"value\":1}\r\n0\r\n\r\n", 400);
    row("bare CR after the size", "b\rx{\"value\":1}\r\n0\r\n\r\n", 400);
    row("bare LF after the data", "b\r\n{\"value\":1}\n0\r\n\r\n", 400);
    row("more data than said", "a\r\n{\"value\":1}\r\n0\r\n\r\n", 400);
    row("size over 64 bits", "fffffffffffffffff\r\n", 400);
    row("size of 2^63", "8000000000000000\r\n", 400);
    row("size over the limit", "fffffff\r\n", 413);
    row("endless extension", "b;" + QByteArray(5000, 'x'), 400);
    row("endless trailer", "0\r\nX-A: " + QByteArray(5000, 'x'), 400);
    row("trailer without a colon", "0\r\nX-A\r\n\r\n", 400);
    row("trailer with a bare LF", "0\r\nX-A: b\n\r\n", 400);
    row("control in an extension", "b;\x01\r\n{\"value\":1}\r\n0\r\n\r\n", 400);
    row("nothing but the end", "0\r\n\r\n", 400, kStays);
}

void TestConformance::persistence()
{
    const auto row = [](const char *name, const QByteArray &version, const QByteArray &field,
                        bool stays) {
        QTest::newRow(name) << request("GET /livez HTTP/" + version, {"Host: localhost", field})
                            << 200 << stays;
    };
    row("close", "1.1", "Connection: close", kCloses);
    row("close in capitals", "1.1", "Connection: Close", kCloses);
    row("close in a list", "1.1", "Connection: x, close", kCloses);
    row("close in the second field", "1.1", "Connection: x\r\nConnection: close", kCloses);
    row("keep-alive", "1.1", "Connection: keep-alive", kStays);
    row("upgrade is passed over", "1.1", "Connection: Upgrade\r\nUpgrade: websocket", kStays);
    row("HTTP/1.0", "1.0", "X: y", kCloses);
    row("HTTP/1.0 that stays", "1.0", "Connection: keep-alive", kStays);
    row("HTTP/1.0 that says both", "1.0", "Connection: keep-alive, close", kCloses);
    QTest::newRow("HTTP/1.0 without Host") << request("GET /livez HTTP/1.0", {}) << 200 << kCloses;
}

void TestConformance::methods()
{
    QTest::newRow("OPTIONS") << request("OPTIONS /key/a HTTP/1.1") << 204 << kStays;
    QTest::newRow("OPTIONS *") << request("OPTIONS * HTTP/1.1") << 204 << kStays;
    QTest::newRow("POST on a key")
        << request("POST /key/a HTTP/1.1", {"Host: localhost", "Content-Length: 2"}, "{}") << 405
        << kStays;
    QTest::newRow("PATCH on a key")
        << request("PATCH /key/a HTTP/1.1", {"Host: localhost", "Content-Length: 2"}, "{}") << 405
        << kStays;
    QTest::newRow("PUT on the membership")
        << request("PUT /membership HTTP/1.1", {"Host: localhost", "Content-Length: 2"}, "{}")
        << 405 << kStays;
    QTest::newRow("DELETE of a key") << request("DELETE /key/none HTTP/1.1") << 200 << kStays;
}

void TestConformance::checkAfter(RawClient &client)
{
    QFETCH(int, status);
    QFETCH(bool, stays);
    const auto answer = client.receive();
    QVERIFY2(answer, "no answer");
    QCOMPARE(answer->status, status);
    QVERIFY(!answer->header("date").isEmpty());
    QVERIFY(!answer->header("x-request-id").isEmpty());
    QCOMPARE(answer->header("connection") == "close", !stays);
    if (status >= 400)
        QCOMPARE(answer->header("content-type"), "application/problem+json");
    if (!stays) {
        QVERIFY(client.isClosedByServer());
        return;
    }
    client.send(kPing);
    const auto next = client.receive();
    QVERIFY2(next, "the connection is out of step");
    QCOMPARE(next->status, 200);
    QCOMPARE(next->body, "ok\n");
}

void TestConformance::wholeRequest()
{
    QFETCH(QByteArray, bytes);
    RawClient client(m_fixture->server.port());
    client.send(bytes);
    checkAfter(client);
}

void TestConformance::byteByByte()
{
    QFETCH(QByteArray, bytes);
    if (bytes.size() > 1000)
        QSKIP("what is long arrives in several segments anyway");
    RawClient client(m_fixture->server.port());
    client.sendByteByByte(bytes);
    checkAfter(client);
}

void TestConformance::behindAnotherRequest()
{
    QFETCH(QByteArray, bytes);
    RawClient client(m_fixture->server.port());
    client.send(kPing + bytes);
    const auto first = client.receive();
    QVERIFY(first);
    QCOMPARE(first->status, 200);
    checkAfter(client);
}

QTEST_GUILESS_MAIN(TestConformance)
#include "tst_conformance.moc"
