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
    const QByteArray host = hostOf(index);
    machine.config.api = {isWildcard ? QByteArray("0.0.0.0") : host, 6660};
    machine.config.cluster = {machine.config.api.host, 16660};
    machine.config.purgeDelayMs = m_purgeDelayMs;
    m_indexByHost[host] = index;
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
        const QByteArray name = hostOf(target);
        config.join.push_back({{name, 6660}, {name, 16660}});
    }
}

core::Time SimCluster::timeAt(const Machine &machine) const
{
    const qint64 passedMs = m_nowMs + m_nowMs * machine.driftPpm / 1'000'000;
    return {passedMs + 1000 * machine.index, kEpochMs + passedMs + machine.wallOffsetMs};
}

void SimCluster::start(int node)
{
    Machine &machine = m_nodes[at(node)];
    ++machine.boot;
    machine.isPaused = false;
    machine.isHostUp = true;
    machine.heldBack.clear();
    machine.unfinished.clear();
    if (machine.store && !openStore(machine))
        m_wrongAnswer = "a node cannot start from its file, or without doubts of it";
    core::PersistedState state = machine.disk;
    state.generation = core::nextGeneration(state);
    writeDisk(machine, state); // Synced before the first frame, as the daemon does.
    if (machine.store)
        machine.store->save(state);
    machine.config.bootId = m_random.next();
    machine.config.seed = m_random.next();
    machine.records = std::make_unique<testing::MapRecords>();
    machine.records->setTreeKey(machine.disk.clusterId);
    for (const auto &[key, record] : machine.diskRecords)
        machine.records->apply(record);
    const core::RecordSource &source = machine.store ? machine.store->source() : *machine.records;
    machine.node = std::make_unique<core::Node>(machine.config, machine.disk, source);
    machine.diskFreeMs = m_nowMs;
    machine.owed.clear();
    for (const Machine &other : m_nodes) {
        // A copy of its directory is no other member.
        if (state.mayLack && other.node && other.disk.node != state.node)
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

bool SimCluster::formAgain(int nodes)
{
    for (int node = 0; node < nodes; ++node)
        addNode({});
    core::PersistedState state;
    for (const Machine &machine : m_nodes) {
        core::MemberRecord member;
        member.id = machine.disk.node;
        member.generation = 1;
        member.state = core::MemberState::Alive;
        member.api = machine.config.api;
        member.cluster = machine.config.cluster;
        state.members.push_back(member);
    }
    std::sort(state.members.begin(), state.members.end(),
              [](const auto &left, const auto &right) { return left.id < right.id; });
    state.generation = 1;
    state.clusterId = m_random.next() | 1;
    state.caughtUpOnce = true;
    for (Machine &machine : m_nodes) {
        state.node = machine.disk.node;
        writeDisk(machine, state);
    }
    start(0);
    if (!runUntil(20'000, [this] { return allReady(); }))
        return false;
    for (int node = 1; node < nodes; ++node)
        start(node);
    return runUntil(60'000, [this] { return allReady() && membershipsAgree(); });
}

void SimCluster::crash(int node)
{
    Machine &machine = m_nodes[at(node)];
    note("crash " + QByteArray::number(node));
    breakWires(machine, true);
    checkStore(machine);
    machine.node.reset();
    if (machine.store)
        machine.store->kill();
    ++machine.boot;
}

void SimCluster::vanish(int node)
{
    Machine &machine = m_nodes[at(node)];
    note("vanish " + QByteArray::number(node));
    breakWires(machine, false);
    checkStore(machine);
    machine.node.reset();
    if (machine.store) {
        machine.store->losePower(machine.unfinished.empty() ? std::vector<core::Record>()
                                                            : machine.unfinished.front(),
                                 m_random);
    }
    machine.isHostUp = false;
    ++machine.boot;
}

void SimCluster::breakWires(Machine &machine, bool isTold)
{
    const auto wires = machine.wires;
    for (const auto &[link, wire] : wires) {
        // A process that dies with something unread resets its links, and with the power goes what
        // its kernel has not sent yet.
        if (m_random.below(2) == 0)
            loseWhatIsOnTheWay(wire, m_wires[wire].link[0] == link ? 1 : 0);
        closeEnd(machine, link, isTold);
    }
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
    told.mayExpire = request.ttlMs.has_value();
    if (!isRunning(node))
        return index;
    if (const auto stamp = records(node).stampOf(request.key))
        told.floor = stamp->version;
    deliver(node, m_nodes[at(node)].boot, core::ClientWrite{index, request, {}});
    return index;
}

core::OperatorOutcome SimCluster::operate(int node, const core::OperatorRequest &request)
{
    return m_operated[beginOperation(node, request)].value();
}

size_t SimCluster::beginOperation(int node, const core::OperatorRequest &request)
{
    const size_t index = m_operated.size();
    m_operated.emplace_back();
    deliver(node, m_nodes[at(node)].boot, core::ClientOperation{index, request});
    return index;
}

size_t SimCluster::read(int node, const core::ReadRequest &request)
{
    const size_t index = m_reads.size();
    m_reads.emplace_back();
    if (isRunning(node))
        deliver(node, m_nodes[at(node)].boot, core::ClientRead{index, request});
    return index;
}

size_t SimCluster::list(int node, const core::ListingRequest &request)
{
    const size_t index = m_listed.size();
    m_listed.emplace_back();
    if (isRunning(node))
        deliver(node, m_nodes[at(node)].boot, core::ClientListing{index, request});
    return index;
}

void SimCluster::run(qint64 ms)
{
    const qint64 end = m_nowMs + ms;
    while (!m_queue.empty() && m_queue.begin()->first <= end) {
        const auto next = m_queue.begin();
        m_nowMs = next->first;
        for (size_t i = 0; i < next->second.size(); ++i) {
            const auto task = std::move(next->second[i]); // It may add to what is due now.
            task();
        }
        m_queue.erase(next);
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
    m_queue[m_nowMs + delayMs].push_back(std::move(task));
}

void SimCluster::trace(std::initializer_list<quint64> what)
{
    for (const quint64 each : what)
        m_trace = (m_trace ^ each) * 0x100000001b3U;
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
    const auto *const received = std::get_if<core::Received>(&event);
    trace({static_cast<quint64>(m_nowMs), static_cast<quint64>(node), event.index(),
           received ? received->link << 8 | received->message.index() : 0});
    carryOut(machine, machine.node->handle(std::move(event), timeAt(machine)));
}

void SimCluster::carryOut(Machine &machine, core::Effects effects)
{
    bool isViewNew = false;
    for (core::Effect &effect : effects) {
        if (auto *send = std::get_if<core::Send>(&effect)) {
            transmit(machine, send->link, std::move(send->message));
        } else if (auto *dialled = std::get_if<core::Dial>(&effect)) {
            dial(machine, *dialled);
        } else if (auto *close = std::get_if<core::CloseLink>(&effect)) {
            closeEnd(machine, close->link, true);
        } else if (auto *appended = std::get_if<core::Append>(&effect)) {
            append(machine, std::move(*appended));
        } else if (const auto *resume = std::get_if<core::Resume>(&effect)) {
            schedule(0, [this, node = machine.index, boot = machine.boot, ticket = resume->ticket] {
                deliver(node, boot, core::Resumed{ticket});
            });
        } else if (auto *saved = std::get_if<core::SaveState>(&effect)) {
            save(machine, std::move(*saved));
        } else if (auto *reply = std::get_if<core::Reply>(&effect)) {
            answered(*reply);
        } else if (auto *operated = std::get_if<core::OperatorReply>(&effect)) {
            m_operated[operated->request] = operated->outcome;
        } else if (auto *readReply = std::get_if<core::ReadReply>(&effect)) {
            if (m_reads[readReply->request].isAnswered)
                m_wrongAnswer = "a read was answered twice";
            if (const auto &record = readReply->outcome.record)
                trace({record->version.clock, record->version.node});
            m_reads[readReply->request] = {true, std::move(readReply->outcome)};
        } else if (auto *listing = std::get_if<core::ListingReply>(&effect)) {
            if (m_listed[listing->request].isAnswered)
                m_wrongAnswer = "a listing was answered twice";
            m_listed[listing->request] = {true, std::move(listing->outcome)};
        } else if (auto *asked = std::get_if<core::AnswerListing>(&effect)) {
            asked->request.query.wallMs = timeAt(machine).wallMs;
            transmit(machine, asked->link,
                     core::ListReply{
                         asked->request.id, true,
                         machine.records->list(asked->request.query, asked->request.hasValues)});
        } else if (auto *changed = std::get_if<core::ClusterIdChanged>(&effect)) {
            machine.records->setTreeKey(changed->clusterId);
            if (machine.store)
                machine.store->setTreeKey(changed->clusterId);
            machine.greatest.clear(); // Another cluster, another history.
        } else if (auto *purge = std::get_if<core::Purge>(&effect)) {
            const qint64 before = machine.records->recordCount();
            machine.records->purge(purge->watermark);
            if (machine.store)
                machine.store->purge(purge->watermark);
            m_purged += before - machine.records->recordCount();
        } else if (auto *log = std::get_if<core::Log>(&effect)) {
            note(QByteArray::number(machine.index) + ": " + log->text);
        } else if (std::holds_alternative<core::ViewChanged>(effect)) {
            isViewNew = true;
        }
    }
    if (m_watchesDowns && isViewNew)
        countFalseDowns(machine);
    checkRepair(machine);
}

bool SimCluster::isRunning(int node) const
{
    return m_nodes[at(node)].node != nullptr;
}

const testing::MapRecords &SimCluster::records(int node) const
{
    return *m_nodes[at(node)].records;
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
