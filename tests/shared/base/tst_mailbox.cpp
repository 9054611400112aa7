// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/mailbox.h"
#include "shared/base/wakes.h"

#include <QTest>
#include <QThread>

#include <memory>
#include <thread>
#include <vector>

using dynakv::base::LoopWakes;
using dynakv::base::Mailbox;
using dynakv::base::Wakes;

class MailboxTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void tasksRunLaterInTheOrderOfPosting();
    void tasksRunOnTheOwnersThread();
    void manyPostersLoseNothingAndKeepTheirOwnOrder();
    void aTaskThatPostsIsServedAgain();
    void theDepthIsWhatWaits();
    void waitingTasksDieWithTheMailbox();
    void wakesComeAtTheEndOfThePostersTurn();
    void manyTasksDoNotWaitForTheEndOfTheTurn();
    void anEventLoopEndsItsTurnsByItself();
    void aMailboxMayGoBeforeItIsWoken();
};

void MailboxTest::tasksRunLaterInTheOrderOfPosting()
{
    Mailbox mailbox;
    std::vector<int> order;
    for (int i = 0; i < 5; ++i)
        mailbox.post([&order, i] { order.push_back(i); });
    QVERIFY(order.empty()); // Never from inside post(): the caller may hold a lock.
    QTRY_COMPARE(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

void MailboxTest::tasksRunOnTheOwnersThread()
{
    Mailbox mailbox;
    QThread *ranOn = nullptr;
    std::thread poster([&] { mailbox.post([&ranOn] { ranOn = QThread::currentThread(); }); });
    poster.join();
    QTRY_COMPARE(ranOn, thread());
}

void MailboxTest::manyPostersLoseNothingAndKeepTheirOwnOrder()
{
    constexpr int kPosters = 4;
    constexpr int kTasksEach = 5000;
    Mailbox mailbox;
    std::vector<int> next(kPosters, 0); // Touched by the tasks alone, on this thread.
    int outOfOrder = 0;
    int ran = 0;
    std::vector<std::thread> posters;
    for (std::size_t p = 0; p < kPosters; ++p)
        posters.emplace_back([&, p] {
            for (int i = 0; i < kTasksEach; ++i)
                mailbox.post([&, p, i] {
                    outOfOrder += next[p]++ == i ? 0 : 1;
                    ++ran;
                });
        });
    QTRY_COMPARE_WITH_TIMEOUT(ran, kPosters * kTasksEach, 30'000);
    for (std::thread &poster : posters)
        poster.join();
    QCOMPARE(outOfOrder, 0);
    QCOMPARE(mailbox.depth(), std::size_t{0});
}

void MailboxTest::aTaskThatPostsIsServedAgain()
{
    Mailbox mailbox;
    int turns = 0;
    std::function<void()> again = [&] {
        if (++turns < 100)
            mailbox.post(again);
    };
    mailbox.post(again);
    QTRY_COMPARE(turns, 100);
}

void MailboxTest::theDepthIsWhatWaits()
{
    Mailbox mailbox;
    QCOMPARE(mailbox.depth(), std::size_t{0});
    mailbox.post([] {});
    mailbox.post([] {});
    QCOMPARE(mailbox.depth(), std::size_t{2});
    QTRY_COMPARE(mailbox.depth(), std::size_t{0});
}

void MailboxTest::waitingTasksDieWithTheMailbox()
{
    const auto owned = std::make_shared<int>(1);
    bool ran = false;
    {
        Mailbox mailbox;
        mailbox.post([owned, &ran] { ran = true; });
    }
    QCoreApplication::processEvents();
    QVERIFY(!ran);
    QCOMPARE(owned.use_count(), 1L);
}

void MailboxTest::wakesComeAtTheEndOfThePostersTurn()
{
    Mailbox mailbox;
    int ran = 0;
    Wakes wakes;
    mailbox.post([&ran] { ++ran; });
    mailbox.post([&ran] { ++ran; });
    QCoreApplication::processEvents();
    QCOMPARE(ran, 0);
    wakes.flush();
    QCoreApplication::processEvents();
    QCOMPARE(ran, 2);
}

void MailboxTest::manyTasksDoNotWaitForTheEndOfTheTurn()
{
    Mailbox mailbox;
    int ran = 0;
    const Wakes wakes;
    for (int i = 0; i < 64; ++i)
        mailbox.post([&ran] { ++ran; });
    QCoreApplication::processEvents();
    QCOMPARE(ran, 64);
}

void MailboxTest::anEventLoopEndsItsTurnsByItself()
{
    Mailbox mailbox;
    int ran = 0;
    const LoopWakes wakes;
    for (int turn = 0; turn < 2; ++turn) {
        mailbox.post([&ran] { ++ran; });
        QTRY_COMPARE(ran, turn + 1);
    }
}

void MailboxTest::aMailboxMayGoBeforeItIsWoken()
{
    auto mailbox = std::make_unique<Mailbox>();
    Wakes wakes;
    mailbox->post([] { QFAIL("nobody is there to run this"); });
    mailbox.reset();
    wakes.flush();
    QCoreApplication::processEvents();
}

QTEST_GUILESS_MAIN(MailboxTest)
#include "tst_mailbox.moc"
