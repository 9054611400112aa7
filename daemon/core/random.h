// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace dynakv::core {

/// SplitMix64 (Steele, Lea, Flood 2014): a seed gives one sequence, on every platform. For jitter
/// and choices only; secrets come from the system.
class Random
{
public:
    explicit Random(quint64 seed)
        : m_state(seed)
    {
    }

    quint64 next()
    {
        m_state += 0x9e3779b97f4a7c15U;
        quint64 z = m_state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    /// 0 to \a bound - 1; \a bound must be positive.
    quint64 below(quint64 bound) { return next() % bound; }
    /// \a ms give or take 30 %, so that nodes do not act in step.
    qint64 around(qint64 ms)
    {
        return ms * 7 / 10 + static_cast<qint64>(below(static_cast<quint64>(ms * 6 / 10 + 1)));
    }

private:
    quint64 m_state;
};

} // namespace dynakv::core
