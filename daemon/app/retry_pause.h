// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <optional>

namespace dynakv::app {

/// How long to leave a node alone that says "not now": twice as long after each refusal, never less
/// than it asked for, and no longer at all once it has refused everything for a minute. Pure: time
/// is an argument.
class RetryPause
{
public:
    /// Milliseconds until the next try, or nothing where to give up.
    std::optional<int> refused(int retryAfterSeconds, qint64 nowMs);
    void succeeded();

private:
    std::optional<qint64> m_sinceMs = {}; ///< The first refusal after the last success.
    int m_pauseMs = 0;
};

} // namespace dynakv::app
