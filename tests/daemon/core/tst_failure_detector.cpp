// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/failure_detector.h"
#include "daemon/core/random.h"

#include <QtTest>

#include <limits>

#include <functional>

using namespace dynakv::core;

namespace {

using Kind = FailureDetector::Finding::Kind;

constexpr NodeId kPeer = 7;
constexpr NodeId kOther = 8;

constexpr qint64 kBeatMs = 500;

/// A watcher of some members under a clock moved by hand. Takes its findings to heart as a node
/// does: what it suspects is Suspect from the next tick on.
struct Watcher
{
    FailureDetector detector = {};
    std::map<NodeId, MemberState> members = {{kPeer, MemberState::Alive}};
    qint64 nowMs = 1000;
    std::map<std::pair<NodeId, Kind>, qint64> firstMs = {};
    int findings = 0;

    Watcher() { tick(); }

    void tick()
    {
        for (const FailureDetector::Finding &finding :
             detector.tick({members.begin(), members.end()}, nowMs)) {
            ++findings;
            firstMs.try_emplace({finding.id, finding.kind}, nowMs);
            if (finding.kind == Kind::Suspect)
                members[finding.id] = MemberState::Suspect;
            if (finding.kind == Kind::Down)
                members[finding.id] = MemberState::Down;
        }
    }

    /// Ticks every \a tickMs for \a ms; \a each is called before each tick.
    void run(qint64 ms, const std::function<void()> &each = {}, qint64 tickMs = 100)
    {
        for (const qint64 endMs = nowMs + ms; nowMs < endMs;) {
            nowMs += tickMs;
            if (each)
                each();
            tick();
        }
    }

    void beat()
    {
        detector.heard(kPeer, nowMs);
        detector.expectWithin(kPeer, kBeatMs, nowMs);
    }
    /// Heartbeats in time, for \a ms.
    void beatFor(qint64 ms)
    {
        for (const qint64 endMs = nowMs + ms; nowMs < endMs;) {
            run(kBeatMs);
            beat();
        }
    }
    /// How long after the last heartbeat others are asked about it.
    [[nodiscard]] qint64 patience()
    {
        firstMs.clear();
        const qint64 sinceMs = nowMs;
        run(10'000);
        return foundAfter(Kind::Probe, sinceMs);
    }

    /// When \a kind was first found after \a sinceMs began; -1 if it was not.
    [[nodiscard]] qint64 foundAfter(Kind kind, qint64 sinceMs, NodeId id = kPeer) const
    {
        const auto at = firstMs.find({id, kind});
        return at == firstMs.end() ? -1 : at->second - sinceMs;
    }
    [[nodiscard]] bool isFound(Kind kind) const { return firstMs.contains({kPeer, kind}); }
};

} // namespace

class TestFailureDetector : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void heartbeatsKeepAMemberOutOfSuspicion();
    void nothingIsMissedWhileItIsCalm();
    void aRefusedConnectionIsNoCalm();
    void aPauseIsNoCalm();
    void silenceLeadsToProbeSuspicionAndVerdictInTime_data();
    void silenceLeadsToProbeSuspicionAndVerdictInTime();
    void memberNeverHeardCountsFromItsFirstSight();
    void refusalShortensTheWay();
    void refusalIsForgottenWhenTheMemberIsHeard();
    void refusalOfAStrangerIsNothing();
    void vouchingHoldsOffSuspicion();
    void vouchingEndsWithTheVoucher();
    void voucherOfAStrangerIsNothing();
    void shortPauseOfTheSubjectIsNeverSuspected();
    void pauseOfThisNodeIsNoEvidence_data();
    void pauseOfThisNodeIsNoEvidence();
    void hearingASuspectStopsTheVerdict();
    void suspicionStartsAnewAfterRecovery();
    void suspicionByOthersAloneIsNoVerdictHere();
    void suspicionByOthersIsFollowedWhereItIsSilentHereToo();
    void suspectIsAskedAboutAgain();
    void thoseAlreadyJudgedAreLeftInPeace_data();
    void thoseAlreadyJudgedAreLeftInPeace();
    void membersAreJudgedApart();
    void forgottenMemberComesBackAsHeard();
    void onlyDirectWordsCountAsHeard();
    void whoIsSeldomHeardIsJudgedByItsOwnRhythm();
    void nobodyMayAskForMoreThanAMinute();
    void whoIsLateIsGivenMoreTimeForAWhile();
    void nobodyIsGivenMoreThanSixSeconds();
    void anOutageIsNoLateness();
    void aPauseOfThisNodeMakesNobodyLate();
};

