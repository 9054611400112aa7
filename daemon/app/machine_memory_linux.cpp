// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/cgroup_limit.h"
#include "daemon/app/machine_memory.h"

#include <QFile>

#include <algorithm>

#include <unistd.h>

namespace dynakv::app {
namespace {

QByteArray contentOf(const QByteArray &path)
{
    constexpr qint64 kBytesMax = qint64{64} << 10;
    QFile file(QString::fromLocal8Bit(path));
    return file.open(QIODevice::ReadOnly) ? file.read(kBytesMax) : QByteArray();
}

} // namespace

qint64 machineMemoryBytes()
{
    const qint64 pages = sysconf(_SC_PHYS_PAGES);
    const qint64 pageBytes = sysconf(_SC_PAGESIZE);
    const qint64 machine = pages > 0 && pageBytes > 0 ? pages * pageBytes : 0;
    const qint64 group = cgroupLimitBytes(contentOf);
    return machine == 0 ? group : group == 0 ? machine : std::min(machine, group);
}

} // namespace dynakv::app
