// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/effect.h"

#include <deque>
#include <map>
#include <vector>

namespace dynakv::core {

/// Listings of a node that must not answer from its own table: one member after the other is asked
/// until one gives a page that can be an answer. Nothing of a page is believed unchecked, and
/// nothing of it is stored.
class ListingReader
{
public:
    /// More at a time are refused: each may bring a page of some megabytes.
    static constexpr std::size_t kListingsMax = 64;

    /// \a ids numbers messages and is shared with the node, so that a reply names one message.
    explicit ListingReader(quint64 &ids)
        : m_ids(ids)
    {
    }

    /// \a links: those with members that are caught up and answer listings, the nearest first.
    void list(const ClientListing &listing, std::deque<LinkId> links, qint64 nowMs, Effects &out);
    void answered(LinkId link, const ListReply &reply, qint64 nowMs, Effects &out);
    void linkLost(LinkId link, qint64 nowMs, Effects &out);
    /// Goes on to the next member where one takes too long.
    void expire(qint64 nowMs, Effects &out);

private:
    struct Open
    {
        RequestId request = 0;
        ListingRequest listing = {};
        std::deque<LinkId> others = {}; ///< Not asked yet.
        LinkId asked = 0;
        qint64 dueMs = 0;      ///< When the next one is asked,
        qint64 deadlineMs = 0; ///< and when the client has waited long enough.
        const char *detail = "";
    };
    using Listings = std::map<quint64, Open>; ///< By the message that is out.

    void askNext(Open open, qint64 nowMs, Effects &out);

    quint64 &m_ids;
    Listings m_listings = {};
};

} // namespace dynakv::core
