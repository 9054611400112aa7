// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/json_text.h"
#include "admin-gui/models/value_view.h"

#include <QTest>

using namespace dynakv::admin;
using dynakv::client::Value;
using Form = ValueView::Form;

namespace {

Value json(const QByteArray &text)
{
    return {text, false, {}, {}};
}

Value raw(const QByteArray &bytes)
{
    return {bytes, true, "application/octet-stream", {}};
}

} // namespace

class ValueViewTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aSmallValueIsEditedAsItIs();
    void aLongLineIsLaidOut();
    void aLargeValueShowsItsBeginning();
    void anEndlessTextIsShownInPieces();
    void noViewHasALineThatCouldFreezeTheWindow_data();
    void noViewHasALineThatCouldFreezeTheWindow();
    void rawTextAndRawBytesAreToldApart();
    void whatTheEditorWouldSwallowSurvives();
};

void ValueViewTest::aSmallValueIsEditedAsItIs()
{
    const ValueView view = viewOf(json("{ \"a\" : 1 }"), false);
    QVERIFY(view.isEditable());
    QVERIFY(!view.isReformatted);
    QCOMPARE(view.text, QStringLiteral("{ \"a\" : 1 }"));
}

void ValueViewTest::aLongLineIsLaidOut()
{
    const QByteArray text = "[" + QByteArray("1,").repeated(5000) + "1]";
    const ValueView view = viewOf(json(text), false);
    QVERIFY(view.isEditable());
    QVERIFY(view.isReformatted);
    QCOMPARE(compactJson(view.text.toUtf8()), text);
}

void ValueViewTest::aLargeValueShowsItsBeginning()
{
    const QByteArray text = "[" + QByteArray("\"0123456789\",\n").repeated(60'000) + "1]";
    const ValueView part = viewOf(json(text), false);
    QCOMPARE(part.form, Form::JsonPart);
    QVERIFY(part.isPart && part.canShowMore && !part.isEditable());
    QVERIFY(part.text.size() <= kPreviewBytes);
    const ValueView whole = viewOf(json(text), true);
    QVERIFY(whole.isEditable());
    QCOMPARE(whole.text.toUtf8(), text);
    const ValueView huge = viewOf(json(text.repeated(8)), true);
    QVERIFY(!huge.isEditable() && !huge.canShowMore);
    QVERIFY(huge.text.size() <= kEditBytesMax);
}

void ValueViewTest::anEndlessTextIsShownInPieces()
{
    const QByteArray text = '"' + QByteArray("\xC3\xBC").repeated(40'000) + '"';
    const ValueView view = viewOf(json(text), false);
    QVERIFY(!view.isEditable());
    QVERIFY(view.hasCutLines);
    QString joined = view.text;
    joined.remove(QLatin1Char('\n'));
    QCOMPARE(joined.toUtf8(), text); // No character was cut in two.
}

void ValueViewTest::noViewHasALineThatCouldFreezeTheWindow_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<bool>("isRaw");
    const QByteArray megabyte(1 << 20, 'x');
    QTest::newRow("one text") << '"' + megabyte + '"' << false;
    QTest::newRow("one number") << QByteArray(1 << 20, '1') << false;
    QTest::newRow("minified list") << "[" + QByteArray("1,").repeated(500'000) + "1]" << false;
    QTest::newRow("raw text") << megabyte << true;
    QTest::newRow("raw bytes") << QByteArray(1 << 20, '\0') << true;
    QTest::newRow("carriage returns only") << QByteArray("a\r").repeated(100'000) << true;
}

void ValueViewTest::noViewHasALineThatCouldFreezeTheWindow()
{
    QFETCH(QByteArray, bytes);
    QFETCH(bool, isRaw);
    for (const bool whole : {false, true}) {
        const ValueView view = viewOf({bytes, isRaw, {}, {}}, whole);
        QVERIFY(longestLine(view.text.toUtf8()) <= kLineBytesMax + 4);
    }
}

void ValueViewTest::rawTextAndRawBytesAreToldApart()
{
    QCOMPARE(viewOf(raw("hello\n"), false).form, Form::Text);
    const ValueView bytes = viewOf(raw(QByteArray("\0\x01"
                                                  "A\xFF",
                                                  4)),
                                   false);
    QCOMPARE(bytes.form, Form::Hex);
    QVERIFY(bytes.text.startsWith(QLatin1String("00000000  00 01 41 ff ")));
    QVERIFY(bytes.text.endsWith(QLatin1String("..A.")));
    QVERIFY(!bytes.isEditable());
    QVERIFY(viewOf(raw(QByteArray(100'000, '\0')), false).isPart);
    QCOMPARE(viewOf(raw({}), false).form, Form::Text);
}

void ValueViewTest::whatTheEditorWouldSwallowSurvives()
{
    // Qt's document takes U+2028 and U+2029 for line breaks; as escapes they mean the same in JSON.
    const QString shown = toEditorText("\"a\xE2\x80\xA8"
                                       "b\xE2\x80\xA9"
                                       "c\"");
    QCOMPARE(shown, QStringLiteral("\"a\\u2028b\\u2029c\""));
    QCOMPARE(toEditorText("1\r\n2\r3"), QStringLiteral("1\n2\n3"));
    const QString raw = QStringLiteral("{\u2029\u00a0\"x\"}");
    QCOMPARE(fromEditorText(raw), QByteArray("{\n\xC2\xA0\"x\"}"));
}

QTEST_APPLESS_MAIN(ValueViewTest)
#include "tst_value_view.moc"
