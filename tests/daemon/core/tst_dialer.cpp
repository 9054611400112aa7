// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/dialer.h"

#include <QtTest>

#include <set>

using namespace dynakv;
using namespace dynakv::core;

namespace {

using Key = Dialer::Key;
using Wanted = std::map<Key, Dialer::Wanted>;

constexpr Key kJoin{Key::Kind::Join, 0};
constexpr Key kMember{Key::Kind::Member, 5};

Dialer::Wanted target(quint16 port = 16660, qint64 delayMs = 0)
{
    return {{"10.0.0.1", port}, delayMs};
}

} // namespace

class TestDialer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void wantedTargetIsDialledAtOnceAndOnlyOnce();
    void newTargetWaitsForItsDelay();
    void newsAreNotSleptThrough();
    void deadTargetIsDialledForEverAtBoundedIntervals();
    void firstRetriesArePrompt();
    void foreignClusterIsTriedSeldomButTried();
    void targetIsNotDialledWhileItsLinkStands();
    void brokenLinkIsDialledAnewPromptly();
    void dialsInFlightAreBounded();
    void everyTargetGetsItsTurn();
    void unwantedTargetIsDialledNoMore();
    void unwantedTargetMayStillEndItsDial();
    void targetWantedAgainIsDialledAgain();
    void changedAddressIsDialledInsteadOfTheOldOne();
    void answersToUnknownDialsAreIgnored();
    void dialsHaveNumbersOfTheirOwn();
};

void TestDialer::wantedTargetIsDialledAtOnceAndOnlyOnce()
{
    Dialer dialer;
    dialer.want({{kJoin, target()}}, 0);
    const auto dials = dialer.due(0);
    QCOMPARE(dials.size(), size_t{1});
    QCOMPARE(dials[0].target.toString(), QByteArray("10.0.0.1:16660"));
    QVERIFY(dialer.isFor(dials[0].dial, kJoin));
    QVERIFY(!dialer.isFor(dials[0].dial, kMember));
    for (qint64 now = 0; now < 10'000; now += 100) {
        dialer.want({{kJoin, target()}}, now);
        QVERIFY(dialer.due(now).empty());
    }
}

void TestDialer::newTargetWaitsForItsDelay()
{
    Dialer dialer;
    dialer.want({{kMember, target(16660, 300)}}, 1000);
    dialer.want({{kMember, target(16660, 300)}}, 1200); // Does not begin again.
    QVERIFY(dialer.due(1299).empty());
    QCOMPARE(dialer.due(1300).size(), size_t{1});
}

