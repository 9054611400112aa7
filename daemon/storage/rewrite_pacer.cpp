// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/rewrite_pacer.h"

#include <algorithm>

namespace dynakv::storage {
namespace {

constexpr double kBytesPerSecondMin = 2.0 * 1024 * 1024;
constexpr double kBytesPerSecondFirst = 32.0 * 1024 * 1024;
constexpr double kBytesPerSecondMax = 4096.0 * 1024 * 1024;
/// Nobody commits, once the last one is so long ago.
constexpr qint64 kIdleUs = 500'000;
constexpr qint64 kAdaptUs = 200'000;
constexpr qint64 kWindowUs = 1'000'000;
constexpr std::size_t kSamplesMin = 20;
/// The limit is a factor of two; between these nothing changes.
constexpr double kSlowDownFrom = 1.5;
constexpr double kSpeedUpBelow = 1.25;
constexpr qint64 kPauseUsMax = 100'000;

qint64 p99Of(std::vector<qint64> &times)
{
    const auto at = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 99 / 100);
    std::nth_element(times.begin(), at, times.end());
    return *at;
}

} // namespace

void RewritePacer::addSync(qint64 tookUs, qint64 nowUs)
{
    m_ring[m_count++ % m_ring.size()] = {tookUs, nowUs};
}

void RewritePacer::begin(qint64 nowUs)
{
    // Where one rewriting follows the other at once, what was usual before the first still is.
    const std::size_t alone = qMin(m_count - m_countAtEnd, m_ring.size());
    std::vector<qint64> usual;
    for (std::size_t i = m_count - alone; i < m_count; ++i)
        usual.push_back(m_ring[i % m_ring.size()].tookUs);
    if (usual.size() >= kSamplesMin)
        m_usualP99Us = p99Of(usual);
    m_bytesPerSecond = kBytesPerSecondFirst;
    m_beganUs = m_adaptedUs = m_paidUs = nowUs;
    m_debtUs = 0;
}

void RewritePacer::end()
{
    m_countAtEnd = m_count;
}

void RewritePacer::adapt(qint64 nowUs)
{
    if (nowUs - m_adaptedUs < kAdaptUs)
        return;
    m_adaptedUs = nowUs;
    std::vector<qint64> lately;
    for (std::size_t i = 0; i < qMin(m_count, m_ring.size()); ++i) {
        if (m_ring[i].endedUs > qMax(m_beganUs, nowUs - kWindowUs))
            lately.push_back(m_ring[i].tookUs);
    }
    if (lately.size() < kSamplesMin)
        return;
    const qint64 p99 = p99Of(lately);
    // Whoever begins to commit only now makes the measure.
    if (m_usualP99Us == 0)
        m_usualP99Us = p99;
    const double ratio =
        static_cast<double>(p99) / static_cast<double>(qMax<qint64>(1, m_usualP99Us));
    if (ratio > kSlowDownFrom)
        m_bytesPerSecond = qMax(kBytesPerSecondMin, m_bytesPerSecond * 0.5);
    else if (ratio < kSpeedUpBelow)
        m_bytesPerSecond = qMin(kBytesPerSecondMax, m_bytesPerSecond * 1.25);
}

qint64 RewritePacer::pauseUs(qint64 bytes, qint64 nowUs, double bytesPerSecondMin)
{
    const bool isIdle =
        m_count == 0 || nowUs - m_ring[(m_count - 1) % m_ring.size()].endedUs > kIdleUs;
    if (isIdle) {
        m_debtUs = 0;
        m_paidUs = nowUs;
        return 0;
    }
    adapt(nowUs);
    m_debtUs = qMax(0.0, m_debtUs - static_cast<double>(nowUs - m_paidUs));
    m_paidUs = nowUs;
    m_debtUs += static_cast<double>(bytes) / qMax(m_bytesPerSecond, bytesPerSecondMin) * 1e6;
    // What is too short to sleep for is remembered.
    constexpr double kWorthSleepingUs = 1000;
    if (m_debtUs < kWorthSleepingUs)
        return 0;
    return qMin(kPauseUsMax, static_cast<qint64>(m_debtUs));
}

} // namespace dynakv::storage
