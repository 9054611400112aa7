// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/message_codec.h"
#include "daemon/core/hints.h"
#include "daemon/core/sync_responder.h"
#include "daemon/core/sync_session.h"
#include "daemon/store/table.h"
#include "tests/sim/sim_cluster.h"

#include <QElapsedTimer>
#include <QFile>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <deque>
#include <map>
#include <memory>

/// What it takes two nodes to become equal again: messages, bytes and the longest a node thread is
/// held up, with two tables in one process and messages carried by hand. And what hints cost.
///
///   bench_repair [KEYS [MISSED]]      1000000 800
namespace {

using namespace dynakv;

constexpr quint64 kCluster = 7;
constexpr double kPatienceS = 20; ///< So long one measurement goes on at most.

QByteArray keyAt(int number)
{
    return "user/" + QByteArray::number(number).rightJustified(10, '0');
}

core::Record recordAt(int number, quint64 clock)
{
    core::Record record;
    record.key = keyAt(number);
    record.version = {clock, 1};
    record.value = QByteArray(10, 'v');
    return record;
}

double residentMiB()
{
    QFile file(QStringLiteral("/proc/self/statm"));
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    return file.readAll().split(' ').at(1).toDouble() * 4096 / (1 << 20);
}

/// Time of this thread's own: others may be at work on the same processor.
double busyMs()
{
    timespec at = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return static_cast<double>(at.tv_sec) * 1e3 + static_cast<double>(at.tv_nsec) / 1e6;
}

/// Turns of one kind, in the order of their lengths.
struct Turns
{
    std::vector<double> ms = {};
    void print(const char *what)
    {
        if (ms.empty())
            return;
        std::sort(ms.begin(), ms.end());
        std::printf("    %-34s %7zu, p50 %6.3f ms, p99 %6.3f ms, longest %6.3f ms\n", what,
                    ms.size(), ms[ms.size() / 2], ms[ms.size() * 99 / 100], ms.back());
    }
};

struct Comparison
{
    store::Table &mine;
    store::Table &theirs;
    quint64 ids = 0;
    core::Capacity capacity{mine, 0};
    core::SyncSession session{1, 2, {}, mine, capacity, ids};
    std::deque<core::Effect> waiting = {};
    qint64 bytes = 0;
    qint64 messages = 0;
    std::map<QByteArray, Turns> turns = {};

