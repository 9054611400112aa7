// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/stop_signals.h"

#include <QSignalSpy>
#include <QTest>

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

using namespace dynakv;

class TestStopSignals : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aSignalBecomesARequest_data();
    void aSignalBecomesARequest();
    void aSecondOneEndsTheProcessAtOnce();
    void itsEndGivesTheSignalsBack();
};

void TestStopSignals::aSignalBecomesARequest_data()
{
    QTest::addColumn<int>("number");
    QTest::newRow("SIGTERM") << SIGTERM;
    QTest::newRow("SIGINT") << SIGINT;
    QTest::newRow("SIGHUP") << SIGHUP;
}

void TestStopSignals::aSignalBecomesARequest()
{
    QFETCH(const int, number);
    app::StopSignals signalsOfProcess;
    const QSignalSpy spy(&signalsOfProcess, &app::StopSignals::stopRequested);
    QCOMPARE(std::raise(number), 0);
    QCOMPARE(spy.count(), 0); // Not inside the handler: it comes through the event loop.
    QTRY_COMPARE(spy.count(), 1);
}

void TestStopSignals::aSecondOneEndsTheProcessAtOnce()
{
    const pid_t child = ::fork();
    QVERIFY(child >= 0);
    if (child == 0) {
        const app::StopSignals signalsOfProcess;
        std::raise(SIGTERM);
        std::raise(SIGINT);
        ::_exit(0); // Only if the second one did nothing.
    }
    int status = 0;
    QCOMPARE(::waitpid(child, &status, 0), child);
    QVERIFY(WIFEXITED(status));
    QCOMPARE(WEXITSTATUS(status), 130);
}

void TestStopSignals::itsEndGivesTheSignalsBack()
{
    const auto handlerOf = [](int number) {
        struct sigaction action = {};
        ::sigaction(number, nullptr, &action);
        return action.sa_handler;
    };
    const auto before = handlerOf(SIGTERM);
    {
        const app::StopSignals signalsOfProcess;
        QVERIFY(handlerOf(SIGTERM) != before);
    }
    QVERIFY(handlerOf(SIGTERM) == before);
}

QTEST_GUILESS_MAIN(TestStopSignals)
#include "tst_stop_signals.moc"
