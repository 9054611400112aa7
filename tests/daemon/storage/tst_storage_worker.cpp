// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_engine.h"
#include "daemon/storage/storage_worker.h"
#include "tests/support/sim_disk.h"

#include <QCryptographicHash>
#include <QtTest>

#include <atomic>
#include <future>
#include <thread>

using namespace dynakv;
using namespace dynakv::storage;
using dynakv::test::DiskImage;
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

/// What a clean stop adds, and the room that is made behind a small frame.
constexpr int kSealWrites = 1;
constexpr int kRoomWrites = 1;

/// Whether \a key survives whatever a power cut now may do to the disk.
bool isSafe(const SimDisk &disk, const QByteArray &key)
{
    const auto images = disk.crashImages(1, 10);
    return std::all_of(images.begin(), images.end(), [&key](const DiskImage &image) {
        SimDisk after(image);
        store::Table table;
        StorageEngine engine(after, table, {});
        return engine.open(QStringLiteral("/data"), {QByteArray(16, 'x'), 1}).ok() &&
               table.find(key).has_value();
    });
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
        QCOMPARE(bench.disk.wholeWriteCount() - before, 1 + kRoomWrites + kSealWrites);
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
        QCOMPARE(bench.disk.wholeWriteCount() - before, 3 + kSealWrites);
    }

    void aCompletedCommitIsSafeAndVisible()
    {
        Bench bench;
        QVERIFY(bench.open());
        bool isVisible = false;
        bool wasSafe = false;
        std::thread::id completedOn;
        bench.worker->commit({{makeRecord("k", 1)}, {}}, [&](const CommitResult &result) {
            isVisible = bench.table.find("k").has_value();
            wasSafe = isSafe(bench.disk, "k") && result.durability == core::Durability::Sync;
            completedOn = std::this_thread::get_id();
        });
        bench.worker.reset();
        QVERIFY(isVisible);
        QVERIFY(wasSafe);
        QVERIFY(completedOn != std::this_thread::get_id());
    }

    void intervalSyncsByItselfWithinAboutASecond()
    {
        Bench bench(core::Durability::Interval);
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 1)}, {}}));
        const auto isSafeNow = [&bench] {
            std::promise<bool> answer;
            bench.worker->runBetweenCommits([&] { answer.set_value(isSafe(bench.disk, "k")); });
            return answer.get_future().get();
        };
        QVERIFY(!isSafeNow());
        QTRY_VERIFY_WITH_TIMEOUT(isSafeNow(), 10'000);
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
        // Repair and replication bring the same record several times, and older ones late.
        const int before = bench.disk.wholeWriteCount();
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 2), makeRecord("k", 1)}, {}}));
        QCOMPARE(bench.disk.wholeWriteCount(), before);
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 3)}, {}}));
        QCOMPARE(bench.disk.wholeWriteCount(), before + 1);
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

    void aFailedSyncRefusesWritesUntilANewFileHealsIt()
    {
        Bench bench;
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 1)}, {{"identity", "me"}}}));
        bench.disk.failCalls(bench.disk.callCount() + 2, 1, SimDisk::Fault::Io);
        const auto refused = bench.worker->commitAndWait({{makeRecord("k", 2)}, {}});
        QVERIFY(!refused);
        QVERIFY2(refused.error().message.contains("only a new file can heal"),
                 refused.error().message.constData());
        QCOMPARE(bench.table.find("k")->version.clock, 1U);

        QTRY_VERIFY_WITH_TIMEOUT(bench.worker->commitAndWait({{makeRecord("k", 3)}, {}}), 10'000);
        QCOMPARE(bench.worker->jobs().front().kind, StorageJob::Kind::Healing);
        QCOMPARE(bench.worker->status().generation, 2U);
        QVERIFY(bench.worker->status().broken.isEmpty());
        bench.worker.reset();
        SimDisk again(bench.disk.liveImage());
        store::Table table;
        StorageEngine engine(again, table, {});
        const auto report = engine.open(QStringLiteral("/data"), {});
        QVERIFY(report);
        QCOMPARE(report->generation, 2U);
        QCOMPARE(table.find("k")->version.clock, 3U);
        QCOMPARE(engine.metas(), (Metas{{"identity", "me"}}));
    }

    void eachRequestGetsThePromiseItAsksFor()
    {
        Bench bench;
        QVERIFY(bench.open());
        const auto gate = bench.hold();
        std::vector<std::pair<core::Durability, bool>> seen;
        const auto note = [&](const QByteArray &key) {
            return [&, key](const CommitResult &result) {
                seen.emplace_back(result.durability, isSafe(bench.disk, key));
            };
        };
        bench.worker->commit({{makeRecord("strong", 1)}, {}}, note("strong"));
        bench.worker->commit({{makeRecord("weak", 2)}, {}, core::Durability::Os}, note("weak"));
        gate->set_value();
        bench.worker.reset();
        using core::Durability;
        QCOMPARE(seen, (std::vector<std::pair<Durability, bool>>{{Durability::Os, false},
                                                                 {Durability::Sync, true}}));
    }

    void aStrongerRequestIsSyncedInAWeakerMode()
    {
        Bench bench(core::Durability::Os);
        QVERIFY(bench.open());
        bool wasSafe = false;
        std::promise<void> done;
        bench.worker->commit(
            {{makeRecord("k", 1)}, {}, core::Durability::Sync}, [&](const CommitResult &result) {
                wasSafe = isSafe(bench.disk, "k") && result.durability == core::Durability::Sync;
                done.set_value();
            });
        done.get_future().wait();
        QVERIFY(wasSafe);
    }

    void anIdleNodeMarksTheEndOfItsFileAsSafe()
    {
        Bench bench;
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 1)}, {}}));
        const int before = bench.disk.wholeWriteCount();
        QTRY_COMPARE_WITH_TIMEOUT(bench.disk.wholeWriteCount(), before + 1, 10'000);
        // From now on damage of that commit cannot pass for a torn write.
        DiskImage image = bench.disk.liveImage();
        QByteArray &bytes = image.files[QStringLiteral("/data/storage.db")];
        const auto at = bytes.indexOf("k", kDataOffset + kFrameHeaderBytes);
        bytes[at] = 'x';
        SimDisk damaged(image);
        store::Table table;
        StorageEngine engine(damaged, table, {});
        const auto report = engine.open(QStringLiteral("/data"), {});
        QVERIFY(!report);
        QCOMPARE(report.error().code, base::ErrorCode::Corrupt);
    }

    void onAFullDiskTheMarkIsTriedOnceASecond()
    {
        Bench bench;
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 1)}, {}}));
        const int before = bench.disk.callCount();
        bench.disk.failCalls(before + 1, 1'000'000, SimDisk::Fault::NoSpace);
        // A write and a cut each; the second time begins with the cut that failed. Without a pause
        // there are thousands before anybody looks.
        const auto calls = [&] { return bench.disk.callCount() - before; };
        QTRY_VERIFY_WITH_TIMEOUT(calls() > 2, 10'000);
        QVERIFY2(calls() < 50, QByteArray::number(calls()).constData());
    }

    void aSmallDiskIsCompactedInTime_data()
    {
        QTest::addColumn<qint64>("diskBytes");
        QTest::addColumn<bool>("isCompacted");
        QTest::newRow("small") << (qint64{1} << 20) << true;
        QTest::newRow("large") << (qint64{1} << 30) << false;
    }
    void aSmallDiskIsCompactedInTime()
    {
        QFETCH(const qint64, diskBytes);
        QFETCH(const bool, isCompacted);
        Bench bench;
        bench.disk.setSpace({diskBytes / 2, diskBytes});
        QVERIFY(bench.open());
        for (quint64 clock = 1; clock <= 300; ++clock) {
            QVERIFY(
                bench.worker->commitAndWait({{makeRecord("k", clock, QByteArray(1000, 'v'))}, {}}));
        }
        // A compaction is considered once a second, after a commit.
        for (quint64 clock = 301; clock <= 330; ++clock) {
            QTest::qWait(50);
            QVERIFY(bench.worker->commitAndWait({{makeRecord("k", clock)}, {}}));
        }
        QCOMPARE(!bench.worker->jobs().empty(), isCompacted);
    }

    void roomForASecondFileIsAskedForByTheSizeOfTheDisk()
    {
        constexpr qint64 spare = (qint64{1} << 20) / 16;
        Bench bench;
        bench.disk.setSpace({spare - 1, qint64{1} << 20});
        QVERIFY(bench.open());
        QCOMPARE(bench.worker->compact().error().code, base::ErrorCode::NoSpace);
        QCOMPARE(bench.worker->backup("b").error().code, base::ErrorCode::NoSpace);
        bench.disk.setSpace({spare, qint64{1} << 20});
        QVERIFY(bench.worker->compact());
    }

    void compactionKeepsAllAndTellsWhatItDid()
    {
        Bench bench;
        QVERIFY(bench.open());
        for (quint64 clock = 1; clock <= 200; ++clock) {
            QVERIFY(bench.worker->commitAndWait(
                {{makeRecord(QByteArray::number(clock % 10), clock, QByteArray(1000, 'v'))}, {}}));
        }
        const auto fileBytes = [&bench] {
            return bench.disk.liveImage().files.at(QStringLiteral("/data/storage.db")).size();
        };
        QVERIFY(fileBytes() > 200'000);
        const auto id = bench.worker->compact();
        QVERIFY(id);
        const auto state = [&] { return bench.worker->job(*id)->state; };
        quint64 clock = 200;
        while (state() == StorageJob::State::Running) {
            ++clock;
            QVERIFY(bench.worker->commitAndWait(
                {{makeRecord(QByteArray::number(clock % 10), clock)}, {}}));
        }
        QCOMPARE(state(), StorageJob::State::Done);
        QCOMPARE(bench.worker->job(*id)->records, 10U);
        QVERIFY(!bench.worker->job(*id + 1));
        QVERIFY(bench.worker->commitAndWait({{makeRecord("last", clock + 1)}, {}}));
        bench.worker.reset();
        QVERIFY(fileBytes() < 100'000);
        SimDisk again(bench.disk.liveImage());
        store::Table table;
        StorageEngine engine(again, table, {});
        QVERIFY(engine.open(QStringLiteral("/data"), {}));
        QCOMPARE(table.recordCount(), 11);
        for (quint64 last = clock; last > clock - 10; --last)
            QCOMPARE(table.find(QByteArray::number(last % 10))->version.clock, last);
    }

    void aBackupIsWholeAndHashedAndNobodyStartsOnIt()
    {
        Bench bench;
        QVERIFY(bench.open());
        QVERIFY(bench.worker->commitAndWait({{makeRecord("k", 1)}, {}}));
        QVERIFY(!bench.worker->backup("../x"));
        QVERIFY(!bench.worker->backup(".x"));
        QVERIFY(!bench.worker->backup(""));
        const auto id = bench.worker->backup("monday");
        QVERIFY(id);
        QTRY_VERIFY(bench.worker->job(*id)->state != StorageJob::State::Running);
        const StorageJob job = *bench.worker->job(*id);
        QVERIFY2(job.state == StorageJob::State::Done, job.detail.constData());
        QCOMPARE(bench.worker->backup("monday").error().code, base::ErrorCode::Conflict);
        const DiskImage image = bench.disk.liveImage();
        const QByteArray backup = image.files.at(QStringLiteral("/data/backups/monday.db"));
        const QByteArray hash =
            QCryptographicHash::hash(backup, QCryptographicHash::Sha256).toHex();
        QCOMPARE(job.sha256, hash);
        QCOMPARE(image.files.at(QStringLiteral("/data/backups/monday.db.sha256")),
                 hash + "  monday.db\n");
        // All of it was safe when the job said so.
        for (const DiskImage &crashed : bench.disk.crashImages(1, 3))
            QCOMPARE(crashed.files.at(QStringLiteral("/data/backups/monday.db")), backup);

        DiskImage mistaken = image;
        mistaken.files[QStringLiteral("/data/storage.db")] = backup;
        SimDisk disk(mistaken);
        store::Table table;
        StorageEngine engine(disk, table, {});
        const auto report = engine.open(QStringLiteral("/data"), {});
        QVERIFY(!report);
        QVERIFY(report.error().message.contains("dynakvd restore"));
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
