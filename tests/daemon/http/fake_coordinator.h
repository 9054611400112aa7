// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/store/table.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace dynakv::test {

/// A node thread that stamps and applies writes at once, or holds them back, or answers what a test
/// wants. Completions run on that thread, as the real one's do.
class FakeCoordinator final : public core::Coordinator
{
public:
    explicit FakeCoordinator(store::Table &table);
    ~FakeCoordinator() override;

    void submit(core::WriteRequest request, Completion done) override;
    /// Answered at once, on this thread, with what setReplicas() said.
    void askReplicas(core::ReplicaQuestion question, ReplicasCompletion done) override;
    /// Answered at once, on this thread.
    void operate(core::OperatorRequest request, OperatorCompletion done) override;
    void submitGroup(std::vector<core::WriteRequest> group, GroupCompletion done) override;
    /// Answered at once, on this thread: from the table while ready, else by nobody, or as
    /// answerReadsWith() said.
    void read(core::ReadRequest request, ReadCompletion done) override;
    /// Likewise, from the table or as answerListingsWith() said.
    void list(core::ListingRequest request, ListingCompletion done) override;
    [[nodiscard]] std::shared_ptr<const core::ClusterView> clusterView() const override;

    void setReadiness(core::Readiness readiness);
    void setMembers(std::vector<core::MemberView> members);
    void setReplicas(std::vector<core::ReplicaView> replicas);
    /// Writes change nothing from here on and have this outcome.
    void answerWith(core::WriteOutcome outcome);
    void answerReadsWith(core::ReadOutcome outcome);
    void answerListingsWith(core::ListingOutcome outcome);
    /// Writes wait from here on, until release().
    void hold();
    void release();
    /// Single writes and groups.
    [[nodiscard]] int submittedCount() const;
    [[nodiscard]] core::WriteRequest lastRequest() const;

private:
    struct Writes
    {
        std::vector<core::WriteRequest> requests;
        GroupCompletion done;
    };

    void run();
    core::WriteOutcome apply(const core::WriteRequest &request);

    store::Table &m_table;
    mutable std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Writes> m_writes = {};
    core::ClusterView m_view = {};
    std::vector<core::ReplicaView> m_replicas = {};
    std::optional<core::WriteOutcome> m_fixed = {};
    std::optional<core::ReadOutcome> m_fixedRead = {};
    std::optional<core::ListingOutcome> m_fixedListing = {};
    core::WriteRequest m_last = {};
    int m_submitted = 0;
    bool m_isHeld = false;
    bool m_isEnding = false;
    quint64 m_clock = quint64{1'700'000'000'000} << 16;
    std::thread m_thread;
};

} // namespace dynakv::test
