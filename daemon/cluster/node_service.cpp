// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/node_service.h"

#include "daemon/cluster/awaited.h"
#include "daemon/cluster/group_in_parts.h"
#include "daemon/cluster/node_driver.h"
#include "daemon/cluster/persisted_state_codec.h"
#include "daemon/storage/storage_worker.h"
#include "daemon/store/table.h"
#include "shared/base/mailbox.h"

#include <QRandomGenerator>
#include <QThread>

#include <condition_variable>
#include <mutex>
#include <optional>

namespace dynakv::cluster {
namespace {

using core::WriteOutcome;

constexpr int kWaitingRequestsMax = 10'000;
constexpr qsizetype kWaitingBytesMax = qsizetype{64} << 20;

quint64 randomId()
{
    quint64 id = 0;
    while (id == 0)
        id = QRandomGenerator::system()->generate64();
    return id;
}

template <typename Question>
qsizetype bytesIn(const Question &question)
{
    return question.key.size();
}
qsizetype bytesIn(const core::ListingRequest &request)
{
    return request.query.prefix.size() + request.query.from.size();
}
qsizetype bytesIn(const core::OperatorRequest &)
{
    return 0;
}

WriteOutcome notReady(const char *why)
{
    return {.status = WriteOutcome::Status::NotReady, .detail = why};
}

} // namespace

class NodeService::Impl
{
public:
    Impl(NodeServiceConfig config, store::Table &table, storage::StorageWorker &storage)
        : m_config(std::move(config))
        , m_table(table)
        , m_storage(storage)
    {
        m_thread.setObjectName(QStringLiteral("node"));
        m_inbox.moveToThread(&m_thread);
    }

    base::Result<void> start();
    void stop();
    void submit(core::WriteRequest request, Completion done);
    /// \a refused is the answer where nobody can be asked.
    template <typename Question, typename Answer>
    void ask(Question question, const Answer &refused, std::function<void(Answer)> done,
             void (NodeDriver::*begin)(Question, std::function<void(Answer)>));
    void submitGroup(std::vector<core::WriteRequest> group, GroupCompletion done);

    quint16 m_port = 0;

    std::shared_ptr<const core::ClusterView> view() const
    {
        const std::lock_guard lock(m_mutex);
        return m_view;
    }

private:
    enum class Phase : quint8 { New, Running, Stopped };

    base::Result<void> takeIdentity();
    base::Result<quint16> startDriver();
    void endThread();
    void publish(core::ClusterView view);
    std::optional<WriteOutcome> refusal(qsizetype bytes);
    void release(qsizetype bytes);
    void feed(const std::shared_ptr<GroupInParts> &parts);

    NodeServiceConfig m_config;
    store::Table &m_table;
    storage::StorageWorker &m_storage;
    QThread m_thread;
    base::Mailbox m_inbox;
    std::unique_ptr<NodeDriver> m_driver = {}; ///< Touched on the node thread only.