    template <typename Work>
    auto timed(const char *what, Work work)
    {
        const double startMs = busyMs();
        auto result = work();
        turns[what].ms.push_back(busyMs() - startMs);
        return result;
    }
    QByteArray carried(const core::Message &message)
    {
        QByteArray frame = timed("its bytes made", [&] { return cluster::encodeMessage(message); });
        ++messages;
        bytes += frame.size();
        return frame;
    }
    core::Message answerOf(const core::Message &message)
    {
        if (const auto *roots = std::get_if<core::RootsRequest>(&message))
            return core::answer(*roots, theirs, true, 0, {});
        if (const auto *leaves = std::get_if<core::LeavesRequest>(&message))
            return core::answer(*leaves, theirs);
        if (const auto *stamps = std::get_if<core::StampsRequest>(&message))
            return timed("stamps answered", [&] { return core::answer(*stamps, theirs, 0); });
        if (const auto *fetch = std::get_if<core::FetchRequest>(&message))
            return timed("records fetched there", [&] { return core::answer(*fetch, theirs); });
        const auto &push = std::get<core::Push>(message);
        for (const core::Record &each : push.records)
            theirs.apply(each);
        return core::PushAck{push.id, true, core::Durability::Sync};
    }
    core::Effects deliver(const core::Message &message)
    {
        core::Effects out;
        if (const auto *roots = std::get_if<core::RootsReply>(&message))
            session.handle(*roots, 0, out);
        else if (const auto *leaves = std::get_if<core::LeavesReply>(&message))
            session.handle(*leaves, 0, out);
        else if (const auto *stamps = std::get_if<core::StampsReply>(&message))
            session.handle(*stamps, 0, out);
        else if (const auto *fetch = std::get_if<core::FetchReply>(&message))
            session.handle(*fetch, 0, out);
        else if (const auto *ack = std::get_if<core::PushAck>(&message))
            session.handle(*ack, 0, out);
        return out;
    }
    static const char *turnOf(const core::Message &message)
    {
        if (std::holds_alternative<core::StampsReply>(message))
            return "stamps compared";
        if (std::holds_alternative<core::FetchReply>(message))
            return "fetched records taken";
        if (std::holds_alternative<core::PushAck>(message))
            return "pushes made";
        return "roots and leaves compared";
    }
    void take(core::Effects effects)
    {
        for (core::Effect &effect : effects)
            waiting.push_back(std::move(effect));
    }
    void run(const char *what)
    {
        QElapsedTimer wall;
        wall.start();
        core::Effects begun;
        session.start(0, begun);
        take(std::move(begun));
        while (!waiting.empty() && static_cast<double>(wall.elapsed()) / 1000 < kPatienceS)
            step();
        const bool isOver = session.state() == core::SyncSession::State::Complete;
        std::printf("  %s: %s%lld messages, %.1f KiB, %lld fetched, %lld given, %.2f s\n", what,
                    isOver ? "" : "broken off after ", messages, static_cast<double>(bytes) / 1024,
                    session.totals().fetched, session.totals().pushed,
                    static_cast<double>(wall.elapsed()) / 1000);
        for (auto &[name, each] : turns)
            each.print(name.constData());
    }
    void step()
    {
        core::Effect effect = std::move(waiting.front());
        waiting.pop_front();
        if (const auto *append = std::get_if<core::Append>(&effect)) {
            for (const core::Record &each : append->records)
                mine.apply(each);
            core::Effects out;
            session.committed({append->ticket}, 0, out);
            take(std::move(out));
            return;
        }
        if (const auto *resume = std::get_if<core::Resume>(&effect)) {
            take(timed("a walk resumed", [&] {
                core::Effects out;
                session.resumed({resume->ticket}, 0, out);
                return out;
            }));
            return;
        }
        const core::Message &asked = std::get<core::Send>(effect).message;
        carried(asked);
        const core::Message reply = answerOf(asked);
        carried(reply);
        take(timed(turnOf(reply), [&] { return deliver(reply); }));
    }
};

/// In virtual time, on the simulated network: how soon a member that was away holds what one other
/// wrote meanwhile, if that one was started anew in between (and has no hints left) and if not.
void measureReturn(bool hasHints)
{
    constexpr int kKeys = 20'000;
    constexpr int kMissed = 500;
    sim::SimCluster cluster(1);
    if (!cluster.form(3))
        return;
    for (int i = 0; i < kKeys; ++i) {
        cluster.put(0, keyAt(i), "1");
        if (i % 500 == 0)
            cluster.run(20);
    }
    cluster.run(5000);
    cluster.crash(2);
    cluster.run(5000);
    for (int i = 0; i < kMissed; ++i)
        cluster.put(0, keyAt(i * (kKeys / kMissed)), "2");
    cluster.run(1000);
    if (!hasHints) {
        cluster.crash(0);
        cluster.start(0);
    }
    cluster.run(20'000);
    cluster.countBytes(
        [](const core::Message &message) { return cluster::encodeMessage(message).size(); });
    cluster.start(2);
    const qint64 startMs = cluster.nowMs();
    while (!cluster.recordsAgree() && cluster.nowMs() - startMs < 60'000)
        cluster.run(5);
    std::printf("  %d of %d keys missed, %s hints: there %lld ms after the start, %.1f KiB sent by "
                "all meanwhile\n",
                kMissed, kKeys, hasHints ? "with" : "without", cluster.nowMs() - startMs,
                static_cast<double>(cluster.bytesSent()) / 1024);
}

std::unique_ptr<store::Table> filled(int keys)
{
    auto table = std::make_unique<store::Table>();
    table->setTreeKey(kCluster);
    for (int i = 0; i < keys; ++i)
        table->apply(recordAt(i, 1));
    return table;
}

/// What one turn took when walks did not go in slices.
void measureWholeWalks(const store::Table &table)
{
    core::LeafSet one;
    one.set(77);
    for (const bool isSparse : {true, false}) {
        Turns turns;
        for (int partition = 0; partition < core::kPartitionCount; ++partition) {
            const double startMs = busyMs();
            (void)table.stamps(static_cast<quint8>(partition),
                               isSparse ? one : core::LeafSet().set(), {}, 1'000'000'000);
            turns.ms.push_back(busyMs() - startMs);
        }
        turns.print(isSparse ? "one leaf of a partition, at once" : "a whole partition, at once");
    }
}

void measureHints()
{
    constexpr int kKeys = 100'000;
    store::Table table;
    std::vector<QByteArray> keys;
    for (int i = 0; i < kKeys; ++i) {
        table.apply(recordAt(i, 1));
        keys.push_back(keyAt(i));
    }
    quint64 ids = 0;
    core::Hints hints(table, ids);
    const double beforeMiB = residentMiB();
    double startMs = busyMs();
    for (const QByteArray &key : keys)
        hints.add(1, QByteArray(key.constData(), key.size()), ++ids);
    const double addNs = (busyMs() - startMs) * 1e6 / kKeys;
    const double tookMiB = residentMiB() - beforeMiB;
    std::printf(
        "  a hint: %.0f bytes of RSS with its key of %lld, counted as %lld, noted in %.0f ns\n",
        tookMiB * (1 << 20) / kKeys, static_cast<qint64>(keys[0].size()),
        keys[0].size() + core::Hints::kOverheadBytes, addNs);
    qint64 bytes = 0;
    qint64 batches = 0;
    Turns turns;
    core::Effects out;
    hints.linked(1, 1, 0, out);
    while (!out.empty()) {
        const core::Effect effect = std::exchange(out, {}).front();
        startMs = busyMs();
        if (const auto *resume = std::get_if<core::Resume>(&effect)) {
            hints.resumed({resume->ticket}, 0, out);
            turns.ms.push_back(busyMs() - startMs);
            continue;
        }
        const core::Message message = std::get<core::Send>(effect).message;
        bytes += cluster::encodeMessage(message).size();
        ++batches;
        hints.acknowledged(1, {std::get<core::Push>(message).id, true, {}}, 0, out);
    }
    std::printf("  %d of them replayed in %lld batches of %.1f KiB in all\n", kKeys, batches,
                static_cast<double>(bytes) / 1024);
    turns.print("a batch made");
}

} // namespace

int main(int argc, char **argv)
{
    const int keys = argc > 1 ? std::max(1000, std::atoi(argv[1])) : 1'000'000;
    const int missed = argc > 2 ? std::clamp(std::atoi(argv[2]), 1, keys) : 800;
    measureHints();
    measureReturn(true);
    measureReturn(false);
    std::printf("%d keys\n", keys);
    {
        const auto mine = filled(keys);
        const auto theirs = filled(keys);
        theirs->apply(recordAt(keys / 2, 2));
        Comparison{*mine, *theirs}.run("one differs");
        qint64 hinted = 0;
        core::Push push;
        for (int i = 0; i < missed; ++i) {
            const core::Record record =
                recordAt(static_cast<int>(static_cast<qint64>(i) * keys / missed), 3);
            theirs->apply(record);
            push.records.push_back(record);
            if (push.records.size() == core::kPushRecordsMax || i + 1 == missed) {
                hinted += cluster::encodeMessage(push).size();
                push.records.clear();
            }
        }
        Comparison{*mine, *theirs}.run("some were missed");
        std::printf("    the same by hints: %.1f KiB\n", static_cast<double>(hinted) / 1024);
    }
    const auto full = filled(keys);
    measureWholeWalks(*full);
    {
        store::Table empty;
        empty.setTreeKey(kCluster);
        Comparison{*full, empty}.run("the other one is empty");
    }
    store::Table empty;
    empty.setTreeKey(kCluster);
    Comparison{empty, *full}.run("this one is empty");
    return 0;
}
