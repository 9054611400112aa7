// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/hybrid_clock.h"
#include "daemon/core/random.h"

#include <QtTest>

using namespace dynakv::core;

namespace {

constexpr qint64 kWallMs = 1'700'000'000'000;

quint64 clockAt(qint64 wallMs)
{
    return static_cast<quint64>(wallMs) << 16;
}

} // namespace

class TestHybridClock : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void clockFollowsTheWall();
    void clockRisesWhateverTheWallDoes();
    void manyInOneMillisecondRunOverIntoTheNext();
    void clockIsAboveTheFloor_data();
    void clockIsAboveTheFloor();
    void farFloorTopsOneKeyAndMovesNothingElse();
    void observedClockIsFollowedOnlyWhenNear_data();
    void observedClockIsFollowedOnlyWhenNear();
    void restartBeginsAboveTheCeiling_data();
    void restartBeginsAboveTheCeiling();
    void ceilingLeavesRoomForManyWrites();
    void ceilingIsRenewedInTime();
    void restartsInARowDoNotDragTheClockAway();
    void aLeapIsAboveAllThatWasGivenBefore();
    void anOwnClockIsFollowedFurtherThanAnothers();
};

void TestHybridClock::clockFollowsTheWall()
{
    HybridClock clock(0);
    QCOMPARE(clock.next(kWallMs, 0), clockAt(kWallMs));
    QCOMPARE(clock.next(kWallMs + 5, 0), clockAt(kWallMs + 5));
}

