// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace dynakv::core {

/// Hybrid logical clock: 48 bits of Unix ms, 16 bits of counter, strictly rising in one node's life
/// and, through the persisted ceiling, across its restarts. A clock from the far future (a peer or
/// a record) never moves it: one broken machine must not drag the cluster's time along.
class HybridClock
{
public:
    /// How far ahead of the local wall clock another clock may be to be followed.
    static constexpr qint64 kFollowMsMax = 60'000;
    /// How far ahead the ceiling is set, and from which remainder on it wants to be raised.
    static constexpr qint64 kCeilingAheadMs = 30'000;
    static constexpr qint64 kCeilingRenewMs = 15'000;

    /// \a ceiling as persisted: the first clock given is above it.
    explicit HybridClock(quint64 ceiling)
        : m_last(ceiling)
    {
    }

    /// A clock above every one given before, above the wall, and above \a floor, the greatest clock
    /// that the key's record has or will have.
    quint64 next(qint64 wallMs, quint64 floor);
    /// Follows a clock seen elsewhere.
    void observe(quint64 clock, qint64 wallMs);

    [[nodiscard]] quint64 last() const { return m_last; }
    /// What to persist now so that clocks up to it may be given.
    [[nodiscard]] quint64 ceilingAt(qint64 wallMs) const;

private:
    quint64 m_last;
};

} // namespace dynakv::core
