// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/json_slice.h"

#include <QTest>

using namespace dynakv::client;

class JsonSliceTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aMemberIsFoundAsItStands_data();
    void aMemberIsFoundAsItStands();
    void whatIsCutOrNoObjectHasNoMember_data();
    void whatIsCutOrNoObjectHasNoMember();
    void deepNestingNeedsNoStack();
    void elementsStandAsTheyAre_data();
    void elementsStandAsTheyAre();
    void whatIsCutOrNoArrayHasNoElements_data();
    void whatIsCutOrNoArrayHasNoElements();
    void oneValueIsToldFromMore_data();
    void oneValueIsToldFromMore();
};

void JsonSliceTest::aMemberIsFoundAsItStands_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("value");
    const auto row = [](const char *name, const char *text, const char *value) {
        QTest::newRow(name) << QByteArray(text) << QByteArray(value);
    };
    row("integer beyond double", R"({"value":12345678901234567890})", "12345678901234567890");
    row("number form is kept", R"({"value": 1.0e+2 })", "1.0e+2");
    row("member order is kept", R"({"value":{"b":1,"a":2}})", R"({"b":1,"a":2})");
    row("brackets inside of text", R"({"value":{"a":"}]\"}","b":[]}})", R"({"a":"}]\"}","b":[]})");
    row("an escaped backslash ends no text", R"({"value":"a\\","x":1})", R"("a\\")");
    row("space around", " {\n\"value\" :\t[ 1 , 2 ] \r\n} ", "[ 1 , 2 ]");
    row("not the first member", R"({"other":{"value":1},"value":null})", "null");
}

void JsonSliceTest::aMemberIsFoundAsItStands()
{
    QFETCH(QByteArray, text);
    const auto value = memberText(text, "value");
    QVERIFY(value.has_value());
    QTEST(value->toByteArray(), "value");
}

void JsonSliceTest::whatIsCutOrNoObjectHasNoMember_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char *text :
         {"", "null", "[]", "{", "{}", "{\"value\"", "{\"value\":", "{\"value\":}",
          "{\"value\":\"a", "{\"value\":[1,2", "{\"val", "{\"a\":1", "{\"a\":1,}", "{\"a\" 1}",
          "{value:1}", "{\"value\":\"a\\"})
        QTest::newRow(*text == '\0' ? "nothing" : text) << QByteArray(text);
}

void JsonSliceTest::whatIsCutOrNoObjectHasNoMember()
{
    QFETCH(QByteArray, text);
    QVERIFY(!memberText(text, "value").has_value());
}

void JsonSliceTest::deepNestingNeedsNoStack()
{
    const QByteArray deep = QByteArray(2'000'000, '[') + QByteArray(2'000'000, ']');
    QCOMPARE(memberText("{\"value\":" + deep + "}", "value")->size(), deep.size());
}

void JsonSliceTest::elementsStandAsTheyAre_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArrayList>("elements");
    QTest::newRow("none") << QByteArray(" [ ] ") << QByteArrayList{};
    QTest::newRow("one") << QByteArray("[1.0]") << QByteArrayList{"1.0"};
    QTest::newRow("space around") << QByteArray("[ {\"a\": 1} ,\t\"]\" ]")
                                  << QByteArrayList{"{\"a\": 1}", "\"]\""};
    QTest::newRow("nested") << QByteArray("[[1,2],[],{\"b\":[3]}]")
                            << QByteArrayList{"[1,2]", "[]", "{\"b\":[3]}"};
}

void JsonSliceTest::elementsStandAsTheyAre()
{
    QFETCH(QByteArray, text);
    const auto elements = elementTexts(text);
    QVERIFY(elements.has_value());
    QByteArrayList found;
    for (const QByteArrayView element : *elements)
        found += element.toByteArray();
    QTEST(found, "elements");
}

void JsonSliceTest::whatIsCutOrNoArrayHasNoElements_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char *text : {"", "{}", "1", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[\"a]"})
        QTest::newRow(*text == '\0' ? "nothing" : text) << QByteArray(text);
}

void JsonSliceTest::whatIsCutOrNoArrayHasNoElements()
{
    QFETCH(QByteArray, text);
    QVERIFY(!elementTexts(text).has_value());
}

void JsonSliceTest::oneValueIsToldFromMore_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<bool>("isOne");
    QTest::newRow("object") << QByteArray(" {\"a\":1} ") << true;
    QTest::newRow("scalar") << QByteArray("null") << true;
    QTest::newRow("a member sneaked in") << QByteArray("1,\"ttl\":1") << false;
    QTest::newRow("closes the document") << QByteArray("1}") << false;
    QTest::newRow("two values") << QByteArray("1 2") << false;
    QTest::newRow("nothing") << QByteArray(" ") << false;
    QTest::newRow("open text") << QByteArray("\"a") << false;
    QTest::newRow("open bracket") << QByteArray("[1") << false;
}

void JsonSliceTest::oneValueIsToldFromMore()
{
    QFETCH(QByteArray, text);
    QTEST(isOneValue(text), "isOne");
}

QTEST_APPLESS_MAIN(JsonSliceTest)
#include "tst_json_slice.moc"
