// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/message_codec.h"
#include "tests/sim/sim_cluster.h"

#include <QElapsedTimer>

#include <algorithm>
#include <cstdio>
#include <vector>

/// How soon a cluster knows of a change, in virtual time: real core::Nodes on the simulated network
/// of tests/sim, one after the other killed (the system resets its links), lost with its machine
/// (nobody is told) and started again.
///
/// The members know each other from before. Each takes one after the other to compare with after a
/// start, ten a second; what an idle node sends is counted when all are through with that.
///
///   bench_detection [NODES [TRIALS [SEED [IDLE_S]]]]      10 20 1 60
namespace {

using namespace dynakv;
using sim::SimCluster;

void print(const char *what, std::vector<qint64> tookMs)
{
    if (tookMs.empty())
        return;
    std::sort(tookMs.begin(), tookMs.end());
    const auto at = [&tookMs](double share) {
        return static_cast<double>(tookMs[static_cast<std::size_t>(
                   share * static_cast<double>(tookMs.size() - 1))]) /
               1000;
    };
    std::printf("  %-46s p50 %5.2f s, p99 %5.2f s, at most %5.2f s\n", what, at(0.5), at(0.99),
                static_cast<double>(tookMs.back()) / 1000);
}

/// Virtual ms until \a condition holds; -1 where it does not within a minute.
template <typename Condition>
qint64 timeUntil(SimCluster &cluster, Condition condition)
{
    const qint64 start = cluster.nowMs();
    return cluster.runUntil(60'000, condition) ? cluster.nowMs() - start : -1;
}

} // namespace

int main(int argc, char **argv)
{
    const int nodes = argc > 1 ? std::max(2, std::atoi(argv[1])) : 10;
    const int trials = argc > 2 ? std::max(1, std::atoi(argv[2])) : 20;
    SimCluster simulated(argc > 3 ? static_cast<quint64>(std::atoll(argv[3])) : 1);
    QElapsedTimer wall;
    wall.start();
    simulated.keepNoJournals();
    const int idleS = argc > 4 ? std::max(1, std::atoi(argv[4])) : 60;
    if (!simulated.formAgain(nodes)) {
        std::puts("the cluster did not form");
        return 1;
    }
    std::printf("%d nodes, %d trials, formed after %.2f s and %.0f s of wall time\n", nodes, trials,
                static_cast<double>(simulated.nowMs()) / 1000,
                static_cast<double>(wall.elapsed()) / 1000);
    std::fflush(stdout);
    std::vector<qint64> killed;
    std::vector<qint64> lost;
    std::vector<qint64> back;
    std::vector<qint64> told;
    const auto agree = [&simulated] { return simulated.membershipsAgree(); };
    for (int trial = 0; trial < trials; ++trial) {
        const int victim = static_cast<int>(simulated.random().below(static_cast<quint64>(nodes)));
        simulated.run(static_cast<qint64>(simulated.random().below(1000)));
        const bool isLost = trial % 2 == 1;
        isLost ? simulated.vanish(victim) : simulated.crash(victim);
        const qint64 known = timeUntil(simulated, [&] {
            for (int node = 0; node < nodes; ++node) {
                if (node != victim &&
                    simulated.stateSeenBy(node, victim) != core::MemberState::Down)
                    return false;
            }
            return true;
        });
        simulated.run(2000);
        simulated.start(victim);
        const qint64 startMs = simulated.nowMs();
        while (simulated.readiness(victim) != core::Readiness::Ready &&
               simulated.nowMs() < startMs + 60'000)
            simulated.run(1);
        const qint64 readyMs = simulated.nowMs();
        const qint64 returned = timeUntil(simulated, agree);
        told.push_back(returned);
        if (known < 0 || returned < 0) {
            std::printf("trial %d: not known within a minute\n", trial);
            return 1;
        }
        (isLost ? lost : killed).push_back(known);
        back.push_back(readyMs - startMs + returned);
        simulated.runUntil(60'000, [&] { return simulated.allReady(); });
    }
    print("a killed process is down for all others", killed);
    print("a lost machine is down for all others", lost);
    print("a node that was started is alive for all", back);
    print("from its being ready to all knowing it", told);
    simulated.run(nodes * qint64{250});
    simulated.countBytes(
        [](const core::Message &message) { return cluster::encodeMessage(message).size(); });
    const qint64 before = simulated.bytesSent();
    simulated.watchDowns();
    simulated.run(idleS * qint64{1000});
    std::printf(
        "  idle for %d s: %.2f KiB/s that a node sends, %d falsely down; %.0f s of wall time\n",
        idleS, static_cast<double>(simulated.bytesSent() - before) / idleS / nodes / 1024,
        simulated.falseDowns(), static_cast<double>(wall.elapsed()) / 1000);
    return 0;
}
