// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/listing_reader.h"

namespace dynakv::core {

void ListingReader::list(const ClientListing &listing, std::deque<LinkId> links, qint64 nowMs,
                         Effects &out)
{
    if (m_listings.size() >= kListingsMax) {
        out.push_back(ListingReply{listing.request, {{}, "overloaded: too much is being listed"}});
        return;
    }
    Open open{listing.request, listing.listing, std::move(links)};
    open.deadlineMs = nowMs + listing.listing.timeoutMs;
    open.detail = "there is no connection with a member that is caught up";
    askNext(std::move(open), nowMs, out);
}

/// Each is given half of the time that is left, so that there is some for the next one.
void ListingReader::askNext(Open open, qint64 nowMs, Effects &out)
{
    if (open.others.empty() || nowMs >= open.deadlineMs) {
        out.push_back(ListingReply{open.request, {{}, open.detail}});
        return;
    }
    open.asked = open.others.front();
    open.others.pop_front();
    const qint64 leftMs = open.deadlineMs - nowMs;
    open.dueMs = nowMs + (open.others.empty() ? leftMs : (leftMs + 1) / 2);
    const quint64 message = ++m_ids;
    out.push_back(
        Send{open.asked, ListRequest{message, open.listing.query, open.listing.hasValues}});
    m_listings.emplace(message, std::move(open));
}

void ListingReader::answered(LinkId link, const ListReply &reply, qint64 nowMs, Effects &out)
{
    const auto at = m_listings.find(reply.id);
    if (at == m_listings.end() || at->second.asked != link)
        return;
    Open open = std::move(m_listings.extract(at).mapped());
    if (!reply.isAnswered) {
        open.detail = "no member that was asked is caught up";
        return askNext(std::move(open), nowMs, out);
    }
    if (!isAnswerTo(open.listing.query, reply.page) ||
        (!open.listing.hasValues && !reply.page.values.empty())) {
        out.push_back(Log{Log::Level::Warning, "a member answered a listing with something else"});
        open.detail = "what the members answered was none";
        return askNext(std::move(open), nowMs, out);
    }
    out.push_back(ListingReply{open.request, {reply.page, {}}});
}

void ListingReader::linkLost(LinkId link, qint64 nowMs, Effects &out)
{
    std::vector<Open> lost;
    for (auto it = m_listings.begin(); it != m_listings.end();) {
        const auto at = it++;
        std::erase(at->second.others, link);
        if (at->second.asked == link)
            lost.push_back(std::move(m_listings.extract(at).mapped()));
    }
    for (Open &open : lost) {
        open.detail = "the connection with the member that was asked was lost";
        askNext(std::move(open), nowMs, out);
    }
}

void ListingReader::expire(qint64 nowMs, Effects &out)
{
    std::vector<Open> late;
    for (auto it = m_listings.begin(); it != m_listings.end();) {
        const auto at = it++;
        if (nowMs >= at->second.dueMs)
            late.push_back(std::move(m_listings.extract(at).mapped()));
    }
    for (Open &open : late) {
        open.detail = "no member answered in time";
        askNext(std::move(open), nowMs, out);
    }
}

} // namespace dynakv::core
