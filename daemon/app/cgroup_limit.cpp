// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/cgroup_limit.h"

#include <QList>

#include <algorithm>

namespace dynakv::app {
namespace {

/// 0 for what is no limit: `max`, and the number near 2^63 that version 1 has in its place.
qint64 limitIn(const QByteArray &content)
{
    constexpr qint64 kUnlimited = qint64{1} << 60;
    bool isNumber = false;
    const qint64 bytes = content.trimmed().toLongLong(&isNumber);
    return isNumber && bytes > 0 && bytes < kUnlimited ? bytes : 0;
}

qint64 lesserLimit(qint64 one, qint64 other)
{
    return one == 0 ? other : other == 0 ? one : std::min(one, other);
}

/// The least limit on the way from \a path up to \a root.
qint64 leastAlong(const QByteArray &root, QByteArray path, const QByteArray &file,
                  const ReadFile &readFile)
{
    qint64 least = 0;
    for (;;) {
        while (path.endsWith('/'))
            path.chop(1);
        least = lesserLimit(least, limitIn(readFile(root + path + '/' + file)));
        if (path.isEmpty())
            return least;
        path.truncate(std::max<qsizetype>(path.lastIndexOf('/'), 0));
    }
}

} // namespace

qint64 cgroupLimitBytes(const ReadFile &readFile)
{
    qint64 least = 0;
    // Lines of `NUMBER:CONTROLLERS:PATH`; version 2 is number 0 and names no controllers.
    for (const QByteArray &line : readFile("/proc/self/cgroup").split('\n')) {
        const qsizetype first = line.indexOf(':');
        const qsizetype second = line.indexOf(':', first + 1);
        if (first < 0 || second < 0)
            continue;
        const QByteArray controllers = line.sliced(first + 1, second - first - 1);
        const QByteArray path = line.sliced(second + 1);
        if (controllers.isEmpty())
            least = lesserLimit(least, leastAlong("/sys/fs/cgroup", path, "memory.max", readFile));
        else if (controllers.split(',').contains("memory"))
            least = lesserLimit(least, leastAlong("/sys/fs/cgroup/memory", path,
                                                  "memory.limit_in_bytes", readFile));
    }
    return least;
}

} // namespace dynakv::app
