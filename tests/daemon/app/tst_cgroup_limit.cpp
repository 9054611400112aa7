// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/cgroup_limit.h"
#include "daemon/app/machine_memory.h"

#include <QTest>

#include <map>

using namespace dynakv;

namespace {

using Files = std::map<QByteArray, QByteArray>;

}

Q_DECLARE_METATYPE(Files)

class TestCgroupLimit : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theLeastLimitOnTheWayUpCounts_data();
    void theLeastLimitOnTheWayUpCounts();
    void thisMachineHasSomeMemory();
};

void TestCgroupLimit::theLeastLimitOnTheWayUpCounts_data()
{
    QTest::addColumn<Files>("files");
    QTest::addColumn<qint64>("limit");
    const auto row = [](const char *name, const Files &files, qint64 limit) {
        QTest::newRow(name) << files << limit;
    };
    const QByteArray own = "/proc/self/cgroup";
    row("no groups", {}, 0);
    row("nonsense", {{own, "x\n::\n:::\n5\n0::\n"}}, 0);
    row("version 2, no limit", {{own, "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/memory.max", "max\n"}}, 0);
    row("version 2, own", {{own, "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/memory.max", "4096\n"}}, 4096);
    row("version 2, the slice has less",
        {{own, "0::/a/b\n"},
         {"/sys/fs/cgroup/a/b/memory.max", "4096\n"},
         {"/sys/fs/cgroup/a/memory.max", "1024\n"}},
        1024);
    row("version 2, in a container", {{own, "0::/\n"}, {"/sys/fs/cgroup/memory.max", "512\n"}},
        512);
    row("version 2, a path that is not mounted",
        {{own, "0::/docker/77\n"}, {"/sys/fs/cgroup/memory.max", "512\n"}}, 512);
    row("version 1, none",
        {{own, "4:memory:/m\n"},
         {"/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n"}},
        0);
    row("version 1",
        {{own, "5:cpu:/c\n4:cpuset,memory:/m:n\n0::/\n"},
         {"/sys/fs/cgroup/memory/m:n/memory.limit_in_bytes", "2048\n"}},
        2048);
    row("version 1, not another controller's",
        {{own, "4:memory_like:/m\n"}, {"/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "2048\n"}},
        0);
    row("a negative one", {{own, "0::/\n"}, {"/sys/fs/cgroup/memory.max", "-5\n"}}, 0);
}

void TestCgroupLimit::theLeastLimitOnTheWayUpCounts()
{
    QFETCH(const Files, files);
    QFETCH(const qint64, limit);
    const auto readFile = [&files](const QByteArray &path) {
        const auto at = files.find(path);
        return at == files.end() ? QByteArray() : at->second;
    };
    QCOMPARE(app::cgroupLimitBytes(readFile), limit);
}

void TestCgroupLimit::thisMachineHasSomeMemory()
{
    QVERIFY(app::machineMemoryBytes() > qint64{16} << 20);
}

QTEST_APPLESS_MAIN(TestCgroupLimit)
#include "tst_cgroup_limit.moc"
