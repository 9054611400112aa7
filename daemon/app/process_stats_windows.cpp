// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/process_stats.h"

#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

#include <psapi.h>

namespace dynakv::app {
namespace {

/// A FILETIME counts 100 ns.
double secondsOf(const FILETIME &time)
{
    const auto count = (quint64{time.dwHighDateTime} << 32) | time.dwLowDateTime;
    return static_cast<double>(count) * 1e-7;
}

} // namespace

http::ProcessStats processStats()
{
    constexpr double kUnixEpochSeconds = 11'644'473'600; // From 1601, where a FILETIME begins.
    http::ProcessStats stats;
    const HANDLE self = GetCurrentProcess();
    FILETIME created = {};
    FILETIME exited = {};
    FILETIME kernel = {};
    FILETIME user = {};
    if (GetProcessTimes(self, &created, &exited, &kernel, &user)) {
        stats.cpuSeconds = secondsOf(kernel) + secondsOf(user);
        stats.startedSeconds = secondsOf(created) - kUnixEpochSeconds;
    }
    PROCESS_MEMORY_COUNTERS memory = {};
    if (K32GetProcessMemoryInfo(self, &memory, sizeof(memory))) {
        stats.residentBytes = static_cast<qint64>(memory.WorkingSetSize);
        stats.virtualBytes = static_cast<qint64>(memory.PagefileUsage);
    }
    DWORD handles = 0;
    if (GetProcessHandleCount(self, &handles))
        stats.openDescriptors = handles;
    return stats;
}

} // namespace dynakv::app
