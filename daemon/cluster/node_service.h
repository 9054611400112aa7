// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/core/node.h"
#include "shared/base/result.h"

#include <memory>

namespace dynakv::store {
class Table;
}
namespace dynakv::storage {
class StorageWorker;
}

namespace dynakv::cluster {

struct NodeServiceConfig
{
    core::NodeConfig node = {};      ///< `cluster` as asked for; port 0 is allowed in tests.
    core::PersistedState state = {}; ///< As loaded; the service raises and saves the generation.
    QByteArray clusterSecret = {};   ///< What every link has to prove; empty: nothing.
};

/// Drives core::Node with QTcpSocket links, a timer and the storage worker, on a thread of its own
/// ("node"). This is the door through which the REST layer writes.
///
/// Thread: start() and stop() from the owner's; the Coordinator part from any.
class NodeService final : public core::Coordinator
{
public:
    /// \a table and \a storage must outlive the service.
    NodeService(NodeServiceConfig config, store::Table &table, storage::StorageWorker &storage);
    ~NodeService() override;

    /// Listens on the cluster address and starts the thread. Busy or Denied name the port.
    base::Result<void> start();
    /// Refuses new writes, answers what is in flight or lets it time out (2 s), closes the links,
    /// ends the thread. Idempotent.
    void stop();
    /// The port that was bound.
    [[nodiscard]] quint16 clusterPort() const;

    /// Too much waiting (10,000 requests or 64 MiB), not started or stopped: \a done is called at
    /// once, on the caller's thread, with NotReady.
    void submit(core::WriteRequest request, Completion done) override;
    /// Likewise, with no answer at all.
    void askReplicas(core::ReplicaQuestion question, ReplicasCompletion done) override;
    /// Likewise, with Conflict.
    void operate(core::OperatorRequest request, OperatorCompletion done) override;
    /// A group counts as one request, with all its bytes.
    void submitGroup(std::vector<core::WriteRequest> group, GroupCompletion done) override;
    void read(core::ReadRequest request, ReadCompletion done) override;
    void list(core::ListingRequest request, ListingCompletion done) override;
    [[nodiscard]] std::shared_ptr<const core::ClusterView> clusterView() const override;

private:
    class Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace dynakv::cluster
