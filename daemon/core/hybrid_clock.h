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
    /// The same for a clock of this node's own. Further ahead is only what was put on top of a
    /// record from the future, for its key alone.
    static constexpr qint64 kFollowOwnMsMax = 3'600'000;
    /// How far ahead of the wall and of the clocks given the ceiling is set.
    static constexpr qint64 kCeilingAheadMs = 30'000;
    /// The same where the clock is further ahead of the wall than anybody could take it along, as
    /// it is after restarts in a row: it moves by its counter alone there, so that little suffices
    /// and the ceilings of lives in which nothing was stamped do not add up.
    static constexpr qint64 kCeilingSpareMs = 64;

    /// \a ceiling as persisted: the first clock given is above it.
    explicit HybridClock(quint64 ceiling)
        : m_last(ceiling)
    {
    }

    /// A clock above every one given before, above the wall, and above \a floor, the greatest clock
    /// that the key's record has or will have; there must be one above it.
    quint64 next(qint64 wallMs, quint64 floor);
    /// Follows a clock seen elsewhere.
    void observe(quint64 clock, qint64 wallMs);
    /// The same, but only so far that below \a ceiling, as persisted, a quarter of the room stays:
    /// a member that has restarted is half a minute ahead, and whoever followed it at once could
    /// stamp nothing until its own disk had taken a higher ceiling.
    void observeBelow(quint64 ceiling, quint64 clock, qint64 wallMs);

    /// For a life that may not know the ceiling of the last one: above all that the last one can
    /// have given, if the wall has not been set back since.
    void leap(qint64 wallMs);
    /// And where it has been set back: the same for a clock that this very node has given.
    void observeOwn(quint64 clock, qint64 wallMs);

    /// From here on every clock given is above \a clock.
    void raise(quint64 clock) { m_last = m_last < clock ? clock : m_last; }

    [[nodiscard]] quint64 last() const { return m_last; }
    /// What to persist now so that clocks up to it may be given.
    [[nodiscard]] quint64 ceilingAt(qint64 wallMs) const;
    /// Whether less than half of the room below \a ceiling is left.
    [[nodiscard]] bool isCeilingLow(quint64 ceiling, qint64 wallMs) const;

private:
    quint64 m_last;
};

} // namespace dynakv::core
