// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/hints.h"
#include "tests/sim/sim_questions.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

namespace {

QByteArray name(int number)
{
    return "k" + QByteArray::number(number);
}

/// A cluster of three with some data and a look at every message.
struct Watched : SimCluster
{
    std::map<size_t, int> sent = {}; ///< By kind.
    qint64 recordsPushed = 0;

    explicit Watched(quint64 seed)
        : SimCluster(seed)
    {
        countBytes([this](const core::Message &message) {
            ++sent[message.index()];
            if (const auto *push = std::get_if<core::Push>(&message))
                recordsPushed += static_cast<qint64>(push->records.size());
            return qint64{0};
        });
    }
    void fill(int keys)
    {
        QVERIFY(form(3));
        for (int i = 0; i < keys; ++i) {
            put(i % 3, name(i), "\"old\"");
            if (i % 50 == 0)
                run(10);
        }
        run(15'000);
        QVERIFY(recordsAgree());
    }
    template <typename T>
    int count()
    {
        return sent[core::Message(T{}).index()];
    }
    void forgetCounts()
    {
        sent.clear();
        recordsPushed = 0;
    }
    [[nodiscard]] core::MemberView rowOf(int node, int member) const
    {
        for (const core::MemberView &each : view(node).members) {
            if (each.id == idOf(member))
                return each;
        }
        return {};
    }
    /// Values, deletes and overwrites, the last of them of keys written and deleted meanwhile.
    void writeALot(const std::vector<int> &coordinators)
    {
        const auto by = [&](int i) {
            return coordinators[static_cast<size_t>(i) % coordinators.size()];
        };
        for (int i = 0; i < 200; ++i) {
            put(by(i), name(i), "\"new\"");
            put(by(i), "extra" + name(i), "1");
            remove(by(i), name(200 + i));
            remove(by(i), name(400 + i));
            run(5);
            put(by(i + 1), name(400 + i), "\"again\"");
        }
        run(500);
    }
};

} // namespace

/// What a member that was away gets of what was written meanwhile, and how.
class TestMissedWrites : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aRestartedNodeIsToldWhatItMissed();
    void aNodeBehindACutIsToldWhatItMissed();
    void bothSidesOfACutTellEachOther();
    void aDyingLinkLosesNothing();
    void whatDoesNotFitIsFoundByComparing();
    void aReplayThatBreaksOffGoesOn();
    void aMemberThatLeftIsOwedNothing();
};

