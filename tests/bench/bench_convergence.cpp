// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QElapsedTimer>

#include <algorithm>
#include <cstdio>
#include <vector>

/// How long a cluster takes to be one again, in virtual time: real core::Nodes on the simulated
/// network of tests/sim, cut into two sides that both take writes and deletes meanwhile, then
/// mended. Every key that was written differs between the sides.
///
///   bench_convergence [SEEDS [NODES [MINUTES [KEYS [FIRST [RESTARTED]]]]]]      20 5 10 10000 1 0
///
/// RESTARTED 1: every node is started anew before the cut is mended, so that nobody remembers what
/// it has not sent the others, and all is found by comparing.
namespace {

using namespace dynakv;
using sim::SimCluster;

void print(const char *what, std::vector<qint64> tookMs)
{
    std::sort(tookMs.begin(), tookMs.end());
    const auto at = [&tookMs](std::size_t percent) {
        return static_cast<double>(tookMs[(tookMs.size() - 1) * percent / 100]) / 1000;
    };
    std::printf("  %-24s p50 %5.2f s, p99 %5.2f s, at most %5.2f s\n", what, at(50), at(99),
                at(100));
}

int numberOr(int argc, char **argv, int place, int otherwise)
{
    return argc > place ? std::max(1, std::atoi(argv[place])) : otherwise;
}

} // namespace

int main(int argc, char **argv)
{
    const int seeds = numberOr(argc, argv, 1, 20);
    const int nodes = std::max(2, numberOr(argc, argv, 2, 5));
    const int minutes = numberOr(argc, argv, 3, 10);
    const int keys = numberOr(argc, argv, 4, 10'000);
    const int first = numberOr(argc, argv, 5, 1);
    const bool areRestarted = argc > 6 && std::atoi(argv[6]) != 0;
    QElapsedTimer wall;
    wall.start();
    std::vector<qint64> membersMs;
    std::vector<qint64> equalMs;
    for (int seed = first; seed < first + seeds; ++seed) {
        SimCluster cluster(static_cast<quint64>(seed));
        if (!cluster.form(nodes)) {
            std::puts("the cluster did not form");
            return 1;
        }
        const auto below = [&cluster](int bound) {
            return static_cast<int>(cluster.random().below(static_cast<quint64>(bound)));
        };
        const int side = 1 + below(nodes - 1);
        for (int one = 0; one < side; ++one) {
            for (int other = side; other < nodes; ++other)
                cluster.setCutBothWays(one, other, true);
        }
        const qint64 endMs = cluster.nowMs() + minutes * qint64{60'000};
        cluster.run(20'000); // Until each side has given the other up.
        for (int key = 0; key < keys; ++key) {
            const QByteArray name = "k" + QByteArray::number(key);
            below(10) == 0 ? cluster.remove(below(nodes), name)
                           : cluster.put(below(nodes), name, QByteArray(100, 'v'));
            if (key % 20 == 0)
                cluster.run(std::min<qint64>(1 + below(50), endMs - cluster.nowMs()));
        }
        cluster.run(std::max<qint64>(0, endMs - cluster.nowMs()));
        if (areRestarted) {
            for (int node = 0; node < nodes; ++node) {
                cluster.crash(node);
                cluster.run(1000);
                cluster.start(node);
                cluster.run(4000);
            }
            cluster.run(20'000);
        }
        cluster.mendAll();
        const qint64 mendedMs = cluster.nowMs();
        const bool areUp = cluster.runUntil(120'000, [&] { return cluster.membershipsAgree(); });
        membersMs.push_back(cluster.nowMs() - mendedMs);
        if (!areUp || !cluster.runUntil(120'000, [&] {
                return cluster.membershipsAgree() && cluster.recordsAgree();
            })) {
            std::printf("seed %d: not equal within two minutes\n", seed);
            return 1;
        }
        equalMs.push_back(cluster.nowMs() - mendedMs);
    }
    std::printf("%d nodes, cut for %d minutes, %d keys differ, %s, %d seeds, %.0f s of wall time\n",
                nodes, minutes, keys, areRestarted ? "all restarted" : "all up", seeds,
                static_cast<double>(wall.elapsed()) / 1000);
    print("members agree", membersMs);
    print("records are equal", equalMs);
    return 0;
}