void TestHybridClock::clockRisesWhateverTheWallDoes()
{
    Random random(7);
    HybridClock clock(0);
    quint64 last = 0;
    qint64 wall = kWallMs;
    for (int i = 0; i < 20'000; ++i) {
        wall += static_cast<qint64>(random.below(2001)) - 1000;
        if (random.below(1000) == 0)
            wall += (random.below(2) == 0 ? -1 : 1) * qint64{3'600'000};
        if (random.below(4) == 0)
            clock.observe(clockAt(wall + static_cast<qint64>(random.below(100'000))), wall);
        const quint64 floor = random.below(3) == 0 ? clockAt(wall) + random.below(1U << 20) : 0;
        const quint64 given = clock.next(wall, floor);
        QVERIFY(given > last);
        QVERIFY(given > floor);
        QVERIFY(given >= clockAt(wall));
        last = given;
    }
}

void TestHybridClock::manyInOneMillisecondRunOverIntoTheNext()
{
    HybridClock clock(0);
    quint64 last = clock.next(kWallMs, 0);
    for (int i = 0; i < 70'000; ++i) {
        const quint64 given = clock.next(kWallMs, 0);
        QCOMPARE(given, last + 1);
        last = given;
    }
    QVERIFY(last >= clockAt(kWallMs + 1));
}

void TestHybridClock::clockIsAboveTheFloor_data()
{
    QTest::addColumn<quint64>("floor");
    QTest::addColumn<quint64>("expected");
    const quint64 now = clockAt(kWallMs);
    QTest::newRow("none") << quint64{0} << now;
    QTest::newRow("just below") << now - 1 << now;
    QTest::newRow("the wall itself") << now << now + 1;
    QTest::newRow("near") << clockAt(kWallMs + 60'000) << clockAt(kWallMs + 60'000) + 1;
    QTest::newRow("far") << clockAt(kWallMs + 60'001) << clockAt(kWallMs + 60'001) + 1;
    QTest::newRow("a century ahead") << clockAt(2 * kWallMs) << clockAt(2 * kWallMs) + 1;
}

void TestHybridClock::clockIsAboveTheFloor()
{
    QFETCH(const quint64, floor);
    QFETCH(const quint64, expected);
    HybridClock clock(0);
    QCOMPARE(clock.next(kWallMs, floor), expected);
}

void TestHybridClock::farFloorTopsOneKeyAndMovesNothingElse()
{
    HybridClock clock(0);
    const quint64 far = clockAt(kWallMs + 3'600'000);
    QCOMPARE(clock.next(kWallMs, far), far + 1);
    QCOMPARE(clock.next(kWallMs, far + 1), far + 2);
    QCOMPARE(clock.next(kWallMs, 0), clockAt(kWallMs));
}

void TestHybridClock::observedClockIsFollowedOnlyWhenNear_data()
{
    QTest::addColumn<quint64>("seen");
    QTest::addColumn<quint64>("last");
    const quint64 now = clockAt(kWallMs);
    QTest::newRow("older") << now - 5 << now;
    QTest::newRow("near") << now + 5 << now + 5;
    QTest::newRow("at the bound") << clockAt(kWallMs + 60'000) << clockAt(kWallMs + 60'000);
    QTest::newRow("past the bound") << clockAt(kWallMs + 60'000) + 1 << now;
    QTest::newRow("greatest") << ~quint64{0} << now;
}

void TestHybridClock::observedClockIsFollowedOnlyWhenNear()
{
    QFETCH(const quint64, seen);
    QFETCH(const quint64, last);
    HybridClock clock(clockAt(kWallMs));
    clock.observe(seen, kWallMs);
    QCOMPARE(clock.last(), last);
}

void TestHybridClock::restartBeginsAboveTheCeiling_data()
{
    QTest::addColumn<qint64>("wallAfterMs");
    QTest::newRow("at once") << kWallMs;
    QTest::newRow("much later") << kWallMs + 86'400'000;
    QTest::newRow("the clock was set back") << kWallMs - 86'400'000;
    QTest::newRow("the clock is before 1970") << qint64{-1000};
}

void TestHybridClock::restartBeginsAboveTheCeiling()
{
    QFETCH(const qint64, wallAfterMs);
    const quint64 ceiling = HybridClock(0).ceilingAt(kWallMs);
    HybridClock after(ceiling);
    QVERIFY(after.next(wallAfterMs, 0) > ceiling);
}

void TestHybridClock::ceilingLeavesRoomForManyWrites()
{
    HybridClock clock(0);
    for (const qint64 wall : {kWallMs, kWallMs - 3'600'000}) {
        quint64 last = clock.next(wall, 0);
        const quint64 ceiling = clock.ceilingAt(wall);
        // As many as no node stamps between two ticks.
        for (int i = 0; i < 200'000; ++i)
            last = clock.next(wall, 0);
        QVERIFY(last < ceiling);
    }
}

void TestHybridClock::ceilingIsRenewedInTime()
{
    HybridClock clock(0);
    clock.next(kWallMs, 0);
    const quint64 ceiling = clock.ceilingAt(kWallMs);
    QVERIFY(clock.isCeilingLow(0, kWallMs));
    QVERIFY(!clock.isCeilingLow(ceiling, kWallMs));
    QVERIFY(!clock.isCeilingLow(ceiling, kWallMs + 14'000));
    QVERIFY(clock.isCeilingLow(ceiling, kWallMs + 15'000));
    QVERIFY(clock.isCeilingLow(ceiling, kWallMs + 3'600'000));
    // A peer that is ahead, within the bound, takes the clock along at each of its heartbeats.
    clock.observe(clockAt(kWallMs + 60'000), kWallMs);
    QVERIFY(clock.isCeilingLow(ceiling, kWallMs));
    QVERIFY(clock.ceilingAt(kWallMs) >= clockAt(kWallMs + 80'000));
}

/// Nothing was stamped in those lives, so their ceilings must not add up.
void TestHybridClock::restartsInARowDoNotDragTheClockAway()
{
    quint64 ceiling = 0;
    for (int restart = 0; restart < 100; ++restart) {
        const HybridClock clock(ceiling);
        const quint64 renewed =
            clock.isCeilingLow(ceiling, kWallMs) ? clock.ceilingAt(kWallMs) : ceiling;
        QVERIFY(renewed > ceiling);
        ceiling = renewed;
    }
    QVERIFY(ceiling < clockAt(kWallMs + 120'000));
}

/// Whatever the lives before have given, one that knows nothing of them begins above.
void TestHybridClock::aLeapIsAboveAllThatWasGivenBefore()
{
    constexpr qint64 kLifeMs = 100; // Shorter ones do not exist.
    qint64 wall = kWallMs;
    quint64 given = 0;
    quint64 ceiling = 0;
    for (int life = 0; life < 50; ++life) {
        HybridClock clock(ceiling);
        clock.observe(clockAt(wall + HybridClock::kFollowMsMax), wall);
        ceiling = std::max(ceiling, clock.ceilingAt(wall));
        given = clock.next(wall, 0);
        QVERIFY(given < ceiling);
        wall += kLifeMs;
        HybridClock ignorant(0);
        ignorant.leap(wall);
        QVERIFY(ignorant.next(wall, 0) > ceiling);
    }
    QVERIFY(given > clockAt(wall + HybridClock::kFollowMsMax)); // They did run ahead.
    HybridClock ahead(clockAt(wall + 1'000'000));
    ahead.leap(wall);
    QCOMPARE(ahead.last(), clockAt(wall + 1'000'000));
}

void TestHybridClock::anOwnClockIsFollowedFurtherThanAnothers()
{
    const auto at = [](qint64 aheadMs) { return clockAt(kWallMs + aheadMs); };
    HybridClock clock(0);
    clock.observe(at(600'000), kWallMs);
    QCOMPARE(clock.last(), quint64{0});
    clock.observeOwn(at(600'000), kWallMs);
    QCOMPARE(clock.last(), at(600'000));
    clock.observeOwn(at(5), kWallMs);
    clock.observeOwn(at(HybridClock::kFollowOwnMsMax + 1), kWallMs);
    QCOMPARE(clock.last(), at(600'000));
}

QTEST_GUILESS_MAIN(TestHybridClock)
#include "tst_hybrid_clock.moc"
