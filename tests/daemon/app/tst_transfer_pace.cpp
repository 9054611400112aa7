// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/progress_meter.h"
#include "daemon/app/retry_pause.h"

#include <QTest>

using namespace dynakv;

/// How often a long command speaks, and how long it waits.
class TestTransferPace : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void progressIsToldSeldom();
    void progressTellsItsSpeed();
    void aTerminalKeepsOneLine();
    void aPauseGrowsAndIsBounded();
    void aPauseIsAsLongAsAsked();
    void successForgetsTheRefusals();
};

void TestTransferPace::progressIsToldSeldom()
{
    app::ProgressMeter meter("exported", false);
    int lines = 0;
    for (qint64 ms = 0; ms <= 10'000; ++ms)
        lines += meter.update(ms, 20'000, ms).has_value() ? 1 : 0;
    QVERIFY(lines >= 30 && lines <= 50);
    QVERIFY(meter.end().isEmpty());
}

void TestTransferPace::progressTellsItsSpeed()
{
    app::ProgressMeter meter("imported", false);
    QVERIFY(!meter.update(500, 1000, 100)); // What an earlier run did.
    QCOMPARE(*meter.update(700, 1000, 600), QByteArray("imported 700 of 1000 keys, 400 keys/s\n"));
    QCOMPARE(*meter.update(1001, 1000, 1100),
             QByteArray("imported 1001 of 1001 keys, 501 keys/s\n"));
    QCOMPARE(*meter.update(1002, 0, 2000), QByteArray("imported 1002 keys, 264 keys/s\n"));
}

void TestTransferPace::aTerminalKeepsOneLine()
{
    app::ProgressMeter meter("exported", true);
    QVERIFY(!meter.update(0, 10, 0));
    QCOMPARE(*meter.update(5, 10, 1000), QByteArray("\rexported 5 of 10 keys, 5 keys/s\x1b[K"));
    QCOMPARE(meter.end(), QByteArray("\r\x1b[K"));
    QVERIFY(meter.end().isEmpty());
}

void TestTransferPace::aPauseGrowsAndIsBounded()
{
    app::RetryPause pause;
    qint64 nowMs = 1'000'000;
    int last = 0;
    int tries = 0;
    while (const auto ms = pause.refused(0, nowMs)) {
        QVERIFY(*ms >= last && *ms >= 100 && *ms <= 5000);
        last = *ms;
        nowMs += *ms;
        ++tries;
    }
    QVERIFY(tries > 10);
    QVERIFY(nowMs - 1'000'000 > 50'000 && nowMs - 1'000'000 <= 60'000);
}

void TestTransferPace::aPauseIsAsLongAsAsked()
{
    app::RetryPause pause;
    QCOMPARE(pause.refused(7, 0), std::optional<int>(7000));
    QCOMPARE(app::RetryPause().refused(61, 0), std::nullopt);
}

void TestTransferPace::successForgetsTheRefusals()
{
    app::RetryPause pause;
    (void)pause.refused(0, 0);
    (void)pause.refused(0, 100);
    pause.succeeded();
    QCOMPARE(pause.refused(0, 1'000'000), std::optional<int>(100));
}

QTEST_APPLESS_MAIN(TestTransferPace)
#include "tst_transfer_pace.moc"
