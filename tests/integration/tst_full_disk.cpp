// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"
#include "tests/support/own_namespaces.h"
#include "tests/support/small_disk.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTest>

using namespace dynakv;
using test::Cluster;
using test::HttpAnswer;

namespace {

constexpr qint64 kDiskBytes = qint64{48} << 20;
constexpr qint64 kBallastBytes = qint64{24} << 20;
constexpr int kExitIo = 74;

/// Each key has a value of its own, which it tells the length of.
QByteArray valueOf(int number, qsizetype bytes)
{
    return QByteArray::number(number) + ':' +
           QByteArray(bytes, static_cast<char>('a' + number % 26));
}

QByteArray keyOf(int number)
{
    return "k" + QByteArray::number(number);
}

} // namespace

/// A node whose data directory is on a disk so small that a test can fill it.
class TestFullDisk : public QObject
{
    Q_OBJECT

public:
    explicit TestFullDisk(QString whyNot)
        : m_whyNot(std::move(whyNot))
    {
    }

private Q_SLOTS:
    void init();
    void cleanup();
    void nothingAcknowledgedIsLostAndWritesResumeByThemselves();
    void aNodeKilledOnAFullDiskHasAllOfIt();
    void aTornEndOnAFullDiskWaitsForSpace();
    void aSmallDiskIsCompactedBeforeItIsFull();

private:
    [[nodiscard]] test::RestProbe rest() const { return m_cluster->rest(0); }
    test::DaemonProcess &node() { return m_cluster->node(0); }
    [[nodiscard]] QString file() const
    {
        return m_cluster->node(0).dataDirectory() + QStringLiteral("/storage.db");
    }
    /// Writes values, ever smaller ones, until not even the smallest is taken.
    void fill();
    bool put(qsizetype bytes);
    void isRefusedAsFull(const HttpAnswer &answer);
    /// All that was ever acknowledged, and nothing else.
    void readAll();
    /// False: it says that there is no room for the state that a start needs.
    [[nodiscard]] bool isServing() const;
    void isRefusedToStart(const QByteArray &why);

    QString m_whyNot;
    std::unique_ptr<Cluster> m_cluster;
    std::unique_ptr<test::SmallDisk> m_disk;
    std::map<int, qsizetype> m_acknowledged; ///< The lengths of the values.
    qint64 m_acknowledgedBytes = 0;
    int m_lastKey = 0;
};

void TestFullDisk::init()
{
    if (!m_whyNot.isEmpty())
        QSKIP(qPrintable(m_whyNot));
    m_acknowledged.clear();
    m_acknowledgedBytes = 0;
    m_cluster = std::make_unique<Cluster>(1);
    m_disk = std::make_unique<test::SmallDisk>(node().dataDirectory(), kDiskBytes);
    if (!m_disk->isMounted())
        QSKIP("this user may not mount a file system in memory");
}

void TestFullDisk::cleanup()
{
    if (m_cluster)
        node().killHard();
    m_disk.reset();
    m_cluster.reset();
}

bool TestFullDisk::put(qsizetype bytes)
{
    const int number = ++m_lastKey;
    const HttpAnswer answer =
        rest().put("/key/" + keyOf(number), "{\"value\":\"" + valueOf(number, bytes) + "\"}");
    if (answer.status == 200) {
        m_acknowledged[number] = bytes;
        m_acknowledgedBytes += bytes;
        return true;
    }
    isRefusedAsFull(answer);
    return false;
}

void TestFullDisk::isRefusedAsFull(const HttpAnswer &answer)
{
    QCOMPARE(answer.status, 503);
    QVERIFY(answer.headers.contains("retry-after"));
    QCOMPARE(answer.object().value(QLatin1String("code")).toString(), QStringLiteral("full"));
    const QString detail = answer.object().value(QLatin1String("detail")).toString();
    QVERIFY2(detail.contains(QLatin1String("the disk is full")), qPrintable(detail));
}

