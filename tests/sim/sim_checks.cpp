// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/purge_watermark.h"
#include "tests/sim/sim_cluster.h"

#include <algorithm>

namespace dynakv::sim {

void SimCluster::checkRepair(Machine &machine)
{
    if (machine.owed.empty() || machine.node->readiness() != core::Readiness::Ready)
        return;
    for (const auto &[other, records] : std::exchange(machine.owed, {})) {
        const auto &[index, boot] = other;
        const auto alive = aliveSeenBy(machine.index);
        if (m_nodes[at(index)].boot != boot ||
            std::find(alive.begin(), alive.end(), index) == alive.end())
            continue;
        for (const auto &[key, record] : records.all()) {
            const auto held = machine.records->find(key);
            const quint64 watermark = m_nodes[at(index)].disk.watermark;
            if (core::isPurgeable(record, watermark) &&
                (!held || core::isPurgeable(*held, watermark)))
                continue; // Purged there meanwhile, and dead here.
            if (!held || core::stampOf(*held) < core::stampOf(record))
                m_wrongAnswer = "a node was ready before it was repaired: it lacks " + key;
        }
    }
}

QByteArray SimCluster::difference() const
{
    std::map<QByteArray, std::map<core::Stamp, QByteArray>> holders;
    std::map<QByteArray, int> counts;
    int running = 0;
    for (const Machine &machine : m_nodes) {
        if (!machine.node)
            continue;
        ++running;
        for (const auto &[key, record] : machine.records->all()) {
            holders[key][core::stampOf(record)] += ' ' + QByteArray::number(machine.index);
            ++counts[key];
        }
    }
    for (const auto &[key, by] : holders) {
        if (by.size() == 1 && counts[key] == running)
            continue;
        QByteArray text = key + ':';
        for (const auto &[stamp, nodes] : by)
            text += " version " + stamp.version.toString() + " on" + nodes + ';';
        return text;
    }
    return {};
}

void SimCluster::answered(const core::Reply &reply)
{
    Told &told = m_told[reply.request];
    if (told.isAnswered)
        m_wrongAnswer = "a write was answered twice: " + told.key;
    told.isAnswered = true;
    told.outcome = reply.outcome;
    trace({reply.outcome.version.clock, reply.outcome.version.node,
           static_cast<quint64>(reply.outcome.status)});
    if (reply.outcome.status != core::WriteOutcome::Status::Done)
        return;
    int holders = 0;
    for (const Machine &machine : m_nodes) {
        const auto held = machine.diskRecords.find(told.key);
        holders +=
            held != machine.diskRecords.end() && !(held->second.version < reply.outcome.version)
                ? 1
                : 0;
    }
    // A disk that was cut meanwhile may have had it when it said so.
    if ((holders < reply.outcome.acked && told.diskCuts == m_diskCuts) ||
        reply.outcome.acked < reply.outcome.required)
        m_wrongAnswer = "a write was acknowledged that too few disks have: " + told.key;
    if (!(told.floor < reply.outcome.version))
        m_wrongAnswer = "a write was stamped below what its node held: " + told.key;
}

void SimCluster::countFalseDowns(const Machine &machine)
{
    for (const Machine &other : m_nodes) {
        if (other.node && machine.node->stateOf(other.disk.node) == core::MemberState::Down &&
            !isCut(other.index, machine.index) && !isCut(machine.index, other.index))
            ++m_falseDowns;
    }
}

bool SimCluster::isLinkedWithAll(int node) const
{
    std::set<int> linked{node};
    for (const auto &[link, wire] : m_nodes[at(node)].wires) {
        const Wire &on = m_wires[wire];
        if (on.isOpen[0] && on.isOpen[1])
            linked.insert(on.end[0] == node ? on.end[1] : on.end[0]);
    }
    return std::all_of(m_nodes.begin(), m_nodes.end(), [&linked](const Machine &each) {
        return !each.node || linked.contains(each.index);
    });
}

std::optional<core::MemberState> SimCluster::stateSeenBy(int node, int subject) const
{
    return m_nodes[at(node)].node->stateOf(m_nodes[at(subject)].disk.node);
}

std::vector<int> SimCluster::aliveSeenBy(int node) const
{
    std::vector<int> alive;
    for (const Machine &machine : m_nodes) {
        if (stateSeenBy(node, machine.index) == core::MemberState::Alive)
            alive.push_back(machine.index);
    }
    return alive;
}

bool SimCluster::allReady() const
{
    return std::all_of(m_nodes.begin(), m_nodes.end(), [](const Machine &each) {
        return !each.node || each.node->readiness() == core::Readiness::Ready;
    });
}

bool SimCluster::membershipsAgree() const
{
    // Who did not agree when last asked is asked first: that is the answer most of the time.
    for (int i = 0; i < count(); ++i) {
        const int node = (m_disagreed + i) % count();
        if (!isRunning(node))
            continue;
        for (const Machine &other : m_nodes) {
            if ((stateSeenBy(node, other.index) == core::MemberState::Alive) != !!other.node) {
                m_disagreed = node;
                return false;
            }
        }
    }
    return true;
}

} // namespace dynakv::sim
