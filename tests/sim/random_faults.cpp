// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/random_faults.h"

#include <algorithm>

namespace dynakv::sim {
namespace {

constexpr int kMembersMin = 3;    ///< So many stay when others leave.
constexpr qint64 kHeardMs = 3000; ///< By then what was late, because of loss, has come.

} // namespace

RandomFaults::RandomFaults(SimCluster &cluster, int nodes, Disks disks)
    : m_cluster(cluster)
    , m_nodes(nodes)
    , m_disks(disks)
    , m_hasLeft(static_cast<size_t>(nodes), false)
{
}

int RandomFaults::anyone()
{
    return static_cast<int>(m_cluster.random().below(static_cast<quint64>(m_nodes)));
}

void RandomFaults::strike()
{
    if (m_copyOf)
        return; // Of two with one id the wrong one could win where the right one is cut off.
    core::Random &random = m_cluster.random();
    const int node = anyone();
    const int other = (node + 1 + static_cast<int>(random.below(quint64(m_nodes) - 1))) % m_nodes;
    switch (random.below(28)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return stop(node, false);
    case 4:
    case 5:
        return stop(node, true);
    case 6:
    case 7:
        m_cluster.setPaused(node, true);
        ++m_counts["pause"];
        return;
    case 8:
    case 9:
        m_cluster.setCutBothWays(node, other, true);
        ++m_counts["cut"];
        return;
    case 10:
    case 11:
        m_cluster.setCut(node, other, true);
        ++m_counts["one-way cut"];
        return;
    case 12:
    case 13:
        jumpClock(node);
        return;
    case 14:
        m_cluster.setLoss(static_cast<int>(random.below(2) * random.below(200)));
        ++m_counts["loss"];
        return;
    case 15:
    case 16:
    case 17:
        m_cluster.mendAll();
        freeDisks();
        ++m_counts["mend"];
        return;
    case 18:
    case 19:
    case 20:
        startAll();
        ++m_counts["restart"];
        return;
    case 21:
    case 22:
        return leave(node);
    case 23:
        return copyDirectory(node);
    case 24:
    case 25:
        m_cluster.setDiskFull(node, true);
        ++m_counts["full disk"];
        return;
    case 26:
    case 27:
        m_cluster.resetLinks(node, other);
        ++m_counts["reset"];
        return;
    }
}

/// By seconds mostly, else by so much that nobody believes it.
void RandomFaults::jumpClock(int node)
{
    core::Random &random = m_cluster.random();
    const bool isFar = random.below(4) == 0;
    const qint64 reachMs = isFar ? qint64{2} * 3600 * 1000 : 10'000;
    const qint64 offsetMs = static_cast<qint64>(random.below(quint64(2 * reachMs))) - reachMs;
    m_cluster.setWallOffset(node, offsetMs);
    ++m_counts[isFar ? "clock far off" : "clock jump"];
}

void RandomFaults::freeDisks()
{
    for (int node = 0; node < m_cluster.count(); ++node)
        m_cluster.setDiskFull(node, false);
}

void RandomFaults::stop(int node, bool isMachineLost)
{
    if (!m_cluster.isRunning(node))
        return;
    if (m_leaving && m_leaving->node == node)
        m_leaving.reset(); // Whether it has left is seen from what it says when it starts again.
    isMachineLost ? m_cluster.vanish(node) : m_cluster.crash(node);
    ++m_counts[isMachineLost ? "vanish" : "crash"];
}

void RandomFaults::startAll()
{
    for (int node = 0; node < m_nodes; ++node) {
        m_cluster.setPaused(node, false);
        if (m_cluster.isRunning(node))
            continue;
        if (m_hasLeft[static_cast<size_t>(node)])
            beginAnew(node);
        else
            m_cluster.start(node);
    }
}

/// With an empty directory, as a new member.
void RandomFaults::beginAnew(int node)
{
    m_hasLeft[static_cast<size_t>(node)] = false;
    std::vector<int> others;
    for (int other = 0; other < m_nodes; ++other) {
        if (other != node)
            others.push_back(other);
    }
    m_cluster.wipe(node);
    m_cluster.setJoin(node, others);
    m_cluster.start(node);
    ++m_steps;
    ++m_counts["join"];
}

void RandomFaults::leave(int node)
{
    const auto left = std::count(m_hasLeft.begin(), m_hasLeft.end(), true);
    // Who leaves may take a copy with it, and a quorum bears the loss of two.
    if (m_disks == Disks::Lost || m_leaving || m_nodes - left <= kMembersMin ||
        !m_cluster.isRunning(node) || m_cluster.readiness(node) != core::Readiness::Ready)
        return;
    m_leaving =
        Leaving{node, m_cluster.beginOperation(node, {core::OperatorRequest::Kind::Leave, 0})};
}

/// A copy of a member's directory is started beside it, while nothing else is wrong.
void RandomFaults::copyDirectory(int node)
{
    if (m_leaving)
        return;
    mend();
    startAll();
    // Whoever has no link with the one, or has not heard of it for seconds, cannot know better than
    // to believe the other.
    const auto isCalm = [this, node] {
        return m_cluster.allReady() && m_cluster.membershipsAgree() &&
               m_cluster.isLinkedWithAll(node);
    };
    if (!m_cluster.runUntil(20'000, isCalm))
        return;
    m_cluster.run(kHeardMs);
    if (!isCalm())
        return;
    const int copy = m_nodes;
    if (m_cluster.count() == copy)
        m_cluster.addNode({});
    m_cluster.setJoin(copy, {(node + 1) % m_nodes});
    m_cluster.copyDisk(node, copy);
    m_cluster.start(copy);
    m_copyOf = node;
    m_copyEndsMs = m_cluster.nowMs() + 1000 + static_cast<qint64>(m_cluster.random().below(10'000));
    ++m_counts["copied directory"];
}

void RandomFaults::proceed()
{
    if (m_copyOf) {
        if (m_cluster.readiness(m_nodes) == core::Readiness::Ready)
            m_wrong = "two live nodes have one id: a directory and its copy";
        if (m_cluster.nowMs() >= m_copyEndsMs)
            endCopy();
    }
    // It was stopped while it left: only its own file knows whether it has.
    for (int node = 0; node < m_nodes; ++node) {
        const bool isOut = m_cluster.isRunning(node) && m_cluster.diskState(node).isForgotten;
        if (isOut && !(m_leaving && m_leaving->node == node)) {
            m_cluster.crash(node);
            m_hasLeft[static_cast<size_t>(node)] = true;
            ++m_steps;
        }
    }
    if (!m_leaving)
        return;
    const auto &[node, operation] = *m_leaving;
    const auto outcome = m_cluster.operated(operation);
    if (outcome && outcome->status == core::OperatorOutcome::Status::Done) {
        m_cluster.crash(node);
        m_hasLeft[static_cast<size_t>(node)] = true;
        ++m_steps;
        ++m_counts["leave"];
        m_leaving.reset();
    } else if (outcome) {
        m_leaving.reset(); // It stays.
    }
}

void RandomFaults::endCopy()
{
    if (!std::exchange(m_copyOf, std::nullopt))
        return;
    m_cluster.crash(m_nodes);
    m_cluster.wipe(m_nodes);
}

void RandomFaults::loseDisk()
{
    endCopy();
    core::Random &random = m_cluster.random();
    const int node = anyone();
    if (m_cluster.isRunning(node))
        m_cluster.crash(node);
    m_steps += 2;
    if (random.below(2) == 0) {
        ++m_counts["wiped disk"];
        return beginAnew(node);
    }
    const size_t writes = m_cluster.diskWrites(node);
    m_cluster.cutDisk(node, writes - random.below(writes / 2));
    ++m_counts["harmed disk"];
}

void RandomFaults::mend()
{
    m_cluster.setLoss(0); // What a cut has held back is sent anew.
    m_cluster.mendAll();
    freeDisks();
    for (int node = 0; node < m_nodes; ++node)
        m_cluster.setPaused(node, false);
}

void RandomFaults::end()
{
    mend();
    for (int node = 0; node < m_nodes; ++node)
        m_cluster.setWallOffset(node, 0);
    startAll();
}

} // namespace dynakv::sim
