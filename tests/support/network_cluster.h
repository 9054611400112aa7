// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/support/daemon_process.h"
#include "tests/support/local_network.h"

#include <QTemporaryDir>

#include <memory>
#include <vector>

namespace dynakv::test {

/// A daemon on each machine of a LocalNetwork, listening on 0.0.0.0:6660 as on a real machine, with
/// a shared secret. It is asked from its own machine, so that it can be whatever its cable does.
/// The destructor prints the logs of a test that failed.
class NetworkCluster
{
public:
    explicit NetworkCluster(int machines);
    ~NetworkCluster();
    Q_DISABLE_COPY_MOVE(NetworkCluster)

    [[nodiscard]] LocalNetwork &network() { return m_network; }
    [[nodiscard]] DaemonProcess &node(int machine)
    {
        return *m_nodes.at(static_cast<std::size_t>(machine));
    }
    /// Starts the first \a nodes, each but the founder with machine 0 as JOIN, and waits until
    /// every one is ready, lists all and has links with all.
    bool start(int nodes);
    /// Starts the one of that machine, with machine 0 as JOIN unless it is that.
    bool startNode(int machine);
    /// As others know it.
    [[nodiscard]] static QByteArray addressOf(int machine);

    /// No status where there is no answer in time.
    HttpAnswer ask(int machine, const QByteArray &method, const QByteArray &target,
                   const QByteArray &body = {}, int timeoutMs = 5000);
    /// The members in `/v1/cluster` of one node, each as `ADDRESS STATE`.
    [[nodiscard]] QList<QByteArray> statesAt(int machine);
    /// All keys with their values and versions, as JSON.
    [[nodiscard]] QByteArray contentOf(int machine);

    [[nodiscard]] bool lists(int machine, const std::vector<int> &members);
    /// Waits until each of the nodes \a asked is ready and lists exactly \a members.
    bool waitForMembers(const std::vector<int> &asked, const std::vector<int> &members,
                        int timeoutMs = 30'000);
    /// Waits until a write through each of these reaches all members at once. A node may be listed
    /// by those who have no link with it yet, and a write does not wait for links.
    bool waitForLinks(const std::vector<int> &machines, int timeoutMs = 30'000);
    /// Waits until these nodes hold the same.
    bool waitForEqual(const std::vector<int> &machines, int timeoutMs = 30'000);

private:
    QTemporaryDir m_directory;
    LocalNetwork m_network;
    std::vector<std::unique_ptr<DaemonProcess>> m_nodes;
};

} // namespace dynakv::test
