// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_engine.h"
#include "daemon/storage/storage_worker.h"
#include "tests/bench/timed_files.h"
#include "tests/bench/times.h"

#include <QDir>
#include <QThread>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <sys/resource.h>
#include <thread>

/// What a storage.db of many records costs: to write, to open, to compact, idle and beside commits.
/// Records of 16-byte keys in random order and 100-byte values. Each command is one process, so
/// that its memory is its own; tests/bench/storage.sh calls them next to redis-server.
///
///   bench_file fill DIR KEYS      writes a log of KEYS random inserts
///   bench_file open DIR THREADS   opens what is there
///   bench_file compact DIR        compacts it, with nobody else there
///   bench_file beside DIR         compacts it while 64 commits are on their way all the time
///   bench_file resp KEYS          the same records as commands for `redis-cli --pipe`
namespace {

using namespace dynakv;
using Clock = std::chrono::steady_clock;

constexpr qsizetype kValueBytes = 100;

quint64 mixed(quint64 number)
{
    number += 0x9e3779b97f4a7c15;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
    number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
    return number ^ (number >> 31);
}

QByteArray keyOf(quint64 number)
{
    return QByteArray::number(mixed(number), 16).rightJustified(16, '0');
}

/// Bytes that nobody can compress, so that nobody has less to write than the others.
QByteArray valueOf(quint64 number)
{
    QByteArray value(kValueBytes, Qt::Uninitialized);
    for (qsizetype i = 0; i < kValueBytes; i += 8) {
        number = mixed(number);
        std::memcpy(value.data() + i, &number,
                    static_cast<std::size_t>(std::min<qsizetype>(8, kValueBytes - i)));
    }
    return value;
}

core::Record recordOf(quint64 number, quint64 clock)
{
    core::Record record;
    record.key = keyOf(number);
    record.version = {clock, 1};
    record.value = valueOf(number);
    return record;
}

double seconds(Clock::time_point since)
{
    return std::chrono::duration<double>(Clock::now() - since).count();
}

double cpuSeconds()
{
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    const auto sum = [](const timeval &time) {
        return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
    };
    return sum(usage.ru_utime) + sum(usage.ru_stime);
}

/// A line of /proc/self/status in bytes.
double statusBytes(const char *name)
{
    std::FILE *const file = std::fopen("/proc/self/status", "r");
    char line[256];
    double kibibytes = 0;
    while (file && std::fgets(line, sizeof line, file)) {
        if (std::strncmp(line, name, std::strlen(name)) == 0)
            std::sscanf(line + std::strlen(name), ": %lf", &kibibytes);
    }
    if (file)
        std::fclose(file);
    return kibibytes * 1024;
}

void resetPeak()
{
    std::FILE *const file = std::fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    std::fputs("5", file);
    std::fclose(file);
}

[[noreturn]] void fail(const base::Error &error)
{
    std::fprintf(stderr, "%s\n", error.message.constData());
    std::exit(1);
}

storage::StorageEngine::Options withThreads(int threads)
{
    storage::StorageEngine::Options options;
    options.durability = core::Durability::Os;
    options.recovery.threads = threads;
    options.recovery.treeKeyOf = [](const storage::Metas &) { return quint64{0x1234}; };
    return options;
}

void fill(const QString &directory, quint64 keys)
{
    constexpr quint64 kBatch = 4096;
    const double before = statusBytes("VmRSS");
    store::Table table;
    storage::StorageEngine engine(storage::realFileSystem(), table, withThreads(1));
    if (const auto report = engine.open(directory, storage::newFileIdentity()); !report)
        fail(report.error());
    const auto start = Clock::now();
    const double cpu = cpuSeconds();
    for (quint64 first = 0; first < keys; first += kBatch) {
        std::vector<storage::CommitRequest> requests(1);
        for (quint64 i = first; i < std::min(keys, first + kBatch); ++i)
            requests.front().records.push_back(recordOf(i, i + 1));
        engine.commit(std::move(requests));
    }
    const double mine = static_cast<double>(keys);
    std::printf("fill: %.2f M random inserts/s (%.2f s of CPU), %.1f bytes of RSS a key\n",
                mine / seconds(start) / 1e6, cpuSeconds() - cpu,
                (statusBytes("VmRSS") - before) / mine);
}

void open(const QString &directory, int threads)
{
    const double before = statusBytes("VmRSS");
    store::Table table;
    storage::StorageEngine engine(storage::realFileSystem(), table, withThreads(threads));
    const auto start = Clock::now();
    const double cpu = cpuSeconds();
    const auto report = engine.open(directory, {});
    if (!report)
        fail(report.error());
    const auto records = static_cast<double>(table.recordCount());
    std::printf("open: %d thread(s), %.2f s, %.2f s of CPU, %.2f M keys/s, %.1f bytes of RSS a key "
                "(%lld of %lld records in the base)\n",
                threads, seconds(start), cpuSeconds() - cpu, records / seconds(start) / 1e6,
                (statusBytes("VmRSS") - before) / records,
                static_cast<long long>(report->baseRecords),
                static_cast<long long>(report->records));
}

/// Commits all the time, 64 on their way, and notes how long each takes.
class Load
{
public:
    Load(storage::StorageWorker &worker, quint64 clock)
        : m_worker(worker)
        , m_clock(clock)
    {
    }
    void start()
    {
        for (int i = 0; i < 64; ++i)
            submit();
    }
    void stop()
    {
        std::unique_lock lock(m_mutex);
        m_isOver = true;
        m_changed.wait(lock, [this] { return m_onTheirWay == 0; });
    }
    bench::Times take()
    {
        const std::scoped_lock lock(m_mutex);
        return std::exchange(m_times, {});
    }

private:
    void submit()
    {
        quint64 clock = 0;
        {
            const std::scoped_lock lock(m_mutex);
            if (m_isOver)
                return;
            ++m_onTheirWay;
            clock = ++m_clock;
        }
        const auto begun = Clock::now();
        m_worker.commit({{recordOf(clock % 1'000'000, clock)}, {}},
                        [this, begun](const storage::CommitResult &) {
                            {
                                const std::scoped_lock lock(m_mutex);
                                m_times.add(seconds(begun));
                            }
                            submit();
                            const std::scoped_lock lock(m_mutex);
                            if (--m_onTheirWay == 0)
                                m_changed.notify_all();
                        });
    }

