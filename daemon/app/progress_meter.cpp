// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/progress_meter.h"

#include <algorithm>

namespace dynakv::app {
namespace {

constexpr qint64 kPauseMs = 250;

} // namespace

std::optional<QByteArray> ProgressMeter::update(qint64 done, qint64 total, qint64 nowMs)
{
    if (!m_startMs) {
        // What a resumed run finds done says nothing about its speed.
        m_startMs = m_lastMs = nowMs;
        m_startDone = done;
        return std::nullopt;
    }
    if (nowMs - m_lastMs < kPauseMs)
        return std::nullopt;
    m_lastMs = nowMs;
    const qint64 rate = (done - m_startDone) * 1000 / std::max<qint64>(nowMs - *m_startMs, 1);
    QByteArray line = m_verb + ' ' + QByteArray::number(done);
    if (total > 0)
        line += " of " + QByteArray::number(std::max(done, total));
    line += " keys, " + QByteArray::number(rate) + " keys/s";
    m_isLineOpen = m_isTerminal;
    return m_isTerminal ? '\r' + line + "\x1b[K" : line + '\n';
}

QByteArray ProgressMeter::end()
{
    const bool wasOpen = std::exchange(m_isLineOpen, false);
    return wasOpen ? QByteArray("\r\x1b[K") : QByteArray();
}

} // namespace dynakv::app