    mutable std::mutex m_mutex;
    // Under the mutex:
    Phase m_phase = Phase::New;
    int m_waitingRequests = 0;
    std::condition_variable m_noneWaits;
    qsizetype m_waitingBytes = 0;
    std::shared_ptr<const core::ClusterView> m_view = std::make_shared<core::ClusterView>();
};

/// The identity of a new directory, and a generation that was never used before: on disk before
/// the first frame can leave.
base::Result<void> NodeService::Impl::takeIdentity()
{
    core::PersistedState &state = m_config.state;
    if (state.node == 0)
        state.node = randomId();
    state.generation = core::nextGeneration(state);
    if (m_config.node.bootId == 0)
        m_config.node.bootId = randomId();
    if (m_config.node.seed == 0)
        m_config.node.seed = randomId();
    storage::CommitRequest request;
    request.metas[kStateMetaName.toByteArray()] = encodeState(state);
    if (const auto stored = m_storage.commitAndWait(std::move(request)); !stored) {
        return {stored.error().code,
                "a start has to be noted in the data file first: " + stored.error().message};
    }
    Awaited<bool> keyed;
    m_storage.runBetweenCommits([this, &keyed, clusterId = state.clusterId] {
        m_table.setTreeKey(clusterId);
        keyed.set(true);
    });
    keyed.wait();
    return {};
}

base::Result<void> NodeService::Impl::start()
{
    if (auto identity = takeIdentity(); !identity)
        return identity;
    m_thread.start();
    auto port = startDriver();
    if (!port) {
        endThread();
        return port.error();
    }
    m_port = *port;
    const std::lock_guard lock(m_mutex);
    m_phase = Phase::Running;
    return {};
}

base::Result<quint16> NodeService::Impl::startDriver()
{
    Awaited<base::Result<quint16>> started;
    m_inbox.post([this, &started] {
        m_driver = std::make_unique<NodeDriver>(
            std::move(m_config), m_table, m_storage, m_inbox,
            [this](core::ClusterView view) { publish(std::move(view)); });
        const auto listening = m_driver->start();
        if (listening)
            return started.set(m_driver->clusterPort());
        m_driver.reset();
        started.set(listening.error());
    });
    return started.wait();
}

void NodeService::Impl::endThread()
{
    m_thread.quit();
    m_thread.wait();
}

void NodeService::Impl::stop()
{
    {
        const std::lock_guard lock(m_mutex);
        if (std::exchange(m_phase, Phase::Stopped) != Phase::Running)
            return;
    }
    Awaited<bool> stopped;
    m_inbox.post([this, &stopped] {
        m_driver->stop([this, &stopped] {
            // In a task of its own: the driver cannot be destroyed from inside.
            m_inbox.post([this, &stopped] {
                m_driver.reset();
                stopped.set(true);
            });
        });
    });
    stopped.wait();
    {
        // A request let in just before may still be on its way to the inbox.
        std::unique_lock lock(m_mutex);
        m_noneWaits.wait(lock, [this] { return m_waitingRequests == 0; });
    }
    endThread();
}

void NodeService::Impl::publish(core::ClusterView view)
{
    auto next = std::make_shared<const core::ClusterView>(std::move(view));
    const std::lock_guard lock(m_mutex);
    m_view.swap(next); // The old one, if this was its last holder, dies outside the lock.
}

std::optional<WriteOutcome> NodeService::Impl::refusal(qsizetype bytes)
{
    const std::lock_guard lock(m_mutex);
    if (m_phase != Phase::Running)
        return notReady(m_phase == Phase::New ? "the node is starting" : "the node is stopping");
    if (m_waitingRequests >= kWaitingRequestsMax || m_waitingBytes + bytes > kWaitingBytesMax)
        return notReady("overloaded");
    ++m_waitingRequests;
    m_waitingBytes += bytes;
    return std::nullopt;
}

void NodeService::Impl::release(qsizetype bytes)
{
    const std::lock_guard lock(m_mutex);
    if (--m_waitingRequests == 0)
        m_noneWaits.notify_all();
    m_waitingBytes -= bytes;
}

void NodeService::Impl::submit(core::WriteRequest request, Completion done)
{
    const qsizetype bytes = request.key.size() + request.value.size();
    if (auto outcome = refusal(bytes)) {
        done(std::move(*outcome));
        return;
    }
    auto answer = [this, bytes, done = std::move(done)](WriteOutcome outcome) {
        release(bytes);
        done(std::move(outcome));
    };
    m_inbox.post([this, request = std::move(request), answer = std::move(answer)]() mutable {
        if (m_driver)
            m_driver->submit(std::move(request), std::move(answer));
        else
            answer(notReady("the node is stopping"));
    });
}

template <typename Question, typename Answer>
void NodeService::Impl::ask(Question question, const Answer &refused,
                            std::function<void(Answer)> done,
                            void (NodeDriver::*begin)(Question, std::function<void(Answer)>))
{
    const qsizetype bytes = bytesIn(question);
    if (refusal(bytes))
        return done(refused);
    auto answer = [this, bytes, done = std::move(done)](Answer given) {
        release(bytes);
        done(std::move(given));
    };
    m_inbox.post([this, question = std::move(question), refused, answer = std::move(answer),
                  begin]() mutable {
        if (m_driver)
            (*m_driver.*begin)(std::move(question), std::move(answer));
        else
            answer(std::move(refused));
    });
}

void NodeService::Impl::submitGroup(std::vector<core::WriteRequest> group, GroupCompletion done)
{
    const qsizetype bytes = bytesOf(group);
    if (const auto outcome = refusal(bytes)) {
        done({group.size(), *outcome});
        return;
    }
    auto answer = [this, bytes, done = std::move(done)](std::vector<WriteOutcome> outcomes) {
        release(bytes);
        done(std::move(outcomes));
    };
    auto parts = std::make_shared<GroupInParts>(std::move(group), std::move(answer));
    m_inbox.post([this, parts = std::move(parts)] { feed(parts); });
}

/// One part a turn of the loop, so that others have theirs.
void NodeService::Impl::feed(const std::shared_ptr<GroupInParts> &parts)
{
    GroupInParts::Part part = parts->takePart();
    const auto answer = [parts, place = part.place](std::vector<WriteOutcome> outcomes) {
        parts->answer(place, std::move(outcomes));
    };
    if (m_driver)
        m_driver->submitGroup(std::move(part.writes), answer);
    else
        answer({part.writes.size(), notReady("the node is stopping")});
    if (parts->hasPart())
        m_inbox.post([this, parts] { feed(parts); });
}

NodeService::NodeService(NodeServiceConfig config, store::Table &table,
                         storage::StorageWorker &storage)
    : m_impl(std::make_unique<Impl>(std::move(config), table, storage))
{
}

NodeService::~NodeService()
{
    stop();
}

base::Result<void> NodeService::start()
{
    return m_impl->start();
}

void NodeService::stop()
{
    m_impl->stop();
}

quint16 NodeService::clusterPort() const
{
    return m_impl->m_port;
}

void NodeService::submitGroup(std::vector<core::WriteRequest> group, GroupCompletion done)
{
    m_impl->submitGroup(std::move(group), std::move(done));
}

void NodeService::submit(core::WriteRequest request, Completion done)
{
    m_impl->submit(std::move(request), std::move(done));
}

void NodeService::operate(core::OperatorRequest request, OperatorCompletion done)
{
    core::OperatorOutcome refused;
    refused.status = core::OperatorOutcome::Status::Conflict;
    refused.detail = "overloaded or stopping";
    m_impl->ask(request, refused, std::move(done), &NodeDriver::operate);
}

void NodeService::askReplicas(core::ReplicaQuestion question, ReplicasCompletion done)
{
    m_impl->ask(std::move(question), {}, std::move(done), &NodeDriver::askReplicas);
}

void NodeService::read(core::ReadRequest request, ReadCompletion done)
{
    m_impl->ask(std::move(request),
                {.status = core::ReadOutcome::Status::NotReady, .detail = "overloaded or stopping"},
                std::move(done), &NodeDriver::read);
}

void NodeService::list(core::ListingRequest request, ListingCompletion done)
{
    m_impl->ask(std::move(request), {{}, "overloaded or stopping"}, std::move(done),
                &NodeDriver::list);
}

std::shared_ptr<const core::ClusterView> NodeService::clusterView() const
{
    return m_impl->view();
}

} // namespace dynakv::cluster
