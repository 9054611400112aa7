// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/table.h"
#include "tests/sim/sim_cluster.h"

#include <QElapsedTimer>

#include <algorithm>
#include <cstdio>
#include <vector>

/// How long a deleted key is remembered, in virtual time: real core::Nodes on the simulated network
/// of tests/sim, where nobody is away. And what taking a million tombstones out of a table costs.
///
///   bench_purge [NODES [TRIALS]]      3 10
namespace {

using namespace dynakv;

void print(const char *what, std::vector<double> numbers, const char *unit)
{
    std::sort(numbers.begin(), numbers.end());
    const auto at = [&numbers](std::size_t percent) {
        return numbers[(numbers.size() - 1) * percent / 100];
    };
    std::printf("  %-44s p50 %.1f %s, p99 %.1f, at most %.1f\n", what, at(50), unit, at(99),
                at(100));
}

bool isKnownAnywhere(const sim::SimCluster &cluster, const QByteArray &key)
{
    for (int node = 0; node < cluster.count(); ++node) {
        if (cluster.records(node).find(key))
            return true;
    }
    return false;
}

bool measureDelay(int nodes, int trials)
{
    sim::SimCluster cluster(1);
    if (!cluster.form(nodes))
        return false;
    const std::size_t put = cluster.put(0, "filler", "1", {core::WriteConcern::Kind::All});
    cluster.runUntil(5000, [&] { return cluster.told(put).isAnswered; });
    std::vector<double> seconds;
    for (int trial = 0; trial < trials; ++trial) {
        const QByteArray key = "k" + QByteArray::number(trial);
        cluster.remove(trial % nodes, key, {core::WriteConcern::Kind::All});
        const qint64 startMs = cluster.nowMs();
        cluster.run(1000);
        while (isKnownAnywhere(cluster, key) && cluster.nowMs() - startMs < 7'200'000)
            cluster.run(500);
        seconds.push_back(static_cast<double>(cluster.nowMs() - startMs) / 1000);
        cluster.run(static_cast<qint64>(cluster.random().below(20'000)));
    }
    std::printf("%d nodes, %d deletes, --purge-after-s=300\n", nodes, trials);
    print("deleted until no node remembers it", seconds, "s");
    return true;
}

void measureTable()
{
    constexpr int keys = 1'000'000;
    constexpr int slice = 1000;
    store::Table table;
    const qint64 emptyBytes = table.memoryBytes();
    core::Record record;
    record.kind = core::RecordKind::Tombstone;
    for (int i = 0; i < keys; ++i) {
        record.key = "key" + QByteArray::number(i).rightJustified(13, '0');
        record.version = {static_cast<quint64>(i) + 1, 1};
        table.apply(record);
    }
    std::printf("a table of %d tombstones with keys of 16 bytes: %.1f bytes each\n", keys,
                static_cast<double>(table.memoryBytes() - emptyBytes) / keys);
    std::vector<double> sliceUs;
    QElapsedTimer whole;
    whole.start();
    for (bool hasMore = true; hasMore;) {
        QElapsedTimer timer;
        timer.start();
        hasMore = table.purge(keys, slice) == slice;
        sliceUs.push_back(static_cast<double>(timer.nsecsElapsed()) / 1000);
    }
    std::printf("  purged in %.2f s\n", static_cast<double>(whole.elapsed()) / 1000);
    print("a slice of 1000, for which commits wait", sliceUs, "us");
}

} // namespace

int main(int argc, char **argv)
{
    const int nodes = argc > 1 ? std::max(1, std::atoi(argv[1])) : 3;
    const int trials = argc > 2 ? std::max(1, std::atoi(argv[2])) : 10;
    if (!measureDelay(nodes, trials)) {
        std::puts("the cluster did not form");
        return 1;
    }
    measureTable();
    return 0;
}
