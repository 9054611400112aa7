// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/file_walk.h"
#include "daemon/storage/set_aside.h"
#include "daemon/storage/storage_engine.h"
#include "tests/support/sim_disk.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::storage;
using dynakv::test::DiskImage;
using dynakv::test::SimDisk;

namespace {

const QString kDirectory = QStringLiteral("/data");
const QString kFile = QStringLiteral("/data/storage.db");
const QString kAside = QStringLiteral("/data/aside-7.db");

FileIdentity identity()
{
    return {QByteArray("0123456789abcdef"), 1};
}

/// A directory in which a node has been, with the remains of a torn end.
DiskImage makeDirectory()
{
    SimDisk disk;
    {
        store::Table table;
        StorageEngine engine(disk, table, {core::Durability::Sync, {}, 4096});
        if (!engine.open(kDirectory, identity()))
            return {};
        CommitRequest request;
        request.records.push_back({"key", core::RecordKind::Value, {1, 1}, 0, {}, {}, "value"});
        request.metas["state"] = "7";
        engine.commit({request});
    }
    DiskImage image = disk.liveImage();
    image.files[kFile + QStringLiteral(".torn-4711")] = "torn";
    image.files[kFile + QStringLiteral(".new")] = "a draft";
    return image;
}

base::Result<QString> nameBySevens(const Metas &metas)
{
    const auto state = metas.find("state");
    if (state == metas.end() || state->second != "7")
        return {base::ErrorCode::Conflict, "not this one"};
    return QStringLiteral("aside-7");
}

base::Result<QString> setAside(SimDisk &disk)
{
    return setFileAside(disk, kDirectory, nameBySevens);
}

/// Whether a node that starts there finds nothing.
bool startsEmpty(const DiskImage &image)
{
    SimDisk disk(image);
    store::Table table;
    StorageEngine engine(disk, table, {core::Durability::Sync, {}, 4096});
    const auto report = engine.open(kDirectory, {QByteArray("fedcba9876543210"), 2});
    return report && report->isNew && table.recordCount() == 0 && engine.metas().empty();
}

} // namespace

class TestSetAside : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theFileGoesWithItsRemains();
    void nothingIsReplaced();
    void whatMustStayStays();
    void damageIsNoHindrance();
    void cutOffAnywhereItIsDoneOrNot();
    void whateverFailsItCanBeBegunAnew_data();
    void whateverFailsItCanBeBegunAnew();
};

void TestSetAside::theFileGoesWithItsRemains()
{
    const DiskImage before = makeDirectory();
    SimDisk disk(before);
    const auto path = setAside(disk);
    QVERIFY2(path, path ? "" : path.error().message.constData());
    QCOMPARE(*path, kAside);
    const DiskImage after = disk.liveImage();
    QCOMPARE(after.files.at(kAside), before.files.at(kFile));
    QCOMPARE(after.files.at(kAside + QStringLiteral(".torn-4711")), QByteArray("torn"));
    QVERIFY(!after.files.contains(kFile));
    QVERIFY(!after.files.contains(kFile + QStringLiteral(".torn-4711")));
    QVERIFY(startsEmpty(after));
    // A second time there is nothing to do.
    const auto again = setAside(disk);
    QVERIFY(!again && again.error().code == base::ErrorCode::NotFound);
}

void TestSetAside::nothingIsReplaced()
{
    DiskImage image = makeDirectory();
    image.files[kAside] = "older";
    image.files[QStringLiteral("/data/aside-7-2.db.torn-4711")] = "older too";
    SimDisk disk(image);
    const auto path = setAside(disk);
    QVERIFY(path);
    QCOMPARE(*path, QStringLiteral("/data/aside-7-3.db"));
    const DiskImage after = disk.liveImage();
    QCOMPARE(after.files.at(kAside), QByteArray("older"));
    QCOMPARE(after.files.at(QStringLiteral("/data/aside-7-2.db.torn-4711")),
             QByteArray("older too"));
    QCOMPARE(after.files.at(*path), image.files.at(kFile));
}

