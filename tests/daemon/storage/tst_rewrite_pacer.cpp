// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/rewrite_pacer.h"

#include <QtTest>

using dynakv::storage::RewritePacer;

namespace {

constexpr qint64 kMs = 1000;
constexpr qint64 kPieceBytes = 64 * 1024;

/// A disk on which a commit takes longer the faster a rewriting goes beside it.
struct Model
{
    explicit Model(double usPerMebibyte)
        : slowdown(usPerMebibyte)
    {
    }

    /// Commits all the time for \a us, and rewrites beside them if \a isRewriting.
    void run(qint64 us, bool isRewriting)
    {
        const qint64 end = nowUs + us;
        qint64 rewriteUs = nowUs;
        while (nowUs < end) {
            const double rate = isRewriting ? pacer.bytesPerSecond() / 1048576.0 : 0;
            const auto tookUs = static_cast<qint64>(300 + slowdown * rate);
            nowUs += tookUs;
            pacer.addSync(tookUs, nowUs);
            lastTookUs = tookUs;
            while (isRewriting && rewriteUs <= nowUs) {
                const qint64 pause = pacer.pauseUs(kPieceBytes, rewriteUs);
                bytes += kPieceBytes;
                rewriteUs += qMax<qint64>(pause, 20);
            }
        }
    }

    RewritePacer pacer;
    double slowdown = 0;
    qint64 nowUs = 1'000'000'000;
    qint64 lastTookUs = 0;
    qint64 bytes = 0;
};

} // namespace

class TestRewritePacer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whileNobodyCommitsNothingWaits()
    {
        RewritePacer pacer;
        pacer.begin(0);
        for (qint64 nowUs = 0; nowUs < 10'000'000; nowUs += 100)
            QCOMPARE(pacer.pauseUs(kPieceBytes, nowUs), 0);
    }

    void onceCommitsEndItGoesAtFullSpeedAgain()
    {
        Model model(20);
        model.run(1'000 * kMs, false);
        model.pacer.begin(model.nowUs);
        model.run(2'000 * kMs, true);
        QVERIFY(model.pacer.pauseUs(100 * kPieceBytes, model.nowUs) > 0);
        QCOMPARE(model.pacer.pauseUs(100 * kPieceBytes, model.nowUs + 600 * kMs), 0);
    }

    void theTimeOfACommitAtMostDoubles_data()
    {
        QTest::addColumn<double>("usPerMebibyte");
        QTest::newRow("fast disk") << 0.5;
        QTest::newRow("usual disk") << 10.0;
        QTest::newRow("slow disk") << 60.0;
    }
    void theTimeOfACommitAtMostDoubles()
    {
        QFETCH(double, usPerMebibyte);
        Model model(usPerMebibyte);
        model.run(1'000 * kMs, false);
        model.pacer.begin(model.nowUs);
        QCOMPARE(model.pacer.usualP99Us(), 300);
        model.run(3'000 * kMs, true);
        qint64 worstUs = 0;
        for (int i = 0; i < 100; ++i) {
            model.run(100 * kMs, true);
            worstUs = qMax(worstUs, model.lastTookUs);
        }
        QVERIFY2(worstUs <= 2 * 300, QByteArray::number(worstUs).constData());
        // And it uses what the disk can give: half of what would double it at least.
        QVERIFY(model.pacer.bytesPerSecond() >= qMin(4096.0, 150 / usPerMebibyte) * 1048576 * 0.5);
    }

    void theRateIsTheOneThatItSays()
    {
        Model model(10);
        model.run(1'000 * kMs, false);
        model.pacer.begin(model.nowUs);
        model.run(4'000 * kMs, true);
        const qint64 before = model.bytes;
        const double rate = model.pacer.bytesPerSecond();
        model.run(150 * kMs, true);
        const double written = static_cast<double>(model.bytes - before) / 0.15;
        QVERIFY(written < 1.5 * rate);
        QVERIFY(written > 0.5 * rate);
    }

    /// Else each of several in a row would double what the one before had doubled.
    void oneAfterTheOtherKeepsTheFirstMeasure()
    {
        Model model(20);
        model.run(1'000 * kMs, false);
        for (int i = 0; i < 3; ++i) {
            model.pacer.begin(model.nowUs);
            QCOMPARE(model.pacer.usualP99Us(), 300);
            model.run(3'000 * kMs, true);
            model.pacer.end();
        }
        model.slowdown = 0;
        model.run(1'000 * kMs, false);
        model.pacer.begin(model.nowUs);
        QCOMPARE(model.pacer.usualP99Us(), 300);
    }

    void whoMustNotFallBehindDoesNot()
    {
        constexpr double kBytesPerSecond = 50.0 * 1048576;
        Model model(1'000);
        model.run(1'000 * kMs, false);
        model.pacer.begin(model.nowUs);
        model.run(5'000 * kMs, true);
        const qint64 freeUs = model.pacer.pauseUs(kPieceBytes * 16, model.nowUs);
        QVERIFY(freeUs > 90 * kMs);
        // Once what that asks for has passed:
        qint64 nowUs = model.nowUs + 2'000 * kMs;
        model.pacer.addSync(300, nowUs);
        const qint64 start = nowUs;
        for (int i = 0; i < 160; ++i)
            nowUs += model.pacer.pauseUs(kPieceBytes, nowUs, kBytesPerSecond) + 1;
        const double seconds = 1e-6 * static_cast<double>(nowUs - start);
        QVERIFY(seconds < 1.1 * 160 * kPieceBytes / kBytesPerSecond);
        QVERIFY(seconds > 0.8 * 160 * kPieceBytes / kBytesPerSecond);
    }

    void itNeverStops()
    {
        Model model(100'000);
        model.run(1'000 * kMs, false);
        model.pacer.begin(model.nowUs);
        model.run(30'000 * kMs, true);
        QVERIFY(model.bytes > 20 * 1048576);
    }
};

QTEST_APPLESS_MAIN(TestRewritePacer)
#include "tst_rewrite_pacer.moc"
