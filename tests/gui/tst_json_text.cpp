// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/json_text.h"

#include <QTest>

using namespace dynakv::admin;

class JsonTextTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void validTextHasNoFault_data();
    void validTextHasNoFault();
    void aFaultIsPlacedByLineAndColumn_data();
    void aFaultIsPlacedByLineAndColumn();
    void deepNestingIsJudgedWithoutTheStack();
    void theLayoutChangesOnlySpace_data();
    void theLayoutChangesOnlySpace();
    void theLayoutStaysInProportion();
    void theLongestLineIsFound();
};

void JsonTextTest::validTextHasNoFault_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char *text : {"null", "true", "false", "0", "-0", "1e999", "-1.50E+10",
                             "12345678901234567890", "\"\"", "\"\\ud83d\\ude00\"", "\"\\ud800\"",
                             "[]", "{}", "[[],{}]", "{\"a\":1,\"a\":2}", " \r\n\t[ 1 , 2 ]\n",
                             "\"\xF0\x9F\x98\x80\"", "\"\x7F\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""})
        QTest::newRow(text) << QByteArray(text);
}

void JsonTextTest::validTextHasNoFault()
{
    QFETCH(QByteArray, text);
    const auto fault = findJsonFault(text);
    QVERIFY2(!fault, fault ? qPrintable(fault->what) : "");
}

void JsonTextTest::aFaultIsPlacedByLineAndColumn_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("line");
    QTest::addColumn<int>("column");
    const auto row = [](const char *text, int line, int column) {
        QTest::addRow("%s", *text == '\0' ? "nothing" : text) << QByteArray(text) << line << column;
    };
    row("", 1, 1);
    row("  ", 1, 3);
    row("[1,]", 1, 4);
    row("[1 2]", 1, 4);
    row("[1,\n 2", 2, 3);
    row("[1}", 1, 3);
    row("]", 1, 1);
    row("{\"a\":1,}", 1, 8);
    row("{\"a\" 1}", 1, 6);
    row("{a:1}", 1, 2);
    row("{\n  \"a\": 1,\n  oops\n}", 3, 3);
    row("{\"\xC3\xBC\xC3\xBC\": x}", 1, 8);
    row("01", 1, 1);
    row("1.", 1, 3);
    row(".5", 1, 1);
    row("1e", 1, 3);
    row("-", 1, 2);
    row("+1", 1, 1);
    row("NaN", 1, 1);
    row("nul", 1, 1);
    row("truex", 1, 5);
    row("1 2", 1, 3);
    row("{}}", 1, 3);
    row("\"abc", 1, 1);
    row("\"a\nb\"", 1, 3);
    row("\"\\x\"", 1, 2);
    row("\"\\u12g4\"", 1, 2);
    row("\"\\", 1, 2);
    row("'a'", 1, 1);
    row("[1] // no", 1, 5);
    row("\xEF\xBB\xBF{}", 1, 1);
    row("\"a\xFF\"", 1, 3);
    QTest::newRow("NUL in text") << QByteArray("\"a\0\"", 4) << 1 << 3;
    QTest::newRow("NUL after the value") << QByteArray("1\0", 2) << 1 << 2;
}

void JsonTextTest::aFaultIsPlacedByLineAndColumn()
{
    QFETCH(QByteArray, text);
    const auto fault = findJsonFault(text);
    QVERIFY(fault.has_value());
    QVERIFY(!fault->what.isEmpty());
    QTEST(fault->line, "line");
    QTEST(fault->column, "column");
}

void JsonTextTest::deepNestingIsJudgedWithoutTheStack()
{
    const QByteArray open(3'000'000, '[');
    QVERIFY(findJsonFault(open).has_value());
    QVERIFY(!findJsonFault(open + QByteArray(3'000'000, ']')).has_value());
}

void JsonTextTest::theLayoutChangesOnlySpace_data()
{
    QTest::addColumn<QByteArray>("compact");
    QTest::addColumn<QByteArray>("pretty");
    QTest::newRow("scalar") << QByteArray("1.0e2") << QByteArray("1.0e2");
    QTest::newRow("empty pairs") << QByteArray("[{},[]]") << QByteArray("[\n  {},\n  []\n]");
    QTest::newRow("order and forms are kept") << QByteArray(R"({"b":1.0,"a":[1,"x: , {"]})")
                                              << QByteArray("{\n  \"b\": 1.0,\n  \"a\": [\n    1,\n"
                                                            "    \"x: , {\"\n  ]\n}");
    QTest::newRow("escapes are kept")
        << QByteArray(R"(["\"\\",""])") << QByteArray("[\n  \"\\\"\\\\\",\n  \"\"\n]");
}

void JsonTextTest::theLayoutChangesOnlySpace()
{
    QFETCH(QByteArray, compact);
    QFETCH(QByteArray, pretty);
    QCOMPARE(prettyJson(compact), pretty);
    QCOMPARE(prettyJson(pretty), pretty);
    QCOMPARE(compactJson(pretty), compact);
    QCOMPARE(compactJson(compact), compact);
}

void JsonTextTest::theLayoutStaysInProportion()
{
    // Without a bound on the indentation these 200 KB would become 20 GB.
    const QByteArray deep = QByteArray(100'000, '[') + QByteArray(100'000, ']');
    QVERIFY(prettyJson(deep).size() < deep.size() * 70);
    QCOMPARE(compactJson(prettyJson(deep)), deep);
}

void JsonTextTest::theLongestLineIsFound()
{
    QCOMPARE(longestLine(""), 0);
    QCOMPARE(longestLine("abc"), 3);
    QCOMPARE(longestLine("a\nabcd\nab"), 4);
    QCOMPARE(longestLine("a\nabcd"), 4);
}

QTEST_APPLESS_MAIN(JsonTextTest)
#include "tst_json_text.moc"
