// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/key_text.h"

#include <QJsonDocument>
#include <QTest>

using namespace dynakv::base::api;

namespace {

QByteArray everyByte()
{
    QByteArray bytes;
    for (int i = 0; i < 256; ++i)
        bytes.append(static_cast<char>(i));
    return bytes;
}

} // namespace

class KeyTextTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void utf8IsToldFromOtherBytes_data();
    void utf8IsToldFromOtherBytes();
    void aKeySurvivesTheWayThroughJsonText_data();
    void aKeySurvivesTheWayThroughJsonText();
    void aReadableKeyIsNotEncoded();
    void malformedKeyMembersAreRefused();
    void aTargetSegmentHoldsOnlyUnreservedCharacters();
    void aKeyOfDotsHasNoPlainDot();
    void percentsAreDecodedOnceAndPlusStays();
    void brokenPercentsAreRefused_data();
    void brokenPercentsAreRefused();
};

void KeyTextTest::utf8IsToldFromOtherBytes_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<bool>("valid");
    QTest::newRow("ascii") << QByteArray("user:1") << true;
    QTest::newRow("nul") << QByteArray("a\0b", 3) << true;
    QTest::newRow("four bytes") << QByteArray("\xF0\x9F\x98\x80") << true;
    QTest::newRow("lone continuation") << QByteArray("\x80") << false;
    QTest::newRow("cut sequence") << QByteArray("\xE2\x82") << false;
    QTest::newRow("overlong slash") << QByteArray("\xC0\xAF") << false;
    QTest::newRow("surrogate") << QByteArray("\xED\xA0\x80") << false;
    QTest::newRow("beyond Unicode") << QByteArray("\xF4\x90\x80\x80") << false;
}

void KeyTextTest::utf8IsToldFromOtherBytes()
{
    QFETCH(QByteArray, bytes);
    QTEST(isUtf8(bytes), "valid");
}

void KeyTextTest::aKeySurvivesTheWayThroughJsonText_data()
{
    QTest::addColumn<QByteArray>("key");
    QTest::newRow("ascii") << QByteArray("user:1");
    QTest::newRow("quotes and controls") << QByteArray("\"\\\n\t\x01\x7F");
    QTest::newRow("nul") << QByteArray("a\0b", 3);
    QTest::newRow("non-BMP") << QByteArray("\xF0\x9F\x98\x80");
    QTest::newRow("byte order mark first") << QByteArray("\xEF\xBB\xBFkey");
    QTest::newRow("byte order mark alone") << QByteArray("\xEF\xBB\xBF");
    QTest::newRow("byte order mark inside") << QByteArray("k\xEF\xBB\xBFy");
    QTest::newRow("noncharacter") << QByteArray("\xEF\xBF\xBE");
    QTest::newRow("every byte") << everyByte();
}

void KeyTextTest::aKeySurvivesTheWayThroughJsonText()
{
    QFETCH(QByteArray, key);
    QJsonObject written;
    putKey(written, key);
    QCOMPARE(written.size(), 1);
    const QByteArray text = QJsonDocument(written).toJson(QJsonDocument::Compact);
    const auto read = takeKey(QJsonDocument::fromJson(text).object());
    QVERIFY(read.ok());
    QCOMPARE(*read, key);
}

void KeyTextTest::aReadableKeyIsNotEncoded()
{
    QJsonObject object;
    putKey(object, "gr\xC3\xBC\xC3\x9F");
    QCOMPARE(object.value(QLatin1String("key")).toString().toUtf8(),
             QByteArray("gr\xC3\xBC\xC3\x9F"));
}

void KeyTextTest::malformedKeyMembersAreRefused()
{
    QVERIFY(!takeKey({}).ok());
    QVERIFY(!takeKey({{QLatin1String("key"), 1}}).ok());
    QVERIFY(!takeKey({{QLatin1String("key_b64"), QLatin1String("a*b=")}}).ok());
    QVERIFY(!takeKey({{QLatin1String("key_b64"), 1}}).ok());
}

void KeyTextTest::aTargetSegmentHoldsOnlyUnreservedCharacters()
{
    const QByteArray key = everyByte();
    const QByteArray segment = toTargetSegment(key);
    for (const char c : segment)
        QVERIFY((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                QByteArrayView("-._~%").contains(c));
    QCOMPARE(*percentDecoded(segment), key);
    QCOMPARE(toTargetSegment("a/b//c"), QByteArray("a%2Fb%2F%2Fc"));
}

void KeyTextTest::aKeyOfDotsHasNoPlainDot()
{
    QCOMPARE(toTargetSegment("."), QByteArray("%2E"));
    QCOMPARE(toTargetSegment(".."), QByteArray("%2E%2E"));
    QCOMPARE(toTargetSegment("a.b"), QByteArray("a.b"));
}

void KeyTextTest::percentsAreDecodedOnceAndPlusStays()
{
    QCOMPARE(*percentDecoded("a%2Fb%2fc+d%2525"), QByteArray("a/b/c+d%25"));
    QCOMPARE(*percentDecoded("%00%ff"), QByteArray("\0\xFF", 2));
    QCOMPARE(*percentDecoded(""), QByteArray());
}

void KeyTextTest::brokenPercentsAreRefused_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char *text : {"%", "%4", "a%", "%zz", "%4g", "%%41", "100%"})
        QTest::newRow(text) << QByteArray(text);
}

void KeyTextTest::brokenPercentsAreRefused()
{
    QFETCH(QByteArray, text);
    QVERIFY(!percentDecoded(text).ok());
}

QTEST_APPLESS_MAIN(KeyTextTest)
#include "tst_key_text.moc"
