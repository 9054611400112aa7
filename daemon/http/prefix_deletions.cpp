// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/prefix_deletions.h"

#include "daemon/store/table.h"
#include "shared/base/limits.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace dynakv::http {
namespace {

constexpr std::size_t kWaitingMax = 16;
constexpr std::size_t kJobsKept = 32;

} // namespace

PrefixDeletions::PrefixDeletions(const store::Table &table, core::Coordinator &coordinator,
                                 std::function<qint64()> wallMs)
    : m_table(table)
    , m_coordinator(coordinator)
    , m_wallMs(std::move(wallMs))
{
}

PrefixDeletions::~PrefixDeletions()
{
    stop();
}

std::optional<PrefixDeletion> PrefixDeletions::begin(Order order)
{
    const std::scoped_lock lock(m_mutex);
    if (m_isStopping || m_waiting.size() >= kWaitingMax)
        return std::nullopt;
    PrefixDeletion job;
    job.number = ++m_lastNumber;
    job.prefix = order.prefix;
    job.startedMs = m_wallMs();
    job.deleted = order.deleted;
    job.expected = order.expected;
    m_jobs.push_front(job);
    if (m_jobs.size() > kJobsKept)
        m_jobs.pop_back();
    m_waiting.push_back({job, std::move(order)});
    m_changed.notify_one();
    if (!m_thread.joinable())
        m_thread = std::thread([this] { run(); });
    return job;
}

std::optional<PrefixDeletion> PrefixDeletions::find(quint64 number) const
{
    const std::scoped_lock lock(m_mutex);
    const auto found = std::find_if(m_jobs.begin(), m_jobs.end(),
                                    [number](const auto &each) { return each.number == number; });
    return found == m_jobs.end() ? std::nullopt : std::optional(*found);
}

std::vector<PrefixDeletion> PrefixDeletions::all() const
{
    const std::scoped_lock lock(m_mutex);
    return {m_jobs.begin(), m_jobs.end()};
}

void PrefixDeletions::stop()
{
    {
        const std::scoped_lock lock(m_mutex);
        m_isStopping = true;
        if (m_arrival) {
            const std::scoped_lock arrivalLock(m_arrival->mutex);
            m_arrival->isAbandoned = true;
            m_arrival->changed.notify_one();
        }
    }
    m_changed.notify_one();
    if (m_thread.joinable())
        m_thread.join();
}

void PrefixDeletions::run()
{
    while (auto work = next()) {
        carryOut(*work);
        work->job.endedMs = m_wallMs();
        publish(work->job);
    }
}

std::optional<PrefixDeletions::Work> PrefixDeletions::next()
{
    std::unique_lock lock(m_mutex);
    m_changed.wait(lock, [this] { return m_isStopping || !m_waiting.empty(); });
    if (m_isStopping)
        return std::nullopt;
    Work work = std::move(m_waiting.front());
    m_waiting.pop_front();
    return work;
}

void PrefixDeletions::carryOut(Work &work)
{
    PrefixDeletion &job = work.job;
    store::ListQuery query;
    query.prefix = work.order.prefix;
    query.after = work.order.after;
    query.limit = base::limits::kPageKeysMax;
    work.order.options.kind = core::RecordKind::Tombstone;
    work.order.options.asOfClock = work.order.asOfClock;
    for (bool hasMore = true; hasMore;) {
        query.wallMs = m_wallMs();
        const store::Listing page = m_table.list(query);
        hasMore = page.hasMore;
        query.after = page.lastRow;
        std::vector<core::WriteRequest> group;
        for (const store::ListedKey &listed : page.keys) {
            if (listed.version.clock < work.order.asOfClock)
                group.emplace_back(work.order.options).key = listed.key;
        }
        if (group.empty())
            continue;
        const auto outcomes = submitAndWait(std::move(group));
        if (!outcomes) {
            job.state = PrefixDeletion::State::Failed;
            job.detail = "the node stopped; repeat the request";
            return;
        }
        for (const core::WriteOutcome &outcome : *outcomes) {
            if (outcome.status != core::WriteOutcome::Status::Done) {
                job.state = PrefixDeletion::State::Failed;
                job.detail = outcome.detail + "; repeat the request";
                return;
            }
            job.deleted += outcome.existed ? 1 : 0;
        }
        job.expected = std::max(job.expected, job.deleted);
        publish(job);
    }
    job.state = PrefixDeletion::State::Done;
}

std::optional<PrefixDeletions::Outcomes>
PrefixDeletions::submitAndWait(std::vector<core::WriteRequest> group)
{
    const auto arrival = std::make_shared<Arrival>();
    {
        const std::scoped_lock lock(m_mutex);
        if (m_isStopping)
            return std::nullopt;
        m_arrival = arrival;
    }
    m_coordinator.submitGroup(std::move(group), [arrival](Outcomes outcomes) {
        const std::scoped_lock lock(arrival->mutex);
        arrival->outcomes = std::move(outcomes);
        arrival->changed.notify_one();
    });
    std::unique_lock lock(arrival->mutex);
    arrival->changed.wait(lock, [&] { return arrival->outcomes || arrival->isAbandoned; });
    return std::move(arrival->outcomes);
}

void PrefixDeletions::publish(const PrefixDeletion &job)
{
    const std::scoped_lock lock(m_mutex);
    for (PrefixDeletion &each : m_jobs) {
        if (each.number == job.number)
            each = job;
    }
}

QByteArray toText(PrefixDeletion::State state)
{
    switch (state) {
    case PrefixDeletion::State::Running:
        return "running";
    case PrefixDeletion::State::Done:
        return "done";
    case PrefixDeletion::State::Failed:
        return "failed";
    }
    return {};
}

} // namespace dynakv::http
