// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <vector>

namespace dynakv::storage {

/// How fast a rewriting may go beside commits: as fast as it can while nobody commits, otherwise so
/// that the 99th percentile of a sync's time at most doubles. Slows down at once, speeds up step
/// by step (as TCP does: additive would take minutes over the range of disks).
///
/// Pure: the time is an argument. Thread: its owner's.
class RewritePacer
{
public:
    /// A sync of \a tookUs ended at \a nowUs.
    void addSync(qint64 tookUs, qint64 nowUs);
    /// A rewriting begins: what was usual while there was none is what may double.
    void begin(qint64 nowUs);
    void end();
    /// How long to wait now that \a bytes more are written. It goes at least as fast as
    /// \a bytesPerSecondMin, whatever that costs the others: for those who must not fall behind.
    qint64 pauseUs(qint64 bytes, qint64 nowUs, double bytesPerSecondMin = 0);

    [[nodiscard]] double bytesPerSecond() const { return m_bytesPerSecond; }
    /// 0 where there were too few syncs to tell.
    [[nodiscard]] qint64 usualP99Us() const { return m_usualP99Us; }

private:
    void adapt(qint64 nowUs);

    struct Sample
    {
        qint64 tookUs = 0;
        qint64 endedUs = 0;
    };
    std::vector<Sample> m_ring = std::vector<Sample>(8192);
    std::size_t m_count = 0;      ///< All that ever came.
    std::size_t m_countAtEnd = 0; ///< As it was when the last rewriting ended.
    qint64 m_beganUs = 0;
    qint64 m_adaptedUs = 0;
    qint64 m_usualP99Us = 0;
    double m_bytesPerSecond = 0;
    double m_debtUs = 0; ///< Time that the bytes written so far still have to take.
    qint64 m_paidUs = 0;
};

} // namespace dynakv::storage
