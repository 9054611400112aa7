// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/random_clients.h"

#include <algorithm>

namespace dynakv::sim {
namespace {

using core::RecordKind;
using core::WriteConcern;
using WriteStatus = core::WriteOutcome::Status;

constexpr int kKeys = 40;
constexpr core::WriteConcern kQuorum{WriteConcern::Kind::Quorum};

/// Whether a client was told that nothing was changed.
bool isRefused(const Told &told)
{
    return told.isAnswered && told.outcome.status != WriteStatus::Done &&
           told.outcome.status != WriteStatus::TooFewReplicas &&
           told.outcome.status != WriteStatus::Failed;
}

} // namespace

RandomClients::RandomClients(SimCluster &cluster, int nodes, bool isByQuorum)
    : m_cluster(cluster)
    , m_nodes(nodes)
    , m_isByQuorum(isByQuorum)
{
}

void RandomClients::operate(int steps)
{
    const auto client = static_cast<size_t>(m_cluster.random().below(kClients));
    if (m_cluster.random().below(3) == 0)
        read(client, steps);
    else
        write(client, steps);
}

/// Create only, or replace what this node holds.
core::WriteCondition RandomClients::conditionFor(int node, const QByteArray &key)
{
    core::WriteCondition condition;
    if (m_cluster.random().below(2) == 0) {
        condition.ifNoneMatch = core::VersionSet{true, {}};
        return condition;
    }
    condition.ifMatch.emplace();
    if (m_cluster.isRunning(node)) {
        if (const auto stamp = m_cluster.records(node).stampOf(key))
            condition.ifMatch->versions.push_back(stamp->version);
    }
    return condition;
}

/// A value is the number of its write, so that whoever reads it knows which one that was.
void RandomClients::write(size_t client, int steps)
{
    core::Random &random = m_cluster.random();
    const int node = static_cast<int>(random.below(static_cast<quint64>(m_nodes)));
    const QByteArray number = QByteArray::number(m_cluster.allTold().size());
    core::WriteRequest request;
    // Half of the keys are written once: no later write hides that an earlier one was lost.
    request.key =
        random.below(2) == 0 ? "k" + QByteArray::number(random.below(kKeys)) : "once" + number;
    if (random.below(5) == 0)
        request.condition = conditionFor(node, request.key);
    else if (random.below(4) == 0)
        request.kind = RecordKind::Tombstone;
    if (request.kind == RecordKind::Value)
        request.value = number;
    const bool isByQuorum = random.below(3) == 0 || m_isByQuorum;
    if (isByQuorum)
        request.concern = kQuorum;
    m_writes.push_back({m_cluster.write(node, request), client, steps, isByQuorum});
    if (request.kind == RecordKind::Tombstone)
        m_deletes[request.key].push_back(m_writes.back().told);
}

void RandomClients::read(size_t client, int steps)
{
    core::Random &random = m_cluster.random();
    const int node = static_cast<int>(random.below(static_cast<quint64>(m_nodes)));
    Asked asked;
    asked.client = client;
    const std::vector<Told> &told = m_cluster.allTold();
    asked.key = told.empty() || random.below(2) == 0
                    ? "k" + QByteArray::number(random.below(kKeys))
                    : told[told.size() - 1 - random.below(std::min<size_t>(told.size(), 50))].key;
    core::ReadRequest request{asked.key};
    request.timeoutMs = 100 + static_cast<int>(random.below(1000));
    asked.isByQuorum = random.below(2) == 0;
    if (asked.isByQuorum) {
        request.concern = kQuorum;
        for (auto at = m_given[asked.key].lower_bound(steps - 1); at != m_given[asked.key].end();
             ++at) {
            if (asked.quorum.version < at->second.version)
                asked.quorum = at->second;
        }
    }
    const auto seen = m_seen[client].find(asked.key);
    if (seen != m_seen[client].end() && random.below(4) != 0) {
        asked.floor = seen->second;
        request.atLeast = seen->second.version;
    }
    asked.read = m_cluster.read(node, request);
    m_reads.push_back(asked);
}

void RandomClients::check()
{
    std::erase_if(m_writes, [this](const Write &write) {
        if (!m_cluster.told(write.told).isAnswered)
            return false;
        checkWrite(write);
        return true;
    });
    std::erase_if(m_reads, [this](const Asked &asked) {
        if (!m_cluster.readOf(asked.read).isAnswered)
            return false;
        checkRead(asked);
        return true;
    });
    if (!m_cluster.wrongAnswer().isEmpty())
        fail(m_cluster.wrongAnswer());
}

void RandomClients::checkWrite(const Write &write)
{
    const Told &told = m_cluster.told(write.told);
    if (told.outcome.status != WriteStatus::Done)
        return;
    ++m_counts[told.kind == RecordKind::Tombstone ? "deletes acknowledged" : "values acknowledged"];
    const Seen done{told.outcome.version, told.kind};
    const auto raise = [&done](Seen &seen) {
        if (seen.version < done.version)
            seen = done;
    };
    raise(m_seen[write.client][told.key]);
    if (write.isByQuorum)
        raise(m_given[told.key][write.steps]);
}

void RandomClients::checkRead(const Asked &asked)
{
    const core::ReadOutcome &outcome = m_cluster.readOf(asked.read).outcome;
    if (outcome.status != core::ReadOutcome::Status::Done) {
        ++m_counts["reads refused"];
        return;
    }
    ++m_counts["reads answered"];
    if (asked.floor.version != core::Version{})
        checkNotBefore(outcome.record, asked.floor, "what its client has seen");
    if (asked.isByQuorum && asked.quorum.version != core::Version{})
        checkNotBefore(outcome.record, asked.quorum, "what a quorum was given");
    if (!outcome.record)
        return;
    if (outcome.record->key != asked.key)
        return fail("a read of " + asked.key + " showed " + outcome.record->key);
    checkRecord(*outcome.record);
    Seen &seen = m_seen[asked.client][asked.key];
    if (seen.version < outcome.record->version)
        seen = {outcome.record->version, outcome.record->kind};
}

void RandomClients::checkNotBefore(const std::optional<core::Record> &record, const Seen &seen,
                                   const char *what)
{
    ++m_counts[QByteArray("reads not before ") + what];
    // A tombstone that all members have is dropped at some time.
    const bool isGone = !record && seen.kind == RecordKind::Tombstone;
    if (!isGone && (!record || record->version < seen.version))
        fail("a read showed " + (record ? record->version.toString() : QByteArray("nothing")) +
             ", which is older than " + what + ": " + seen.version.toString());
}

/// That somebody wrote it, as it is.
void RandomClients::checkRecord(const core::Record &record)
{
    ++m_counts["records read that were written"];
    if (record.kind == RecordKind::Tombstone) {
        const std::vector<size_t> &deletes = m_deletes[record.key];
        const bool isKnown = std::any_of(deletes.begin(), deletes.end(), [&](size_t each) {
            const Told &told = m_cluster.told(each);
            return !isRefused(told) &&
                   (!told.isAnswered || told.outcome.version == record.version ||
                    told.outcome.version == core::Version{});
        });
        if (!isKnown)
            fail("nobody deleted " + record.key + " with version " + record.version.toString());
        return;
    }
    bool isNumber = false;
    const auto number = static_cast<size_t>(record.value.toULongLong(&isNumber));
    if (!isNumber || number >= m_cluster.allTold().size())
        return fail("nobody wrote the value of " + record.key);
    const Told &told = m_cluster.told(number);
    if (told.key != record.key || told.kind != record.kind || told.value != record.value)
        return fail("the value of " + record.key + " was written elsewhere");
    if (isRefused(told))
        return fail("a write to " + record.key + " that was refused is read");
    const core::Version first = m_versionOf.try_emplace(number, record.version).first->second;
    const bool isAnother = told.isAnswered && told.outcome.version != core::Version{} &&
                           told.outcome.version != record.version;
    if (first != record.version || isAnother)
        fail("a write to " + record.key + " has two versions");
}

void RandomClients::checkEverywhere()
{
    check();
    std::map<QByteArray, const Told *> winners;
    std::map<std::pair<core::Version, QByteArray>, int> versions;
    for (const Told &told : m_cluster.allTold()) {
        if (!told.isAnswered || told.outcome.status != WriteStatus::Done)
            continue;
        if (++versions[{told.outcome.version, told.key}] > 1)
            return fail("a version was given twice: " + told.outcome.version.toString());
        const Told *&winner = winners[told.key];
        if (winner == nullptr || winner->outcome.version < told.outcome.version)
            winner = &told;
    }
    for (int node = 0; node < m_nodes; ++node) {
        if (!m_cluster.isRunning(node))
            continue;
        for (const auto &[key, winner] : winners) {
            ++m_counts["keys held everywhere"];
            const auto held = m_cluster.records(node).find(key);
            if (!held)
                return fail("an acknowledged write to " + key + " is missing");
            if (held->version < winner->outcome.version)
                return fail("an acknowledged write to " + key + " lost to an older one");
            if (held->version == winner->outcome.version &&
                (held->kind != winner->kind || held->value != winner->value))
                return fail("the value of " + key + " was never written with that version");
        }
        for (const auto &[key, record] : m_cluster.records(node).all())
            checkRecord(record);
    }
}

void RandomClients::fail(const QByteArray &what)
{
    if (m_wrong.isEmpty())
        m_wrong = what;
}

} // namespace dynakv::sim
