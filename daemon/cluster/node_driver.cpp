// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/node_driver.h"

#include "daemon/cluster/node_clock.h"
#include "daemon/cluster/persisted_state_codec.h"
#include "daemon/storage/storage_worker.h"
#include "daemon/store/table.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcNode, "dynakv.cluster.node")

namespace dynakv::cluster {
namespace {

/// How long requests under way and then the links' last bytes may hold up a stop.
constexpr int kFinishMs = 2000;
constexpr int kCloseMs = 1500;
/// What a tick may tell of values that have expired: well below a millisecond's work.
constexpr int kExpiriesPerTick = 4096;
/// Above the first the peers are made to wait, below the second they go on.
constexpr qsizetype kPeerBytesPause = qsizetype{16} << 20;
constexpr qsizetype kPeerBytesResume = qsizetype{8} << 20;

const core::WriteOutcome kStopping{.status = core::WriteOutcome::Status::NotReady,
                                   .detail = "the node is stopping"};

const core::ReadOutcome kNotReading{.status = core::ReadOutcome::Status::NotReady,
                                    .detail = "the node is stopping"};

const core::ListingOutcome kNotListing{{}, "the node is stopping"};

core::OperatorOutcome notOperating()
{
    core::OperatorOutcome outcome;
    outcome.status = core::OperatorOutcome::Status::Conflict;
    outcome.detail = "the node is stopping";
    return outcome;
}

qsizetype bytesOf(const std::vector<core::Record> &records)
{
    constexpr qsizetype kOverhead = 64;
    qsizetype bytes = 0;
    for (const core::Record &record : records)
        bytes += record.key.size() + record.value.size() + record.context.size() + kOverhead;
    return bytes;
}

core::Committed::Result resultOf(storage::CommitResult::Status status)
{
    switch (status) {
    case storage::CommitResult::Status::Done:
        return core::Committed::Result::Done;
    case storage::CommitResult::Status::NoSpace:
        return core::Committed::Result::NoSpace;
    case storage::CommitResult::Status::Failed:
        return core::Committed::Result::Failed;
    }
    return core::Committed::Result::Failed;
}

} // namespace

NodeDriver::NodeDriver(NodeServiceConfig config, store::Table &table,
                       storage::StorageWorker &storage, base::Mailbox &inbox, Publish publish)
    : m_table(table)
    , m_storage(storage)
    , m_inbox(inbox)
    , m_publish(std::move(publish))
    , m_config(std::move(config.node))
    , m_state(std::move(config.state))
    , m_transport([this](core::Event event) { enqueue(std::move(event)); },
                  std::move(config.clusterSecret))
    , m_background(inbox)
    , m_desk(table)
{
    m_tick.setTimerType(Qt::PreciseTimer);
    connect(&m_tick, &QTimer::timeout, this, [this] {
        noteTick();
        m_table.tellExpired(currentTime().wallMs, kExpiriesPerTick);
        if (!m_isRekeying)
            enqueue(core::Tick{});
        proceedStop();
    });
}

base::Result<void> NodeDriver::start()
{
    if (auto listening = m_transport.listen(m_config.cluster); !listening)
        return listening;
    m_config.cluster.port = m_transport.port();
    m_node = std::make_unique<core::Node>(std::move(m_config), std::move(m_state), m_table);
    m_tick.start(core::kTickMs);
    m_isTurning = true; // What the effects cause waits until all of them are carried out.
    carryOut(m_node->start(currentTime(), m_table.newestClock()));
    m_isTurning = false;
    publishView();
    turn();
    return {};
}

void NodeDriver::enqueue(core::Event event)
{
    if (m_phase != Phase::Stopped)
        m_events.push_back(std::move(event));
    if (!m_isTurning)
        turn();
}

/// A loop that is served late is what a silent peer looks like from inside.
void NodeDriver::noteTick()
{
    const qint64 nowUs = monotonicUs();
    if (m_tickUs != 0)
        m_counts.tickLateUs.add(nowUs - m_tickUs - qint64{core::kTickMs} * 1000);
    m_tickUs = nowUs;
}

void NodeDriver::turn()
{
    m_isTurning = true;
    const qint64 startUs = m_events.empty() ? 0 : monotonicUs();
    std::size_t handled = 0;
    while (handled < m_events.size() && !m_isRekeying && m_phase != Phase::Stopped) {
        core::Event event = std::move(m_events[handled++]); // The list may grow meanwhile.
        carryOut(m_node->handle(std::move(event), currentTime()));
    }
    m_events.erase(m_events.begin(), m_events.begin() + static_cast<std::ptrdiff_t>(handled));
    if (startUs != 0)
        m_counts.turnUs.add(monotonicUs() - startUs);
    m_isTurning = false;
    proceedStop();
}

void NodeDriver::carryOut(core::Effects effects)
{
    for (core::Effect &effect : effects)
        std::visit([this](auto &each) { carry(each); }, effect);
}

void NodeDriver::carry(core::Dial &dial)
{
    m_transport.dial(dial.dial, dial.target);
}

void NodeDriver::carry(core::CloseLink &close)
{
    m_transport.close(close.link);
}

void NodeDriver::carry(core::Send &send)
{
    m_transport.send(send.link, send.message);
}

void NodeDriver::carry(core::Append &append)
{
    const qsizetype peerBytes = append.isForPeer ? bytesOf(append.records) : 0;
    m_peerBytes += peerBytes;
    throttlePeers();
    ++m_owed;
    auto done = [this, ticket = append.ticket, peerBytes](storage::CommitResult result) {
        m_inbox.post([this, ticket, peerBytes, result = std::move(result)] {
            --m_owed;
            m_peerBytes -= peerBytes;
            throttlePeers();
            enqueue(
                core::Committed{ticket, resultOf(result.status), result.durability, result.detail});
        });
    };
    m_storage.commit({std::move(append.records), {}, append.durability}, std::move(done));
}

void NodeDriver::carry(core::SaveState &save)
{
    ++m_owed;
    storage::CommitRequest request;
    // Whatever the mode: what the node says of itself afterwards must outlive it, and that it holds
    // all up to a clock is true of the disk only once that was synced.
    request.durability = core::Durability::Sync;
    request.metas[kStateMetaName.toByteArray()] = encodeState(save.state);
    m_storage.commit(std::move(request),
                     [this, revision = save.revision](const storage::CommitResult &result) {
                         using Status = storage::CommitResult::Status;
                         const bool isSaved = result.status == Status::Done;
                         const bool isDiskFull = result.status == Status::NoSpace;
                         m_inbox.post([this, revision, isSaved, isDiskFull] {
                             --m_owed;
                             enqueue(core::StateSaved{revision, isSaved, isDiskFull});
                         });
                     });
}

void NodeDriver::carry(core::Resume &resume)
{
    ++m_owed;
    m_background.add([this, ticket = resume.ticket] {
        --m_owed;
        enqueue(core::Resumed{ticket});
    });
}

void NodeDriver::carry(core::Reply &reply)
{
    ++m_counts.writes.at(static_cast<std::size_t>(reply.outcome.status));
    auto request = m_requests.extract(reply.request);
    if (request.empty())
        return; // Answered by stop() already.
    request.mapped()(std::move(reply.outcome));
}

void NodeDriver::carry(core::QuestionReply &reply)
{
    if (auto question = m_questions.extract(reply.request))
        question.mapped()(std::move(reply.replicas));
}

void NodeDriver::carry(core::OperatorReply &reply)
{
    if (auto operation = m_operations.extract(reply.request))
        operation.mapped()(std::move(reply.outcome));
}

void NodeDriver::carry(core::GroupReply &reply)
{
    for (const core::WriteOutcome &outcome : reply.outcomes)
        ++m_counts.writes.at(static_cast<std::size_t>(outcome.status));
    auto request = m_groups.extract(reply.request);
    if (!request.empty())
        request.mapped().done(std::move(reply.outcomes));
}

void NodeDriver::carry(core::ReadReply &reply)
{
    if (auto read = m_reads.extract(reply.request))
        read.mapped()(std::move(reply.outcome));
}

void NodeDriver::carry(core::ListingReply &reply)
{
    if (auto listing = m_listings.extract(reply.request))
        listing.mapped()(std::move(reply.outcome));
}

void NodeDriver::carry(core::AnswerListing &asked)
{
    const quint64 id = asked.request.id;
    const bool isTaken =
        m_desk.list(std::move(asked.request), [this, link = asked.link](core::ListReply reply) {
            m_inbox.post([this, link, reply = std::move(reply)] {
                --m_owed;
                m_transport.send(link, reply);
                proceedStop();
            });
        });
    if (isTaken)
        ++m_owed;
    else
        m_transport.send(asked.link, core::ListReply{id});
}

void NodeDriver::carry(core::ViewChanged &)
{
    publishView();
}

void NodeDriver::carry(core::ClusterIdChanged &change)
{
    m_isRekeying = true;
    throttlePeers();
    ++m_owed;
    m_storage.runBetweenCommits([this, clusterId = change.clusterId] {
        m_table.setTreeKey(clusterId);
        m_inbox.post([this] {
            --m_owed;
            m_isRekeying = false;
            throttlePeers();
            turn();
        });
    });
}

void NodeDriver::carry(core::Purge &purge)
{
    if (m_purgeUpTo == 0)
        purgeSlice(purge.watermark);
    m_purgeUpTo = purge.watermark;
}

/// A slice at a time, so that commits wait for no more than one.
void NodeDriver::purgeSlice(quint64 watermark)
{
    constexpr int sliceRecords = 1000;
    ++m_owed;
    m_storage.runBetweenCommits([this, watermark] {
        const bool hasMore = m_table.purge(watermark, sliceRecords) == sliceRecords;
        m_inbox.post([this, watermark, hasMore] {
            --m_owed;
            const bool isStopping = m_phase != Phase::Running;
            if (!isStopping && (hasMore || m_purgeUpTo > watermark))
                return purgeSlice(m_purgeUpTo);
            m_purgeUpTo = 0;
            turn();
        });
    });
}

void NodeDriver::carry(core::Log &log)
{
    const QString text = QString::fromUtf8(log.text);
    switch (log.level) {
    case core::Log::Level::Debug:
        qCDebug(lcNode).noquote() << text;
        break;
    case core::Log::Level::Info:
        qCInfo(lcNode).noquote() << text;
        break;
    case core::Log::Level::Warning:
        qCWarning(lcNode).noquote() << text;
        break;
    }
}

void NodeDriver::publishView()
{
    core::ClusterView view = m_node->view();
    m_counts.syncs = view.counts.syncs;
    m_counts.hints = view.counts.hints;
    m_counts.traffic = m_transport.counts();
    view.counts = m_counts;
    if (m_phase != Phase::Running) {
        view.readiness = core::Readiness::Stopping;
        view.detail = "the node is stopping";
    }
    m_publish(std::move(view));
}

/// A disk slower than the peers must not fill the memory with their records, nor what comes while
/// core waits for the tree. Heartbeats wait as well, hence bounds that a disk works off well within
/// the detector's patience.
void NodeDriver::throttlePeers()
{
    const qsizetype bound = m_arePeersPaused ? kPeerBytesResume : kPeerBytesPause;
    const bool pause = m_isRekeying || m_peerBytes > bound;
    if (pause == m_arePeersPaused)
        return;
    m_arePeersPaused = pause;
    m_transport.setPaused(pause);
}

void NodeDriver::submit(core::WriteRequest request, Completion done)
{
    if (m_phase != Phase::Running) {
        done(kStopping);
        return;
    }
    m_requests.emplace(++m_lastRequest, std::move(done));
    enqueue(core::ClientWrite{m_lastRequest, std::move(request)});
}

void NodeDriver::askReplicas(core::ReplicaQuestion question, ReplicasCompletion done)
{
    if (m_phase != Phase::Running)
        return done({});
    m_questions.emplace(++m_lastRequest, std::move(done));
    enqueue(core::ClientQuestion{m_lastRequest, std::move(question)});
}

void NodeDriver::operate(core::OperatorRequest request, OperatorCompletion done)
{
    if (m_phase != Phase::Running) {
        return done(notOperating());
    }
    m_operations.emplace(++m_lastRequest, std::move(done));
    enqueue(core::ClientOperation{m_lastRequest, request});
}

void NodeDriver::submitGroup(std::vector<core::WriteRequest> group, GroupCompletion done)
{
    if (m_phase != Phase::Running) {
        done({group.size(), kStopping});
        return;
    }
    m_groups.emplace(++m_lastRequest, GroupRequest{group.size(), std::move(done)});
    enqueue(core::ClientGroup{m_lastRequest, std::move(group)});
}

void NodeDriver::read(core::ReadRequest request, ReadCompletion done)
{
    if (m_phase != Phase::Running)
        return done(kNotReading);
    m_reads.emplace(++m_lastRequest, std::move(done));
    enqueue(core::ClientRead{m_lastRequest, std::move(request)});
}

void NodeDriver::list(core::ListingRequest request, ListingCompletion done)
{
    if (m_phase != Phase::Running)
        return done(kNotListing);
    m_listings.emplace(++m_lastRequest, std::move(done));
    enqueue(core::ClientListing{m_lastRequest, std::move(request)});
}

void NodeDriver::stop(std::function<void()> stopped)
{
    m_phase = Phase::Finishing;
    m_phaseEndMs = monotonicMs() + kFinishMs;
    m_stopped = std::move(stopped);
    m_transport.stopOpening();
    m_background.hurry();
    publishView();
    proceedStop();
}

void NodeDriver::closeLinks()
{
    const core::WriteOutcome unknown{
        .status = core::WriteOutcome::Status::TooFewReplicas,
        .detail = "the node stopped before the write was settled; it may still take effect"};
    for (auto &[id, done] : std::exchange(m_requests, {}))
        done(unknown);
    for (auto &[id, group] : std::exchange(m_groups, {}))
        group.done({group.writes, unknown});
    for (auto &[id, done] : std::exchange(m_questions, {}))
        done({});
    for (auto &[id, done] : std::exchange(m_reads, {}))
        done(kNotReading);
    for (auto &[id, done] : std::exchange(m_listings, {}))
        done(kNotListing);
    for (auto &[id, done] : std::exchange(m_operations, {}))
        done(notOperating());
    m_transport.closeAll();
}

/// Goes as far as it can, at each tick and after each turn: requests answered, links closed, the
/// storage worker quiet.
void NodeDriver::proceedStop()
{
    if (m_phase == Phase::Running || m_isTurning)
        return;
    const qint64 nowMs = monotonicMs();
    const bool isAsked = !m_requests.empty() || !m_groups.empty();
    if (m_phase == Phase::Finishing && (!isAsked || nowMs >= m_phaseEndMs)) {
        m_phase = Phase::Closing;
        m_phaseEndMs = nowMs + kCloseMs;
        closeLinks();
    }
    if (m_phase == Phase::Closing && (m_transport.linkCount() == 0 || nowMs >= m_phaseEndMs))
        m_phase = Phase::Stopped;
    if (m_phase == Phase::Stopped && m_owed == 0 && m_stopped)
        std::exchange(m_stopped, {})();
}

} // namespace dynakv::cluster
