// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <atomic>
#include <functional>

namespace dynakv::http {

/// What the front doors of all HTTP threads have in common: the bounds that hold for them together,
/// and the ways between them. One door listens; each client goes to the door whose turn it is.
///
/// Thread: any. The functions are set before the first client and stay.
struct DoorCommons
{
    std::atomic<int> connections = 0; ///< From being accepted until they are closed.
    std::atomic<qsizetype> bodyBytes = 0;
    std::atomic<qsizetype> unsentBytes = 0;
    /// Hands a client over to some door, for its adopt().
    std::function<void(qintptr descriptor)> handOver = {};
    /// Makes the listening door accept again.
    std::function<void()> resume = {};
};

} // namespace dynakv::http
