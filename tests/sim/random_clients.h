// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/sim/sim_cluster.h"

#include <array>
#include <map>
#include <vector>

namespace dynakv::sim {

/// Clients that write and read at random nodes, remember what they were told, and find out whether
/// it was true. What is promised, and checked of every answer that is given:
///
/// - a read with a floor shows that version or a later one: each client asks for no less than what
///   it wrote or read before, so that it reads its own writes and time never goes back for it;
/// - a read by a quorum shows what a quorum was given before the read began, or something later;
///   a delete, then, is never undone;
/// - what is read was written, under that key, as what it is, with one version only, and by a write
///   that was not refused.
///
/// Of reads of one replica without a floor nothing but the last is promised.
class RandomClients
{
public:
    /// Every write \a isByQuorum, or one in three. At the first \a nodes machines.
    RandomClients(SimCluster &cluster, int nodes, bool isByQuorum);

    /// One client writes or reads. \a steps: RandomFaults::steps().
    void operate(int steps);
    /// Looks at what was answered since it was last called.
    void check();
    /// What every key must be once all is well again: the greatest version ever acknowledged, or a
    /// write whose outcome was unknown and whose version is greater; never less.
    void checkEverywhere();

    /// What was wrong first; empty if nothing was.
    [[nodiscard]] const QByteArray &wrong() const { return m_wrong; }
    /// How often each promise was put to the test.
    [[nodiscard]] const std::map<QByteArray, int> &counts() const { return m_counts; }

private:
    struct Seen
    {
        core::Version version = {};
        core::RecordKind kind = core::RecordKind::Value;
    };
    struct Write
    {
        size_t told = 0;
        size_t client = 0;
        int steps = 0;
        bool isByQuorum = false;
    };
    struct Asked
    {
        size_t read = 0;
        size_t client = 0;
        QByteArray key = {};
        Seen floor = {};  ///< No version: there is none.
        Seen quorum = {}; ///< What a quorum has to show; no version: nothing.
        bool isByQuorum = false;
    };
    static constexpr size_t kClients = 4;

    void write(size_t client, int steps);
    void read(size_t client, int steps);
    [[nodiscard]] core::WriteCondition conditionFor(int node, const QByteArray &key);
    void checkWrite(const Write &write);
    void checkRead(const Asked &asked);
    void checkRecord(const core::Record &record);
    void checkNotBefore(const std::optional<core::Record> &record, const Seen &seen,
                        const char *what);
    void fail(const QByteArray &what);

    SimCluster &m_cluster;
    int m_nodes;
    bool m_isByQuorum;
    std::array<std::map<QByteArray, Seen>, kClients> m_seen = {};
    /// By key and by step: the greatest version that a quorum acknowledged.
    std::map<QByteArray, std::map<int, Seen>> m_given;
    std::map<QByteArray, std::vector<size_t>> m_deletes; ///< By key: the writes that were such.
    std::map<size_t, core::Version> m_versionOf;         ///< Of a write that was read.
    std::vector<Write> m_writes;                         ///< Not yet answered,
    std::vector<Asked> m_reads;                          ///< likewise.
    QByteArray m_wrong;
    std::map<QByteArray, int> m_counts;
};

} // namespace dynakv::sim
