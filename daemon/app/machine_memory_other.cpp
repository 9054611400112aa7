// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/machine_memory.h"

#include <cstdint>

#ifdef Q_OS_DARWIN
#include <sys/sysctl.h>
#include <sys/types.h>
#else
#include <unistd.h>
#endif

namespace dynakv::app {

qint64 machineMemoryBytes()
{
#ifdef Q_OS_DARWIN
    std::uint64_t bytes = 0;
    std::size_t size = sizeof(bytes);
    return sysctlbyname("hw.memsize", &bytes, &size, nullptr, 0) == 0 ? static_cast<qint64>(bytes)
                                                                      : 0;
#elif defined(_SC_PHYS_PAGES)
    const qint64 pages = sysconf(_SC_PHYS_PAGES);
    const qint64 pageBytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && pageBytes > 0 ? pages * pageBytes : 0;
#else
    return 0;
#endif
}

} // namespace dynakv::app
