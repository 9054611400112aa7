// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/http/fake_coordinator.h"

#include <utility>

namespace dynakv::test {
namespace {

constexpr core::NodeId kSelf = 0x5e1f;

}

FakeCoordinator::FakeCoordinator(store::Table &table)
    : m_table(table)
{
    m_view.clusterId = 7;
    m_view.self = kSelf;
    m_view.readiness = core::Readiness::Ready;
    m_thread = std::thread([this] { run(); });
}

FakeCoordinator::~FakeCoordinator()
{
    {
        const std::lock_guard lock(m_mutex);
        m_isEnding = true;
    }
    m_wake.notify_all();
    m_thread.join();
}

void FakeCoordinator::submit(core::WriteRequest request, Completion done)
{
    submitGroup({std::move(request)},
                [done = std::move(done)](std::vector<core::WriteOutcome> outcomes) {
                    done(std::move(outcomes.front()));
                });
}

void FakeCoordinator::submitGroup(std::vector<core::WriteRequest> group, GroupCompletion done)
{
    {
        const std::lock_guard lock(m_mutex);
        ++m_submitted;
        m_last = group.back();
        m_writes.push_back({std::move(group), std::move(done)});
    }
    m_wake.notify_all();
}

void FakeCoordinator::operate(core::OperatorRequest, OperatorCompletion done)
{
    core::OperatorOutcome outcome;
    outcome.members = 2;
    done(outcome);
}

void FakeCoordinator::askReplicas(core::ReplicaQuestion, ReplicasCompletion done)
{
    std::vector<core::ReplicaView> replicas;
    {
        const std::lock_guard lock(m_mutex);
        replicas = m_replicas;
    }
    done(std::move(replicas));
}

void FakeCoordinator::read(core::ReadRequest request, ReadCompletion done)
{
    core::ReadOutcome outcome;
    {
        const std::lock_guard lock(m_mutex);
        if (m_fixedRead)
            outcome = *m_fixedRead;
        else if (m_view.readiness == core::Readiness::Ready)
            outcome = {.record = m_table.find(request.key), .acked = 1};
        else
            outcome.status = core::ReadOutcome::Status::TooFewReplicas;
    }
    done(std::move(outcome));
}

void FakeCoordinator::list(core::ListingRequest request, ListingCompletion done)
{
    core::ListingOutcome outcome{{}, "nobody can be asked"};
    {
        const std::lock_guard lock(m_mutex);
        if (m_fixedListing)
            outcome = *m_fixedListing;
        else if (m_view.readiness == core::Readiness::Ready)
            outcome = {core::ListedPage{m_table.list(request.query), {}, 0, 0}, {}};
    }
    done(std::move(outcome));
}

void FakeCoordinator::answerListingsWith(core::ListingOutcome outcome)
{
    const std::lock_guard lock(m_mutex);
    m_fixedListing = std::move(outcome);
}

void FakeCoordinator::answerReadsWith(core::ReadOutcome outcome)
{
    const std::lock_guard lock(m_mutex);
    m_fixedRead = std::move(outcome);
}

void FakeCoordinator::setReplicas(std::vector<core::ReplicaView> replicas)
{
    const std::lock_guard lock(m_mutex);
    m_replicas = std::move(replicas);
}

std::shared_ptr<const core::ClusterView> FakeCoordinator::clusterView() const
{
    const std::lock_guard lock(m_mutex);
    return std::make_shared<const core::ClusterView>(m_view);
}

void FakeCoordinator::setReadiness(core::Readiness readiness)
{
    const std::lock_guard lock(m_mutex);
    m_view.readiness = readiness;
}

void FakeCoordinator::setMembers(std::vector<core::MemberView> members)
{
    const std::lock_guard lock(m_mutex);
    m_view.members = std::move(members);
}

void FakeCoordinator::answerWith(core::WriteOutcome outcome)
{
    const std::lock_guard lock(m_mutex);
    m_fixed = std::move(outcome);
}

void FakeCoordinator::hold()
{
    const std::lock_guard lock(m_mutex);
    m_isHeld = true;
}

void FakeCoordinator::release()
{
    {
        const std::lock_guard lock(m_mutex);
        m_isHeld = false;
    }
    m_wake.notify_all();
}

int FakeCoordinator::submittedCount() const
{
    const std::lock_guard lock(m_mutex);
    return m_submitted;
}

core::WriteRequest FakeCoordinator::lastRequest() const
{
    const std::lock_guard lock(m_mutex);
    return m_last;
}

void FakeCoordinator::run()
{
    std::unique_lock lock(m_mutex);
    while (true) {
        m_wake.wait(lock, [this] { return m_isEnding || (!m_isHeld && !m_writes.empty()); });
        if (m_writes.empty())
            return;
        const Writes writes = std::move(m_writes.front());
        m_writes.pop_front();
        std::vector<core::WriteOutcome> outcomes;
        for (const core::WriteRequest &request : writes.requests)
            outcomes.push_back(m_fixed ? *m_fixed : apply(request));
        lock.unlock();
        writes.done(std::move(outcomes));
        lock.lock();
    }
}

core::WriteOutcome FakeCoordinator::apply(const core::WriteRequest &request)
{
    core::WriteOutcome outcome;
    if (const auto held = m_table.stampOf(request.key);
        held && request.asOfClock && held->version.clock >= *request.asOfClock)
        return outcome;
    outcome.version = {request.asOfClock ? *request.asOfClock : ++m_clock, kSelf};
    outcome.acked = 1;
    outcome.replicas = 3;
    const auto before = m_table.find(request.key);
    outcome.existed = before && before->isLive(outcome.version.wallMs());
    const auto live = outcome.existed ? std::optional(before->version) : std::nullopt;
    if (!request.condition.holds(live)) {
        outcome.status = core::WriteOutcome::Status::ConditionFailed;
        outcome.version = live.value_or(core::Version{});
        return outcome;
    }
    const qint64 expiresAtMs = request.ttlMs ? outcome.version.wallMs() + *request.ttlMs : 0;
    m_table.apply(core::Record{request.key,
                               request.kind,
                               outcome.version,
                               expiresAtMs,
                               request.contentType,
                               {},
                               request.value});
    return outcome;
}

} // namespace dynakv::test