/// Once nothing is due it looks at nothing, until something changes.
void TestDialer::newsAreNotSleptThrough()
{
    Dialer dialer;
    Random random(1);
    const auto isDueFrom = [&dialer](qint64 now) {
        for (const qint64 end = now + 2 * Dialer::kRetryMsMax; now < end; now += 10) {
            if (!dialer.due(now).empty())
                return true;
        }
        return false;
    };
    dialer.want({{kJoin, target()}}, 0);
    const auto first = dialer.due(0);
    QCOMPARE(first.size(), size_t{1});
    QVERIFY(!isDueFrom(10));
    dialer.want({{kJoin, target()}, {kMember, target(16661)}}, 100'000);
    const auto second = dialer.due(100'000);
    QCOMPARE(second.size(), size_t{1});
    QVERIFY(!isDueFrom(100'010));
    dialer.failed(second[0].dial, 200'000, random);
    QVERIFY(isDueFrom(200'010));
    dialer.opened(first[0].dial);
    QVERIFY(!isDueFrom(300'000));
    dialer.closed(first[0].dial, 400'000, false, random);
    QVERIFY(isDueFrom(400'010));
}

void TestDialer::deadTargetIsDialledForEverAtBoundedIntervals()
{
    Dialer dialer;
    Random random(3);
    qint64 lastMs = 0;
    int dials = 0;
    for (qint64 now = 0; now < 86'400'000; now += 100) {
        dialer.want({{kMember, target()}}, now);
        for (const Dial &dial : dialer.due(now)) {
            QVERIFY(now - lastMs <= 6600); // 5 s give or take 30 %, and a tick.
            QVERIFY(dials < 10 || now - lastMs >= 3500);
            lastMs = now;
            ++dials;
            QVERIFY(dialer.failed(dial.dial, now, random) == kMember);
            QCOMPARE(dialer.failureCount(kMember), dials);
        }
    }
    QVERIFY(dials > 15'000);
}

void TestDialer::firstRetriesArePrompt()
{
    Dialer dialer;
    Random random(4);
    int dials = 0;
    for (qint64 now = 0; now < 3000; now += 100) {
        dialer.want({{kMember, target()}}, now);
        for (const Dial &dial : dialer.due(now)) {
            ++dials;
            dialer.failed(dial.dial, now, random);
        }
    }
    QVERIFY(dials >= 3 && dials <= 6);
}

void TestDialer::foreignClusterIsTriedSeldomButTried()
{
    Dialer dialer;
    Random random(5);
    std::vector<qint64> times;
    for (qint64 now = 0; now < 600'000; now += 100) {
        dialer.want({{kJoin, target()}}, now);
        for (const Dial &dial : dialer.due(now)) {
            times.push_back(now);
            QVERIFY(dialer.opened(dial.dial) == kJoin);
            dialer.closed(dial.dial, now, true, random);
        }
    }
    QVERIFY(times.size() > 10);
    for (size_t i = 1; i < times.size(); ++i) {
        QVERIFY(times[i] - times[i - 1] >= 21'000);
        QVERIFY(times[i] - times[i - 1] <= 39'100);
    }
}

void TestDialer::targetIsNotDialledWhileItsLinkStands()
{
    Dialer dialer;
    dialer.want({{kMember, target()}}, 0);
    const auto dials = dialer.due(0);
    QVERIFY(dialer.opened(dials.at(0).dial) == kMember);
    dialer.want({{kMember, target()}}, 1'000'000);
    QVERIFY(dialer.due(1'000'000).empty());
}

/// The failures from before the link stood say nothing about now, and a prompt dial is what tells a
/// dead process from a broken connection.
void TestDialer::brokenLinkIsDialledAnewPromptly()
{
    Dialer dialer;
    Random random(6);
    qint64 now = 0;
    DialId link = 0;
    for (int attempt = 0; attempt < 20; now += 100) {
        dialer.want({{kMember, target()}}, now);
        for (const Dial &dial : dialer.due(now)) {
            if (++attempt < 20)
                dialer.failed(dial.dial, now, random);
            else
                link = dial.dial;
        }
    }
    dialer.opened(link);
    dialer.want({}, now); // Its peer is linked, so nobody wants to dial it.
    now += 3'600'000;
    dialer.want({}, now);
    dialer.closed(link, now, false, random);
    const qint64 brokenMs = now;
    std::vector<Dial> dials;
    for (; dials.empty(); now += 100) {
        dialer.want({{kMember, target()}}, now);
        dials = dialer.due(now);
    }
    QVERIFY2(now - brokenMs < 600, QByteArray::number(now - brokenMs).constData());
}

void TestDialer::dialsInFlightAreBounded()
{
    Dialer dialer;
    Random random(7);
    Wanted wanted;
    for (quint64 id = 0; id < 100; ++id)
        wanted[{Key::Kind::Member, id}] = target();
    dialer.want(wanted, 0);
    const auto first = dialer.due(0);
    QCOMPARE(first.size(), size_t{Dialer::kDialsMax});
    QVERIFY(dialer.due(0).empty());
    dialer.failed(first[0].dial, 0, random);
    dialer.opened(first[1].dial); // A link is in flight no more.
    QCOMPARE(dialer.due(0).size(), size_t{2});
}

/// Packets to a cut-off part of the cluster vanish, so that each dial takes its whole time. The
/// others must not be kept waiting behind the first few for ever.
void TestDialer::everyTargetGetsItsTurn()
{
    Dialer dialer;
    Random random(8);
    Wanted wanted;
    for (quint64 id = 0; id < 200; ++id)
        wanted[{Key::Kind::Member, id}] = target(static_cast<quint16>(1 + id));
    std::map<DialId, qint64> inFlight;
    std::map<quint16, int> dials;
    for (qint64 now = 0; now < 300'000; now += 100) {
        for (auto it = inFlight.begin(); it != inFlight.end();) {
            if (now - it->second < kDialTimeoutMs) {
                ++it;
                continue;
            }
            dialer.failed(it->first, now, random);
            it = inFlight.erase(it);
        }
        dialer.want(wanted, now);
        for (const Dial &dial : dialer.due(now)) {
            inFlight[dial.dial] = now;
            ++dials[dial.target.port];
        }
        QVERIFY(inFlight.size() <= size_t{Dialer::kDialsMax});
    }
    QCOMPARE(dials.size(), wanted.size());
    for (const auto &[port, count] : dials)
        QVERIFY2(count >= 4, QByteArray::number(port).constData());
}

void TestDialer::unwantedTargetIsDialledNoMore()
{
    Dialer dialer;
    dialer.want({{kMember, target(16660, 300)}}, 0);
    dialer.want({}, 100);
    QVERIFY(dialer.due(10'000).empty());
    QCOMPARE(dialer.failureCount(kMember), 0);
}

void TestDialer::unwantedTargetMayStillEndItsDial()
{
    Dialer dialer;
    Random random(9);
    dialer.want({{kMember, target()}}, 0);
    const auto dials = dialer.due(0);
    dialer.want({}, 100);
    QVERIFY(dialer.failed(dials.at(0).dial, 200, random) == kMember);
    dialer.want({}, 300);
    QVERIFY(dialer.due(100'000).empty());
}

void TestDialer::targetWantedAgainIsDialledAgain()
{
    Dialer dialer;
    dialer.want({{kMember, target()}}, 0);
    dialer.want({}, 100);
    dialer.want({{kMember, target()}}, 200);
    QCOMPARE(dialer.due(200).size(), size_t{1});
}

void TestDialer::changedAddressIsDialledInsteadOfTheOldOne()
{
    Dialer dialer;
    Random random(10);
    dialer.want({{kMember, target(1)}}, 0);
    const auto dials = dialer.due(0);
    dialer.want({{kMember, target(2)}}, 100);
    QVERIFY(dialer.due(100).empty());
    dialer.failed(dials.at(0).dial, 200, random);
    dialer.want({{kMember, target(2)}}, 1000);
    const auto again = dialer.due(1000);
    QCOMPARE(again.size(), size_t{1});
    QCOMPARE(again[0].target.port, quint16{2});
}

void TestDialer::answersToUnknownDialsAreIgnored()
{
    Dialer dialer;
    Random random(11);
    dialer.want({{kMember, target()}}, 0);
    for (const DialId dial : {DialId{0}, DialId{99}}) {
        QVERIFY(!dialer.opened(dial));
        QVERIFY(!dialer.failed(dial, 0, random));
        dialer.closed(dial, 0, true, random);
        QVERIFY(!dialer.isFor(dial, kMember));
    }
    QCOMPARE(dialer.due(0).size(), size_t{1});
}

void TestDialer::dialsHaveNumbersOfTheirOwn()
{
    Dialer dialer;
    Random random(12);
    std::set<DialId> seen;
    for (qint64 now = 0; now < 600'000; now += 100) {
        dialer.want({{kMember, target()}, {kJoin, target()}}, now);
        for (const Dial &dial : dialer.due(now)) {
            QVERIFY(dial.dial != 0);
            QVERIFY(seen.insert(dial.dial).second);
            dialer.failed(dial.dial, now, random);
        }
    }
}

QTEST_GUILESS_MAIN(TestDialer)
#include "tst_dialer.moc"
