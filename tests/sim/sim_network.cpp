// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_cluster.h"

#include <algorithm>

namespace dynakv::sim {

QByteArray SimCluster::hostOf(int node)
{
    return "10.0." + QByteArray::number(node / 250) + '.' + QByteArray::number(node % 250 + 1);
}

void SimCluster::setCut(int from, int to, bool isCut)
{
    if (isCut) {
        m_cuts.insert({from, to});
        return;
    }
    if (m_cuts.erase({from, to}) == 0)
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
    for (const auto &[from, to] : std::set(m_cuts))
        setCut(from, to, false);
}

bool SimCluster::isCut(int from, int to) const
{
    return !m_cuts.empty() && m_cuts.contains({from, to});
}

void SimCluster::dial(Machine &machine, const core::Dial &dial)
{
    const int from = machine.index;
    const quint64 boot = machine.boot;
    const auto target = m_indexByHost.find(dial.target.host);
    const auto fails = [this, from, boot, id = dial.dial](core::DialFailed::Reason reason,
                                                          qint64 ms) {
        schedule(ms, [this, from, boot, id, reason] {
            deliver(from, boot, core::DialFailed{id, reason});
        });
    };
    if (target == m_indexByHost.end())
        return fails(core::DialFailed::Reason::UnknownName, 5);
    const int to = target->second;
    if (isCut(from, to) || isCut(to, from))
        return fails(core::DialFailed::Reason::TimedOut, core::kDialTimeoutMs);
    if (!m_nodes[at(to)].isHostUp)
        return fails(core::DialFailed::Reason::TimedOut, core::kDialTimeoutMs);
    if (!m_nodes[at(to)].node)
        return fails(core::DialFailed::Reason::Refused, 1);
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
    const QByteArray nearHost = hostOf(from);
    const QByteArray farHost = hostOf(to);
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
    if (overflows(machine, link, wire, message))
        return;
    if (m_carry) {
        auto carried = m_carry(link, message);
        if (!carried)
            m_wrongAnswer = "a message does not come out of the wire as it went in";
        else
            message = *std::move(carried);
    }
    towards(wire, far, [this, wire, far, message = std::move(message)]() mutable {
        const Wire &on = m_wires[wire];
        if (on.isOpen[far] && !on.isLost[far])
            deliver(on.end[far], on.boot[far], core::Received{on.link[far], std::move(message)});
    });
}

/// Where the other end takes nothing a queue fills, as in the daemon: what has no room in the data
/// lane is dropped, and of a push the node is told.
bool SimCluster::overflows(Machine &machine, core::LinkId link, size_t wire,
                           const core::Message &message)
{
    constexpr size_t kWaitingMax = 64;
    Wire &on = m_wires[wire];
    const int far = on.link[0] == link ? 1 : 0;
    const Machine &receiver = m_nodes[at(on.end[far])];
    const bool isFull = on.stalled[far].size() > kWaitingMax ||
                        (receiver.isPaused && receiver.heldBack.size() > kWaitingMax);
    if (!isFull) {
        on.isOverflowing[far] = false;
        return false;
    }
    if (core::laneOf(message) != core::Lane::Data)
        return false;
    if (std::holds_alternative<core::Push>(message) &&
        !std::exchange(on.isOverflowing[far], true)) {
        ++m_overflows;
        schedule(0, [this, node = machine.index, boot = machine.boot, link] {
            deliver(node, boot, core::LinkOverflowed{link});
        });
    }
    return true;
}

void SimCluster::towards(size_t wire, int end, std::function<void()> task)
{
    Wire &on = m_wires[wire];
    if (isCut(on.end[1 - end], on.end[end])) {
        on.stalled[end].push_back(std::move(task));
        return;
    }
    qint64 tookMs = 1 + static_cast<qint64>(m_random.below(4));
    for (qint64 againMs = 200; m_lossPermille > 0 && againMs < 60'000 &&
                               static_cast<int>(m_random.below(1000)) < m_lossPermille;
         againMs *= 2)
        tookMs += againMs;
    on.freeMs[end] = std::max(on.freeMs[end], m_nowMs + tookMs);
    schedule(on.freeMs[end] - m_nowMs, std::move(task));
}

void SimCluster::loseWhatIsOnTheWay(size_t wire, int end)
{
    m_wires[wire].isLost[end] = true;
    m_wires[wire].stalled[end].clear();
}

void SimCluster::resetLinks(int one, int other)
{
    const auto wires = m_nodes[at(one)].wires;
    for (const auto &[link, wire] : wires) {
        const int far = m_wires[wire].link[0] == link ? 1 : 0;
        if (m_wires[wire].end[far] != other)
            continue;
        for (const int end : {0, 1}) {
            Wire &on = m_wires[wire];
            loseWhatIsOnTheWay(wire, end);
            if (!std::exchange(on.isOpen[end], false))
                continue;
            m_nodes[at(on.end[end])].wires.erase(on.link[end]);
            deliver(on.end[end], on.boot[end], core::LinkClosed{on.link[end]});
        }
    }
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

} // namespace dynakv::sim
