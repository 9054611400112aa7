// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/push_lag.h"

#include <algorithm>
#include <utility>

namespace dynakv::core {

bool PushLag::sent(LinkId link, quint64 push, std::vector<QByteArray> &&keys, qint64 nowMs)
{
    Link &on = m_links[link];
    if (on.pushes.size() >= kPushesMax || on.keys + keys.size() > kKeysMax)
        return false;
    on.keys += keys.size();
    on.pushes.push_back({push, nowMs, std::move(keys)});
    return true;
}

std::vector<QByteArray> PushLag::acknowledged(LinkId link, const PushAck &ack)
{
    const auto at = m_links.find(link);
    if (at == m_links.end())
        return {};
    std::deque<Sent> &pushes = at->second.pushes;
    const auto found =
        std::lower_bound(pushes.begin(), pushes.end(), ack.id,
                         [](const Sent &each, quint64 id) { return each.push < id; });
    if (found == pushes.end() || found->push != ack.id)
        return {};
    at->second.keys -= found->keys.size();
    std::vector<QByteArray> keys = std::exchange(found->keys, {});
    found->isSettled |= ack.isStored;
    while (!pushes.empty() && pushes.front().isSettled)
        pop(at->second);
    return keys;
}

void PushLag::compared(LinkId link, qint64 sinceMs)
{
    const auto at = m_links.find(link);
    if (at == m_links.end())
        return;
    std::deque<Sent> &pushes = at->second.pushes;
    while (!pushes.empty() && (pushes.front().isSettled || pushes.front().atMs < sinceMs))
        pop(at->second);
}

void PushLag::pop(Link &link)
{
    link.keys -= link.pushes.front().keys.size();
    link.pushes.pop_front();
}

std::deque<PushLag::Sent> PushLag::linkLost(LinkId link)
{
    auto lost = m_links.extract(link);
    return lost.empty() ? std::deque<Sent>() : std::move(lost.mapped().pushes);
}

const std::deque<PushLag::Sent> &PushLag::onTheWay(LinkId link) const
{
    static const std::deque<Sent> none;
    const auto at = m_links.find(link);
    return at == m_links.end() ? none : at->second.pushes;
}

PushLag::Behind PushLag::behind(LinkId link, qint64 nowMs) const
{
    const auto at = m_links.find(link);
    if (at == m_links.end() || at->second.pushes.empty())
        return {};
    const std::deque<Sent> &pushes = at->second.pushes;
    const auto open = std::count_if(pushes.begin(), pushes.end(),
                                    [](const Sent &each) { return !each.isSettled; });
    return {open, nowMs - pushes.front().atMs};
}

} // namespace dynakv::core
