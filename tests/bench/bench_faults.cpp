// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/network_cluster.h"
#include "tests/support/own_namespaces.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QTest>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

/// How soon real processes notice and mend: each on a machine of its own (network namespaces, see
/// NetworkCluster). Linux; as root, or where users may make namespaces. The times hold the polling,
/// some ms for each round of questions.
///
///   bench_faults [PART [TRIALS]]    detect heal one; TRIALS 20
///
///   detect  five nodes; until all others have taken one from their lists that was killed, stopped,
///           or whose cable was pulled
///   heal    five nodes, parted into three and two; 5,000 new keys on either side; from the heal
///           until all five have all
///   one     three nodes with a million keys (DYNAKV_BENCH_KEYS); one is cut off, another one takes
///           a write and is lost; from the heal until the first one has it, by comparison
namespace {

using namespace dynakv;
using test::Exchange;
using test::HttpAnswer;
using test::LocalNetwork;
using test::NetworkCluster;

[[noreturn]] void fail(const QByteArray &what)
{
    std::fprintf(stderr, "bench_faults: %s\n", what.constData());
    std::exit(1);
}

void require(bool isSo, const char *what)
{
    if (!isSo)
        fail(what);
}

/// Milliseconds until \a condition holds.
qint64 measure(const std::function<bool()> &condition, const char *what)
{
    QElapsedTimer elapsed;
    elapsed.start();
    while (!condition()) {
        if (elapsed.hasExpired(120'000))
            fail(QByteArray("not within two minutes: ") + what);
        QTest::qSleep(2);
    }
    return elapsed.elapsed();
}

void report(const char *what, std::vector<qint64> times)
{
    std::sort(times.begin(), times.end());
    std::printf("%s: p50 %.2f s, greatest of %zu %.2f s\n", what,
                static_cast<double>(times[times.size() / 2]) / 1000, times.size(),
                static_cast<double>(times.back()) / 1000);
    std::fflush(stdout);
}

void write(NetworkCluster &cluster, int machine, const QByteArray &prefix, int keys)
{
    constexpr int kLines = 1000;
    const LocalNetwork::At at(cluster.network(), machine);
    const QByteArray value(100, 'v');
    for (int first = 0; first < keys; first += kLines) {
        QByteArray body;
        for (int i = first; i < std::min(first + kLines, keys); ++i) {
            body += R"({"op":"put","key":")" + prefix + QByteArray::number(i) + R"(","value":")" +
                    value + "\"}\n";
        }
        const QByteArray head = "POST /v1/batch HTTP/1.1\r\nContent-Type: application/x-ndjson\r\n"
                                "Content-Length: " +
                                QByteArray::number(body.size()) + "\r\n";
        const HttpAnswer answer =
            Exchange(cluster.node(machine).address(), head, body).finish(60'000);
        require(answer.status == 200 && !answer.body.contains(R"("status":503)"), "a batch");
    }
}

qint64 keysOf(NetworkCluster &cluster, int machine)
{
    return cluster.ask(machine, "GET", "/v1/stats").object()[QLatin1String("keys")].toInteger();
}

void start(NetworkCluster &cluster, int nodes)
{
    require(cluster.network().failure().isEmpty(),
            cluster.network().failure().toUtf8().constData());
    require(cluster.start(nodes), "the nodes are no cluster");
}

void detect(int trials)
{
    constexpr int kNodes = 5;
    NetworkCluster cluster(kNodes);
    start(cluster, kNodes);
    const std::vector<int> all{0, 1, 2, 3, 4};
    for (const char *how : {"killed", "stopped", "unplugged"}) {
        const QByteArray kind(how);
        std::vector<qint64> times;
        for (int trial = 0; trial < trials; ++trial) {
            const int gone = trial % kNodes;
            if (kind == "killed")
                cluster.node(gone).killHard();
            else if (kind == "stopped")
                cluster.node(gone).pause();
            else
                cluster.network().unplug(gone);
            std::vector<int> others = all;
            others.erase(others.begin() + gone);
            times.push_back(measure(
                [&] {
                    std::erase_if(others, [&](int asked) {
                        const HttpAnswer answer = cluster.ask(asked, "GET", "/membership");
                        return answer.status == 200 &&
                               !answer.body.contains(NetworkCluster::addressOf(gone));
                    });
                    return others.empty();
                },
                how));
            if (kind == "killed")
                require(cluster.startNode(gone), "a restart");
            else if (kind == "stopped")
                cluster.node(gone).resume();
            else
                cluster.network().plug(gone);
            require(cluster.waitForMembers(all, all, 60'000) && cluster.waitForLinks(all),
                    "a return");
        }
        report(("down for all four others, " + kind).constData(), times);
    }
}

void heal(int trials)
{
    constexpr int kNodes = 5;
    constexpr int kEach = 5000;
    NetworkCluster cluster(kNodes);
    start(cluster, kNodes);
    std::vector<qint64> times;
    qint64 keys = 0;
    for (int trial = 0; trial < trials; ++trial) {
        cluster.network().split({3, 4});
        require(cluster.waitForMembers({0, 1, 2}, {0, 1, 2}) &&
                    cluster.waitForMembers({3, 4}, {3, 4}),
                "a partition");
        const QByteArray number = QByteArray::number(trial);
        write(cluster, 0, "many" + number + '-', kEach);
        write(cluster, 4, "few" + number + '-', kEach);
        keys += qint64{2} * kEach;
        cluster.network().join({3, 4});
        times.push_back(measure(
            [&] {
                for (int machine = 0; machine < kNodes; ++machine) {
                    if (keysOf(cluster, machine) != keys)
                        return false;
                }
                return true;
            },
            "equal"));
        require(cluster.waitForMembers({0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}), "a return");
    }
    report("10,000 keys that differ, equal on all five after the heal", times);
}

void one(int trials)
{
    bool isNumber = false;
    const int given = qEnvironmentVariableIntValue("DYNAKV_BENCH_KEYS", &isNumber);
    const int keys = isNumber ? given : 1'000'000;
    NetworkCluster cluster(3);
    start(cluster, 3);
    write(cluster, 0, "filled-", keys);
    measure([&] { return keysOf(cluster, 1) == keys && keysOf(cluster, 2) == keys; }, "filled");
    std::vector<qint64> times;
    for (int trial = 0; trial < trials; ++trial) {
        const QByteArray target = "/key/filled-" + QByteArray::number(trial);
        const QByteArray body = R"({"value":"new )" + QByteArray::number(trial) + R"("})";
        cluster.network().unplug(2);
        require(cluster.waitForMembers({0, 1}, {0, 1}), "a cut");
        require(cluster.ask(1, "PUT", target + "?w=quorum", body).status == 200, "a write");
        cluster.node(1).killHard();
        require(cluster.waitForMembers({0}, {0}), "a loss");
        cluster.network().plug(2);
        times.push_back(
            measure([&] { return cluster.ask(2, "GET", target).body.contains(body); }, "there"));
        require(cluster.startNode(1), "a restart");
        require(cluster.waitForMembers({0, 1, 2}, {0, 1, 2}, 60'000), "a return");
        require(cluster.waitForLinks({0, 1, 2}), "links");
    }
    report("one key that differs among so many, whose writer is lost, after the heal", times);
}

} // namespace

int main(int argc, char **argv)
{
    const QString whyNot = test::takeOwnNetwork();
    const QCoreApplication app(argc, argv);
    require(whyNot.isEmpty(), whyNot.toUtf8().constData());
    const QByteArray part = argc > 1 ? argv[1] : "all";
    const int trials = argc > 2 ? std::atoi(argv[2]) : 20;
    require(trials > 0, "TRIALS is a number above 0");
    if (part == "all" || part == "detect")
        detect(trials);
    if (part == "all" || part == "heal")
        heal(trials);
    if (part == "all" || part == "one")
        one(trials);
    return 0;
}