void TestSetAside::whatMustStayStays()
{
    const DiskImage before = makeDirectory();
    SimDisk disk(before);
    const auto refused = setFileAside(disk, kDirectory, [](const Metas &) {
        return base::Result<QString>(base::Error{base::ErrorCode::Conflict, "why"});
    });
    QVERIFY(!refused && refused.error().message == "why");
    {
        const auto lock = disk.lock(kFile + QStringLiteral(".lock"));
        QVERIFY(lock);
        const auto busy = setAside(disk);
        QVERIFY(!busy && busy.error().code == base::ErrorCode::Busy);
    }
    const auto nowhere = setFileAside(disk, QStringLiteral("/nowhere"), nameBySevens);
    QVERIFY(!nowhere && nowhere.error().code == base::ErrorCode::NotFound);
    QVERIFY(!disk.liveImage().directories.contains(QStringLiteral("/nowhere")));
    DiskImage after = disk.liveImage();
    after.files.erase(kFile + QStringLiteral(".lock"));
    DiskImage same = before;
    same.files.erase(kFile + QStringLiteral(".lock"));
    QVERIFY(after == same);
}

void TestSetAside::damageIsNoHindrance()
{
    DiskImage image = makeDirectory();
    QByteArray &bytes = image.files[kFile];
    bytes.append(QByteArray(100, 'x'));
    SimDisk disk(image);
    const auto path = setAside(disk);
    QVERIFY(path);
    QCOMPARE(disk.liveImage().files.at(kAside), bytes);
}

/// The power goes at each call; what the disk may hold then is a directory with the file, under one
/// of its names, and the next try ends as the first would have.
void TestSetAside::cutOffAnywhereItIsDoneOrNot()
{
    const DiskImage before = makeDirectory();
    const QByteArray bytes = before.files.at(kFile);
    bool wasUndone = false;
    bool wasDone = false;
    for (int call = 1;; ++call) {
        SimDisk disk(before);
        disk.powerOffAtCall(call);
        const bool isDone = setAside(disk).ok();
        for (const DiskImage &image : disk.crashImages(static_cast<quint64>(call), 20)) {
            const bool isHere = image.files.contains(kFile);
            QVERIFY(isHere != image.files.contains(kAside));
            QCOMPARE(image.files.at(isHere ? kFile : kAside), bytes);
            QVERIFY(!isDone || !isHere);
            (isHere ? wasUndone : wasDone) = true;
            SimDisk later(image);
            QCOMPARE(setAside(later).ok(), isHere);
            QCOMPARE(later.liveImage().files.at(kAside), bytes);
            QVERIFY(startsEmpty(later.liveImage()));
        }
        if (isDone)
            break;
        QVERIFY(call < 1000);
    }
    QVERIFY(wasUndone && wasDone);
}

void TestSetAside::whateverFailsItCanBeBegunAnew_data()
{
    QTest::addColumn<int>("fault");
    QTest::newRow("an error") << int(SimDisk::Fault::Io);
    QTest::newRow("no room") << int(SimDisk::Fault::NoSpace);
}

void TestSetAside::whateverFailsItCanBeBegunAnew()
{
    QFETCH(const int, fault);
    const DiskImage before = makeDirectory();
    for (int call = 1;; ++call) {
        SimDisk disk(before);
        disk.failCalls(call, 1, static_cast<SimDisk::Fault>(fault));
        const bool isDone = setAside(disk).ok();
        const DiskImage after = disk.liveImage();
        const bool isHere = after.files.contains(kFile);
        QCOMPARE(after.files.at(isHere ? kFile : kAside), before.files.at(kFile));
        if (isHere)
            QVERIFY(setAside(disk));
        QVERIFY(startsEmpty(disk.liveImage()));
        if (isDone && disk.callCount() < call)
            break;
        QVERIFY(call < 1000);
    }
}

QTEST_APPLESS_MAIN(TestSetAside)
#include "tst_set_aside.moc"
