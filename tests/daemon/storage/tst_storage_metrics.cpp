// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_worker.h"
#include "tests/support/sim_disk.h"

#include <QtTest>

#include <future>

using namespace dynakv;
using namespace dynakv::storage;
using test::SimDisk;

namespace {

core::Record makeRecord(const QByteArray &key, quint64 clock, const QByteArray &value = "v")
{
    core::Record record;
    record.key = key;
    record.version = {clock, 1};
    record.value = value;
    return record;
}

struct Bench
{
    explicit Bench(core::Durability durability = core::Durability::Sync)
        : worker(disk, table, durability)
    {
        isOpen = worker.open(QStringLiteral("/data")).ok();
    }
    /// Commits and waits; what became of it.
    CommitResult::Status commit(const core::Record &record)
    {
        std::promise<CommitResult::Status> done;
        worker.commit({{record}, {}},
                      [&done](const CommitResult &result) { done.set_value(result.status); });
        return done.get_future().get();
    }
    [[nodiscard]] const StorageMetrics &metrics() const { return worker.metrics(); }

    SimDisk disk;
    store::Table table;
    StorageWorker worker;
    bool isOpen = false;
};

} // namespace

/// What the data file counts of itself.
class TestStorageMetrics : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void commitsSyncsAndBytesAreCounted()
    {
        Bench bench;
        QVERIFY(bench.isOpen);
        for (quint64 i = 1; i <= 3; ++i)
            QCOMPARE(bench.commit(makeRecord("k", i)), CommitResult::Status::Done);
        const StorageMetrics &metrics = bench.metrics();
        QCOMPARE(metrics.commits.value(), 3);
        QCOMPARE(metrics.records.value(), 3);
        QCOMPARE(metrics.syncUs.counts().count, 3);
        QCOMPARE(metrics.batchCommits.counts().sum, 3);
        QVERIFY(metrics.bytesWritten.value() > 3);
        QCOMPARE(metrics.commitsFailed.value() + metrics.commitsNoSpace.value(), 0);
    }

    void whatIsBatchedIsOneCommitOfMany()
    {
        Bench bench;
        QVERIFY(bench.isOpen);
        std::promise<void> gate;
        bench.worker.runBetweenCommits([&gate] { gate.get_future().wait(); });
        for (quint64 i = 1; i <= 10; ++i) {
            bench.worker.commit({{makeRecord(QByteArray::number(i), i)}, {}},
                                [](const CommitResult &) {});
        }
        gate.set_value();
        QCOMPARE(bench.commit(makeRecord("last", 99)), CommitResult::Status::Done);
        const base::HistogramCounts batches = bench.metrics().batchCommits.counts();
        QCOMPARE(batches.sum, 11);
        QVERIFY(batches.count <= 2);
    }

    void aModeWithoutSyncsHasNone()
    {
        Bench bench(core::Durability::Os);
        QVERIFY(bench.isOpen);
        QCOMPARE(bench.commit(makeRecord("k", 1)), CommitResult::Status::Done);
        QCOMPARE(bench.metrics().syncUs.counts().count, 0);
        QCOMPARE(bench.metrics().commits.value(), 1);
    }

    void whatHadNoRoomOrFailedIsCountedApart()
    {
        Bench bench;
        QVERIFY(bench.isOpen);
        bench.disk.failCalls(bench.disk.callCount() + 1, 1, SimDisk::Fault::NoSpace);
        QCOMPARE(bench.commit(makeRecord("k", 1)), CommitResult::Status::NoSpace);
        QCOMPARE(bench.metrics().commitsNoSpace.value(), 1);
        QCOMPARE(bench.metrics().commits.value(), 0);
    }

    void deadBytesAreWhatACompactionSaves()
    {
        Bench bench;
        QVERIFY(bench.isOpen);
        const QByteArray value(10'000, 'v');
        for (quint64 i = 1; i <= 50; ++i)
            QCOMPARE(bench.commit(makeRecord("k", i, value)), CommitResult::Status::Done);
        QVERIFY(bench.worker.status().deadBytes > 400'000);
        const auto job = bench.worker.compact();
        QVERIFY(job);
        QTRY_VERIFY(bench.worker.job(*job)->state == StorageJob::State::Done);
        QVERIFY(bench.worker.status().deadBytes < 50'000);
        const auto &results =
            bench.metrics().jobs.at(static_cast<std::size_t>(StorageJob::Kind::Compaction));
        QCOMPARE(results[0].value(), 1);
        QCOMPARE(results[1].value(), 0);
    }
};

QTEST_GUILESS_MAIN(TestStorageMetrics)
#include "tst_storage_metrics.moc"
