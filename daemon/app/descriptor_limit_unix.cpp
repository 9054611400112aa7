// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>
#ifdef __APPLE__
#include <climits>
#endif

namespace dynakv::app {

void raiseDescriptorLimit()
{
    rlim_t wanted = 65536;
#ifdef __APPLE__
    wanted = OPEN_MAX; // A greater one is refused, whatever the hard limit says.
#endif
    rlimit limit = {};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    wanted = std::min(wanted, limit.rlim_max);
    if (limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted;
    setrlimit(RLIMIT_NOFILE, &limit); // Refused: then it stays as it was, and is kept to.
}

} // namespace dynakv::app