/// By hints, not by a walk through stamps.
void TestMissedWrites::aRestartedNodeIsToldWhatItMissed()
{
    for (quint64 seed = 1; seed <= 10; ++seed) {
        Watched cluster(seed);
        cluster.fill(600);
        cluster.crash(2);
        cluster.run(5000);
        cluster.writeALot({0});
        QCOMPARE(cluster.rowOf(0, 2).hintsPending, qint64{800});
        QVERIFY(!cluster.rowOf(0, 2).areHintsDropped);
        QCOMPARE(cluster.rowOf(1, 2).hintsPending, qint64{0}); // Pushes of others are theirs.
        cluster.run(20'000);
        cluster.forgetCounts();
        // Were the other member met first, it would be asked for all that is lacking.
        cluster.setCutBothWays(1, 2, true);
        cluster.start(2);
        QVERIFY(
            cluster.runUntil(8000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
        cluster.mendAll();
        cluster.run(20'000);
        QVERIFY(cluster.count<core::RootsRequest>() > 0);
        QCOMPARE(cluster.count<core::LeavesRequest>(), 0);
        QCOMPARE(cluster.count<core::StampsRequest>(), 0);
        QCOMPARE(cluster.recordsPushed, qint64{800});
        QCOMPARE(cluster.rowOf(0, 2).hintsPending, qint64{0});
        QCOMPARE(sim::valueOn(cluster, 2, name(0)), "\"new\"");
        QCOMPARE(sim::valueOn(cluster, 2, name(200)), "(deleted)");
        QCOMPARE(sim::valueOn(cluster, 2, name(400)), "\"again\"");
    }
}

void TestMissedWrites::aNodeBehindACutIsToldWhatItMissed()
{
    for (quint64 seed = 1; seed <= 10; ++seed) {
        Watched cluster(seed);
        cluster.fill(600);
        for (int other = 0; other < 2; ++other)
            cluster.setCutBothWays(2, other, true);
        cluster.run(20'000);
        cluster.writeALot({0});
        cluster.run(20'000);
        cluster.forgetCounts();
        cluster.setCutBothWays(2, 0, false);
        QVERIFY(cluster.runUntil(10'000, [&] { return cluster.recordsAgree(); }));
        cluster.mendAll();
        cluster.run(20'000);
        QVERIFY(cluster.membershipsAgree());
        QVERIFY(cluster.count<core::RootsRequest>() > 0);
        QCOMPARE(cluster.count<core::StampsRequest>(), 0);
        QCOMPARE(sim::valueOn(cluster, 2, name(200)), "(deleted)");
        QCOMPARE(sim::valueOn(cluster, 2, name(400)), "\"again\"");
    }
}

void TestMissedWrites::bothSidesOfACutTellEachOther()
{
    for (quint64 seed = 1; seed <= 10; ++seed) {
        Watched cluster(seed);
        cluster.fill(600);
        for (int other = 0; other < 2; ++other)
            cluster.setCutBothWays(2, other, true);
        cluster.run(20'000);
        cluster.writeALot({0, 1, 2});
        for (int node = 0; node < 2; ++node)
            QVERIFY(cluster.rowOf(2, node).hintsPending > 0);
        cluster.mendAll();
        QVERIFY(cluster.runUntil(
            10'000, [&] { return cluster.membershipsAgree() && cluster.recordsAgree(); }));
        QVERIFY(cluster.runUntil(10'000, [&] {
            qint64 left = 0;
            for (int one = 0; one < 3; ++one) {
                for (int other = 0; other < 3; ++other)
                    left += cluster.rowOf(one, other).hintsPending;
            }
            return left == 0;
        }));
    }
}

/// Between the death of a link and the moment it is noticed pushes go nowhere.
void TestMissedWrites::aDyingLinkLosesNothing()
{
    Watched cluster(20);
    cluster.fill(100);
    cluster.vanish(2);
    cluster.forgetCounts();
    for (int i = 0; i < 50; ++i)
        cluster.put(0, "lost" + name(i), "1");
    cluster.run(30'000);
    QCOMPARE(cluster.rowOf(0, 2).state, core::MemberState::Down);
    QCOMPARE(cluster.rowOf(0, 2).hintsPending, qint64{50});
}

void TestMissedWrites::whatDoesNotFitIsFoundByComparing()
{
    Watched cluster(30);
    cluster.fill(100);
    cluster.crash(2);
    cluster.run(5000);
    const int count = 15'000; // Of 1 KiB each: 16 MiB hold less.
    for (int i = 0; i < count; ++i) {
        cluster.put(0, name(i).rightJustified(1024, 'x'), "1");
        if (i % 500 == 0)
            cluster.run(20);
    }
    cluster.run(2000);
    QVERIFY(cluster.rowOf(0, 2).areHintsDropped);
    QVERIFY(cluster.rowOf(0, 2).hintsPending < count);
    const qint64 dropped = cluster.view(0).counts.hints.dropped;
    QCOMPARE(dropped, count - cluster.rowOf(0, 2).hintsPending);
    cluster.start(2);
    QVERIFY(cluster.runUntil(60'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
    QVERIFY(cluster.runUntil(20'000, [&] { return cluster.rowOf(0, 2).hintsPending == 0; }));
    QVERIFY(!cluster.rowOf(0, 2).areHintsDropped);
}

void TestMissedWrites::aReplayThatBreaksOffGoesOn()
{
    Watched cluster(40);
    cluster.fill(100);
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    cluster.run(20'000);
    const int count = 200;
    const QByteArray value = '"' + QByteArray(100'000, 'v') + '"'; // Three fill a batch.
    for (int i = 0; i < count; ++i)
        cluster.put(0, "large" + name(i), value);
    cluster.run(2000);
    QCOMPARE(cluster.rowOf(0, 2).hintsPending, qint64{count});
    cluster.forgetCounts();
    cluster.setCutBothWays(2, 0, false);
    QVERIFY(cluster.runUntil(40'000, [&] { return cluster.rowOf(0, 2).hintsPending < count / 2; }));
    cluster.setCutBothWays(2, 0, true);
    const qint64 left = cluster.rowOf(0, 2).hintsPending;
    QVERIFY(left > 0);
    cluster.run(30'000); // The link is given up meanwhile.
    QVERIFY(cluster.rowOf(0, 2).hintsPending >= left - 3);
    cluster.mendAll();
    QVERIFY(cluster.runUntil(
        40'000, [&] { return cluster.rowOf(0, 2).hintsPending == 0 && cluster.recordsAgree(); }));
    // At most the batch that was out went twice.
    QVERIFY2(cluster.recordsPushed <= count + 3,
             QByteArray::number(cluster.recordsPushed).constData());
}

void TestMissedWrites::aMemberThatLeftIsOwedNothing()
{
    Watched cluster(50);
    cluster.fill(100);
    cluster.crash(2);
    cluster.run(10'000);
    cluster.put(0, "missed", "1");
    cluster.run(100);
    QCOMPARE(cluster.rowOf(0, 2).hintsPending, qint64{1});
    const auto outcome = cluster.operate(0, {core::OperatorRequest::Kind::Forget, cluster.idOf(2)});
    QCOMPARE(outcome.status, core::OperatorOutcome::Status::Done);
    cluster.put(0, "later", "1");
    cluster.run(1000);
    QCOMPARE(cluster.rowOf(0, 2).hintsPending, qint64{0});
}

QTEST_APPLESS_MAIN(TestMissedWrites)
#include "tst_missed_writes.moc"
