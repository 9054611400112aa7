// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/dialer.h"

#include <algorithm>
#include <limits>

namespace dynakv::core {

void Dialer::want(const std::map<Key, Wanted> &wanted, qint64 nowMs)
{
    std::erase_if(m_targets, [&](const auto &each) {
        return !wanted.contains(each.first) && each.second.dial == 0;
    });
    m_dueMs = nowMs;
    for (const auto &[key, want] : wanted) {
        const auto [it, isNew] = m_targets.try_emplace(key);
        Target &target = it->second;
        if (isNew)
            target.dueMs = nowMs + want.delayMs;
        if (target.endpoint != want.target) {
            target.endpoint = want.target;
            target.failures = 0;
        }
    }
    for (auto &[key, target] : m_targets) {
        if (wanted.contains(key))
            continue;
        target.endpoint = {}; // Only kept until its dial in flight, or its link, has ended.
        if (target.isOpen)
            target.failures = 0; // Nobody wants to dial whom a good link leads to.
    }
}

std::vector<Dial> Dialer::due(qint64 nowMs)
{
    if (nowMs < m_dueMs)
        return {}; // Most of the time hundreds of links stand, and nobody is to be dialled.
    auto inFlight = std::count_if(m_targets.begin(), m_targets.end(), [](const auto &each) {
        return each.second.dial != 0 && !each.second.isOpen;
    });
    // Who has waited longest comes first: otherwise a few addresses that swallow each dial would
    // keep all others waiting for ever.
    std::vector<Target *> waiting;
    m_dueMs = std::numeric_limits<qint64>::max();
    for (auto &[key, target] : m_targets) {
        if (target.dial != 0 || target.endpoint.isEmpty())
            continue;
        m_dueMs = std::min(m_dueMs, target.dueMs);
        if (target.dueMs <= nowMs)
            waiting.push_back(&target);
    }
    std::stable_sort(waiting.begin(), waiting.end(), [](const Target *left, const Target *right) {
        return left->dueMs < right->dueMs;
    });
    std::vector<Dial> dials;
    for (Target *target : waiting) {
        if (inFlight++ >= kDialsMax)
            break;
        target->dial = ++m_lastDial;
        target->isOpen = false;
        dials.push_back({target->dial, target->endpoint});
    }
    return dials;
}

std::optional<Dialer::Key> Dialer::failed(DialId dial, qint64 nowMs, Random &random)
{
    const auto it = byDial(dial);
    if (it == m_targets.end())
        return std::nullopt;
    closed(dial, nowMs, false, random);
    return it->first;
}

std::optional<Dialer::Key> Dialer::opened(DialId dial)
{
    const auto it = byDial(dial);
    if (it == m_targets.end())
        return std::nullopt;
    it->second.isOpen = true;
    return it->first;
}

void Dialer::closed(DialId dial, qint64 nowMs, bool isForeign, Random &random)
{
    const auto it = byDial(dial);
    if (it == m_targets.end())
        return;
    Target &target = it->second;
    target.dial = 0;
    target.isOpen = false;
    target.failures = std::min(target.failures + 1, 1'000'000);
    const qint64 grown = kFirstRetryMs << std::min(target.failures - 1, 8);
    m_dueMs = nowMs;
    target.dueMs =
        nowMs + random.around(isForeign ? kForeignRetryMs : std::min(grown, kRetryMsMax));
}

bool Dialer::isFor(DialId dial, const Key &key) const
{
    const auto it = m_targets.find(key);
    return it != m_targets.end() && dial != 0 && it->second.dial == dial;
}

int Dialer::failureCount(const Key &key) const
{
    const auto it = m_targets.find(key);
    return it == m_targets.end() ? 0 : it->second.failures;
}

std::map<Dialer::Key, Dialer::Target>::iterator Dialer::byDial(DialId dial)
{
    return std::find_if(m_targets.begin(), m_targets.end(),
                        [dial](const auto &each) { return dial != 0 && each.second.dial == dial; });
}

} // namespace dynakv::core
