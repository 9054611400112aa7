// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/event.h"

#include <deque>
#include <map>

namespace dynakv::core {

/// How far each peer is behind the records pushed to it: the age of the oldest one that neither an
/// acknowledgement nor a comparison has settled yet. It only watches. Bounded: of a peer further
/// behind than kPushesMax pushes the latest are not watched, which the oldest still tells.
class PushLag
{
public:
    static constexpr std::size_t kPushesMax = 4096;

    struct Behind
    {
        qint64 pushes = 0;
        qint64 ageMs = 0; ///< Of the oldest; 0 where there is none.
        bool operator==(const Behind &) const = default;
    };

    /// \a push grows from call to call.
    void sent(LinkId link, quint64 push, qint64 nowMs);
    /// A push that was refused stays: the peer does not hold it.
    void acknowledged(LinkId link, const PushAck &ack);
    /// A comparison that began at \a sinceMs made both sides equal in what was there then.
    void compared(LinkId link, qint64 sinceMs);
    void linkLost(LinkId link) { m_links.erase(link); }
    [[nodiscard]] Behind behind(LinkId link, qint64 nowMs) const;

private:
    struct Sent
    {
        quint64 push = 0;
        qint64 atMs = 0;
        bool isSettled = false;
    };

    std::map<LinkId, std::deque<Sent>> m_links = {};
};

} // namespace dynakv::core
