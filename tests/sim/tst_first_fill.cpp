// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/sync_session.h"
#include "tests/sim/sim_cluster.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

namespace {

constexpr int kKeys = 4000;
/// What may be on its way to the disk at a time, from one member.
constexpr int kOnTheWay = core::SyncSession::kPartitionsAtOnce * (kKeys / 256 + 1);

/// Three members with data, and a fourth machine that is about to join them.
struct Joining : SimCluster
{
    int joiner = 0;
    int written = 0; ///< Since the joiner was started.

    Joining(quint64 seed, int keys, qsizetype valueBytes)
        : SimCluster(seed)
    {
        const bool isFormed = form(3);
        Q_ASSERT(isFormed);
        for (int i = 0; i < keys; ++i) {
            put(i % 3, "k" + QByteArray::number(i), '"' + QByteArray(valueBytes, 'v') + '"');
            if (i % 50 == 0)
                run(10);
        }
        run(15'000);
        joiner = addNode({0});
        start(joiner);
    }
    [[nodiscard]] qint64 held() const
    {
        return isRunning(joiner) ? records(joiner).recordCount() : 0;
    }
    [[nodiscard]] bool isDone() const { return allReady() && recordsAgree(); }
    /// Runs while the members take a write each 20 ms, until \a condition holds.
    bool runBesideWrites(qint64 maxMs, const std::function<bool()> &condition)
    {
        for (const qint64 endMs = nowMs() + maxMs; nowMs() < endMs && !condition();) {
            ++written;
            put(written % 3, "w" + QByteArray::number(written), "1");
            run(20);
        }
        return condition();
    }
};

} // namespace

/// What a new member takes over is a comparison like any other: what it holds already it does not
/// take again.
class TestFirstFill : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aRestartInTheMiddleCostsNothing();
    void aCutInTheMiddleCostsNothing();
    void whatIsUnderWayIsBounded();
};

void TestFirstFill::aRestartInTheMiddleCostsNothing()
{
    for (quint64 seed = 1; seed <= 5; ++seed) {
        Joining cluster(seed, kKeys, 10);
        for (const int part : {1, 2, 3}) {
            QVERIFY(cluster.runBesideWrites(20'000,
                                            [&] { return cluster.held() >= part * kKeys / 4; }));
            QVERIFY(cluster.view(cluster.joiner).readiness != core::Readiness::Ready);
            cluster.crash(cluster.joiner);
            cluster.runBesideWrites(500, [] { return false; });
            cluster.start(cluster.joiner);
        }
        QVERIFY(cluster.runBesideWrites(30'000, [&] {
            return cluster.view(cluster.joiner).readiness == core::Readiness::Ready;
        }));
        QVERIFY(cluster.runUntil(20'000, [&] { return cluster.isDone(); }));
        // Of the old keys each once, but for what was on its way to the disk; of the new ones
        // each twice at most, by a push and by the comparison.
        const qint64 appended = cluster.recordsAppended(cluster.joiner);
        QVERIFY2(appended <= kKeys + 2 * cluster.written + 3 * kOnTheWay,
                 QByteArray::number(appended - kKeys).constData());
        QVERIFY(appended >= kKeys + cluster.written);
    }
}

void TestFirstFill::aCutInTheMiddleCostsNothing()
{
    for (quint64 seed = 1; seed <= 5; ++seed) {
        Joining cluster(seed, kKeys, 10);
        QVERIFY(cluster.runBesideWrites(20'000, [&] { return cluster.held() >= kKeys / 2; }));
        for (int member = 0; member < 3; ++member)
            cluster.setCutBothWays(cluster.joiner, member, true);
        cluster.runBesideWrites(15'000, [] { return false; });
        QVERIFY(cluster.held() < kKeys);
        cluster.mendAll();
        QVERIFY(cluster.runBesideWrites(30'000, [&] {
            return cluster.view(cluster.joiner).readiness == core::Readiness::Ready;
        }));
        QVERIFY(cluster.runUntil(20'000, [&] { return cluster.isDone(); }));
        const qint64 appended = cluster.recordsAppended(cluster.joiner);
        QVERIFY2(appended <= kKeys + 2 * cluster.written + kOnTheWay,
                 QByteArray::number(appended - kKeys).constData());
        QVERIFY(appended >= kKeys + cluster.written);
    }
}

void TestFirstFill::whatIsUnderWayIsBounded()
{
    const int keys = 1500;
    const qsizetype valueBytes = 30'000;
    Joining cluster(7, keys, valueBytes);
    qint64 asked = 0;
    qint64 most = 0;
    qint64 largest = 0;
    cluster.countBytes([&](const core::Message &message) {
        const std::vector<core::Record> *records = nullptr;
        if (const auto *fetched = std::get_if<core::FetchReply>(&message))
            records = &fetched->records;
        else if (const auto *told = std::get_if<core::StampsReply>(&message))
            records = &told->records;
        const bool isAsked = std::holds_alternative<core::FetchRequest>(message) ||
                             std::holds_alternative<core::StampsRequest>(message);
        asked += isAsked ? 1 : records != nullptr ? -1 : 0;
        most = std::max(most, asked);
        if (records != nullptr) {
            qint64 bytes = 0;
            for (const core::Record &each : *records)
                bytes += each.key.size() + each.value.size();
            largest = std::max(largest, bytes);
        }
        return qint64{0};
    });
    QVERIFY(cluster.runUntil(60'000, [&] { return cluster.isDone(); }));
    QVERIFY(most > 0);
    QVERIFY(most <= core::SyncSession::kPartitionsAtOnce);
    QVERIFY(largest > valueBytes);
    QVERIFY(largest <= core::kPushBytesTarget + valueBytes + 100);
}

QTEST_APPLESS_MAIN(TestFirstFill)
#include "tst_first_fill.moc"
