// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/event.h"

#include <deque>
#include <map>
#include <vector>

namespace dynakv::core {

/// How far each peer is behind the records pushed to it: the age of the oldest one that neither an
/// acknowledgement nor a comparison has settled yet, and which keys they hold. It only watches.
/// Bounded: of a peer further behind than kPushesMax pushes, or kKeysMax keys, the latest are not
/// watched, which the oldest still tells.
class PushLag
{
public:
    static constexpr std::size_t kPushesMax = 4096;
    static constexpr std::size_t kKeysMax = 65'536;

    struct Behind
    {
        qint64 pushes = 0;
        qint64 ageMs = 0; ///< Of the oldest; 0 where there is none.
        bool operator==(const Behind &) const = default;
    };

    struct Sent
    {
        quint64 push = 0;
        qint64 atMs = 0;
        std::vector<QByteArray> keys = {};
        bool isSettled = false;
    };

    /// \a push grows from call to call. False, and \a keys stay as they are, if it is not watched.
    bool sent(LinkId link, quint64 push, std::vector<QByteArray> &&keys, qint64 nowMs);
    /// The keys of that push, once. One that was refused stays: the peer does not hold it.
    std::vector<QByteArray> acknowledged(LinkId link, const PushAck &ack);
    /// A comparison that began at \a sinceMs made both sides equal in what was there then.
    void compared(LinkId link, qint64 sinceMs);
    /// What was on its way, or already refused.
    std::deque<Sent> linkLost(LinkId link);
    [[nodiscard]] const std::deque<Sent> &onTheWay(LinkId link) const;
    [[nodiscard]] Behind behind(LinkId link, qint64 nowMs) const;

private:
    struct Link
    {
        std::deque<Sent> pushes = {};
        std::size_t keys = 0;
    };

    static void pop(Link &link);

    std::map<LinkId, Link> m_links = {};
};

} // namespace dynakv::core
