// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/repeat_limiter.h"

#include <limits>

namespace dynakv::app {

bool RepeatLimiter::passes(const QByteArray &message, qint64 monoMs)
{
    const auto found = m_seen.find(message);
    if (found != m_seen.end() && monoMs - found->second.sinceMs < kWindowMs) {
        ++found->second.held;
        return false;
    }
    if (found != m_seen.end())
        found->second = {monoMs, 0};
    else if (m_seen.size() < kMessagesMax)
        m_seen.emplace(message, Seen{monoMs, 0});
    return true;
}

std::vector<RepeatLimiter::Held> RepeatLimiter::takeExpired(qint64 monoMs)
{
    std::vector<Held> held;
    for (auto it = m_seen.begin(); it != m_seen.end();) {
        if (monoMs - it->second.sinceMs < kWindowMs) {
            ++it;
            continue;
        }
        if (it->second.held > 0)
            held.push_back({it->first, it->second.held});
        it = m_seen.erase(it);
    }
    return held;
}

std::vector<RepeatLimiter::Held> RepeatLimiter::takeAll()
{
    return takeExpired(std::numeric_limits<qint64>::max());
}

} // namespace dynakv::app
