// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/push_lag.h"

#include <algorithm>

namespace dynakv::core {

void PushLag::sent(LinkId link, quint64 push, qint64 nowMs)
{
    std::deque<Sent> &pushes = m_links[link];
    if (pushes.size() < kPushesMax)
        pushes.push_back({push, nowMs});
}

void PushLag::acknowledged(LinkId link, const PushAck &ack)
{
    const auto at = m_links.find(link);
    if (at == m_links.end() || !ack.isStored)
        return;
    std::deque<Sent> &pushes = at->second;
    const auto found =
        std::lower_bound(pushes.begin(), pushes.end(), ack.id,
                         [](const Sent &each, quint64 id) { return each.push < id; });
    if (found == pushes.end() || found->push != ack.id)
        return;
    found->isSettled = true;
    while (!pushes.empty() && pushes.front().isSettled)
        pushes.pop_front();
}

void PushLag::compared(LinkId link, qint64 sinceMs)
{
    const auto at = m_links.find(link);
    if (at == m_links.end())
        return;
    std::deque<Sent> &pushes = at->second;
    while (!pushes.empty() && (pushes.front().isSettled || pushes.front().atMs < sinceMs))
        pushes.pop_front();
}

PushLag::Behind PushLag::behind(LinkId link, qint64 nowMs) const
{
    const auto at = m_links.find(link);
    if (at == m_links.end() || at->second.empty())
        return {};
    const std::deque<Sent> &pushes = at->second;
    const auto open = std::count_if(pushes.begin(), pushes.end(),
                                    [](const Sent &each) { return !each.isSettled; });
    return {open, nowMs - pushes.front().atMs};
}

} // namespace dynakv::core
