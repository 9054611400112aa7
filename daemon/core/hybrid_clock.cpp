// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/hybrid_clock.h"

#include <algorithm>

namespace dynakv::core {
namespace {

quint64 fromWall(qint64 wallMs)
{
    return static_cast<quint64>(std::max<qint64>(wallMs, 0)) << 16;
}

} // namespace

quint64 HybridClock::next(qint64 wallMs, quint64 floor)
{
    const quint64 clock = std::max(fromWall(wallMs), m_last + 1);
    if (floor < clock) {
        m_last = clock;
        return clock;
    }
    // The key's record is ahead. A near one is followed; a far one is topped for this key alone.
    if (floor <= fromWall(wallMs + kFollowMsMax))
        m_last = floor + 1;
    return floor + 1;
}

void HybridClock::observe(quint64 clock, qint64 wallMs)
{
    if (clock <= fromWall(wallMs + kFollowMsMax))
        m_last = std::max(m_last, clock);
}

void HybridClock::observeBelow(quint64 ceiling, quint64 clock, qint64 wallMs)
{
    const quint64 reached = std::max(fromWall(wallMs), m_last);
    if (ceiling > reached)
        observe(std::min(clock, reached + (ceiling - reached) / 4 * 3), wallMs);
}

void HybridClock::leap(qint64 wallMs)
{
    // The greatest ceiling there can be where the wall is right, see ceilingAt().
    const qint64 aheadMs = kFollowMsMax + kCeilingAheadMs + kCeilingSpareMs;
    m_last = std::max(m_last, fromWall(wallMs + aheadMs));
}

void HybridClock::observeOwn(quint64 clock, qint64 wallMs)
{
    if (clock <= fromWall(wallMs + kFollowOwnMsMax))
        m_last = std::max(m_last, clock);
}

quint64 HybridClock::ceilingAt(qint64 wallMs) const
{
    const quint64 reached = std::max(fromWall(wallMs), m_last);
    const quint64 ahead = std::min(reached + fromWall(kCeilingAheadMs),
                                   fromWall(wallMs + kFollowMsMax + kCeilingAheadMs));
    return std::max(ahead, m_last + fromWall(kCeilingSpareMs));
}

bool HybridClock::isCeilingLow(quint64 ceiling, qint64 wallMs) const
{
    const quint64 reached = std::max(fromWall(wallMs), m_last);
    return ceiling <= reached + (ceilingAt(wallMs) - reached) / 2;
}

} // namespace dynakv::core
