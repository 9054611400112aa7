// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/expiry_index.h"

namespace dynakv::store {

void ExpiryIndex::add(qint64 expiresAtMs, qint64 count)
{
    const std::scoped_lock lock(m_mutex);
    m_countByMs[expiresAtMs] += count;
    if (expiresAtMs <= m_boundaryMs)
        m_expired += count;
}

void ExpiryIndex::remove(qint64 expiresAtMs)
{
    const std::scoped_lock lock(m_mutex);
    const auto it = m_countByMs.find(expiresAtMs);
    Q_ASSERT(it != m_countByMs.end());
    if (--it->second == 0)
        m_countByMs.erase(it);
    if (expiresAtMs <= m_boundaryMs)
        --m_expired;
}

qint64 ExpiryIndex::expiredAt(qint64 wallMs)
{
    const std::scoped_lock lock(m_mutex);
    const auto sumBetween = [this](qint64 afterMs, qint64 upToMs) {
        qint64 sum = 0;
        const auto end = m_countByMs.upper_bound(upToMs);
        for (auto it = m_countByMs.upper_bound(afterMs); it != end; ++it)
            sum += it->second;
        return sum;
    };
    if (wallMs > m_boundaryMs)
        m_expired += sumBetween(m_boundaryMs, wallMs);
    else
        m_expired -= sumBetween(wallMs, m_boundaryMs);
    m_boundaryMs = wallMs;
    return m_expired;
}

qint64 ExpiryIndex::memoryBytes() const
{
    // A node of the map is two thirds full.
    constexpr qint64 bytesOfEntry = 3 * sizeof(qint64);
    const std::scoped_lock lock(m_mutex);
    return static_cast<qint64>(m_countByMs.size()) * bytesOfEntry;
}

} // namespace dynakv::store