    storage::StorageWorker &m_worker;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    bench::Times m_times;
    quint64 m_clock = 0;
    int m_onTheirWay = 0;
    bool m_isOver = false;
};

void printTimes(const char *name, const bench::Times &times, double duration)
{
    std::printf("%s: %.0f/s, p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, worst %.2f ms\n", name,
                static_cast<double>(times.count()) / duration, times.msAt(0.5), times.msAt(0.99),
                times.msAt(0.999), times.msAt(1));
}

storage::StorageJob finished(const storage::StorageWorker &worker, quint64 id)
{
    while (worker.job(id)->state == storage::StorageJob::State::Running)
        QThread::msleep(5);
    return *worker.job(id);
}

void compact(const QString &directory, bool beside)
{
    store::Table table;
    bench::TimedFiles files(storage::realFileSystem(), QStringLiteral("/storage.db"));
    storage::StorageWorker worker(files, table, core::Durability::Sync);
    if (const auto report = worker.open(directory); !report)
        fail(report.error());
    Load load(worker, table.newestClock());
    if (beside) {
        load.start();
        QThread::sleep(1);
        load.take();
        files.takeSyncTimes();
        QThread::sleep(3);
        printTimes("before: commits", load.take(), 3);
        printTimes("before: syncs", files.takeSyncTimes(), 3);
    }
    resetPeak();
    const double rss = statusBytes("VmRSS");
    const auto start = Clock::now();
    const double cpu = cpuSeconds();
    auto id = worker.compact();
    // It may have begun by itself; that one is as good.
    if (!id && id.error().code == base::ErrorCode::Conflict)
        id = worker.jobs().front().id;
    if (!id)
        fail(id.error());
    const storage::StorageJob job = finished(worker, *id);
    if (job.state != storage::StorageJob::State::Done)
        fail({base::ErrorCode::Io, job.detail});
    const double took = seconds(start);
    if (beside) {
        printTimes("beside: commits", load.take(), took);
        printTimes("beside: syncs", files.takeSyncTimes(), took);
    }
    std::printf("compact: %.2f s, %.2f s of CPU, %.1f MiB, writes stood still for %.2f ms, "
                "%.1f MiB more memory at its peak\n",
                took, cpuSeconds() - cpu, static_cast<double>(job.bytes) / 1048576,
                static_cast<double>(job.pausedUs) / 1000, (statusBytes("VmHWM") - rss) / 1048576);
    if (beside) {
        QThread::sleep(3);
        printTimes("after: commits", load.take(), 3);
        load.stop();
    }
}

void printResp(quint64 keys)
{
    for (quint64 i = 0; i < keys; ++i) {
        const QByteArray command =
            "*3\r\n$3\r\nSET\r\n$16\r\n" + keyOf(i) + "\r\n$100\r\n" + valueOf(i) + "\r\n";
        std::fwrite(command.constData(), 1, static_cast<std::size_t>(command.size()), stdout);
    }
}

} // namespace

int main(int argc, char *argv[])
{
    const QByteArray command = argc > 1 ? argv[1] : "";
    const QString directory =
        argc > 2 ? QDir::current().absoluteFilePath(QString::fromLocal8Bit(argv[2])) : QString();
    if (command == "fill" && argc == 4)
        fill(directory, QByteArray(argv[3]).toULongLong());
    else if (command == "open" && argc == 4)
        open(directory, std::atoi(argv[3]));
    else if ((command == "compact" || command == "beside") && argc == 3)
        compact(directory, command == "beside");
    else if (command == "resp" && argc == 3)
        printResp(QByteArray(argv[2]).toULongLong());
    else {
        std::fputs("bench_file fill|open|compact|beside|resp, see the top of its source\n", stderr);
        return 2;
    }
    return 0;
}
