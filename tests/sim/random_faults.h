// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/sim/sim_cluster.h"

#include <map>
#include <optional>

namespace dynakv::sim {

/// Harms a cluster at random in ways that it has to live with, so that more than one of them is at
/// work at a time. Every choice comes from the cluster's own seed.
class RandomFaults
{
public:
    /// Whether disks are lost too; then nobody leaves.
    enum class Disks { Kept, Lost };
    /// Of the first \a nodes machines, which have started; the copy of a directory takes a further
    /// one.
    RandomFaults(SimCluster &cluster, int nodes, Disks disks);

    /// One random fault or the end of one.
    void strike();
    /// A machine dies, and with it its whole disk, or the end of its file.
    void loseDisk();
    /// Takes what was begun one step further: stops who has left, ends a copy. To be called often.
    void proceed();
    /// From now on nothing is broken any more, and whoever is to run runs.
    void end();
    /// Whether nobody is leaving, and no copy runs.
    [[nodiscard]] bool isOver() const { return !m_leaving && !m_copyOf; }

    /// How often who counts, or what a disk holds, has changed for good: a quorum of now and one of
    /// two such steps ago need not have a member in common.
    [[nodiscard]] int steps() const { return m_steps; }
    [[nodiscard]] const QByteArray &wrong() const { return m_wrong; }
    /// How often each struck.
    [[nodiscard]] const std::map<QByteArray, int> &counts() const { return m_counts; }

private:
    struct Leaving
    {
        int node = 0;
        size_t operation = 0;
    };
    int anyone();
    void stop(int node, bool isMachineLost);
    void jumpClock(int node);
    void freeDisks();
    void mend();
    void startAll();
    void beginAnew(int node);
    void leave(int node);
    void copyDirectory(int node);
    void endCopy();

    SimCluster &m_cluster;
    int m_nodes;
    Disks m_disks;
    std::vector<bool> m_hasLeft;
    std::optional<Leaving> m_leaving;
    std::optional<int> m_copyOf;
    qint64 m_copyEndsMs = 0;
    int m_steps = 0;
    QByteArray m_wrong;
    std::map<QByteArray, int> m_counts;
};

} // namespace dynakv::sim
