// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/smuggling_cases.h"

namespace dynakv::test {
namespace {

const QByteArray kBody = R"({"value":1})";
const QByteArray kChunkedBody = "b\r\n" + kBody + "\r\n0\r\n\r\n";
const QByteArray kSmuggled = smuggledRequest();

QByteArray hex(qsizetype number)
{
    return QByteArray::number(number, 16);
}

QByteArray length(qsizetype bytes)
{
    return "Content-Length: " + QByteArray::number(bytes);
}

/// A request with Host and the field lines given, which are joined by CR LF.
QByteArray request(const QByteArray &line, const QByteArray &fields, const QByteArray &body = {})
{
    return line + "\r\nHost: localhost\r\n" + fields + (fields.isEmpty() ? "" : "\r\n") + "\r\n" +
           body;
}

QByteArray put(const QByteArray &fields, const QByteArray &body)
{
    return request("PUT /key/outer HTTP/1.1", fields, body);
}

using Cases = std::vector<SmugglingCase>;

/// Who goes by the length takes the smuggled request for the body's end, who reads chunks for the
/// next request.
void codings(Cases &cases)
{
    const QByteArray body = "0\r\n\r\n" + kSmuggled;
    const QByteArray chunk = hex(kSmuggled.size()) + "\r\n" + kSmuggled + "\r\n0\r\n\r\n";
    const QByteArray te = "Transfer-Encoding: chunked";
    cases.push_back({"length, then chunked", put(length(body.size()) + "\r\n" + te, body), "400"});
    cases.push_back({"chunked, then length", put(te + "\r\n" + length(body.size()), body), "400"});
    cases.push_back({"short length, then chunked", put(length(4) + "\r\n" + te, chunk), "400"});
    cases.push_back({"chunked, then short length", put(te + "\r\n" + length(4), chunk), "400"});
    cases.push_back({"chunked twice", put(te + "\r\n" + te, body), "400"});
    cases.push_back({"chunked on HTTP/1.0",
                     request("PUT /key/outer HTTP/1.0", "Connection: keep-alive\r\n" + te, chunk),
                     "400"});
    cases.push_back({"chunked and length on HTTP/1.0",
                     request("PUT /key/outer HTTP/1.0",
                             "Connection: keep-alive\r\n" + te + "\r\n" + length(4), chunk),
                     "400"});

    const auto row = [&](const QByteArray &name, const QByteArray &field,
                         const QByteArray &withoutLength = "400",
                         const QByteArray &withLength = "400") {
        cases.push_back(
            {"coding: " + name, put(length(body.size()) + "\r\n" + field, body), withLength});
        cases.push_back({"coding alone: " + name, put(field, chunk), withoutLength});
    };
    row("space before the colon", "Transfer-Encoding : chunked");
    row("tab before the colon", "Transfer-Encoding\t: chunked");
    row("tab before the value", "Transfer-Encoding:\tchunked", "400 200");
    row("no space before the value", "Transfer-Encoding:chunked", "400 200");
    row("vertical tab before the value", "Transfer-Encoding: \x0b" + QByteArray("chunked"));
    row("form feed behind the value", "Transfer-Encoding: chunked\x0c");
    row("no-break space before the value", "Transfer-Encoding: \xa0" + QByteArray("chunked"),
        "501");
    row("NUL behind the value", "Transfer-Encoding: chunked" + QByteArray(1, '\0'));
    row("x before the value", "Transfer-Encoding: xchunked", "501");
    row("quoted", "Transfer-Encoding: \"chunked\"", "501");
    row("capitals", "TRANSFER-ENCODING: CHUNKED", "400 200");
    row("with a parameter", "Transfer-Encoding: chunked;a=b", "501");
    row("chunked, identity", "Transfer-Encoding: chunked, identity");
    row("identity, chunked", "Transfer-Encoding: identity, chunked", "501");
    row("comma behind it", "Transfer-Encoding: chunked,");
    row("a second one that is unknown", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x");
    row("a first one that is unknown", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked");
    row("a first one that is empty", "Transfer-Encoding:\r\nTransfer-Encoding: chunked");
    row("folded value", "Transfer-Encoding:\r\n chunked");
    row("folded into another field", "X-A: b\r\n Transfer-Encoding: chunked");
    row("behind a bare LF", "X-A: b\nTransfer-Encoding: chunked");
    row("behind a bare CR", "X-A: b\rTransfer-Encoding: chunked");
    row("byte over 127 before the name", "\xffTransfer-Encoding: chunked");
    row("underscore", "Transfer_Encoding: chunked", "411 400", "400 200");
    row("in Content-Encoding", "Content-Encoding: chunked", "411 400", "415 200");
}

/// Who takes the shorter length finds the smuggled request behind the body.
void lengths(Cases &cases)
{
    const QByteArray body = kBody + kSmuggled;
    const QByteArray whole = length(body.size());
    const auto row = [&](const QByteArray &name, const QByteArray &fields,
                         const QByteArray &direct = "400") {
        cases.push_back({"length: " + name, put(fields, body), direct});
    };
    row("two, the short one first", "Content-Length: 11\r\n" + whole);
    row("two, the long one first", whole + "\r\nContent-Length: 11");
    row("two equal ones", whole + "\r\n" + whole);
    row("a list of equal ones", "Content-Length: 11, 11");
    row("a list", "Content-Length: 11, " + QByteArray::number(body.size()));
    row("plus", "Content-Length: +11");
    row("minus", "Content-Length: -11");
    row("hexadecimal", "Content-Length: 0xb");
    row("space within", "Content-Length: 1 1");
    row("vertical tab before it", "Content-Length: \x0b" + QByteArray("11"));
    row("underscore within", "Content-Length: 1_1");
    row("fraction", "Content-Length: 11.0");
    row("semicolon", "Content-Length: 11;");
    row("empty", "Content-Length:");
    row("empty beside another", "Content-Length:\r\nContent-Length: 11");
    row("space before the colon", "Content-Length : 11");
    row("folded", "Content-Length:\r\n 11");
    row("folded on", "Content-Length: 1\r\n 1");
    row("behind a bare LF", "X-A: b\nContent-Length: 11");
    row("behind a bare CR", "X-A: b\rContent-Length: 11");
    row("of 2^64 and 11", "Content-Length: 18446744073709551627", "413");
    row("hidden from the next hop", "Connection: Content-Length\r\n" + whole, "400 200");
    row("of another name", "Content_Length: 11\r\n" + whole, "400 200");
    cases.push_back(
        {"length that takes in part of the next request", put(length(15), kBody), "400 400"});
}

/// Who ends a chunk or the body earlier than the other finds the smuggled request there.
void chunks(Cases &cases)
{
    const auto row = [&](const QByteArray &name, const QByteArray &body,
                         const QByteArray &direct = "400") {
        cases.push_back({"chunk: " + name, put("Transfer-Encoding: chunked", body), direct});
    };
    const QByteArray end = "\r\n0\r\n\r\n";
    const QByteArray data = "\r\n" + kBody + end;
    const QByteArray size = hex(kSmuggled.size());
    row("a request in it", size + "\r\n" + kSmuggled + end, "400 200");
    row("plus before the size", "+b" + data + kSmuggled);
    row("minus before the size", "-b" + data + kSmuggled);
    row("0x before the size", "0xb" + data + kSmuggled);
    row("space before the size", " b" + data + kSmuggled);
    row("space behind the size", "b " + data + kSmuggled);
    row("tab behind the size", "b\t" + data + kSmuggled);
    row("underscore in the size", "0_b" + data + kSmuggled);
    row("size of 2^64 and 11", "1000000000000000b" + data + kSmuggled);
    row("size of 2^32 and 11", "10000000b" + data + kSmuggled, "413");
    row("size of 16 digits", "000000000000000b" + data + kSmuggled);
    row("no size", data + kSmuggled);
    row("bare LF behind the size", "b\n" + kBody + end + kSmuggled);
    row("bare CR behind the size", "b\r" + kBody + end + kSmuggled);
    row("bare LF behind the data", "b\r\n" + kBody + "\n0\r\n\r\n" + kSmuggled);
    row("nothing behind the data", "b\r\n" + kBody + "0\r\n\r\n" + kSmuggled);
    row("two bytes behind the data", "b\r\n" + kBody + "xx0\r\n\r\n" + kSmuggled);
    row("bare LF at the end", "b\r\n" + kBody + "\r\n0\n\n" + kSmuggled);
    row("bare LF for the empty line", "b\r\n" + kBody + "\r\n0\r\n\n" + kSmuggled);
    row("two CR at the end", "b\r\n" + kBody + "\r\n0\r\r\n\r\n" + kSmuggled);
    row("bare LF in an extension", "b;\n" + size + data + kSmuggled);
    row("bare CR in an extension", "b;\r" + size + data + kSmuggled);
    row("line end in a quoted extension", "b;a=\"\r\n" + kSmuggled + "\"" + data);
    row("NUL in an extension", "b;" + QByteArray(1, '\0') + data + kSmuggled);
    row("a request in an extension", "b;PUT /key/smuggled HTTP/1.1" + data, "200 200");
    row("trailer that tells a length", "b\r\n" + kBody + "\r\n0\r\nContent-Length: 400\r\n\r\n",
        "200 200");
    row("trailer that tells a coding",
        "b\r\n" + kBody + "\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n", "200 200");
    row("a request for a trailer", "b\r\n" + kBody + "\r\n0\r\n" + kSmuggled);
    row("trailer behind a bare LF",
        "b\r\n" + kBody + "\r\n0\r\nX-A: b\n\n" + kSmuggled + "\r\n\r\n");
    row("hidden from the next hop", kChunkedBody, "200 200");
    cases.back().bytes.replace("\r\n\r\nb\r\n", "\r\nConnection: Transfer-Encoding\r\n\r\nb\r\n");
}

void targets(Cases &cases)
{
    const auto row = [&](const QByteArray &name, const QByteArray &target,
                         const QByteArray &direct = "400") {
        cases.push_back(
            {"target: " + name,
             request("PUT " + target + " HTTP/1.1", length(kSmuggled.size()), kSmuggled), direct});
    };
    row("absolute", "http://localhost/key/outer", "400 200");
    row("absolute of another host", "http://example.org/key/outer");
    row("absolute with user information", "http://localhost@example.org/key/outer");
    row("absolute of another scheme", "ftp://localhost/key/outer");
    row("line end as percent forms", "/key/a%20HTTP/1.1%0d%0aContent-Length:%200%0d%0a%0d%0a",
        "400 200");
    row("space", "/key/a HTTP/1.1 x");
    row("tab", "/key/a\tHTTP/1.1");
    row("bare CR", "/key/a\rX: y");
    row("bare LF", "/key/a HTTP/1.1\nX: y");
    row("NUL", "/key/a" + QByteArray(1, '\0'));
    row("fragment", "/key/outer#/x");
    row("of 20 KB", "/key/" + QByteArray(20'000, 'a'), "414");
}

void heads(Cases &cases)
{
    const QByteArray get = "GET /key/theirs HTTP/1.1";
    const QByteArray whole = length(kSmuggled.size());
    const auto row = [&](const QByteArray &name, const QByteArray &bytes,
                         const QByteArray &direct) {
        cases.push_back({name, bytes, direct});
    };
    const auto within = [&](const QByteArray &name, const QByteArray &fields,
                            const QByteArray &direct = "400") {
        row("head: " + name, put(fields + "\r\n" + whole, kSmuggled), direct);
    };
    within("second Host", "Host: example.org");
    within("second Host that is equal", "Host: localhost");
    within("second Host, folded", " Host: example.org");
    within("Host with a space before the colon", "Host : example.org");
    within("another Host", "X-Forwarded-Host: example.org", "400 200");
    within("unknown expectation", "Expect: 200-ok", "417");
    within("expectation", "Expect: 100-continue", "400 200");
    within("expectation twice", "Expect: 100-continue\r\nExpect: 100-continue");
    within("upgrade", "Connection: Upgrade\r\nUpgrade: h2c", "400 200");
    within("another method", "X-HTTP-Method-Override: GET", "400 200");
    within("20 KB of it",
           "A: " + QByteArray(7000, 'a') + "\r\nB: " + QByteArray(7000, 'b') +
               "\r\nC: " + QByteArray(7000, 'c'),
           "431");
    within("a field of 9 KB", "A: " + QByteArray(9000, 'a'), "431");
    within("no colon", "nothing");
    within("line end within a name", "X\r\nA: b");
    QByteArray many = "X: y";
    for (int i = 0; i < 110; ++i)
        many += "\r\nX-" + QByteArray::number(i) + ": y";
    within("over 100 fields", many, "431");

    row("GET with a body", smuggledInAGet(), "200 200");
    row("GET with the beginning of a request", smuggledBeginning(20), "200 200");
    row("GET with a chunked body",
        request(get, "Transfer-Encoding: chunked",
                hex(kSmuggled.size()) + "\r\n" + kSmuggled + "\r\n0\r\n\r\n"),
        "200 200");
    row("GET with a body and an expectation",
        request(get, whole + "\r\nExpect: 100-continue", kSmuggled), "200 200");
    row("DELETE with a body", request("DELETE /key/outer HTTP/1.1", whole, kSmuggled), "200 200");
    row("OPTIONS with a body", request("OPTIONS /key/outer HTTP/1.1", whole, kSmuggled), "204 200");
    row("TRACE with a body", request("TRACE /key/outer HTTP/1.1", whole, kSmuggled), "501");
    row("CONNECT, then a request", request("CONNECT localhost:80 HTTP/1.1", "") + kSmuggled, "501");
    row("PUT without a length", put("", "x" + kSmuggled), "411 501");
    row("HTTP/1.0 that stays, with a body",
        request("PUT /key/outer HTTP/1.0", "Connection: keep-alive\r\n" + whole, kSmuggled),
        "400 200");
    row("HTTP/1.0, then a request",
        request("PUT /key/outer HTTP/1.0", length(kBody.size()), kBody) + kSmuggled, "200");
    row("close, then a request",
        put("Connection: close\r\n" + length(kBody.size()), kBody) + kSmuggled, "200");
    row("HTTP/1.2", request("PUT /key/outer HTTP/1.2", whole, kSmuggled), "505");
    row("HTTP/2.0", request("PUT /key/outer HTTP/2.0", whole, kSmuggled), "505");
    row("HTTP/01.1", request("PUT /key/outer HTTP/01.1", whole, kSmuggled), "400");
    row("bare LF throughout", put(whole, "").replace("\r\n", "\n") + kSmuggled, "400");
    row("bare LF for the empty line", put(whole, "").chopped(2) + "\n" + kSmuggled, "400");
    row("two pipelined", put(length(kBody.size()), kBody) + request(get, ""), "200 200 200");
    row("three pipelined, one chunked",
        put("Transfer-Encoding: chunked", kChunkedBody) + request(get, "") +
            request("DELETE /key/outer HTTP/1.1", ""),
        "200 200 200 200");
    row("empty line before each",
        "\r\n" + put(length(kBody.size()), kBody) + "\r\n" + request(get, ""), "200 200 200");
    row("two empty lines before", "\r\n\r\n" + put(whole, kSmuggled), "400");
}

} // namespace

QByteArray smuggledRequest()
{
    const QByteArray body = R"({"value":"smuggled"})";
    return "PUT /key/smuggled HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
           QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

QByteArray smuggledInAGet()
{
    return request("GET /key/theirs HTTP/1.1", length(kSmuggled.size()), kSmuggled);
}

QByteArray smuggledBeginning(int bytesMore)
{
    const QByteArray beginning = request("PUT /key/smuggled HTTP/1.1", length(bytesMore));
    return request("GET /key/theirs HTTP/1.1", length(beginning.size()), beginning);
}

std::vector<SmugglingCase> smugglingCases()
{
    Cases cases;
    codings(cases);
    lengths(cases);
    chunks(cases);
    targets(cases);
    heads(cases);
    return cases;
}

} // namespace dynakv::test
