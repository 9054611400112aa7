// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/strict_json.h"

#include <QTest>

using namespace dynakv;
using http::parsePutBody;

namespace {

QByteArray nested(int depth)
{
    return QByteArray(depth, '[') + QByteArray(depth, ']');
}

} // namespace

/// What is taken as the body of a PUT, byte for byte, and what is refused: a value must mean one
/// thing to every reader.
class TestStrictJson : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void keepsTheTextOfTheValue_data();
    void keepsTheTextOfTheValue();
    void refuses_data();
    void refuses();
    void findsTheValueWhereverItStands_data();
    void findsTheValueWhereverItStands();
    void readsTheTimeToLive();
    void keepsEveryMemberOfAnObject();
    void findsOneNameTwiceAmongMany();
    void decodesNamesWithEscapes();
    void decodesStringsOnly();
    void quotesForJson();
};

void TestStrictJson::keepsTheTextOfTheValue_data()
{
    QTest::addColumn<QByteArray>("value");
    for (const char *text : {"1",
                             "0",
                             "-0",
                             "1.0",
                             "1e2",
                             "1E+2",
                             "-1.5e-10",
                             "12345678901234567890",
                             "0.1000000000000000055511151231257827",
                             "true",
                             "false",
                             "null",
                             "\"\"",
                             "\"a b\"",
                             "\"\\u0041\\n\\\\\\\"\\/\"",
                             "\"\\ud83d\\ude00\"",
                             "\"\xf0\x9f\x98\x80\"",
                             "\"\x7f\"",
                             "[]",
                             "{}",
                             "[1,2 , 3]",
                             "{\"b\":1,\"a\":2}",
                             "{ \"a\" : [ { } ] }",
                             "[\"]\",\"}\"]",
                             "{\"value\":{\"value\":2}}",
                             "{\"\":1}",
                             "\"\\u0000\"",
                             "{\"a\":{\"x\":1},\"b\":{\"x\":1}}",
                             "[{\"x\":1},{\"x\":1}]"})
        QTest::newRow(text) << QByteArray(text);
    QTest::newRow("64 levels") << nested(64);
    QTest::newRow("a long string") << '"' + QByteArray(500'000, 'x') + '"';
}

void TestStrictJson::keepsTheTextOfTheValue()
{
    QFETCH(QByteArray, value);
    for (const QByteArray &body :
         {"{\"value\":" + value + "}", "\r\n { \"value\" \t: " + value + " \n} ",
          "{\"a\":[1],\"value\":" + value + ",\"b\":{\"value\":9}}"}) {
        const auto envelope = parsePutBody(body);
        QVERIFY2(envelope, envelope ? "" : envelope.error().message.constData());
        QCOMPARE(envelope->value, value);
        QVERIFY(!envelope->ttl);
    }
}

void TestStrictJson::refuses_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::addColumn<QByteArray>("because");
    const auto row = [](const char *name, const QByteArray &body, const QByteArray &because = {}) {
        QTest::newRow(name) << body << because;
    };
    row("nothing", "", "empty");
    row("white space", "  ");
    row("a number", "1", "object");
    row("a string", "\"value\"", "object");
    row("an array", "[{\"value\":1}]", "object");
    row("no value", "{}", "'value' is missing");
    row("value in an inner object only", "{\"a\":{\"value\":1}}", "'value' is missing");
    row("Value in capitals", "{\"Value\":1}", "'value' is missing");
    row("value twice", "{\"value\":1,\"value\":2}", "twice");
    row("value twice, once escaped", "{\"value\":1,\"v\\u0061lue\":2}", "twice");
    row("a member twice inside", "{\"value\":{\"a\":1,\"a\":2}}", "twice");
    row("a member twice far inside", "{\"value\":[[{\"a\":[],\"b\":1,\"a\":2}]]}", "twice");
    row("an ignored member twice", "{\"value\":1,\"x\":1,\"x\":2}", "twice");
    row("65 levels", "{\"value\":" + nested(65) + "}", "64 levels");
    row("10,000 levels", "{\"value\":" + QByteArray(10'000, '['), "64 levels");
    row("65 levels in an ignored member", "{\"value\":1,\"x\":" + nested(65) + "}", "64 levels");
    row("byte order mark", "\xef\xbb\xbf{\"value\":1}");
    row("text after the end", "{\"value\":1}x");
    row("NUL after the end", QByteArray("{\"value\":1}\0", 12), "NUL");
    row("NUL and more after the end", QByteArray("{\"value\":1}\0x", 13), "NUL");
    row("NUL in a string", QByteArray("{\"value\":\"\0\"}", 13));
    row("NUL between tokens", QByteArray("{\"value\":\0 1}", 13));
    row("line feed in a string", "{\"value\":\"\n\"}");
    row("tab in a string", "{\"value\":\"\t\"}");
    row("tab in a name", "{\"value\":1,\"\t\":1}");
    row("overlong UTF-8", "{\"value\":\"\xc0\x80\"}", "UTF-8");
    row("UTF-8 surrogate", "{\"value\":\"\xed\xa0\x80\"}", "UTF-8");
    row("UTF-8 cut short", "{\"value\":\"\xe2\x82\"}", "UTF-8");
    row("Latin-1", "{\"value\":\"\xe4\"}", "UTF-8");
    row("UTF-8 over U+10FFFF", "{\"value\":\"\xf4\x90\x80\x80\"}", "UTF-8");
    row("lone high surrogate", "{\"value\":\"\\ud800\"}");
    row("lone low surrogate", "{\"value\":\"\\udc00\"}", "surrogate");
    row("lone low surrogate in a name", "{\"value\":{\"\\udfff\":1}}", "surrogate");
    row("surrogates the wrong way round", "{\"value\":\"\\ude00\\ud83d\"}");
    row("unknown escape", "{\"value\":\"\\x41\"}");
    row("short escape", "{\"value\":\"\\u12\"}");
    row("open string", "{\"value\":\"a");
    row("open object", "{\"value\":1");
    row("open array", "{\"value\":[1}");
    row("wrong bracket", "{\"value\":[1}]");
    row("trailing comma", "{\"value\":1,}");
    row("trailing comma in an array", "{\"value\":[1,]}");
    row("no colon", "{\"value\" 1}");
    row("two colons", "{\"value\"::1}");
    row("no member value", "{\"value\":}");
    row("no quotes", "{value:1}");
    row("single quotes", "{'value':1}");
    row("comment", "{\"value\":/**/1}");
    row("leading zero", "{\"value\":01}");
    row("plus", "{\"value\":+1}");
    row("point without digits", "{\"value\":1.}");
    row("point first", "{\"value\":.5}");
    row("exponent without digits", "{\"value\":1e}");
    row("minus alone", "{\"value\":-}");
    row("hexadecimal", "{\"value\":0x1}");
    row("number over a double", "{\"value\":1e999}");
    row("NaN", "{\"value\":NaN}");
    row("Infinity", "{\"value\":Infinity}");
    row("True", "{\"value\":True}");
    row("two values", "{\"value\":1 2}");
    row("form", "value=1");
    row("ttl of text", "{\"value\":1,\"ttl\":\"5\"}", "ttl");
    row("ttl of null", "{\"value\":1,\"ttl\":null}", "ttl");
    row("ttl of an object", "{\"value\":1,\"ttl\":{}}", "ttl");
    row("ttl of an array", "{\"value\":1,\"ttl\":[5]}", "ttl");
}

void TestStrictJson::refuses()
{
    QFETCH(QByteArray, body);
    QFETCH(QByteArray, because);
    const auto envelope = parsePutBody(body);
    QVERIFY(!envelope);
    QCOMPARE(envelope.error().code, base::ErrorCode::Invalid);
    QVERIFY2(envelope.error().message.contains(because), envelope.error().message.constData());
    QVERIFY2(!envelope.error().message.contains(".."), envelope.error().message.constData());
}

void TestStrictJson::findsTheValueWhereverItStands_data()
{
    QTest::addColumn<QByteArray>("body");
    QTest::newRow("first") << QByteArray("{\"value\":[7],\"a\":1}");
    QTest::newRow("last") << QByteArray("{\"a\":{\"b\":[{}]},\"value\":[7]}");
    QTest::newRow("name escaped") << QByteArray("{\"\\u0076alue\":[7]}");
    QTest::newRow("behind its own name as text") << QByteArray("{\"a\":\"value\",\"value\":[7]}");
    QTest::newRow("after a ttl") << QByteArray("{\"ttl\":5,\"value\":[7]}");
}

void TestStrictJson::findsTheValueWhereverItStands()
{
    QFETCH(QByteArray, body);
    const auto envelope = parsePutBody(body);
    QVERIFY(envelope);
    QCOMPARE(envelope->value, "[7]");
}

void TestStrictJson::readsTheTimeToLive()
{
    const auto envelope = parsePutBody("{\"ttl\": 60 ,\"value\":1}");
    QVERIFY(envelope);
    QCOMPARE(envelope->ttl, QByteArray("60"));
    const auto fraction = parsePutBody("{\"value\":1,\"ttl\":1.5}");
    QVERIFY(fraction);
    QCOMPARE(fraction->ttl, QByteArray("1.5"));
}

void TestStrictJson::keepsEveryMemberOfAnObject()
{
    const QByteArray text = R"( {"b" : "x\"y", "\u0061":{"b":1.0} ,"":12345678901234567890} )";
    const auto members = http::parseJsonObject(text);
    QVERIFY2(members, members ? "" : members.error().message.constData());
    QByteArray seen;
    for (const http::JsonMember &member : *members)
        seen += member.name + '=' + member.text.toByteArray() + ';';
    QCOMPARE(seen, QByteArray(R"(b="x\"y";a={"b":1.0};=12345678901234567890;)"));
    QVERIFY(http::parseJsonObject("{}")->empty());
    for (const char *damaged : {"", "[]", "1", "{\"a\":1", "{\"a\":1,\"a\":1}", "{}x"})
        QVERIFY2(!http::parseJsonObject(damaged), damaged);
}

void TestStrictJson::findsOneNameTwiceAmongMany()
{
    for (int count : {1, 15, 16, 17, 18, 300}) {
        QByteArray members;
        for (int i = 0; i < count; ++i)
            members += "\"m" + QByteArray::number(i) + "\":{\"m0\":[{\"m0\":1}],\"m1\":2},";
        const auto all = http::parseJsonObject('{' + members.chopped(1) + '}');
        QVERIFY2(all, all ? "" : all.error().message.constData());
        QCOMPARE(static_cast<int>(all->size()), count);
        QVERIFY(http::parseJsonObject("{\"in\":[{" + members.chopped(1) + "}]}"));
        for (int again : {0, count / 2, count - 1}) {
            const QByteArray twice = members + "\"m" + QByteArray::number(again) + "\":1";
            QVERIFY(!http::parseJsonObject('{' + twice + '}'));
            QVERIFY(!http::parseJsonObject("{\"in\":[{" + twice + "}]}"));
        }
    }
}

void TestStrictJson::decodesNamesWithEscapes()
{
    const QByteArray text = R"({"a\"b":1,"\u0061":2,"\\":3,"x\"":4,"":5,"plain" : 6})";
    const auto members = http::parseJsonObject(text);
    QVERIFY(members);
    QByteArrayList names;
    for (const http::JsonMember &member : *members)
        names += member.name;
    QCOMPARE(names, (QByteArrayList{"a\"b", "a", "\\", "x\"", "", "plain"}));
}

void TestStrictJson::decodesStringsOnly()
{
    QCOMPARE(http::fromJsonString(R"("a\u0000\n\ud83d\ude00")"),
             QByteArray("a\0\n\xf0\x9f\x98\x80", 7));
    // Qt's own parser would drop the byte order mark.
    QCOMPARE(http::fromJsonString("\"\xEF\xBB\xBFk\""), QByteArray("\xEF\xBB\xBFk"));
    for (const char *other : {"", "1", "null", "[\"a\"]", "{\"a\":\"b\"}", "\"a"})
        QVERIFY2(!http::fromJsonString(other), other);
}

void TestStrictJson::quotesForJson()
{
    QCOMPARE(http::toJsonString("a\"b\\c\n\x7f\xc3\xa9"), "\"a\\\"b\\\\c\\u000a\\u007f\xc3\xa9\"");
}

QTEST_APPLESS_MAIN(TestStrictJson)
#include "tst_strict_json.moc"
