// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <QTest>

#include <map>

using namespace dynakv;
using sim::SimCluster;

namespace {

constexpr int kNodes = 5;
constexpr int kOperations = 2000;
constexpr int kDisksHarmed = 2; ///< As many as a quorum of five can do without.

struct Counts
{
    std::map<QByteArray, int> faults = {};
    int acknowledged = 0;
    int deletes = 0;
    int checked = 0;
};

/// One random fault or the end of one.
void strike(SimCluster &cluster, Counts &counts)
{
    core::Random &random = cluster.random();
    const int node = static_cast<int>(random.below(kNodes));
    const int other =
        static_cast<int>((static_cast<quint64>(node) + 1 + random.below(kNodes - 1)) % kNodes);
    switch (random.below(9)) {
    case 0:
    case 1:
        if (cluster.isRunning(node)) {
            cluster.crash(node);
            ++counts.faults["crash"];
        }
        break;
    case 2:
        if (cluster.isRunning(node)) {
            cluster.vanish(node);
            ++counts.faults["vanish"];
        }
        break;
    case 3:
        cluster.setPaused(node, true);
        ++counts.faults["pause"];
        break;
    case 4:
        cluster.setCutBothWays(node, other, true);
        ++counts.faults["cut"];
        break;
    case 5:
        cluster.setCut(node, other, true);
        ++counts.faults["one-way cut"];
        break;
    case 6:
        cluster.setWallOffset(node, static_cast<qint64>(random.below(20'000)) - 10'000);
        ++counts.faults["clock jump"];
        break;
    case 7:
        cluster.mendAll();
        ++counts.faults["mend"];
        break;
    case 8:
        for (int each = 0; each < kNodes; ++each) {
            cluster.setPaused(each, false);
            if (!cluster.isRunning(each))
                cluster.start(each);
        }
        ++counts.faults["restart"];
        break;
    }
}

/// Create only, or replace what this node holds.
core::WriteCondition conditionFor(SimCluster &cluster, int node, const QByteArray &key)
{
    core::WriteCondition condition;
    if (cluster.random().below(2) == 0) {
        condition.ifNoneMatch = core::VersionSet{true, {}};
        return condition;
    }
    condition.ifMatch.emplace();
    if (cluster.isRunning(node)) {
        if (const auto stamp = cluster.records(node).stampOf(key))
            condition.ifMatch->versions.push_back(stamp->version);
    }
    return condition;
}

/// Every write \a isByQuorum, or one in three.
void operate(SimCluster &cluster, int number, bool isByQuorum)
{
    core::Random &random = cluster.random();
    const int node = static_cast<int>(random.below(kNodes));
    // Half of the keys are written once: no later write hides that an earlier one was lost.
    const QByteArray key = random.below(2) == 0 ? "k" + QByteArray::number(random.below(40))
                                                : "once" + QByteArray::number(number);
    if (random.below(5) == 0) {
        core::WriteRequest request{key, core::RecordKind::Value, QByteArray::number(number)};
        request.condition = conditionFor(cluster, node, key);
        request.concern = {isByQuorum ? core::WriteConcern::Kind::Quorum
                                      : core::WriteConcern::Kind::Count};
        cluster.write(node, request);
    } else if (random.below(4) == 0)
        cluster.remove(
            node, key,
            {isByQuorum ? core::WriteConcern::Kind::Quorum : core::WriteConcern::Kind::Count});
    else
        cluster.put(node, key, QByteArray::number(number),
                    {random.below(3) == 0 || isByQuorum ? core::WriteConcern::Kind::Quorum
                                                        : core::WriteConcern::Kind::Count});
}

/// What every key must be now: the greatest version ever acknowledged, or a write whose outcome was
/// unknown and whose version is greater; never less, and never a value that nobody wrote.
QByteArray violation(const SimCluster &cluster, Counts &counts)
{
    if (!cluster.wrongAnswer().isEmpty())
        return cluster.wrongAnswer();
    std::map<QByteArray, const sim::Told *> winners;
    std::map<std::pair<core::Version, QByteArray>, int> versions;
    for (const sim::Told &told : cluster.allTold()) {
        if (!told.isAnswered || told.outcome.status != core::WriteOutcome::Status::Done)
            continue;
        ++counts.acknowledged;
        counts.deletes += told.kind == core::RecordKind::Tombstone ? 1 : 0;
        if (++versions[{told.outcome.version, told.key}] > 1)
            return "a version was given twice: " + told.outcome.version.toString();
        const sim::Told *&winner = winners[told.key];
        if (winner == nullptr || winner->outcome.version < told.outcome.version)
            winner = &told;
    }
    for (int node = 0; node < kNodes; ++node) {
        for (const auto &[key, winner] : winners) {
            ++counts.checked;
            const auto held = cluster.records(node).find(key);
            if (!held)
                return "an acknowledged write to " + key + " is missing";
            if (held->version < winner->outcome.version)
                return "an acknowledged write to " + key + " lost to an older one";
            if (held->version == winner->outcome.version &&
                (held->kind != winner->kind || held->value != winner->value))
                return "the value of " + key + " was never written with that version";
        }
    }
    return {};
}

} // namespace

/// The machine dies, and with it the end of its file.
void harmDisk(SimCluster &cluster, Counts &counts)
{
    const int node = static_cast<int>(cluster.random().below(kNodes));
    if (cluster.isRunning(node))
        cluster.crash(node);
    const size_t writes = cluster.diskWrites(node);
    cluster.cutDisk(node, writes - cluster.random().below(writes / 2));
    ++counts.faults["harmed disk"];
}

/// Random faults under load, then quiet: everything acknowledged is there, everywhere, once.
class TestRandomFaults : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void nothingAcknowledgedIsLost();
    void nothingAcknowledgedByAQuorumIsLostWithADisk();

private:
    void runSeed(quint64 seed, bool areDisksHarmed, Counts &counts);
};

void TestRandomFaults::runSeed(quint64 seed, bool areDisksHarmed, Counts &counts)
{
    SimCluster cluster(seed);
    cluster.addNode({});
    for (int node = 1; node < kNodes; ++node)
        cluster.addNode({0, node - 1});
    for (int node = 0; node < kNodes; ++node)
        cluster.start(node);
    QVERIFY2(
        cluster.runUntil(20'000, [&] { return cluster.allReady() && cluster.membershipsAgree(); }),
        "the cluster did not form");
    for (int number = 0; number < kOperations; ++number) {
        operate(cluster, number, areDisksHarmed);
        cluster.run(static_cast<qint64>(cluster.random().below(60)));
        if (cluster.random().below(40) == 0)
            strike(cluster, counts);
        if (areDisksHarmed && number % (kOperations / kDisksHarmed) == kOperations / 4)
            harmDisk(cluster, counts);
    }
    cluster.mendAll();
    for (int node = 0; node < kNodes; ++node) {
        cluster.setPaused(node, false);
        cluster.setWallOffset(node, 0);
        if (!cluster.isRunning(node))
            cluster.start(node);
    }
    const bool isWhole = cluster.runUntil(60'000, [&] {
        return cluster.allReady() && cluster.membershipsAgree() && cluster.recordsAgree();
    });
    const QByteArray wrong = isWhole ? violation(cluster, counts) : QByteArray("it did not heal");
    if (!wrong.isEmpty()) {
        for (const QByteArray &line :
             cluster.log().size() > 200
                 ? std::vector(cluster.log().end() - 200, cluster.log().end())
                 : cluster.log())
            qInfo().noquote() << line;
    }
    QVERIFY2(wrong.isEmpty(), ("seed " + QByteArray::number(seed) + ": " + wrong).constData());
}

void TestRandomFaults::nothingAcknowledgedIsLost()
{
    const int seeds = std::max(1, qEnvironmentVariableIntValue("DYNAKV_SIM_SEEDS"));
    const int wanted = qEnvironmentVariableIsSet("DYNAKV_SIM_SEEDS") ? seeds : 500;
    const auto first =
        static_cast<quint64>(std::max(1, qEnvironmentVariableIntValue("DYNAKV_SIM_FIRST")));
    Counts counts;
    for (quint64 seed = first; seed < first + static_cast<quint64>(wanted); ++seed) {
        runSeed(seed, false, counts);
        if (QTest::currentTestFailed())
            return;
    }
    for (const char *fault :
         {"crash", "vanish", "pause", "cut", "one-way cut", "clock jump", "restart"}) {
        qInfo("%-12s %d", fault, counts.faults[fault]);
        QVERIFY2(counts.faults[fault] > 0, fault);
    }
    qInfo("acknowledged %d, deletes %d, checks %d", counts.acknowledged, counts.deletes,
          counts.checked);
    QVERIFY(counts.acknowledged > 0 && counts.deletes > 0 && counts.checked > 0);
}

/// A node whose disk lost its end stays out until the others have made it whole again.
void TestRandomFaults::nothingAcknowledgedByAQuorumIsLostWithADisk()
{
    Counts counts;
    const int seeds = qEnvironmentVariableIsSet("DYNAKV_SIM_SEEDS")
                          ? std::max(1, qEnvironmentVariableIntValue("DYNAKV_SIM_SEEDS"))
                          : 100;
    for (quint64 seed = 1; seed <= static_cast<quint64>(seeds); ++seed) {
        runSeed(seed, true, counts);
        if (QTest::currentTestFailed())
            return;
    }
    qInfo("harmed disks %d, acknowledged %d, checks %d", counts.faults["harmed disk"],
          counts.acknowledged, counts.checked);
    QVERIFY(counts.faults["harmed disk"] == kDisksHarmed * seeds && counts.acknowledged > 0);
}

QTEST_APPLESS_MAIN(TestRandomFaults)
#include "tst_random_faults.moc"
