// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/background_pacer.h"
#include "shared/base/mailbox.h"

#include <QtTest>

#include <vector>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

/// Pieces that each take as long as the test says.
struct Bench
{
    base::Mailbox inbox = base::Mailbox{nullptr};
    qint64 nowUs = 0;
    BackgroundPacer pacer{inbox, [this] { return nowUs; }};
    std::vector<int> done = {};

    void add(int number, qint64 takesUs)
    {
        pacer.add([this, number, takesUs] {
            nowUs += takesUs;
            done.push_back(number);
        });
    }
    /// Until so many pieces are done and the rest after them has begun. Timers do not run
    /// meanwhile, so that it cannot end before it is looked at, however slow the machine is.
    bool runUntilDone(std::size_t count)
    {
        for (int round = 0; round < 100 && done.size() < count; ++round)
            QCoreApplication::sendPostedEvents();
        return done.size() == count;
    }
};

} // namespace

class TestBackgroundPacer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void piecesComeOneAtATimeBehindWhatWaits();
    void workIsFollowedByARest();
    void littleWorkAddsUp();
    void aRestThatLastedLongerShortensTheNext();
    void whoIsAboutToEndDoesNotRest();
};

void TestBackgroundPacer::piecesComeOneAtATimeBehindWhatWaits()
{
    Bench bench;
    bench.add(1, 0);
    bench.inbox.post([&] {
        bench.done.push_back(100);
        bench.inbox.post([&] { bench.done.push_back(101); });
    });
    bench.add(2, 0);
    bench.add(3, 0);
    QVERIFY(bench.done.empty());
    QTRY_COMPARE(bench.done.size(), size_t{5});
    QVERIFY((bench.done == std::vector{1, 100, 2, 101, 3}));
}

void TestBackgroundPacer::workIsFollowedByARest()
{
    Bench bench;
    bench.add(1, 40'000);
    bench.add(2, 0);
    QVERIFY(bench.runUntilDone(1));
    QCOMPARE(bench.pacer.restMs(), 40 * BackgroundPacer::kRestPerWork);
    QTRY_COMPARE(bench.done.size(), size_t{2});
    QCOMPARE(bench.pacer.restMs(), 0);
    // What comes after a calm time pays no old debt.
    bench.add(3, 40'000);
    QTRY_COMPARE(bench.done.size(), size_t{3});
    bench.nowUs += 1'000'000;
    bench.add(4, 0);
    QCOMPARE(bench.pacer.restMs(), 0);
    QTRY_COMPARE(bench.done.size(), size_t{4});
}

void TestBackgroundPacer::littleWorkAddsUp()
{
    Bench bench;
    constexpr qint64 kTakesUs = BackgroundPacer::kRestUsMin / BackgroundPacer::kRestPerWork / 4 + 1;
    for (int number = 1; number <= 5; ++number)
        bench.add(number, kTakesUs);
    QVERIFY(bench.runUntilDone(4));
    QVERIFY(bench.pacer.restMs() > 0);
    QTRY_COMPARE(bench.done.size(), size_t{5});
}

/// By up to what a timer cannot do better: else each would be rounded up, and pieces come too
/// seldom.
void TestBackgroundPacer::aRestThatLastedLongerShortensTheNext()
{
    for (const qint64 lateUs : {BackgroundPacer::kRestUsMin, 20 * BackgroundPacer::kRestUsMin}) {
        Bench bench;
        bench.nowUs = 1'000'000;
        bench.add(1, 10'000);
        bench.add(2, 10'000);
        QVERIFY(bench.runUntilDone(1));
        bench.nowUs += bench.pacer.restMs() * qint64{1000} + lateUs;
        QTRY_COMPARE(bench.done.size(), size_t{2});
        bench.add(3, 0);
        QCOMPARE(bench.pacer.restMs(), 10 * BackgroundPacer::kRestPerWork - 1);
    }
}

void TestBackgroundPacer::whoIsAboutToEndDoesNotRest()
{
    Bench bench;
    constexpr qint64 kHourUs = qint64{3600} * 1'000'000;
    bench.add(1, kHourUs);
    bench.add(2, kHourUs);
    bench.add(3, 0);
    QTRY_COMPARE(bench.done.size(), size_t{1});
    QVERIFY(bench.pacer.restMs() > 1'000'000);
    bench.pacer.hurry();
    QTRY_COMPARE(bench.done.size(), size_t{3});
}

QTEST_GUILESS_MAIN(TestBackgroundPacer)
#include "tst_background_pacer.moc"
