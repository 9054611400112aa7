// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <algorithm>

/// What machines keep: their disks, and the stores that some of them work with.
namespace dynakv::sim {

void SimCluster::copyDisk(int from, int to)
{
    Machine &machine = m_nodes[at(to)];
    machine.disk = m_nodes[at(from)].disk;
    machine.diskRecords = m_nodes[at(from)].diskRecords;
    machine.journal = m_nodes[at(from)].journal;
    refill(machine);
}

SimCluster::KeptDisk SimCluster::keptDisk(int node) const
{
    const Machine &machine = m_nodes[at(node)];
    return {machine.disk, machine.diskRecords, machine.journal};
}

void SimCluster::putBack(int node, const KeptDisk &kept)
{
    note("put an older disk of " + QByteArray::number(node) + " back");
    ++m_diskCuts;
    Machine &machine = m_nodes[at(node)];
    machine.greatest.clear();
    machine.disk = kept.state;
    machine.diskRecords = kept.records;
    machine.journal = kept.journal;
    refill(machine);
}

void SimCluster::writeDisk(Machine &machine, DiskWrite write) const
{
    if (auto *state = std::get_if<core::PersistedState>(&write)) {
        m_keepsJournals ? machine.disk = *state : machine.disk = std::move(*state);
    } else {
        for (const core::Record &record : std::get<std::vector<core::Record>>(write)) {
            const auto [held, isNew] = machine.diskRecords.try_emplace(record.key, record);
            if (!isNew && core::stampOf(held->second) < core::stampOf(record))
                held->second = record;
        }
    }
    if (m_keepsJournals)
        machine.journal.push_back(std::move(write));
}

void SimCluster::cutDisk(int node, size_t writes)
{
    Machine &machine = m_nodes[at(node)];
    note("cut the disk of " + QByteArray::number(node));
    ++m_diskCuts;
    machine.diskRecords.clear();
    machine.greatest.clear();
    auto journal = std::exchange(machine.journal, {});
    journal.resize(std::clamp<size_t>(writes, 1, journal.size()));
    for (DiskWrite &write : journal)
        writeDisk(machine, std::move(write));
    core::PersistedState state = machine.disk;
    state.mayLack = true;
    writeDisk(machine, state);
    refill(machine);
}

void SimCluster::compact(int node)
{
    Machine &machine = m_nodes[at(node)];
    if (machine.store)
        machine.store->compact();
    std::vector<core::Record> records;
    for (const auto &[key, record] : machine.records->all())
        records.push_back(record);
    const core::PersistedState state = machine.disk;
    machine.diskRecords.clear();
    machine.journal.clear();
    writeDisk(machine, std::move(records));
    writeDisk(machine, state);
}

void SimCluster::wipe(int node)
{
    Machine &machine = m_nodes[at(node)];
    ++m_diskCuts;
    machine.diskRecords.clear();
    machine.journal.clear();
    machine.greatest.clear();
    core::PersistedState state;
    state.node = m_random.next();
    writeDisk(machine, state);
    refill(machine);
}

void SimCluster::plant(int node, const core::Record &record)
{
    Machine &machine = m_nodes[at(node)];
    machine.records->apply(record);
    writeDisk(machine, std::vector{record});
}

void SimCluster::refill(Machine &machine)
{
    if (machine.store)
        machine.store->fill(machine.disk, machine.diskRecords);
}

void SimCluster::setStore(int node, std::unique_ptr<NodeStore> store)
{
    m_nodes[at(node)].store = std::move(store);
    refill(m_nodes[at(node)]);
}

/// All that a disk has taken is there, and what was on its way when the power went may be.
bool SimCluster::openStore(Machine &machine)
{
    if (!machine.store->open() || machine.store->state() != machine.disk)
        return false;
    Records found = machine.store->all();
    const bool hasAll =
        std::all_of(machine.diskRecords.begin(), machine.diskRecords.end(), [&](const auto &each) {
            const auto held = found.find(each.first);
            return held != found.end() &&
                   !(core::stampOf(held->second) < core::stampOf(each.second));
        });
    machine.diskRecords = std::move(found);
    return hasAll;
}

void SimCluster::checkStore(const Machine &machine)
{
    if (!machine.node || !machine.store)
        return;
    if (machine.store->all() != machine.records->all())
        m_wrongAnswer = "a table holds other records than were stored and not purged";
    const core::RecordSource &source = machine.store->source();
    bool isTreeRight = source.treeRoots() == machine.records->treeRoots();
    for (int i = 0; isTreeRight && i < core::kPartitionCount; ++i) {
        const auto partition = static_cast<quint8>(i);
        isTreeRight = source.treeLeaves(partition) == machine.records->treeLeaves(partition);
    }
    if (!isTreeRight)
        m_wrongAnswer = "a hash tree is not that of its records";
}

void SimCluster::checkStores()
{
    for (const Machine &machine : m_nodes)
        checkStore(machine);
}

void SimCluster::append(Machine &machine, core::Append append)
{
    machine.appended += static_cast<qint64>(append.records.size());
    for (const core::Record &record : append.records)
        trace({record.version.clock, record.version.node});
    if (machine.store)
        machine.unfinished.push_back(append.records);
    machine.diskFreeMs =
        std::max(machine.diskFreeMs, m_nowMs + 1 + static_cast<qint64>(m_random.below(5)));
    schedule(machine.diskFreeMs - m_nowMs, [this, node = machine.index, boot = machine.boot,
                                            append = std::move(append)] {
        Machine &on = m_nodes[at(node)];
        if (on.boot != boot)
            return; // It crashed before the sync: nothing of this reached the disk.
        if (on.store)
            on.unfinished.pop_front();
        if (on.isDiskFull || (on.store && !on.store->commit(append.records))) {
            deliver(node, boot, core::Committed{append.ticket, core::Committed::Result::NoSpace});
            return;
        }
        for (const core::Record &record : append.records)
            apply(on, record);
        writeDisk(on, append.records);
        deliver(node, boot,
                core::Committed{append.ticket, core::Committed::Result::Done,
                                append.durability.value_or(on.config.durability)});
    });
}

void SimCluster::apply(Machine &machine, const core::Record &record)
{
    if (!machine.records->apply(record))
        return;
    const core::Stamp stamp = core::stampOf(record);
    core::Stamp &greatest = machine.greatest[record.key];
    if (stamp < greatest)
        m_wrongAnswer = "what was purged came back: " + record.key;
    greatest = std::max(greatest, stamp);
}

void SimCluster::save(Machine &machine, core::SaveState save)
{
    machine.diskFreeMs =
        std::max(machine.diskFreeMs, m_nowMs + 1 + static_cast<qint64>(m_random.below(5)));
    schedule(machine.diskFreeMs - m_nowMs, [this, node = machine.index, boot = machine.boot,
                                            save = std::move(save)]() mutable {
        Machine &on = m_nodes[at(node)];
        if (on.boot != boot)
            return;
        if (!on.isDiskFull && on.store)
            on.store->save(save.state);
        if (!on.isDiskFull)
            writeDisk(on, std::move(save.state));
        deliver(node, boot, core::StateSaved{save.revision, !on.isDiskFull, on.isDiskFull});
    });
}

} // namespace dynakv::sim
