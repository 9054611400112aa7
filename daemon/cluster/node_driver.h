// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/background_pacer.h"
#include "daemon/cluster/listing_desk.h"
#include "daemon/cluster/node_service.h"
#include "daemon/cluster/transport.h"
#include "daemon/core/node.h"
#include "shared/base/mailbox.h"
#include "shared/base/wakes.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

namespace dynakv::cluster {

/// Gives core::Node its time, its sockets and its file: events wait in one queue and enter core one
/// at a time, the effects of each are carried out in their order before the next. Never blocks:
/// what the storage thread does for it comes back through the inbox.
///
/// Thread: made, used and destroyed on the node thread. The storage worker's completions refer to
/// the inbox and to this object, so stop() must have called back before the end of either.
class NodeDriver final : public QObject
{
public:
    using Completion = core::Coordinator::Completion;
    using ReplicasCompletion = core::Coordinator::ReplicasCompletion;
    using OperatorCompletion = core::Coordinator::OperatorCompletion;
    using GroupCompletion = core::Coordinator::GroupCompletion;
    using ReadCompletion = core::Coordinator::ReadCompletion;
    using ListingCompletion = core::Coordinator::ListingCompletion;
    using Publish = std::function<void(core::ClusterView)>;

    /// \a config carries an identity and a generation that are stored already.
    NodeDriver(NodeServiceConfig config, store::Table &table, storage::StorageWorker &storage,
               base::Mailbox &inbox, Publish publish);

    /// Listens, then starts core, whose first effects are carried out at once.
    base::Result<void> start();
    [[nodiscard]] quint16 clusterPort() const { return m_transport.port(); }

    void submit(core::WriteRequest request, Completion done);
    void askReplicas(core::ReplicaQuestion question, ReplicasCompletion done);
    void operate(core::OperatorRequest request, OperatorCompletion done);
    void submitGroup(std::vector<core::WriteRequest> group, GroupCompletion done);
    void read(core::ReadRequest request, ReadCompletion done);
    void list(core::ListingRequest request, ListingCompletion done);

    /// Waits up to 2 s for requests under way, answers the rest as unknown, closes the links and
    /// calls \a stopped when the storage worker owes nothing any more.
    void stop(std::function<void()> stopped);

private:
    enum class Phase : quint8 { Running, Finishing, Closing, Stopped };
    struct GroupRequest
    {
        std::size_t writes = 0;
        GroupCompletion done = {};
    };

    void enqueue(core::Event event);
    void noteTick();
    void turn();
    void carryOut(core::Effects effects);
    void carry(core::Dial &dial);
    void carry(core::CloseLink &close);
    void carry(core::Send &send);
    void carry(core::Append &append);
    void carry(core::SaveState &save);
    void carry(core::Resume &resume);
    void carry(core::Reply &reply);
    void carry(core::QuestionReply &reply);
    void carry(core::OperatorReply &reply);
    void carry(core::GroupReply &reply);
    void carry(core::ReadReply &reply);
    void carry(core::ListingReply &reply);
    void carry(core::AnswerListing &asked);
    void carry(core::ViewChanged &);
    void carry(core::ClusterIdChanged &change);
    void carry(core::Purge &purge);
    void carry(core::Log &log);

    void purgeSlice(quint64 watermark);
    void publishView();
    void throttlePeers();
    void closeLinks();
    void proceedStop();

    base::LoopWakes m_wakes; ///< First, so that whatever the others post is put off.
    store::Table &m_table;
    storage::StorageWorker &m_storage;
    base::Mailbox &m_inbox;
    Publish m_publish;
    core::NodeConfig m_config; ///< Given to the node by start(), as the state is.
    core::PersistedState m_state;
    Transport m_transport;
    std::unique_ptr<core::Node> m_node = {};
    QTimer m_tick;
    qint64 m_tickUs = 0; ///< When it was served last.
    BackgroundPacer m_background;
    core::ClusterCounts m_counts;

    std::vector<core::Event> m_events = {};
    bool m_isTurning = false;
    bool m_isRekeying = false; ///< The tree is being rebuilt: core must see nothing until it is.

    std::unordered_map<core::RequestId, Completion> m_requests = {};
    std::unordered_map<core::RequestId, ReplicasCompletion> m_questions = {};
    std::unordered_map<core::RequestId, OperatorCompletion> m_operations = {};
    std::unordered_map<core::RequestId, GroupRequest> m_groups = {};
    std::unordered_map<core::RequestId, ReadCompletion> m_reads = {};
    std::unordered_map<core::RequestId, ListingCompletion> m_listings = {};
    core::RequestId m_lastRequest = 0;
    quint64 m_purgeUpTo = 0;   ///< While the table is being purged.
    qsizetype m_peerBytes = 0; ///< Records of peers that the storage worker has not done yet.
    bool m_arePeersPaused = false;
    int m_owed = 0; ///< Completions of the storage worker and the desk that have not come.

    Phase m_phase = Phase::Running;
    qint64 m_phaseEndMs = 0; ///< When a stop goes on without what it waits for.
    std::function<void()> m_stopped = {};
    ListingDesk m_desk;
};

} // namespace dynakv::cluster
