// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/daemon_process.h"

#include <QTemporaryDir>

#include <memory>
#include <vector>

namespace dynakv::test {

/// Daemons of one temporary directory, as the quick start has them. The destructor fails the test
/// where a sanitizer wrote into a log, and prints the logs of a test that failed.
class Cluster
{
public:
    /// Makes the nodes; none runs yet.
    explicit Cluster(int nodes);
    ~Cluster();
    Q_DISABLE_COPY_MOVE(Cluster)

    /// Starts all, the first as founder and each other one with the first as JOIN, and waits until
    /// every one is ready and lists all.
    bool start();
    /// One more node, not running.
    DaemonProcess &add();

    [[nodiscard]] DaemonProcess &node(int index)
    {
        return *m_nodes.at(static_cast<std::size_t>(index));
    }
    [[nodiscard]] RestProbe rest(int index) { return node(index).rest(); }
    [[nodiscard]] QString directory() const { return m_directory.path(); }
    [[nodiscard]] int size() const { return static_cast<int>(m_nodes.size()); }

    /// Waits until each of the nodes \a indices is ready and lists exactly them.
    bool waitForMembers(const std::vector<int> &indices, int timeoutMs = 30'000);
    bool waitForAll(int timeoutMs = 30'000);
    /// Waits until every node has a link with every other one: only then a write reaches all.
    bool waitForLinks(int timeoutMs = 30'000);
    /// Waits until every running node answers \a json for \a key (empty: 404).
    bool waitForValue(const QByteArray &key, const QByteArray &json, int timeoutMs = 30'000);

private:
    QTemporaryDir m_directory;
    std::vector<std::unique_ptr<DaemonProcess>> m_nodes;
};

} // namespace dynakv::test
