// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <optional>

namespace dynakv::base {

/// Lets one line of a kind through in each period, so that what a stranger can repeat does not
/// fill the log, and tells how many it kept back. Time is an argument.
class LogThrottle
{
public:
    explicit LogThrottle(qint64 periodMs)
        : m_periodMs(periodMs)
    {
    }

    /// How many lines were kept back since the last one let through; nothing: keep this one back.
    std::optional<qint64> admit(qint64 monoMs)
    {
        if (m_lastMs && monoMs - *m_lastMs < m_periodMs) {
            ++m_keptBack;
            return std::nullopt;
        }
        m_lastMs = monoMs;
        const qint64 keptBack = m_keptBack;
        m_keptBack = 0;
        return keptBack;
    }

private:
    qint64 m_periodMs;
    std::optional<qint64> m_lastMs = {};
    qint64 m_keptBack = 0;
};

} // namespace dynakv::base
