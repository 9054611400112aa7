// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/display_text.h"

#include <QTest>

#include <set>

using namespace dynakv::admin;

class DisplayTextTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void readableKeysStandAsTheyAre_data();
    void readableKeysStandAsTheyAre();
    void everyKeyComesBackFromItsDisplay_data();
    void everyKeyComesBackFromItsDisplay();
    void differentKeysNeverLookTheSame();
    void brokenEscapesAreNoKey_data();
    void brokenEscapesAreNoKey();
    void sizesGrowByUnits_data();
    void sizesGrowByUnits();
    void agesAreToldInWords_data();
    void agesAreToldInWords();
};

void DisplayTextTest::readableKeysStandAsTheyAre_data()
{
    QTest::addColumn<QByteArray>("key");
    QTest::addColumn<QString>("shown");
    QTest::newRow("ascii") << QByteArray("user:1/a b") << QStringLiteral("user:1/a b");
    QTest::newRow("umlaut") << QByteArray("gr\xC3\xBC\xC3\x9F") << QStringLiteral("grüß");
    QTest::newRow("non-BMP") << QByteArray("\xF0\x9F\x98\x80") << QStringLiteral("😀");
    QTest::newRow("backslash") << QByteArray("a\\b") << QStringLiteral("a\\\\b");
    QTest::newRow("bytes") << QByteArray("a\xFF\0z", 4) << QStringLiteral("a\\xff\\x00z");
    QTest::newRow("line break") << QByteArray("a\nb") << QStringLiteral("a\\x0ab");
    QTest::newRow("text that turns around") << QByteArray("\xE2\x80\xAE"
                                                          "abc")
                                            << QStringLiteral("\\xe2\\x80\\xaeabc");
    QTest::newRow("cut sequence") << QByteArray("\xE2\x82") << QStringLiteral("\\xe2\\x82");
}

void DisplayTextTest::readableKeysStandAsTheyAre()
{
    QFETCH(QByteArray, key);
    QTEST(displayKey(key), "shown");
}

void DisplayTextTest::everyKeyComesBackFromItsDisplay_data()
{
    readableKeysStandAsTheyAre_data();
    QByteArray all;
    for (int i = 0; i < 256; ++i)
        all.append(static_cast<char>(i));
    QTest::newRow("every byte") << all << QString();
    QTest::newRow("byte order mark") << QByteArray("\xEF\xBB\xBFkey") << QString();
    QTest::newRow("looks like an escape") << QByteArray("\\x41") << QString();
}

void DisplayTextTest::everyKeyComesBackFromItsDisplay()
{
    QFETCH(QByteArray, key);
    const auto back = keyFromDisplay(displayKey(key));
    QVERIFY(back.has_value());
    QCOMPARE(*back, key);
}

void DisplayTextTest::differentKeysNeverLookTheSame()
{
    std::set<QString> seen;
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            const char key[] = {static_cast<char>(a), static_cast<char>(b)};
            QVERIFY(seen.insert(displayKey(QByteArray(key, 2))).second);
        }
}

void DisplayTextTest::brokenEscapesAreNoKey_data()
{
    QTest::addColumn<QString>("text");
    for (const char *text : {"\\", "a\\", "\\n", "\\x", "\\x4", "\\xg0", "\\X41"})
        QTest::newRow(text) << QString::fromLatin1(text);
}

void DisplayTextTest::brokenEscapesAreNoKey()
{
    QFETCH(QString, text);
    QVERIFY(!keyFromDisplay(text).has_value());
}

void DisplayTextTest::sizesGrowByUnits_data()
{
    QTest::addColumn<qint64>("bytes");
    QTest::addColumn<QString>("shown");
    QTest::newRow("none") << qint64{0} << QStringLiteral("0 B");
    QTest::newRow("below a unit") << qint64{1023} << QStringLiteral("1023 B");
    QTest::newRow("one unit") << qint64{1024} << QStringLiteral("1.0 KB");
    QTest::newRow("never 1024.0") << qint64{1024 * 1024 - 1} << QStringLiteral("1.0 MB");
    QTest::newRow("greatest") << std::numeric_limits<qint64>::max() << QStringLiteral("8192.0 PB");
}

void DisplayTextTest::sizesGrowByUnits()
{
    QFETCH(qint64, bytes);
    QLocale::setDefault(QLocale::c());
    QTEST(displaySize(bytes), "shown");
}

void DisplayTextTest::agesAreToldInWords_data()
{
    QTest::addColumn<qint64>("secondsAgo");
    QTest::addColumn<QString>("shown");
    QTest::newRow("a clock ahead") << qint64{-3} << QStringLiteral("just now");
    QTest::newRow("seconds") << qint64{59} << QStringLiteral("59 s ago");
    QTest::newRow("minutes") << qint64{3599} << QStringLiteral("59 min ago");
    QTest::newRow("hours") << qint64{86'399} << QStringLiteral("23 h ago");
    QTest::newRow("days") << qint64{13 * 86'400} << QStringLiteral("13 d ago");
}

void DisplayTextTest::agesAreToldInWords()
{
    QFETCH(qint64, secondsAgo);
    const qint64 now = 1'767'225'600'000;
    QTEST(displayAge(now - secondsAgo * 1000, now), "shown");
}

QTEST_APPLESS_MAIN(DisplayTextTest)
#include "tst_display_text.moc"
