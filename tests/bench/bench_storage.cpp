// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/storage_worker.h"

#include <QDir>
#include <QTemporaryDir>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fcntl.h>
#include <mutex>
#include <unistd.h>

/// Synced commits of 16+100 bytes through StorageWorker against the least that any program must do
/// for them on this disk: one write and one fdatasync for each group. The records are made before
/// the clock starts, as the raw loop's bytes are. Interleaved pairs; the median of the pairwise
/// ratios counts.
///
///   bench_storage [DIRECTORY [PAIRS]]
namespace {

using namespace dynakv;
using Clock = std::chrono::steady_clock;

constexpr int kKeyBytes = 16;
constexpr int kValueBytes = 100;
/// What one such record takes in the file, so that both sides write the same bytes.
constexpr int kRecordBytes = 140;
constexpr auto kSlice = std::chrono::milliseconds(700);

double perSecond(qint64 count, Clock::time_point start)
{
    return static_cast<double>(count) / std::chrono::duration<double>(Clock::now() - start).count();
}

double rawLoop(const QString &directory, int inFlight)
{
    const QByteArray path = QFile::encodeName(directory + QStringLiteral("/raw"));
    const int file = ::open(path.constData(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    const QByteArray group(48 + inFlight * kRecordBytes, 'x');
    const auto start = Clock::now();
    qint64 count = 0;
    for (; Clock::now() - start < kSlice; count += inFlight) {
        if (::write(file, group.constData(), static_cast<size_t>(group.size())) != group.size() ||
            ::fdatasync(file) != 0)
            std::perror("raw");
    }
    const double rate = perSecond(count, start);
    ::close(file);
    ::unlink(path.constData());
    return rate;
}

/// Keeps \a inFlight commits on their way: each completion hands in the next one.
class Load
{
public:
    Load(storage::StorageWorker &worker, std::size_t count)
        : m_worker(worker)
    {
        m_requests.reserve(count);
        for (std::size_t i = 1; i <= count; ++i) {
            core::Record record;
            record.version = {i, 1};
            record.key = QByteArray::number(i, 16).rightJustified(kKeyBytes, '0');
            record.value = QByteArray(kValueBytes, 'v');
            m_requests.push_back({{std::move(record)}, {}});
        }
    }

    double run(int inFlight)
    {
        const auto start = Clock::now();
        for (int i = 0; i < inFlight; ++i)
            submit();
        std::unique_lock lock(m_mutex);
        m_changed.wait(lock, [this] { return m_done == m_requests.size(); });
        return perSecond(static_cast<qint64>(m_done), start);
    }

private:
    void submit()
    {
        const std::size_t next = m_next++;
        if (next >= m_requests.size())
            return;
        m_worker.commit(std::move(m_requests[next]), [this](const storage::CommitResult &) {
            submit();
            const std::scoped_lock lock(m_mutex);
            if (++m_done == m_requests.size())
                m_changed.notify_one();
        });
    }

    storage::StorageWorker &m_worker;
    std::vector<storage::CommitRequest> m_requests;
    std::atomic<std::size_t> m_next = 0;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::size_t m_done = 0;
};

/// \a count commits: as many as the raw loop came to in its time.
double commits(const QString &directory, int inFlight, double count)
{
    const QString data = directory + QStringLiteral("/data");
    QDir(data).removeRecursively();
    store::Table table;
    storage::StorageWorker worker(storage::realFileSystem(), table, core::Durability::Sync);
    if (const auto report = worker.open(data); !report) {
        std::fprintf(stderr, "%s\n", report.error().message.constData());
        return 0;
    }
    return Load(worker, static_cast<std::size_t>(count)).run(inFlight);
}

void compare(const QString &directory, int inFlight, int pairs)
{
    std::vector<std::array<double, 3>> runs;
    for (int pair = 0; pair < pairs; ++pair) {
        const double raw = rawLoop(directory, inFlight);
        const double ours =
            commits(directory, inFlight, raw * std::chrono::duration<double>(kSlice).count());
        runs.push_back({ours / raw, ours, raw});
    }
    std::sort(runs.begin(), runs.end());
    const auto &median = runs[runs.size() / 2];
    std::printf(
        "%3d in flight: %9.0f commits/s, raw %9.0f/s, ratio %.2f (%.2f to %.2f, %d pairs)\n",
        inFlight, median[1], median[2], median[0], runs.front()[0], runs.back()[0], pairs);
    std::fflush(stdout);
}

} // namespace

int main(int argc, char *argv[])
{
    // Not the system's temporary directory, which may be in memory.
    const QString parent = argc > 1 ? QString::fromLocal8Bit(argv[1]) : QDir::currentPath();
    const QTemporaryDir directory(parent + QStringLiteral("/bench-storage-XXXXXX"));
    if (!directory.isValid()) {
        std::fprintf(stderr, "cannot write in %s\n", qPrintable(parent));
        return 1;
    }
    const int pairs = argc > 2 ? qMax(1, std::atoi(argv[2])) : 7;
    std::printf("durability sync, key 16 bytes, value 100 bytes, one storage thread\n");
    compare(directory.path(), 1, pairs);
    compare(directory.path(), 64, pairs);
    return 0;
}
