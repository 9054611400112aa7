// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/message.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace dynakv::store {
class Table;
}

namespace dynakv::cluster {

/// Lists the table for members that are not caught up, on a thread of its own: a page of groups
/// takes longer than a turn of the node thread may.
///
/// Thread: its owner's; completions come on the desk's, in the order of the requests. What waits at
/// the end is not answered any more.
class ListingDesk
{
public:
    using Completion = std::function<void(core::ListReply)>;
    static constexpr std::size_t kWaitingMax = 64;

    /// \a table outlives it.
    explicit ListingDesk(const store::Table &table);
    ~ListingDesk();
    Q_DISABLE_COPY_MOVE(ListingDesk)

    /// False, and nothing is called, where too much waits already.
    bool list(core::ListRequest request, Completion done);

private:
    struct Job
    {
        core::ListRequest request = {};
        Completion done = {};
    };

    void run();

    const store::Table &m_table;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<Job> m_jobs = {};
    bool m_isEnding = false;
    std::thread m_thread; ///< Begun with the first request: most nodes are never asked.
};

/// The page that \a request asks for. With values it ends early rather than hold more than
/// limits::kPageBytesMax of them, but always has one row.
core::ListReply listFor(const core::ListRequest &request, const store::Table &table);

} // namespace dynakv::cluster
