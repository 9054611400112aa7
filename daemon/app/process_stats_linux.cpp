// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/process_stats.h"

#include <QDir>
#include <QFile>

#include <sys/resource.h>
#include <unistd.h>

namespace dynakv::app {
namespace {

QByteArray contentOf(const char *path)
{
    constexpr qint64 kBytesMax = qint64{64} << 10;
    QFile file(QString::fromLatin1(path));
    return file.open(QIODevice::ReadOnly) ? file.read(kBytesMax) : QByteArray();
}

/// Unix time at which the machine started, 0 if that is not told.
qint64 bootSeconds()
{
    for (const QByteArray &line : contentOf("/proc/stat").split('\n')) {
        if (line.startsWith("btime "))
            return line.sliced(6).toLongLong();
    }
    return 0;
}

/// The fields of /proc/self/stat from the third on: the second, the program's name, may hold
/// anything, but ends at the last bracket (proc(5)).
QList<QByteArray> statFields()
{
    const QByteArray stat = contentOf("/proc/self/stat");
    const qsizetype nameEnd = stat.lastIndexOf(')');
    return nameEnd < 0 ? QList<QByteArray>() : stat.sliced(nameEnd + 1).simplified().split(' ');
}

} // namespace

http::ProcessStats processStats()
{
    constexpr int kUserTime = 11;
    constexpr int kSystemTime = 12;
    constexpr int kStartTime = 19;
    constexpr int kVirtualBytes = 20;
    constexpr int kResidentPages = 21;
    http::ProcessStats stats;
    const QList<QByteArray> fields = statFields();
    const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
    if (fields.size() > kResidentPages && ticks > 0) {
        stats.cpuSeconds = (fields[kUserTime].toDouble() + fields[kSystemTime].toDouble()) / ticks;
        stats.virtualBytes = fields[kVirtualBytes].toLongLong();
        stats.residentBytes = fields[kResidentPages].toLongLong() * sysconf(_SC_PAGESIZE);
        static const qint64 boot = bootSeconds();
        if (boot != 0)
            stats.startedSeconds =
                static_cast<double>(boot) + fields[kStartTime].toDouble() / ticks;
    }
    // One of them is the listing's own.
    const auto open = QDir(QStringLiteral("/proc/self/fd"))
                          .entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot)
                          .size();
    if (open > 1)
        stats.openDescriptors = open - 1;
    rlimit limit = {};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
        stats.descriptorsMax = static_cast<qint64>(limit.rlim_cur);
    return stats;
}

} // namespace dynakv::app
