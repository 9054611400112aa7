// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <map>
#include <vector>

namespace dynakv::app {

/// Keeps one message that comes again and again from filling the log: the first is passed, the same
/// within 10 s is counted, and the count is told once the 10 s are over.
/// Bounded: it remembers 128 messages; beyond that everything is passed.
class RepeatLimiter
{
public:
    /// A message that was held back \a count times.
    struct Held
    {
        QByteArray message = {};
        int count = 0;
        bool operator==(const Held &) const = default;
    };

    /// Whether \a message is to be written now.
    bool passes(const QByteArray &message, qint64 monoMs);
    /// Forgets the messages whose time is over, and returns those that were held back meanwhile.
    std::vector<Held> takeExpired(qint64 monoMs);
    /// The same for all of them, at the end.
    std::vector<Held> takeAll();

    static constexpr qint64 kWindowMs = 10'000;
    static constexpr std::size_t kMessagesMax = 128;

private:
    struct Seen
    {
        qint64 sinceMs = 0;
        int held = 0;
    };
    std::map<QByteArray, Seen> m_seen;
};

} // namespace dynakv::app
