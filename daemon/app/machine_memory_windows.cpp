// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/machine_memory.h"

#include <algorithm>

#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <windows.h>

namespace dynakv::app {
namespace {

/// What the job object that holds this process allows it, as containers are limited there; 0: not
/// limited.
qint64 jobLimitBytes()
{
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION info = {};
    // No handle asks for the job of this very process.
    if (!QueryInformationJobObject(nullptr, JobObjectExtendedLimitInformation, &info, sizeof(info),
                                   nullptr))
        return 0;
    const DWORD flags = info.BasicLimitInformation.LimitFlags;
    qint64 least = 0;
    if ((flags & JOB_OBJECT_LIMIT_PROCESS_MEMORY) != 0)
        least = static_cast<qint64>(info.ProcessMemoryLimit);
    if ((flags & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0) {
        const auto whole = static_cast<qint64>(info.JobMemoryLimit);
        least = least == 0 ? whole : std::min(least, whole);
    }
    return std::max<qint64>(least, 0);
}

} // namespace

qint64 machineMemoryBytes()
{
    MEMORYSTATUSEX status = {};
    status.dwLength = sizeof(status);
    const qint64 machine =
        GlobalMemoryStatusEx(&status) ? static_cast<qint64>(status.ullTotalPhys) : 0;
    const qint64 job = jobLimitBytes();
    return machine == 0 ? job : job == 0 ? machine : std::min(machine, job);
}

} // namespace dynakv::app
