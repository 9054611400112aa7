// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/expiry_index.h"

#include <iterator>
#include <limits>

namespace dynakv::store {
namespace {

Expiry endOf(qint64 ms)
{
    return {ms, std::numeric_limits<quintptr>::max()};
}

} // namespace

void ExpiryIndex::add(Expiry expiry)
{
    const std::scoped_lock lock(m_mutex);
    m_expiries.insert(expiry);
    if (expiry.atMs <= m_boundaryMs)
        ++m_expired;
    if (expiry <= m_told)
        m_late.insert(expiry);
}

void ExpiryIndex::remove(Expiry expiry)
{
    const std::scoped_lock lock(m_mutex);
    [[maybe_unused]] const auto erased = m_expiries.erase(expiry);
    Q_ASSERT(erased == 1);
    if (expiry.atMs <= m_boundaryMs)
        --m_expired;
    if (!m_late.empty())
        m_late.erase(expiry);
}

qint64 ExpiryIndex::expiredAt(qint64 wallMs)
{
    const std::scoped_lock lock(m_mutex);
    const auto countBetween = [this](qint64 afterMs, qint64 upToMs) {
        return std::distance(m_expiries.upper_bound(endOf(afterMs)),
                             m_expiries.upper_bound(endOf(upToMs)));
    };
    if (wallMs > m_boundaryMs)
        m_expired += countBetween(m_boundaryMs, wallMs);
    else
        m_expired -= countBetween(wallMs, m_boundaryMs);
    m_boundaryMs = wallMs;
    return m_expired;
}

void ExpiryIndex::skipTo(qint64 wallMs)
{
    const std::scoped_lock lock(m_mutex);
    m_told = endOf(wallMs);
    m_late.clear();
}

std::vector<Expiry> ExpiryIndex::takeDue(qint64 wallMs, int max)
{
    const std::scoped_lock lock(m_mutex);
    std::vector<Expiry> due;
    const auto take = [&due, end = endOf(wallMs), max](auto from, auto stop) {
        for (; from != stop && *from <= end && due.size() < static_cast<std::size_t>(max); ++from)
            due.push_back(*from);
        return from;
    };
    m_late.erase(m_late.begin(), take(m_late.begin(), m_late.end()));
    const std::size_t lateCount = due.size();
    take(m_expiries.upper_bound(m_told), m_expiries.end());
    if (due.size() > lateCount)
        m_told = due.back();
    return due;
}

qint64 ExpiryIndex::memoryBytes() const
{
    // A node of the set is two thirds full.
    constexpr qint64 bytesOfEntry = sizeof(Expiry) * 3 / 2;
    const std::scoped_lock lock(m_mutex);
    return static_cast<qint64>(m_expiries.size()) * bytesOfEntry;
}

} // namespace dynakv::store