void TestFullDisk::fill()
{
    // A compaction that is at work gives its room back when it ends: then there is more to fill.
    const auto compactions = [this] { return node().log().count("jobs: compaction"); };
    qsizetype before = -1;
    while (before != compactions() && !QTest::currentTestFailed()) {
        before = compactions();
        for (const qsizetype bytes : {200'000, 20'000, 2'000, 200, 1}) {
            while (put(bytes)) {
                QVERIFY2(m_acknowledgedBytes < kDiskBytes,
                         "more is acknowledged than the disk has");
            }
        }
    }
    QVERIFY2(m_disk->freeBytes() < 4096 * 4, QByteArray::number(m_disk->freeBytes()).constData());
}

void TestFullDisk::readAll()
{
    for (const auto &[number, bytes] : m_acknowledged) {
        const QByteArray wanted = '"' + valueOf(number, bytes) + '"';
        QVERIFY2(rest().value(keyOf(number)) == wanted, keyOf(number).constData());
    }
    const auto stats = rest().get("/v1/stats").object();
    QCOMPARE(stats.value(QLatin1String("keys")).toInt(), static_cast<int>(m_acknowledged.size()));
}

bool TestFullDisk::isServing() const
{
    HttpAnswer answer;
    (void)test::waitUntil(
        [&] {
            answer = rest().get("/readyz");
            return answer.status == 200 || answer.body.contains("the disk is full");
        },
        20'000);
    return answer.status == 200;
}

void TestFullDisk::isRefusedToStart(const QByteArray &why)
{
    QVERIFY(!node().restart());
    QCOMPARE(node().exitCode(), kExitIo);
    const QByteArray said = node().log().split('\n').value(node().log().count('\n') - 1);
    QVERIFY2(said.contains(why) && said.contains("No space left"), said.constData());
}

void TestFullDisk::nothingAcknowledgedIsLostAndWritesResumeByThemselves()
{
    QVERIFY(m_disk->setBallast(kBallastBytes));
    QVERIFY(m_cluster->start());
    fill();
    if (QTest::currentTestFailed())
        return;
    QVERIFY(m_acknowledged.size() > 50);
    // A tombstone is shorter than the smallest value, so that one or two may still find room.
    constexpr int kDeletesMost = 10;
    HttpAnswer deleted = rest().del("/key/" + keyOf(1));
    for (int number = 1; deleted.status == 200 && number < kDeletesMost; ++number) {
        m_acknowledged.erase(number);
        deleted = rest().del("/key/" + keyOf(number + 1));
    }
    isRefusedAsFull(deleted);
    QVERIFY(rest().isReady()); // It reads, as a cluster may need.
    readAll();
    const HttpAnswer backup = rest().begin("POST", "/v1/admin/backup?name=b").finish();
    QCOMPARE(backup.status, 503);
    QCOMPARE(backup.object().value(QLatin1String("code")).toString(), QStringLiteral("full"));

    QVERIFY(m_disk->setBallast(0));
    QVERIFY(put(100'000));
    QCOMPARE(rest().del("/key/" + keyOf(m_acknowledged.begin()->first)).status, 200);
    m_acknowledged.erase(m_acknowledged.begin());
    readAll();
    QVERIFY(test::waitUntil([this] { return node().log().contains("has space again"); }, 30'000));
    QCOMPARE(node().log().count("node: the disk is full"), 1);
    QCOMPARE(node().terminate(), 0);
    QVERIFY(node().restart() && m_cluster->waitForAll());
    readAll();
}

void TestFullDisk::aNodeKilledOnAFullDiskHasAllOfIt()
{
    QVERIFY(m_disk->setBallast(kBallastBytes));
    QVERIFY(m_cluster->start());
    fill();
    if (QTest::currentTestFailed())
        return;
    node().killHard();
    isRefusedToStart("a start has to be noted in the data file first");

    // So little room that a few starts can be noted, and then none or not all of one.
    QVERIFY(m_disk->setBallast(kBallastBytes - 4096));
    int starts = 0;
    for (; starts < 100 && node().restart() && isServing(); ++starts) {
        if (starts % 8 == 0)
            readAll();
        node().killHard();
        const test::Ended verified =
            test::runDaemonToEnd({QStringLiteral("verify"), file()}, m_cluster->directory());
        QVERIFY2(verified.code == 0 || verified.code == 1, verified.out.constData());
    }
    qInfo("%d starts found room", starts);
    QVERIFY(starts > 0 && starts < 100);
    QVERIFY(m_disk->setBallast(0));
    if (!node().isRunning())
        QVERIFY(node().restart());
    QVERIFY(m_cluster->waitForAll());
    readAll();
    QVERIFY(put(100'000));
}

void TestFullDisk::aTornEndOnAFullDiskWaitsForSpace()
{
    constexpr qint64 kTornBytes = 300'000;
    QVERIFY(m_disk->setBallast(kBallastBytes));
    QVERIFY(m_cluster->start());
    while (m_acknowledged.size() < 20 && put(20'000)) {
    }
    QCOMPARE(m_acknowledged.size(), std::size_t{20});
    node().killHard();
    // As a power cut leaves it in the middle of a write; the rest of the disk is taken by others.
    QFile torn(file());
    QVERIFY(torn.open(QIODevice::Append | QIODevice::Unbuffered));
    QCOMPARE(torn.write(QByteArray(kTornBytes, 'g')), kTornBytes);
    torn.close();
    QVERIFY(m_disk->setBallast(kBallastBytes + m_disk->freeBytes() - 100'000));
    const QByteArray before = [this] {
        QFile read(file());
        return read.open(QIODevice::ReadOnly) ? read.readAll() : QByteArray();
    }();

    isRefusedToStart("must be kept beside it first");
    QFile after(file());
    QVERIFY(after.open(QIODevice::ReadOnly) && after.readAll() == before);
    // What was copied of it does not take the room that is left.
    QVERIFY(m_disk->freeBytes() > 50'000);

    QVERIFY(m_disk->setBallast(0));
    QVERIFY(node().restart() && m_cluster->waitForAll());
    readAll();
    QCOMPARE(node().log().count("cut off and kept in"), 1);
    const QStringList kept =
        QDir(node().dataDirectory()).entryList({QStringLiteral("storage.db.torn-*")});
    QCOMPARE(kept.size(), 1);
    QVERIFY(QFileInfo(node().dataDirectory() + QLatin1Char('/') + kept.first()).size() >=
            kTornBytes);
}

void TestFullDisk::aSmallDiskIsCompactedBeforeItIsFull()
{
    QVERIFY(m_cluster->start());
    const auto fileBytes = [this] {
        return rest()
            .get("/v1/stats")
            .object()[QLatin1String("file")][QLatin1String("bytes")]
            .toInteger();
    };
    const QByteArray body = "{\"value\":\"" + QByteArray(200'000, 'v') + "\"}";
    qint64 written = 0;
    while (written < 2 * kDiskBytes) {
        for (int i = 0; i < 75; ++i, written += body.size())
            QCOMPARE(rest().put("/key/same?durability=os", body).status, 200);
        QVERIFY(test::waitUntil([&] { return fileBytes() < kDiskBytes / 4; }, 20'000));
    }
    QCOMPARE(rest().value("same").size(), 200'002);
}

int main(int argc, char **argv)
{
    const QString whyNot = test::takeOwnMounts();
    const QCoreApplication app(argc, argv);
    TestFullDisk test(whyNot);
    return QTest::qExec(&test, argc, argv);
}

#include "tst_full_disk.moc"
