// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/retry_pause.h"

#include <algorithm>

namespace dynakv::app {
namespace {

constexpr int kFirstMs = 100;
constexpr int kGreatestMs = 5000;
constexpr qint64 kPatienceMs = 60'000;

} // namespace

std::optional<int> RetryPause::refused(int retryAfterSeconds, qint64 nowMs)
{
    if (!m_sinceMs)
        m_sinceMs = nowMs;
    m_pauseMs = m_pauseMs == 0 ? kFirstMs : std::min(2 * m_pauseMs, kGreatestMs);
    const qint64 pauseMs = std::max<qint64>(m_pauseMs, qint64{retryAfterSeconds} * 1000);
    if (nowMs + pauseMs - *m_sinceMs > kPatienceMs)
        return std::nullopt;
    return static_cast<int>(pauseMs);
}

void RetryPause::succeeded()
{
    m_sinceMs.reset();
    m_pauseMs = 0;
}

} // namespace dynakv::app
