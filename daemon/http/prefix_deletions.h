// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace dynakv::store {
class Table;
}

namespace dynakv::http {

/// The deletion of a prefix that goes on after its request, as somebody sees it who follows it.
struct PrefixDeletion
{
    enum class State : quint8 { Running, Done, Failed };

    quint64 number = 0; ///< From 1 on, in one process.
    QByteArray prefix = {};
    State state = State::Running;
    qint64 startedMs = 0;   ///< Unix ms.
    qint64 endedMs = 0;     ///< Likewise; 0 while it runs.
    qint64 deleted = 0;     ///< Keys so far,
    qint64 expected = 0;    ///< of about so many.
    QByteArray detail = {}; ///< Why it failed, for people.
    bool operator==(const PrefixDeletion &) const = default;
};

/// Deletes the keys of whole prefixes, a thousand at a time, one prefix after the other. Each
/// tombstone bears the clock of the request, so that whatever was written after that anywhere in
/// the cluster wins over it, however late the deletion comes to its key.
///
/// Thread: any; the work is done on a thread of its own, which waits for the coordinator.
class PrefixDeletions
{
public:
    struct Order
    {
        QByteArray prefix = {};
        QByteArray after = {};           ///< The last key that is done already.
        quint64 asOfClock = 0;           ///< What is not older stays.
        core::WriteRequest options = {}; ///< Concern, durability and time-out of each step.
        qint64 deleted = 0;              ///< By the request itself.
        qint64 expected = 0;             ///< In all.
    };

    /// Both must outlive it.
    PrefixDeletions(const store::Table &table, core::Coordinator &coordinator,
                    std::function<qint64()> wallMs);
    ~PrefixDeletions();

    /// Nothing where too many wait already, or after stop().
    std::optional<PrefixDeletion> begin(Order order);
    [[nodiscard]] std::optional<PrefixDeletion> find(quint64 number) const;
    /// The last of them, newest first.
    [[nodiscard]] std::vector<PrefixDeletion> all() const;
    /// Ends what runs, without waiting for the coordinator. Idempotent.
    void stop();

private:
    struct Work
    {
        PrefixDeletion job = {};
        Order order = {};
    };
    using Outcomes = std::vector<core::WriteOutcome>;

    void run();
    std::optional<Work> next();
    void carryOut(Work &work);
    std::optional<Outcomes> submitAndWait(std::vector<core::WriteRequest> group);
    void publish(const PrefixDeletion &job);

    const store::Table &m_table;
    core::Coordinator &m_coordinator;
    std::function<qint64()> m_wallMs;

    /// What a completion touches, which may come after the end of this object.
    struct Arrival
    {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<Outcomes> outcomes = {};
        bool isAbandoned = false;
    };
    mutable std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<Work> m_waiting;
    std::deque<PrefixDeletion> m_jobs; ///< Newest first.
    std::shared_ptr<Arrival> m_arrival;
    bool m_isStopping = false;
    quint64 m_lastNumber = 0;
    std::thread m_thread; ///< Made with the first job.
};

QByteArray toText(PrefixDeletion::State state);

} // namespace dynakv::http
