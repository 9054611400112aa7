// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/repeat_limiter.h"

#include <QTest>

using namespace dynakv;
using app::RepeatLimiter;
using Held = std::vector<RepeatLimiter::Held>;

class TestRepeatLimiter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void repeatsAreHeldBackAndToldLater();
    void theSameComesThroughAgainAfterTheWindow();
    void whatIsHeldIsToldAtTheEnd();
    void memoryIsBounded();
};

void TestRepeatLimiter::repeatsAreHeldBackAndToldLater()
{
    RepeatLimiter limiter;
    QVERIFY(limiter.passes("a", 0));
    QVERIFY(!limiter.passes("a", 1));
    QVERIFY(limiter.passes("b", 2));
    QVERIFY(!limiter.passes("a", RepeatLimiter::kWindowMs - 1));
    QVERIFY(limiter.takeExpired(RepeatLimiter::kWindowMs - 1).empty());
    QCOMPARE(limiter.takeExpired(RepeatLimiter::kWindowMs), (Held{{"a", 2}}));
    QVERIFY(limiter.takeExpired(RepeatLimiter::kWindowMs).empty());
}

void TestRepeatLimiter::theSameComesThroughAgainAfterTheWindow()
{
    RepeatLimiter limiter;
    QVERIFY(limiter.passes("a", 0));
    QVERIFY(limiter.passes("a", RepeatLimiter::kWindowMs));
    QVERIFY(!limiter.passes("a", RepeatLimiter::kWindowMs + 1));
}

void TestRepeatLimiter::whatIsHeldIsToldAtTheEnd()
{
    RepeatLimiter limiter;
    QVERIFY(limiter.passes("a", 0));
    QVERIFY(!limiter.passes("a", 0));
    QCOMPARE(limiter.takeAll(), (Held{{"a", 1}}));
}

void TestRepeatLimiter::memoryIsBounded()
{
    RepeatLimiter limiter;
    for (std::size_t i = 0; i < RepeatLimiter::kMessagesMax; ++i)
        QVERIFY(limiter.passes(QByteArray::number(static_cast<qulonglong>(i)), 0));
    QVERIFY(limiter.passes("one more", 0));
    QVERIFY(limiter.passes("one more", 0)); // Not remembered: passed rather than lost.
    QVERIFY(!limiter.passes("0", 0));
}

QTEST_APPLESS_MAIN(TestRepeatLimiter)
#include "tst_repeat_limiter.moc"
