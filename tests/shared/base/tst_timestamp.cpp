// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/timestamp.h"

#include <QTest>

#include <limits>

using namespace dynakv::base::api;

class TimestampTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aTimeIsWrittenAndReadBack_data();
    void aTimeIsWrittenAndReadBack();
    void timesOutsideOfFourDigitYearsAreHeldAtTheBounds();
    void otherFormsOfTheStandardAreRead_data();
    void otherFormsOfTheStandardAreRead();
    void whatIsNoTimestampIsRefused_data();
    void whatIsNoTimestampIsRefused();
};

void TimestampTest::aTimeIsWrittenAndReadBack_data()
{
    QTest::addColumn<qint64>("ms");
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("epoch") << qint64{0} << QByteArray("1970-01-01T00:00:00.000Z");
    QTest::newRow("leap day") << qint64{1709210096789} << QByteArray("2024-02-29T12:34:56.789Z");
    QTest::newRow("one ms before a year")
        << qint64{1767225599999} << QByteArray("2025-12-31T23:59:59.999Z");
    QTest::newRow("2100 has no leap day")
        << qint64{4107542400000} << QByteArray("2100-03-01T00:00:00.000Z");
}

void TimestampTest::aTimeIsWrittenAndReadBack()
{
    QFETCH(qint64, ms);
    QFETCH(QByteArray, text);
    QCOMPARE(toTimestamp(ms), text);
    QCOMPARE(*timestampFromText(text), ms);
}

void TimestampTest::timesOutsideOfFourDigitYearsAreHeldAtTheBounds()
{
    QCOMPARE(toTimestamp(-1), QByteArray("1970-01-01T00:00:00.000Z"));
    QCOMPARE(toTimestamp(std::numeric_limits<qint64>::min()),
             QByteArray("1970-01-01T00:00:00.000Z"));
    QCOMPARE(toTimestamp(std::numeric_limits<qint64>::max()),
             QByteArray("9999-12-31T23:59:59.999Z"));
}

void TimestampTest::otherFormsOfTheStandardAreRead_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<qint64>("ms");
    QTest::newRow("no fraction") << QByteArray("1970-01-01T00:00:01Z") << qint64{1000};
    QTest::newRow("one digit") << QByteArray("1970-01-01T00:00:00.5Z") << qint64{500};
    QTest::newRow("nine digits are cut")
        << QByteArray("1970-01-01T00:00:00.123999999Z") << qint64{123};
    QTest::newRow("lower case") << QByteArray("1970-01-01t00:00:00z") << qint64{0};
    QTest::newRow("east of UTC") << QByteArray("1970-01-01T02:30:00+02:30") << qint64{0};
    QTest::newRow("west of UTC") << QByteArray("1969-12-31T19:00:00.001-05:00") << qint64{1};
    QTest::newRow("leap second") << QByteArray("2016-12-31T23:59:60Z") << qint64{1483228800000};
}

void TimestampTest::otherFormsOfTheStandardAreRead()
{
    QFETCH(QByteArray, text);
    const auto time = timestampFromText(text);
    QVERIFY(time.ok());
    QTEST(*time, "ms");
}

void TimestampTest::whatIsNoTimestampIsRefused_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char *text :
         {"2024", "2024-02-30T00:00:00Z", "2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z",
          "2024-00-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z",
          "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01 00:00:00Z",
          "2024-01-01T00:00:00Zx", "2024-1-1T00:00:00Z", "2024-01-01T00:00:00.1234567890Z",
          "2024-01-01T00:00:00+0100", "+024-01-01T00:00:00Z"})
        QTest::newRow(text) << QByteArray(text);
    QTest::newRow("nothing") << QByteArray();
}

void TimestampTest::whatIsNoTimestampIsRefused()
{
    QFETCH(QByteArray, text);
    QVERIFY(!timestampFromText(text).ok());
}

QTEST_APPLESS_MAIN(TimestampTest)
#include "tst_timestamp.moc"
