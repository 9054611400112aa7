// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/random.h"
#include "daemon/core/version.h"

#include <QtTest>

#include <limits>

using namespace dynakv::core;

class TestVersion : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void textAndVersionAreOneAndTheSame_data();
    void textAndVersionAreOneAndTheSame();
    void textOrderIsVersionOrder();
    void clockDecidesBeforeNode();
    void anythingElseIsNoVersion_data();
    void anythingElseIsNoVersion();
    void hexDigitsAreExactlySixteenLowerCaseOnes_data();
    void hexDigitsAreExactlySixteenLowerCaseOnes();
    void wallTimeIsTheUpperPartOfTheClock();
};

void TestVersion::textAndVersionAreOneAndTheSame_data()
{
    QTest::addColumn<quint64>("clock");
    QTest::addColumn<quint64>("node");
    QTest::addColumn<QByteArray>("text");
    constexpr quint64 greatest = std::numeric_limits<quint64>::max();
    QTest::newRow("zero") << quint64{0} << quint64{0}
                          << QByteArray("0000000000000000-0000000000000000");
    QTest::newRow("greatest") << greatest << greatest
                              << QByteArray("ffffffffffffffff-ffffffffffffffff");
    QTest::newRow("each digit in its place")
        << quint64{0x0123456789abcdef} << quint64{0xfedcba9876543210}
        << QByteArray("0123456789abcdef-fedcba9876543210");
}

void TestVersion::textAndVersionAreOneAndTheSame()
{
    QFETCH(const quint64, clock);
    QFETCH(const quint64, node);
    QFETCH(const QByteArray, text);
    const Version version{clock, node};
    QCOMPARE(version.toString(), text);
    QVERIFY(parseVersion(text) == version);
}

void TestVersion::textOrderIsVersionOrder()
{
    Random random(1);
    for (int i = 0; i < 10'000; ++i) {
        // Few values in few bits, so that equal clocks and equal nodes come up too.
        const auto number = [&] { return (random.next() & 3) << random.below(62); };
        const Version left{number(), number()};
        const Version right{number(), number()};
        QCOMPARE(left < right, left.toString() < right.toString());
        QCOMPARE(left == right, left.toString() == right.toString());
    }
}

void TestVersion::clockDecidesBeforeNode()
{
    QVERIFY((Version{1, 9}) < (Version{2, 1}));
    QVERIFY((Version{2, 1}) < (Version{2, 9}));
}

void TestVersion::anythingElseIsNoVersion_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("empty") << QByteArray();
    QTest::newRow("too short") << QByteArray("0123456789abcdef-fedcba987654321");
    QTest::newRow("too long") << QByteArray("0123456789abcdef-fedcba98765432100");
    QTest::newRow("other separator") << QByteArray("0123456789abcdef_fedcba9876543210");
    QTest::newRow("separator moved") << QByteArray("0123456789abcde-ffedcba9876543210");
    QTest::newRow("upper case") << QByteArray("0123456789ABCDEF-fedcba9876543210");
    QTest::newRow("not a digit") << QByteArray("0123456789abcdeg-fedcba9876543210");
    QTest::newRow("sign") << QByteArray("+123456789abcdef-fedcba9876543210");
    QTest::newRow("space") << QByteArray(" 123456789abcdef-fedcba9876543210");
    QTest::newRow("NUL") << QByteArray("0123456789abcde\0-fedcba9876543210", 33);
}

void TestVersion::anythingElseIsNoVersion()
{
    QFETCH(const QByteArray, text);
    QVERIFY(!parseVersion(text));
}

void TestVersion::hexDigitsAreExactlySixteenLowerCaseOnes_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<bool>("isNumber");
    QTest::newRow("sixteen") << QByteArray("00000000000000ff") << true;
    QTest::newRow("fifteen") << QByteArray("0000000000000ff") << false;
    QTest::newRow("seventeen") << QByteArray("000000000000000ff") << false;
    QTest::newRow("upper case") << QByteArray("00000000000000FF") << false;
    QTest::newRow("prefix") << QByteArray("0x000000000000ff") << false;
}

void TestVersion::hexDigitsAreExactlySixteenLowerCaseOnes()
{
    QFETCH(const QByteArray, text);
    QFETCH(const bool, isNumber);
    const auto number = parseHex16(text);
    QCOMPARE(number.has_value(), isNumber);
    if (number)
        QCOMPARE(toHex16(*number), text);
}

void TestVersion::wallTimeIsTheUpperPartOfTheClock()
{
    QCOMPARE((Version{(quint64{1'700'000'000'123} << 16) + 65'535, 1}).wallMs(),
             qint64{1'700'000'000'123});
    QCOMPARE((Version{std::numeric_limits<quint64>::max(), 1}).wallMs(), (qint64{1} << 48) - 1);
}

QTEST_GUILESS_MAIN(TestVersion)
#include "tst_version.moc"
