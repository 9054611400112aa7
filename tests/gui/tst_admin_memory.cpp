// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/key_model.h"
#include "tests/gui/window_driver.h"
#include "tests/shared/client/fake_cluster.h"

#include <QApplication>
#include <QFile>
#include <QScrollBar>
#include <QTableView>
#include <QTest>

using namespace dynakv::admin;
using namespace dynakv::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

/// Megabytes of this process in memory now, or 0 where the system does not tell.
int residentMb()
{
    QFile status(QStringLiteral("/proc/self/status"));
    if (!status.open(QIODevice::ReadOnly))
        return 0;
    for (const QByteArray &line : status.readAll().split('\n'))
        if (line.startsWith("VmRSS:"))
            return line.sliced(6).trimmed().split(' ').first().toInt() / 1024;
    return 0;
}

} // namespace

/// A million keys on the server: the window holds a few pages of them, however far one scrolls. The
/// server runs in this process, so that its share counts as well.
class AdminMemoryTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aMillionKeysStayOnTheServer();
};

void AdminMemoryTest::aMillionKeysStayOnTheServer()
{
    constexpr qint64 kKeys = 1'000'000;
    constexpr int kPages = 300;
    constexpr int kLimitMb = 100;
    if (residentMb() == 0)
        QSKIP("this system does not tell how much memory a process has");
    FakeCluster cluster(1);
    cluster.setSyntheticKeys(kKeys);
    WindowDriver driver;
    QVERIFY(driver.connectTo(cluster.endpoint(0)));
    QVERIFY(driver.waitForKeys(KeyModel::kPageRows));
    QTRY_VERIFY(driver.find<QLabel>("keyFooter").text().contains(QLocale().toString(kKeys)));
    QVERIFY(cluster.listings() <= 2); // One page, and once more where the list was refreshed.
    const int atFirst = residentMb();

    QScrollBar *bar = driver.keys().verticalScrollBar();
    QVERIFY(driver.scrollUntil(KeyModel::kPageRows * kPages));
    const int scrolledFar = residentMb();
    auto *model = static_cast<KeyModel *>(driver.keys().model());
    QVERIFY(model->residentSegments() <= KeyModel::kResidentSegmentsMax);
    bar->setValue(0);
    QTRY_COMPARE(model->keyAt(0), QByteArray("key:00000000"));
    bar->setValue(bar->maximum() / 2);
    const int middle = driver.keys().rowAt(5);
    QTRY_COMPARE(model->keyAt(middle), "key:" + QByteArray::number(middle).rightJustified(8, '0'));
    const int inTheEnd = residentMb();
    qInfo("memory: %d MB connected, %d MB after %d keys, %d MB after going back", atFirst,
          scrolledFar, kPages * KeyModel::kPageRows, inTheEnd);
    if (kIsSanitized)
        QSKIP("a sanitizer takes memory of its own");
    QVERIFY(scrolledFar < kLimitMb);
    QVERIFY(inTheEnd < kLimitMb);
}

int main(int argc, char **argv)
{
    QApplication application(argc, argv);
    AdminMemoryTest test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_admin_memory.moc"
