// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/node_clock.h"

#include <QObject>
#include <QTimer>

#include <deque>
#include <functional>

namespace dynakv::base {
class Mailbox;
}

namespace dynakv::cluster {

/// Keeps the work that is done for peers in the background from taking the thread, and on a small
/// machine a processor, from the clients: one piece at a time, behind whatever waits already, and
/// after each a rest in proportion to it. The time that questions and answers are on their way is
/// rest as well, so that peers far away wait no longer than they would anyway.
///
/// Thread: the node thread. What the mailbox still holds must not outlive this.
class BackgroundPacer final : public QObject
{
public:
    using Piece = std::function<void()>;
    /// So much longer than the work is the rest.
    static constexpr int kRestPerWork = 9;
    /// Timers know nothing shorter: less work than asks for such a rest goes on at once.
    static constexpr qint64 kRestUsMin = 1000;

    /// \a nowUs: a monotonic clock, in microseconds.
    explicit BackgroundPacer(base::Mailbox &inbox, std::function<qint64()> nowUs = monotonicUs);

    void add(Piece piece);
    /// No more rests: the node is about to end.
    void hurry();
    /// Of the rest that it takes now, in milliseconds; 0: none.
    [[nodiscard]] int restMs() const { return m_rest.isActive() ? m_rest.interval() : 0; }

private:
    void next();
    void run();

    base::Mailbox &m_inbox;
    std::function<qint64()> m_nowUs;
    std::deque<Piece> m_pieces;
    bool m_isUnderWay = false; ///< A run is posted, or a rest will post it.
    bool m_isHurrying = false;
    qint64 m_restUntilUs = 0;
    QTimer m_rest;
};

} // namespace dynakv::cluster
