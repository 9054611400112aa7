// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/time.h"

#include <chrono>

/// The one place of the cluster code that asks a clock.
namespace dynakv::cluster {

inline qint64 monotonicMs()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

inline qint64 monotonicUs()
{
    using namespace std::chrono;
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
}

inline core::Time currentTime()
{
    using namespace std::chrono;
    const auto wall = duration_cast<milliseconds>(system_clock::now().time_since_epoch());
    return {monotonicMs(), wall.count()};
}

} // namespace dynakv::cluster
