// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <algorithm>

namespace dynakv::sim {
namespace {

constexpr qint64 kEpochMs = 1'800'000'000'000; ///< Some day; only differences matter.

} // namespace

SimCluster::SimCluster(quint64 seed)
    : m_random(seed)
{
}

SimCluster::~SimCluster() = default;

int SimCluster::addNode(const std::vector<int> &join, bool isWildcard)
{
    const int index = count();
    Machine machine;
    machine.index = index;
    const QByteArray host = "10.0.0." + QByteArray::number(index + 1);
    machine.config.api = {isWildcard ? QByteArray("0.0.0.0") : host, 6660};
    machine.config.cluster = {machine.config.api.host, 16660};
    m_nodes.push_back(std::move(machine));
    setJoin(index, join);
    wipe(index);
    return index;
}

void SimCluster::setJoin(int node, const std::vector<int> &join)
{
    core::NodeConfig &config = m_nodes[at(node)].config;
    config.join.clear();
    for (const int target : join) {
        const QByteArray name = "10.0.0." + QByteArray::number(target + 1);
        config.join.push_back({{name, 6660}, {name, 16660}});
    }
}

void SimCluster::copyDisk(int from, int to)
{
    m_nodes[at(to)].disk = m_nodes[at(from)].disk;
    m_nodes[at(to)].diskRecords = m_nodes[at(from)].diskRecords;
    m_nodes[at(to)].journal = m_nodes[at(from)].journal;
}

void SimCluster::writeDisk(Machine &machine, DiskWrite write)
{
    if (const auto *state = std::get_if<core::PersistedState>(&write)) {
        machine.disk = *state;
    } else {
        for (const core::Record &record : std::get<std::vector<core::Record>>(write)) {
            const auto [held, isNew] = machine.diskRecords.try_emplace(record.key, record);
            if (!isNew && core::stampOf(held->second) < core::stampOf(record))
                held->second = record;
        }
    }
    machine.journal.push_back(std::move(write));
}

void SimCluster::cutDisk(int node, size_t writes)
{
    Machine &machine = m_nodes[at(node)];
    note("cut the disk of " + QByteArray::number(node));
    ++m_diskCuts;
    machine.diskRecords.clear();
    auto journal = std::exchange(machine.journal, {});
    journal.resize(std::clamp<size_t>(writes, 1, journal.size()));
    for (DiskWrite &write : journal)
        writeDisk(machine, std::move(write));
    core::PersistedState state = machine.disk;
    state.mayLack = true;
    writeDisk(machine, state);
}

void SimCluster::wipe(int node)
{
    Machine &machine = m_nodes[at(node)];
    machine.diskRecords.clear();
    machine.journal.clear();
    core::PersistedState state;
    state.node = m_random.next();
    writeDisk(machine, state);
}

core::Time SimCluster::timeAt(const Machine &machine) const
{
    return {m_nowMs + 1000 * machine.index, kEpochMs + m_nowMs + machine.wallOffsetMs};
}

void SimCluster::start(int node)
{
    Machine &machine = m_nodes[at(node)];
    ++machine.boot;
    machine.isPaused = false;
    machine.heldBack.clear();
    core::PersistedState state = machine.disk;
    state.generation = core::nextGeneration(state);
    writeDisk(machine, state); // Synced before the first frame, as the daemon does.
    machine.config.bootId = m_random.next();
    machine.config.seed = m_random.next();
    machine.records = std::make_unique<testing::MapRecords>();
    machine.records->setTreeKey(machine.disk.clusterId);
    for (const auto &[key, record] : machine.diskRecords)
        machine.records->apply(record);
    machine.node = std::make_unique<core::Node>(machine.config, machine.disk, *machine.records);
    machine.diskFreeMs = m_nowMs;
    machine.owed.clear();
    for (const Machine &other : m_nodes) {
        if (state.mayLack && other.node && other.index != node)
            machine.owed.emplace(std::pair(other.index, other.boot), *other.records);
    }
    note("start " + QByteArray::number(node));
    carryOut(machine, machine.node->start(timeAt(machine), machine.records->newestClock()));
    tick(node, machine.boot);
}

bool SimCluster::form(int nodes)
{
    addNode({});
    for (int node = 1; node < nodes; ++node)
        addNode({0});
    for (int node = 0; node < nodes; ++node)
        start(node);
    return runUntil(10'000, [this] { return allReady() && membershipsAgree(); });
}

void SimCluster::crash(int node)
{
    Machine &machine = m_nodes[at(node)];
    note("crash " + QByteArray::number(node));
    breakWires(machine, true);
    machine.node.reset();
    ++machine.boot;
}

void SimCluster::vanish(int node)
{
    Machine &machine = m_nodes[at(node)];
    note("vanish " + QByteArray::number(node));
    breakWires(machine, false);
    machine.node.reset();
    ++machine.boot;
}

void SimCluster::breakWires(Machine &machine, bool isTold)
{
    const auto wires = machine.wires;
    for (const auto &[link, wire] : wires)
        closeEnd(machine, link, isTold);
    machine.wires.clear();
}

void SimCluster::setPaused(int node, bool isPaused)
{
    Machine &machine = m_nodes[at(node)];
    if (machine.isPaused == isPaused)
        return;
    machine.isPaused = isPaused;
    note((isPaused ? "pause " : "resume ") + QByteArray::number(node));
    if (isPaused)
        return;
    for (auto &task : std::exchange(machine.heldBack, {}))
        schedule(0, std::move(task));
}

void SimCluster::setCut(int from, int to, bool isCut)
{
    m_cuts[{from, to}] = isCut;
    if (isCut)
        return;
    for (size_t i = 0; i < m_wires.size(); ++i) {
        for (int end = 0; end < 2; ++end) {
            if (m_wires[i].end[end] != to || m_wires[i].end[1 - end] != from)
                continue;
            for (auto &task : std::exchange(m_wires[i].stalled[end], {}))
                towards(i, end, std::move(task)); // TCP sends again what the cut held back.
        }
    }
}

void SimCluster::setCutBothWays(int one, int two, bool isCut)
{
    setCut(one, two, isCut);
    setCut(two, one, isCut);
}

void SimCluster::mendAll()
{
    for (int from = 0; from < count(); ++from) {
        for (int to = 0; to < count(); ++to)
            setCut(from, to, false);
    }
}

bool SimCluster::isCut(int from, int to) const
{
    const auto cut = m_cuts.find({from, to});
    return cut != m_cuts.end() && cut->second;
}

size_t SimCluster::put(int node, const QByteArray &key, const QByteArray &value,
                       core::WriteConcern concern, std::optional<core::Durability> durability)
{
    core::WriteRequest request{key, core::RecordKind::Value, value};
    request.concern = concern;
    request.durability = durability;
    return write(node, request);
}

size_t SimCluster::remove(int node, const QByteArray &key, core::WriteConcern concern)
{
    core::WriteRequest request{key, core::RecordKind::Tombstone};
    request.concern = concern;
    return write(node, request);
}

size_t SimCluster::write(int node, const core::WriteRequest &request)
{
    const size_t index = m_told.size();
    Told &told = m_told.emplace_back(Told{node, request.key, request.kind, request.value});
    told.diskCuts = m_diskCuts;
    if (!isRunning(node))
        return index;
    if (const auto stamp = records(node).stampOf(request.key))
        told.floor = stamp->version;
    deliver(node, m_nodes[at(node)].boot, core::ClientWrite{index, request, {}});
    return index;
}

core::OperatorOutcome SimCluster::operate(int node, const core::OperatorRequest &request)
{
    beginOperation(node, request);
    return m_operated.value();
}

void SimCluster::beginOperation(int node, const core::OperatorRequest &request)
{
    m_operated.reset();
    deliver(node, m_nodes[at(node)].boot, core::ClientOperation{0, request});
}

size_t SimCluster::read(int node, const core::ReadRequest &request)
{
    const size_t index = m_reads.size();
    m_reads.emplace_back();
    if (isRunning(node))
        deliver(node, m_nodes[at(node)].boot, core::ClientRead{index, request});
    return index;
}

void SimCluster::run(qint64 ms)
{
    const qint64 end = m_nowMs + ms;
    while (!m_queue.empty() && m_queue.begin()->first.first <= end) {
        auto next = m_queue.extract(m_queue.begin());
        m_nowMs = next.key().first;
        next.mapped()();
    }
    m_nowMs = end;
}

bool SimCluster::runUntil(qint64 maxMs, const std::function<bool()> &condition)
{
    for (const qint64 end = m_nowMs + maxMs; m_nowMs < end;) {
        if (condition())
            return true;
        run(std::min<qint64>(50, end - m_nowMs));
    }
    return condition();
}

void SimCluster::schedule(qint64 delayMs, std::function<void()> task)
{
    m_queue.emplace(std::pair(m_nowMs + delayMs, ++m_sequence), std::move(task));
}

void SimCluster::tick(int node, quint64 boot)
{
    schedule(core::kTickMs, [this, node, boot] {
        if (m_nodes[at(node)].boot != boot)
            return;
        deliver(node, boot, core::Tick{});
        tick(node, boot);
    });
}

void SimCluster::deliver(int node, quint64 boot, core::Event event)
{
    Machine &machine = m_nodes[at(node)];
    if (machine.boot != boot || !machine.node)
        return;
    if (machine.isPaused) {
        // A stopped process misses its ticks; what the kernel keeps for it comes afterwards.
        if (!std::holds_alternative<core::Tick>(event))
            machine.heldBack.push_back([this, node, boot, event] { deliver(node, boot, event); });
        return;
    }
    m_trace = m_trace * 0x100000001b3U ^ (static_cast<quint64>(m_nowMs) << 8 |
                                          static_cast<quint64>(node) << 4 | event.index());
    carryOut(machine, machine.node->handle(std::move(event), timeAt(machine)));
}

void SimCluster::carryOut(Machine &machine, core::Effects effects)
{
    for (core::Effect &effect : effects) {
        if (auto *send = std::get_if<core::Send>(&effect)) {
            transmit(machine, send->link, std::move(send->message));
        } else if (auto *dialled = std::get_if<core::Dial>(&effect)) {
            dial(machine, *dialled);
        } else if (auto *close = std::get_if<core::CloseLink>(&effect)) {
            closeEnd(machine, close->link, true);
        } else if (auto *appended = std::get_if<core::Append>(&effect)) {
            append(machine, *appended);
        } else if (auto *saved = std::get_if<core::SaveState>(&effect)) {
            save(machine, *saved);
        } else if (auto *reply = std::get_if<core::Reply>(&effect)) {
            answered(*reply);
        } else if (auto *operated = std::get_if<core::OperatorReply>(&effect)) {
            m_operated = operated->outcome;
        } else if (auto *readReply = std::get_if<core::ReadReply>(&effect)) {
            if (m_reads[readReply->request].isAnswered)
                m_wrongAnswer = "a read was answered twice";
            m_reads[readReply->request] = {true, std::move(readReply->outcome)};
        } else if (auto *changed = std::get_if<core::ClusterIdChanged>(&effect)) {
            machine.records->setTreeKey(changed->clusterId);
        } else if (auto *log = std::get_if<core::Log>(&effect)) {
            note(QByteArray::number(machine.index) + ": " + log->text);
        }
    }
    if (m_watchesDowns)
        countFalseDowns(machine);
    checkRepair(machine);
}

void SimCluster::checkRepair(Machine &machine)
{
    if (machine.owed.empty() || machine.node->view().readiness != core::Readiness::Ready)
        return;
    for (const auto &[other, records] : std::exchange(machine.owed, {})) {
        const auto &[index, boot] = other;
        const auto alive = aliveSeenBy(machine.index);
        if (m_nodes[at(index)].boot != boot ||
            std::find(alive.begin(), alive.end(), index) == alive.end())
            continue;
        for (const auto &[key, record] : records.all()) {
            const auto held = machine.records->stampOf(key);
            if (!held || *held < core::stampOf(record))
                m_wrongAnswer = "a node was ready before it was repaired: it lacks " + key;
        }
    }
}

void SimCluster::answered(const core::Reply &reply)
{
    Told &told = m_told[reply.request];
    if (told.isAnswered)
        m_wrongAnswer = "a write was answered twice: " + told.key;
    told.isAnswered = true;
    told.outcome = reply.outcome;
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
    for (const core::MemberView &row : machine.node->view().members) {
        if (row.state != core::MemberState::Down)
            continue;
        for (const Machine &other : m_nodes) {
            if (other.disk.node == row.id && other.node && !other.isPaused &&
                !isCut(other.index, machine.index) && !isCut(machine.index, other.index))
                ++m_falseDowns;
        }
    }
}

void SimCluster::dial(Machine &machine, const core::Dial &dial)
{
    const int from = machine.index;
    const quint64 boot = machine.boot;
    const auto target = std::find_if(m_nodes.begin(), m_nodes.end(), [&](const Machine &each) {
        return dial.target.host == "10.0.0." + QByteArray::number(each.index + 1);
    });
    const auto fails = [this, from, boot, id = dial.dial](core::DialFailed::Reason reason,
                                                          qint64 ms) {
        schedule(ms, [this, from, boot, id, reason] {
            deliver(from, boot, core::DialFailed{id, reason});
        });
    };
    if (target == m_nodes.end())
        return fails(core::DialFailed::Reason::UnknownName, 5);
    if (isCut(from, target->index) || isCut(target->index, from))
        return fails(core::DialFailed::Reason::TimedOut, core::kDialTimeoutMs);
    if (!target->node)
        return fails(core::DialFailed::Reason::Refused, 1);
    const int to = target->index;
    schedule(1 + static_cast<qint64>(m_random.below(3)), [this, from, to, boot, id = dial.dial] {
        if (m_nodes[at(from)].boot == boot && m_nodes[at(to)].node)
            connect(from, to, id);
        else
            deliver(from, boot, core::DialFailed{id, core::DialFailed::Reason::Refused});
    });
}

void SimCluster::connect(int from, int to, core::DialId dial)
{
    Machine &near = m_nodes[at(from)];
    Machine &far = m_nodes[at(to)];
    Wire wire;
    wire.end[0] = from;
    wire.end[1] = to;
    wire.boot[0] = near.boot;
    wire.boot[1] = far.boot;
    wire.link[0] = ++m_lastLink;
    wire.link[1] = ++m_lastLink;
    m_wires.push_back(wire);
    near.wires[wire.link[0]] = far.wires[wire.link[1]] = m_wires.size() - 1;
    const QByteArray nearHost = "10.0.0." + QByteArray::number(from + 1);
    const QByteArray farHost = "10.0.0." + QByteArray::number(to + 1);
    deliver(to, far.boot, core::LinkOpened{wire.link[1], false, 0, farHost, nearHost});
    deliver(from, near.boot, core::LinkOpened{wire.link[0], true, dial, nearHost, farHost});
}

void SimCluster::transmit(Machine &machine, core::LinkId link, core::Message message)
{
    const auto found = machine.wires.find(link);
    if (found == machine.wires.end())
        return;
    if (m_sizeOf)
        m_bytesSent += m_sizeOf(message);
    const size_t wire = found->second;
    const int far = m_wires[wire].link[0] == link ? 1 : 0;
    towards(wire, far, [this, wire, far, message = std::move(message)] {
        const Wire &on = m_wires[wire];
        if (on.isOpen[far])
            deliver(on.end[far], on.boot[far], core::Received{on.link[far], message});
    });
}

void SimCluster::towards(size_t wire, int end, std::function<void()> task)
{
    Wire &on = m_wires[wire];
    if (isCut(on.end[1 - end], on.end[end])) {
        on.stalled[end].push_back(std::move(task));
        return;
    }
    on.freeMs[end] = std::max(on.freeMs[end], m_nowMs + 1 + static_cast<qint64>(m_random.below(4)));
    schedule(on.freeMs[end] - m_nowMs, std::move(task));
}

void SimCluster::closeEnd(Machine &machine, core::LinkId link, bool isTold)
{
    const auto found = machine.wires.find(link);
    if (found == machine.wires.end())
        return;
    const size_t wire = found->second;
    machine.wires.erase(found);
    const int near = m_wires[wire].link[0] == link ? 0 : 1;
    m_wires[wire].isOpen[near] = false;
    if (!isTold)
        return;
    towards(wire, 1 - near, [this, wire, far = 1 - near] {
        Wire &on = m_wires[wire];
        if (!std::exchange(on.isOpen[far], false))
            return;
        m_nodes[at(on.end[far])].wires.erase(on.link[far]);
        deliver(on.end[far], on.boot[far], core::LinkClosed{on.link[far]});
    });
}

void SimCluster::append(Machine &machine, const core::Append &append)
{
    machine.appended += static_cast<qint64>(append.records.size());
    machine.diskFreeMs =
        std::max(machine.diskFreeMs, m_nowMs + 1 + static_cast<qint64>(m_random.below(5)));
    schedule(machine.diskFreeMs - m_nowMs,
             [this, node = machine.index, boot = machine.boot, append] {
                 Machine &on = m_nodes[at(node)];
                 if (on.boot != boot)
                     return; // It crashed before the sync: nothing of this reached the disk.
                 for (const core::Record &record : append.records)
                     on.records->apply(record);
                 writeDisk(on, append.records);
                 deliver(node, boot,
                         core::Committed{append.ticket, core::Committed::Result::Done,
                                         append.durability.value_or(on.config.durability)});
             });
}

void SimCluster::save(Machine &machine, const core::SaveState &save)
{
    machine.diskFreeMs =
        std::max(machine.diskFreeMs, m_nowMs + 1 + static_cast<qint64>(m_random.below(5)));
    schedule(machine.diskFreeMs - m_nowMs, [this, node = machine.index, boot = machine.boot, save] {
        Machine &on = m_nodes[at(node)];
        if (on.boot != boot)
            return;
        writeDisk(on, save.state);
        deliver(node, boot, core::StateSaved{save.revision, true});
    });
}

bool SimCluster::isRunning(int node) const
{
    return m_nodes[at(node)].node != nullptr;
}

const testing::MapRecords &SimCluster::records(int node) const
{
    return *m_nodes[at(node)].records;
}

std::vector<int> SimCluster::aliveSeenBy(int node) const
{
    std::vector<int> alive;
    const core::ClusterView seen = view(node);
    for (const Machine &machine : m_nodes) {
        const auto row =
            std::find_if(seen.members.begin(), seen.members.end(),
                         [&](const auto &each) { return each.id == machine.disk.node; });
        if (row != seen.members.end() && row->state == core::MemberState::Alive)
            alive.push_back(machine.index);
    }
    return alive;
}

bool SimCluster::allReady() const
{
    return std::all_of(m_nodes.begin(), m_nodes.end(), [](const Machine &each) {
        return !each.node || each.node->view().readiness == core::Readiness::Ready;
    });
}

bool SimCluster::membershipsAgree() const
{
    std::vector<int> running;
    for (const Machine &machine : m_nodes) {
        if (machine.node)
            running.push_back(machine.index);
    }
    return std::all_of(running.begin(), running.end(),
                       [&](int node) { return aliveSeenBy(node) == running; });
}

bool SimCluster::recordsAgree() const
{
    const testing::MapRecords *first = nullptr;
    for (const Machine &machine : m_nodes) {
        if (!machine.node)
            continue;
        if (first == nullptr)
            first = machine.records.get();
        else if (first->all() != machine.records->all())
            return false;
    }
    return true;
}

void SimCluster::note(QByteArray line)
{
    m_log.push_back(QByteArray::number(m_nowMs) + " " + std::move(line));
}

} // namespace dynakv::sim
