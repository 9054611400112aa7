// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/process_stats.h"

#include <sys/resource.h>

namespace dynakv::app {

http::ProcessStats processStats()
{
    http::ProcessStats stats;
    rusage usage = {};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        const auto secondsOf = [](const timeval &time) {
            return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
        };
        stats.cpuSeconds = secondsOf(usage.ru_utime) + secondsOf(usage.ru_stime);
    }
    rlimit limit = {};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        stats.descriptorsMax = static_cast<qint64>(limit.rlim_cur);
    return stats;
}

} // namespace dynakv::app
