// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/push_lag.h"

#include <QtTest>

using namespace dynakv::core;
using Behind = PushLag::Behind;

class TestPushLag : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    /// A status that has no place of its own would end the process that counts it.
    void everyOutcomeOfAWriteHasItsPlace()
    {
        for (int i = 0; i < 64; ++i) {
            const bool isOne = !toText(static_cast<WriteOutcome::Status>(i)).isEmpty();
            QCOMPARE(isOne, i < static_cast<int>(kWriteStatuses));
        }
    }

    void theOldestUnconfirmedPushTellsTheAge()
    {
        PushLag lag;
        QCOMPARE(lag.behind(1, 100), Behind{});
        lag.sent(1, 10, {}, 100);
        lag.sent(1, 11, {}, 150);
        lag.sent(2, 12, {}, 150);
        QCOMPARE(lag.behind(1, 200), (Behind{2, 100}));
        lag.acknowledged(1, {11, true});
        QCOMPARE(lag.behind(1, 200), (Behind{1, 100}));
        lag.acknowledged(1, {10, true});
        QCOMPARE(lag.behind(1, 200), Behind{});
        QCOMPARE(lag.behind(2, 200), (Behind{1, 50}));
    }

    void whatWasRefusedOrIsOfAnotherLinkStays()
    {
        PushLag lag;
        lag.sent(1, 10, {}, 100);
        lag.acknowledged(1, {10, false});
        lag.acknowledged(2, {10, true});
        lag.acknowledged(1, {9, true});
        lag.acknowledged(1, {11, true});
        QCOMPARE(lag.behind(1, 200), (Behind{1, 100}));
    }

    void aComparisonSettlesWhatCameBeforeIt()
    {
        PushLag lag;
        lag.sent(1, 10, {}, 100);
        lag.sent(1, 11, {}, 200);
        lag.compared(1, 200);
        QCOMPARE(lag.behind(1, 300), (Behind{1, 100}));
        lag.compared(7, 200);
        lag.linkLost(1);
        QCOMPARE(lag.behind(1, 300), Behind{});
    }

    void theKeysOfAPushComeBackOnce()
    {
        const std::vector<QByteArray> keys = {"a", "b"};
        PushLag lag;
        for (quint64 push = 10; push <= 12; ++push)
            QVERIFY(lag.sent(1, push, std::vector(keys), 100));
        QCOMPARE(lag.acknowledged(1, {11, true}), keys);
        QVERIFY(lag.acknowledged(1, {11, true}).empty());
        QCOMPARE(lag.acknowledged(1, {12, false}), keys);
        QVERIFY(lag.acknowledged(1, {12, false}).empty());
        QCOMPARE(lag.onTheWay(1).size(), size_t{3});
        const auto lost = lag.linkLost(1);
        QCOMPARE(lost.front().push, quint64{10});
        QCOMPARE(lost.front().keys, keys);
        QVERIFY(lost.back().keys.empty());
        QVERIFY(lag.linkLost(1).empty());
    }

    void keysAreBoundedToo()
    {
        PushLag lag;
        std::vector<QByteArray> keys(PushLag::kKeysMax, "k");
        QVERIFY(lag.sent(1, 10, std::vector(keys), 100));
        std::vector<QByteArray> more = {"more"};
        QVERIFY(!lag.sent(1, 11, std::move(more), 100));
        QCOMPARE(more.size(), size_t{1}); // NOLINT(bugprone-use-after-move): so it promises.
        QCOMPARE(lag.acknowledged(1, {10, true}).size(), keys.size());
        QVERIFY(lag.sent(1, 12, std::move(more), 100));
    }

    void aPeerFarBehindCostsABoundedAmount()
    {
        PushLag lag;
        const auto most = static_cast<qint64>(PushLag::kPushesMax);
        for (qint64 i = 0; i < 2 * most; ++i)
            lag.sent(1, static_cast<quint64>(i + 1), {}, i);
        QCOMPARE(lag.behind(1, 2 * most), (Behind{most, 2 * most}));
    }
};

QTEST_GUILESS_MAIN(TestPushLag)
#include "tst_push_lag.moc"