void TestFailureDetector::whoIsLateIsGivenMoreTimeForAWhile()
{
    const auto patienceAfter = [](qint64 gapMs, qint64 calmMs) {
        Watcher watcher;
        watcher.beatFor(2000);
        watcher.run(gapMs);
        watcher.beat();
        watcher.beatFor(calmMs);
        return watcher.patience();
    };
    QCOMPARE(patienceAfter(600, 0), FailureDetector::kSilenceMs + 100); // The tick after it.
    // Late by 1.4 s, and so twice that beyond the announced half second.
    QCOMPARE(patienceAfter(1900, 0), qint64{kBeatMs + 2 * 1400 + 100});
    const qint64 later = patienceAfter(1900, 5000);
    QVERIFY(later > FailureDetector::kSilenceMs + 100 && later < kBeatMs + 2 * 1400);
    QCOMPARE(patienceAfter(1900, 30'000), FailureDetector::kSilenceMs + 100);
}

void TestFailureDetector::nobodyIsGivenMoreThanSixSeconds()
{
    Watcher watcher;
    watcher.beatFor(1000);
    watcher.run(3400); // Suspect, but not yet down.
    QVERIFY(watcher.isFound(Kind::Suspect) && !watcher.isFound(Kind::Down));
    watcher.beat();
    watcher.members[kPeer] = MemberState::Alive;
    watcher.run(5500);
    watcher.beat();
    QCOMPARE(watcher.patience(), FailureDetector::kSilenceMsMax + 100);
}

void TestFailureDetector::anOutageIsNoLateness()
{
    Watcher watcher;
    watcher.beatFor(1000);
    watcher.run(1900);
    watcher.beat();
    watcher.run(20'000);
    QVERIFY(watcher.isFound(Kind::Down));
    watcher.beat();
    watcher.members[kPeer] = MemberState::Alive;
    QCOMPARE(watcher.patience(), FailureDetector::kSilenceMs + 100);
}

void TestFailureDetector::aPauseOfThisNodeMakesNobodyLate()
{
    Watcher watcher;
    watcher.beatFor(1000);
    watcher.nowMs += 1900; // Nobody ticks.
    watcher.tick();
    watcher.beat();
    QCOMPARE(watcher.patience(), FailureDetector::kSilenceMs + 100);
}

void TestFailureDetector::whoIsSeldomHeardIsJudgedByItsOwnRhythm()
{
    Watcher watcher;
    watcher.detector.heard(kPeer, watcher.nowMs);
    watcher.detector.expectWithin(kPeer, 10'000, watcher.nowMs);
    const qint64 heardMs = watcher.nowMs;
    watcher.run(30'000);
    QCOMPARE(watcher.findings, 0);
    QVERIFY(!watcher.detector.isHeard(kPeer, watcher.nowMs));
    QVERIFY(watcher.detector.keepsItsWord(kPeer, watcher.nowMs));
    QVERIFY(!watcher.detector.isMute(kPeer, watcher.nowMs + 3000));
    QVERIFY(watcher.detector.isMute(kPeer, watcher.nowMs + 3001));
    watcher.run(5000);
    QVERIFY(watcher.foundAfter(Kind::Probe, heardMs) > 30'000);
    QVERIFY(watcher.foundAfter(Kind::Down, heardMs) <= 33'000);
    QVERIFY(!watcher.detector.keepsItsWord(kPeer, watcher.nowMs));
    // Often again, it is judged as everybody.
    watcher.detector.heard(kPeer, watcher.nowMs);
    watcher.detector.expectWithin(kPeer, 500, watcher.nowMs);
    watcher.members[kPeer] = MemberState::Alive;
    watcher.firstMs.clear();
    const qint64 silentMs = watcher.nowMs;
    watcher.run(10'000);
    QVERIFY(watcher.foundAfter(Kind::Down, silentMs) <= 5000);
}

void TestFailureDetector::nobodyMayAskForMoreThanAMinute()
{
    Watcher watcher;
    watcher.detector.heard(kPeer, watcher.nowMs);
    for (const qint64 interval : {std::numeric_limits<qint64>::max(), qint64{60'001}}) {
        watcher.detector.expectWithin(kPeer, interval, watcher.nowMs);
        QVERIFY(!watcher.detector.keepsItsWord(kPeer, watcher.nowMs + 180'001));
        QVERIFY(watcher.detector.keepsItsWord(kPeer, watcher.nowMs + 180'000));
    }
    watcher.detector.expectWithin(kPeer, -5, watcher.nowMs);
    QVERIFY(watcher.detector.keepsItsWord(kPeer, watcher.nowMs + 2000));
    QVERIFY(!watcher.detector.keepsItsWord(kPeer, watcher.nowMs + 2001));
}

void TestFailureDetector::heartbeatsKeepAMemberOutOfSuspicion()
{
    Watcher watcher;
    watcher.run(600'000, [&] {
        if (watcher.nowMs % 500 == 0)
            watcher.detector.heard(kPeer, watcher.nowMs);
    });
    QCOMPARE(watcher.findings, 0);
}

/// One that looks at its members only when it is not calm finds the same as one that looks at each
/// tick, whatever happens to them.
void TestFailureDetector::nothingIsMissedWhileItIsCalm()
{
    int calmTicks = 0;
    int findings = 0;
    for (quint64 seed = 1; seed <= 50; ++seed) {
        Random random(seed);
        FailureDetector always;
        FailureDetector seldom;
        std::map<NodeId, MemberState> members;
        std::map<NodeId, qint64> beatMs;
        for (NodeId id = 1; id <= 6; ++id) {
            members[id] = MemberState::Alive;
            beatMs[id] = id <= 2 ? 10'000 : 500;
        }
        bool isChanged = true;
        for (qint64 nowMs = 1000; nowMs < 200'000; nowMs += 100) {
            for (auto &[id, everyMs] : beatMs) {
                if (random.below(300) == 0)
                    everyMs = random.below(2) == 0 ? 1'000'000 : id <= 2 ? 10'000 : 500;
                const quint64 chance = random.below(static_cast<quint64>(everyMs));
                for (FailureDetector *each : {&always, &seldom}) {
                    if (chance < 100) {
                        each->heard(id, nowMs);
                        each->expectWithin(id, std::min<qint64>(everyMs, 10'000), nowMs);
                    } else if (chance == 100) {
                        each->vouched(id, nowMs);
                    } else if (chance == 101 && everyMs > 10'000) {
                        each->refused(id, nowMs);
                    }
                }
                if (members[id] != MemberState::Alive && chance < 100) {
                    members[id] = MemberState::Alive;
                    isChanged = true;
                }
            }
            const FailureDetector::Members states{members.begin(), members.end()};
            const auto expected = always.tick(states, nowMs);
            const bool isCalm = !isChanged && seldom.isCalm(nowMs);
            calmTicks += isCalm ? 1 : 0;
            if (isCalm)
                QVERIFY2(expected.empty(), QByteArray::number(seed).constData());
            else
                QVERIFY2(seldom.tick(states, nowMs) == expected,
                         QByteArray::number(seed).constData());
            findings += static_cast<int>(expected.size());
            isChanged = false;
            for (const FailureDetector::Finding &finding : expected) {
                isChanged |= finding.kind != Kind::Probe;
                if (finding.kind == Kind::Suspect)
                    members[finding.id] = MemberState::Suspect;
                if (finding.kind == Kind::Down)
                    members[finding.id] = MemberState::Down;
            }
        }
    }
    QVERIFY2(calmTicks > 10'000, QByteArray::number(calmTicks).constData());
    QVERIFY2(findings > 500, QByteArray::number(findings).constData());
}

void TestFailureDetector::aRefusedConnectionIsNoCalm()
{
    FailureDetector detector;
    const FailureDetector::Members members{{kPeer, MemberState::Alive}};
    detector.tick(members, 1000);
    QVERIFY(detector.isCalm(1100));
    detector.refused(kPeer, 1100);
    QVERIFY(!detector.isCalm(1110));
}

void TestFailureDetector::aPauseIsNoCalm()
{
    FailureDetector detector;
    const FailureDetector::Members members{{kPeer, MemberState::Alive}};
    detector.tick(members, 1000);
    QVERIFY(detector.isCalm(1100));
    QVERIFY(detector.isCalm(1100 + FailureDetector::kPauseMs));
    QVERIFY(!detector.isCalm(1100 + 2 * FailureDetector::kPauseMs + 1));
}

void TestFailureDetector::silenceLeadsToProbeSuspicionAndVerdictInTime_data()
{
    QTest::addColumn<qint64>("tickMs");
    QTest::newRow("ticks as meant") << qint64{100};
    QTest::newRow("ticks a bit late") << qint64{130};
    QTest::newRow("busy loop") << qint64{250};
}

void TestFailureDetector::silenceLeadsToProbeSuspicionAndVerdictInTime()
{
    QFETCH(const qint64, tickMs);
    Watcher watcher;
    watcher.run(
        2000, [&] { watcher.detector.heard(kPeer, watcher.nowMs); }, tickMs);
    const qint64 silentMs = watcher.nowMs;
    watcher.run(10'000, {}, tickMs);
    const qint64 probe = watcher.foundAfter(Kind::Probe, silentMs);
    const qint64 suspect = watcher.foundAfter(Kind::Suspect, silentMs);
    const qint64 down = watcher.foundAfter(Kind::Down, silentMs);
    QVERIFY(probe > 2000 && probe <= 2000 + tickMs);
    QVERIFY(suspect >= probe + 500 && suspect <= 2500 + 2 * tickMs);
    QVERIFY(down >= suspect + 1500);
    QVERIFY2(down <= 5000, QByteArray::number(down).constData());
}

void TestFailureDetector::memberNeverHeardCountsFromItsFirstSight()
{
    Watcher watcher;
    watcher.run(5000, [&] { watcher.detector.heard(kPeer, watcher.nowMs); });
    watcher.members[kOther] = MemberState::Alive;
    const qint64 seenMs = watcher.nowMs;
    watcher.run(10'000, [&] { watcher.detector.heard(kPeer, watcher.nowMs); });
    QVERIFY(watcher.foundAfter(Kind::Probe, seenMs, kOther) > 2000);
    QVERIFY(watcher.foundAfter(Kind::Down, seenMs, kOther) <= 5000);
    QVERIFY(!watcher.isFound(Kind::Probe));
}

void TestFailureDetector::refusalShortensTheWay()
{
    Watcher watcher;
    watcher.run(1000, [&] { watcher.detector.heard(kPeer, watcher.nowMs); });
    const qint64 refusedMs = watcher.nowMs;
    watcher.run(5000, [&] { watcher.detector.refused(kPeer, watcher.nowMs); });
    QVERIFY(watcher.foundAfter(Kind::Suspect, refusedMs) <= 200);
    const qint64 down = watcher.foundAfter(Kind::Down, refusedMs);
    QVERIFY(down >= FailureDetector::kSuspicionHardMs); // A restart may return within it.
    QVERIFY(down <= 2000);
}

void TestFailureDetector::refusalIsForgottenWhenTheMemberIsHeard()
{
    Watcher watcher;
    watcher.detector.refused(kPeer, watcher.nowMs);
    watcher.run(600);
    QVERIFY(watcher.isFound(Kind::Suspect));
    watcher.members[kPeer] = MemberState::Alive; // It came back and refuted.
    watcher.run(20'000, [&] { watcher.detector.heard(kPeer, watcher.nowMs); });
    QVERIFY(!watcher.isFound(Kind::Down));
}

void TestFailureDetector::refusalOfAStrangerIsNothing()
{
    Watcher watcher;
    watcher.detector.refused(kOther, watcher.nowMs);
    watcher.members[kOther] = MemberState::Alive;
    watcher.run(1500);
    QCOMPARE(watcher.foundAfter(Kind::Suspect, 0, kOther), qint64{-1});
}

void TestFailureDetector::vouchingHoldsOffSuspicion()
{
    Watcher watcher;
    watcher.run(60'000, [&] {
        // The answer to a probe comes within the wait for it.
        if (watcher.firstMs.erase({kPeer, Kind::Probe}) > 0)
            watcher.detector.vouched(kPeer, watcher.nowMs);
    });
    QVERIFY(watcher.findings > 10);
    QVERIFY(!watcher.isFound(Kind::Suspect));
    QVERIFY(!watcher.isFound(Kind::Down));
}

void TestFailureDetector::vouchingEndsWithTheVoucher()
{
    Watcher watcher;
    watcher.run(10'000, [&] { watcher.detector.vouched(kPeer, watcher.nowMs); });
    QCOMPARE(watcher.findings, 0);
    const qint64 lastMs = watcher.nowMs;
    watcher.run(10'000);
    QVERIFY(watcher.foundAfter(Kind::Down, lastMs) > 4000);
    QVERIFY(watcher.foundAfter(Kind::Down, lastMs) <= 5000);
}

void TestFailureDetector::voucherOfAStrangerIsNothing()
{
    Watcher watcher;
    watcher.detector.vouched(kOther, watcher.nowMs);
    QVERIFY(!watcher.detector.isHeard(kOther, watcher.nowMs));
}

void TestFailureDetector::shortPauseOfTheSubjectIsNeverSuspected()
{
    // Whenever in its heartbeat's period and in the watcher's tick the pause of 1.9 s begins.
    for (qint64 phase = 0; phase < 500; phase += 10) {
        for (qint64 tickPhase = 0; tickPhase < 100; tickPhase += 25) {
            Watcher watcher;
            watcher.nowMs += tickPhase;
            const qint64 pauseMs = 10'000 + phase;
            const qint64 wokenMs = pauseMs + 1900 + 100; // Its first tick sends what is due.
            qint64 beatMs = 1000;
            watcher.run(20'000, [&] {
                while (beatMs <= watcher.nowMs) {
                    watcher.detector.heard(kPeer, beatMs);
                    beatMs += 500;
                    if (beatMs > pauseMs && beatMs < wokenMs)
                        beatMs = wokenMs;
                }
            });
            QVERIFY2(!watcher.isFound(Kind::Suspect), QByteArray::number(phase).constData());
        }
    }
}

void TestFailureDetector::pauseOfThisNodeIsNoEvidence_data()
{
    QTest::addColumn<qint64>("pauseMs");
    QTest::addColumn<bool>("wasSuspect");
    QTest::newRow("just too late") << qint64{1100} << false;
    QTest::newRow("long") << qint64{5000} << false;
    QTest::newRow("very long") << qint64{86'400'000} << false;
    QTest::newRow("of a suspect") << qint64{5000} << true;
}

void TestFailureDetector::pauseOfThisNodeIsNoEvidence()
{
    QFETCH(const qint64, pauseMs);
    QFETCH(const bool, wasSuspect);
    Watcher watcher;
    watcher.run(wasSuspect ? 4000 : 1900);
    QCOMPARE(watcher.isFound(Kind::Suspect), wasSuspect);
    watcher.nowMs += pauseMs;
    const qint64 wokeMs = watcher.nowMs;
    watcher.firstMs.clear();
    watcher.tick();
    watcher.run(1900);
    QVERIFY(watcher.firstMs.empty());
    watcher.run(10'000);
    // The dead are found all the same, counted from the waking.
    QVERIFY(watcher.foundAfter(Kind::Down, wokeMs) > 3500);
    QVERIFY(watcher.foundAfter(Kind::Down, wokeMs) <= 5000);
}

void TestFailureDetector::hearingASuspectStopsTheVerdict()
{
    Watcher watcher;
    watcher.run(3500);
    QVERIFY(watcher.isFound(Kind::Suspect));
    watcher.run(20'000, [&] { watcher.detector.heard(kPeer, watcher.nowMs); });
    QVERIFY(!watcher.isFound(Kind::Down));
}

void TestFailureDetector::suspicionStartsAnewAfterRecovery()
{
    Watcher watcher;
    watcher.run(3900);
    QVERIFY(watcher.isFound(Kind::Suspect));
    QVERIFY(!watcher.isFound(Kind::Down));
    watcher.detector.heard(kPeer, watcher.nowMs);
    watcher.members[kPeer] = MemberState::Alive;
    watcher.firstMs.clear();
    const qint64 silentMs = watcher.nowMs;
    watcher.run(10'000);
    QVERIFY(watcher.foundAfter(Kind::Suspect, silentMs) >= 2500);
    QVERIFY(watcher.foundAfter(Kind::Down, silentMs) >= 4000);
}

void TestFailureDetector::suspicionByOthersAloneIsNoVerdictHere()
{
    Watcher watcher;
    watcher.members[kPeer] = MemberState::Suspect;
    watcher.run(60'000, [&] { watcher.detector.heard(kPeer, watcher.nowMs); });
    QCOMPARE(watcher.findings, 0);
}

void TestFailureDetector::suspicionByOthersIsFollowedWhereItIsSilentHereToo()
{
    Watcher watcher;
    const qint64 silentMs = watcher.nowMs;
    watcher.members[kPeer] = MemberState::Suspect;
    watcher.run(10'000);
    QVERIFY(!watcher.isFound(Kind::Suspect)); // It is known already.
    QVERIFY(watcher.foundAfter(Kind::Down, silentMs) >= 3500);
    QVERIFY(watcher.foundAfter(Kind::Down, silentMs) <= 5000);
}

void TestFailureDetector::suspectIsAskedAboutAgain()
{
    Watcher watcher;
    int probes = 0;
    watcher.run(5500, [&] { probes += watcher.firstMs.erase({kPeer, Kind::Probe}) > 0 ? 1 : 0; });
    QVERIFY(probes >= 2);
}

void TestFailureDetector::thoseAlreadyJudgedAreLeftInPeace_data()
{
    QTest::addColumn<MemberState>("state");
    QTest::newRow("down") << MemberState::Down;
    QTest::newRow("left") << MemberState::Left;
}

void TestFailureDetector::thoseAlreadyJudgedAreLeftInPeace()
{
    QFETCH(const MemberState, state);
    Watcher watcher;
    watcher.members[kPeer] = state;
    watcher.run(60'000, [&] { watcher.detector.refused(kPeer, watcher.nowMs); });
    QCOMPARE(watcher.findings, 0);
}

void TestFailureDetector::membersAreJudgedApart()
{
    Watcher watcher;
    watcher.members[kOther] = MemberState::Alive;
    watcher.run(20'000, [&] { watcher.detector.heard(kOther, watcher.nowMs); });
    QVERIFY(watcher.isFound(Kind::Down));
    QCOMPARE(watcher.foundAfter(Kind::Probe, 0, kOther), qint64{-1});
}

void TestFailureDetector::forgottenMemberComesBackAsHeard()
{
    Watcher watcher;
    watcher.run(2400);
    QVERIFY(watcher.isFound(Kind::Probe));
    watcher.members.clear();
    watcher.run(5000);
    watcher.members[kPeer] = MemberState::Alive;
    watcher.firstMs.clear();
    watcher.run(1900);
    QVERIFY(watcher.firstMs.empty());
}

void TestFailureDetector::onlyDirectWordsCountAsHeard()
{
    Watcher watcher;
    watcher.detector.heard(kPeer, watcher.nowMs);
    QVERIFY(watcher.detector.isHeard(kPeer, watcher.nowMs));
    QVERIFY(watcher.detector.isHeard(kPeer, watcher.nowMs + FailureDetector::kSilenceMs));
    QVERIFY(!watcher.detector.isHeard(kPeer, watcher.nowMs + FailureDetector::kSilenceMs + 1));
    watcher.detector.vouched(kPeer, watcher.nowMs + 5000);
    QVERIFY(!watcher.detector.isHeard(kPeer, watcher.nowMs + 5000));
    QVERIFY(!watcher.detector.isMute(kPeer, watcher.nowMs + FailureDetector::kMuteMs));
    QVERIFY(watcher.detector.isMute(kPeer, watcher.nowMs + FailureDetector::kMuteMs + 1));
    QVERIFY(!watcher.detector.isMute(kOther, watcher.nowMs + 60'000));
}

QTEST_GUILESS_MAIN(TestFailureDetector)
#include "tst_failure_detector.moc"
