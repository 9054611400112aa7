// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_worker.h"
#include "tests/support/sim_disk.h"

#include <QtTest>

#include <atomic>
#include <future>
#include <thread>

using namespace dynakv;
using namespace dynakv::storage;
using dynakv::test::SimDisk;

namespace {

core::Record makeRecord(const QByteArray &key, quint64 clock, const QByteArray &value = "v")
{
    core::Record record;
    record.key = key;
    record.version = {clock, 1};
    record.value = value;
    return record;
}

/// A worker on a simulated disk, whose thread can be held while a queue forms.
struct Bench
{
    explicit Bench(core::Durability durability = core::Durability::Sync)
        : worker(std::make_unique<StorageWorker>(disk, table, durability))
    {
    }

    bool open() { return worker->open(QStringLiteral("/data")).ok(); }

    /// Until the returned promise is kept, the storage thread stands still.
    std::shared_ptr<std::promise<void>> hold() const
    {
        auto gate = std::make_shared<std::promise<void>>();
        worker->runBetweenCommits([gate] { gate->get_future().wait(); });
        return gate;
    }

    SimDisk disk;
    store::Table table;
    std::unique_ptr<StorageWorker> worker;
};

} // namespace

class TestStorageWorker : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatComesWhileTheDiskIsBusyGoesInOneWrite()
    {
        Bench bench;
        QVERIFY(bench.open());
        const int before = bench.disk.wholeWriteCount();
        const auto gate = bench.hold();
        std::vector<quint64> order;
        for (quint64 i = 1; i <= 64; ++i) {
            bench.worker->commit({{makeRecord(QByteArray::number(i), i)}, {}},
                                 [&order, i](CommitResult result) {
                                     if (result.status == CommitResult::Status::Done)
                                         order.push_back(i);
                                 });
        }
        gate->set_value();
        bench.worker.reset();
        QCOMPARE(order.size(), std::size_t{64});
        QVERIFY(std::is_sorted(order.begin(), order.end()));
        QCOMPARE(bench.disk.wholeWriteCount() - before, 1);
        QCOMPARE(bench.table.recordCount(), 64);
    }

    void aBatchEndsAtFourMebibytes()
    {
        Bench bench;
        QVERIFY(bench.open());
        const int before = bench.disk.wholeWriteCount();
        const auto gate = bench.hold();
        const QByteArray value(3 << 20, 'v');
        for (quint64 i = 1; i <= 3; ++i)
            bench.worker->commit({{makeRecord("k", i, value)}, {}}, [](const CommitResult &) {});
        gate->set_value();
        bench.worker.reset();
        QCOMPARE(bench.disk.wholeWriteCount() - before, 3);
    }

    void aCompletedCommitIsSafeAndVisible()
    {
        Bench bench;
        QVERIFY(bench.open());
        bool isVisible = false;
        bool isSafe = false;
        std::thread::id completedOn;
        bench.worker->commit({{makeRecord("k", 1)}, {}}, [&](const CommitResult &result) {
            isVisible = bench.table.find("k").has_value();
            isSafe = bench.disk.crashImages(1, 1).size() == 1 &&
                     result.durability == core::Durability::Sync;
            completedOn = std::this_thread::get_id();
        });
        bench.worker.reset();
        QVERIFY(isVisible);
        QVERIFY(isSafe);
        QVERIFY(completedOn != std::this_thread::get_id());
    }

    void intervalSyncsByItselfWithinAboutASecond()
    {
        Bench bench(core::Durability::Interval);
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 1)}, {}}));
        const auto isSafe = [&bench] {
            std::promise<bool> answer;
            bench.worker->runBetweenCommits(
                [&] { answer.set_value(bench.disk.crashImages(1, 1).size() == 1); });
            return answer.get_future().get();
        };
        QVERIFY(!isSafe());
        QTRY_VERIFY_WITH_TIMEOUT(isSafe(), 10'000);
    }

    void theStopSyncsWhatTheModeLeftOpen()
    {
        Bench bench(core::Durability::Os);
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 1)}, {}}));
        bench.worker.reset();
        QCOMPARE(bench.disk.crashImages(1, 1).size(), std::size_t{1});
    }

    void whatTheTableHoldsIsNotWrittenAgain()
    {
        Bench bench;
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 2)}, {}}));
        const auto bytes =
            bench.disk.open(QStringLiteral("/data/storage.db"), FileSystem::OpenMode::Read);
        QVERIFY(bytes);
        const auto before = (*bytes)->size();
        // Repair and replication bring the same record several times, and older ones late.
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 2), makeRecord("k", 1)}, {}}));
        QCOMPARE(*(*bytes)->size(), *before);
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 3)}, {}}));
        QVERIFY(*(*bytes)->size() > *before);
    }

    void oneBadRequestFailsAlone()
    {
        Bench bench;
        QVERIFY(bench.open());
        const auto gate = bench.hold();
        std::vector<CommitResult::Status> statuses;
        for (const QByteArray &key : {QByteArray("good"), QByteArray(), QByteArray("fine")}) {
            bench.worker->commit({{makeRecord(key, 1)}, {}}, [&](const CommitResult &result) {
                statuses.push_back(result.status);
            });
        }
        gate->set_value();
        bench.worker.reset();
        using Status = CommitResult::Status;
        QCOMPARE(statuses, (std::vector{Status::Done, Status::Failed, Status::Done}));
        QCOMPARE(bench.table.recordCount(), 2);
    }

    void afterAFailedSyncWritesAreRefusedAndReadsGoOn()
    {
        Bench bench;
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 1)}, {}}));
        bench.disk.failCalls(bench.disk.callCount() + 2, 1, SimDisk::Fault::Io);
        for (quint64 clock = 2; clock < 5; ++clock) {
            const auto refused = bench.worker->commitAndWait({{makeRecord("k", clock)}, {}});
            QVERIFY(!refused);
            QVERIFY(refused.error().message.contains("restarted"));
        }
        QCOMPARE(bench.table.find("k")->version.clock, 1U);
    }

    void aQueueThatTheDiskCannotDrainIsBounded()
    {
        Bench bench(core::Durability::Memory);
        QVERIFY(bench.open());
        const auto gate = bench.hold();
        const QByteArray value(16 << 20, 'v');
        int done = 0;
        int failed = 0;
        for (quint64 clock = 1; clock <= 20; ++clock) {
            bench.worker->commit(
                {{makeRecord("k", clock, value)}, {}}, [&](const CommitResult &result) {
                    ++(result.status == CommitResult::Status::Done ? done : failed);
                });
        }
        gate->set_value();
        bench.worker.reset();
        QCOMPARE(done + failed, 20);
        QCOMPARE(done, 15);
        QCOMPARE(bench.table.find("k")->version.clock, 15U);
    }

    void manyThreadsCommitAndEachKeepsItsOrder()
    {
        constexpr int kThreads = 4;
        constexpr quint64 kCommits = 300;
        Bench bench;
        QVERIFY(bench.open());
        std::atomic<int> outOfOrder = 0;
        std::vector<std::thread> writers;
        for (int i = 0; i < kThreads; ++i) {
            writers.emplace_back([&bench, &outOfOrder, i] {
                auto last = std::make_shared<quint64>(0);
                for (quint64 clock = 1; clock <= kCommits; ++clock) {
                    const QByteArray key = QByteArray::number(i) + "/" + QByteArray::number(clock);
                    bench.worker->commit({{makeRecord(key, clock)}, {}},
                                         [&outOfOrder, last, clock](const CommitResult &) {
                                             outOfOrder += *last + 1 == clock ? 0 : 1;
                                             *last = clock;
                                         });
                }
            });
        }
        for (std::thread &writer : writers)
            writer.join();
        bench.worker.reset();
        QCOMPARE(outOfOrder.load(), 0);
        QCOMPARE(bench.table.recordCount(), kThreads * static_cast<qint64>(kCommits));
    }

    void beforeItIsOpenACommitFailsAtOnce()
    {
        Bench bench;
        QVERIFY(!bench.worker->commitAndWait({{makeRecord("k", 1)}, {}}));
        QVERIFY(!bench.table.find("k"));
    }
};

QTEST_APPLESS_MAIN(TestStorageWorker)
#include "tst_storage_worker.moc"
