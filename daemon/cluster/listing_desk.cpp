// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/listing_desk.h"

#include "daemon/cluster/node_clock.h"
#include "daemon/store/table.h"
#include "shared/base/limits.h"

namespace dynakv::cluster {
namespace {

/// Takes away the rows from the key at \a place on, groups behind it too.
void cutAt(core::Listing &listing, std::size_t place, core::Order order)
{
    const QByteArray key = listing.keys[place].key;
    listing.keys.resize(place);
    std::erase_if(listing.prefixes, [&](const core::ListedPrefix &group) {
        return (group.prefix < key) != (order == core::Order::Ascending);
    });
    listing.hasMore = true;
}

void addValues(core::ListedPage &page, const core::ListQuery &query, const store::Table &table)
{
    core::Listing &listing = page.listing;
    qsizetype bytes = 0;
    for (std::size_t i = 0; i < listing.keys.size(); ++i) {
        auto record = table.find(listing.keys[i].key);
        if (!record || !record->isLive(query.wallMs))
            continue;
        bytes += record->key.size() + record->value.size() + record->contentType.size();
        if (bytes > base::limits::kPageBytesMax && !page.values.empty())
            return cutAt(listing, i, query.order);
        page.values.push_back(*std::move(record));
    }
}

} // namespace

core::ListReply listFor(const core::ListRequest &request, const store::Table &table)
{
    core::ListReply reply{request.id, true};
    // Before the clock is read and the walk begins: what changes or expires from here on is an
    // event behind this one.
    reply.page.boot = table.boot();
    reply.page.seq = table.changes().lastSeq();
    core::ListQuery query = request.query;
    query.wallMs = currentTime().wallMs;
    reply.page.listing = table.list(query);
    if (request.hasValues)
        addValues(reply.page, query, table);
    reply.page.listing.lastRow.clear(); // It does not travel.
    return reply;
}

ListingDesk::ListingDesk(const store::Table &table)
    : m_table(table)
{
}

ListingDesk::~ListingDesk()
{
    {
        const std::lock_guard lock(m_mutex);
        m_isEnding = true;
    }
    m_changed.notify_one();
    if (m_thread.joinable())
        m_thread.join();
}

bool ListingDesk::list(core::ListRequest request, Completion done)
{
    {
        const std::lock_guard lock(m_mutex);
        if (m_jobs.size() >= kWaitingMax)
            return false;
        m_jobs.push_back({std::move(request), std::move(done)});
    }
    if (!m_thread.joinable())
        m_thread = std::thread([this] { run(); });
    m_changed.notify_one();
    return true;
}

void ListingDesk::run()
{
    std::unique_lock lock(m_mutex);
    while (true) {
        m_changed.wait(lock, [this] { return m_isEnding || !m_jobs.empty(); });
        if (m_isEnding)
            return;
        const Job job = std::move(m_jobs.front());
        m_jobs.pop_front();
        lock.unlock();
        job.done(listFor(job.request, m_table));
        lock.lock();
    }
}

} // namespace dynakv::cluster
