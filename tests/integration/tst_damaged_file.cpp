// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"
#include "tests/support/file_bytes.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QRegularExpression>
#include <QTest>

using namespace dynakv;
using test::Cluster;
using test::Ended;
using test::HttpAnswer;
using test::RestProbe;

namespace {

constexpr int kKeys = 60;
constexpr int kExitTorn = 1;
constexpr int kExitBadData = 65;
constexpr int kExitCannotCreate = 73;
constexpr int kExitUnsafe = 78;
constexpr qint64 kSuperblockBytes = 4096;

QByteArray keyOf(int number)
{
    return "key" + QByteArray::number(number);
}

/// Stands nowhere else in the file.
QByteArray valueOf(int number)
{
    return "\"<value " + QByteArray::number(number) + '>' + QByteArray(500, 'v') + '"';
}

} // namespace

/// What becomes of a node whose storage.db is harmed while it is down.
class TestDamagedFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void damageIsRefusedRecoveredFencedAndRepaired_data();
    void damageIsRefusedRecoveredFencedAndRepaired();
    void aRecoveredFileWithoutItsIdentityFoundsNoCluster();
    void oneDamagedSuperblockIsHealed_data();
    void oneDamagedSuperblockIsHealed();
    void aTornEndIsCutOffAndKept_data();
    void aTornEndIsCutOffAndKept();
    void aTornEndIsToldOfWhateverStopsTheStart();
    void cleanup() { m_cluster.reset(); }

private:
    /// Starts so many nodes with all keys; \a victim is the one whose file will be harmed.
    void start(int nodes, int victim);
    test::DaemonProcess &node() { return m_cluster->node(m_victim); }
    [[nodiscard]] QString file() const
    {
        return m_cluster->node(m_victim).dataDirectory() + QStringLiteral("/storage.db");
    }
    Ended run(const QStringList &arguments)
    {
        return test::runDaemonToEnd(arguments, m_cluster->directory());
    }
    Ended verify(const QString &path) { return run({QStringLiteral("verify"), path}); }
    /// The victim ends with \a code and says \a what.
    void isRefused(int code, const QByteArray &what, const QList<QByteArray> &join = {});
    /// Refused at a place that the start and `verify` agree about.
    void checkDamage(qint64 flipped);
    /// Kills the node and harms the only place of its file that says whose it is.
    void loseIdentity();
    void recover(const char *mode);
    void checkFence();
    static void readAll(const RestProbe &rest);
    /// What the victim has logged since its last start.
    [[nodiscard]] QByteArray logOfStart() const
    {
        return m_cluster->node(m_victim).log().sliced(m_logRead);
    }
    void startAgain();

    std::unique_ptr<Cluster> m_cluster;
    int m_victim = 0;
    qsizetype m_logRead = 0;
};

void TestDamagedFile::start(int nodes, int victim)
{
    m_victim = victim;
    m_logRead = 0;
    m_cluster = std::make_unique<Cluster>(nodes);
    QVERIFY(m_cluster->start());
    for (int i = 0; i < kKeys; ++i)
        QVERIFY(m_cluster->rest(0).putValue(keyOf(i), valueOf(i)));
    QVERIFY(m_cluster->waitForValue(keyOf(kKeys - 1), valueOf(kKeys - 1)));
    for (int i = 0; i < nodes; ++i)
        readAll(m_cluster->rest(i));
}

void TestDamagedFile::readAll(const RestProbe &rest)
{
    for (int i = 0; i < kKeys; ++i) {
        QVERIFY2(test::waitUntil([&] { return rest.value(keyOf(i)) == valueOf(i); }, 30'000),
                 keyOf(i).constData());
    }
}

void TestDamagedFile::startAgain()
{
    m_logRead = node().log().size();
    QVERIFY(node().restart());
    QVERIFY(m_cluster->waitForAll());
}

void TestDamagedFile::isRefused(int code, const QByteArray &what, const QList<QByteArray> &join)
{
    m_logRead = node().log().size();
    const QByteArray before = test::sha256Of(file());
    QVERIFY(!node().start(join));
    QVERIFY2(node().exitCode() == code && logOfStart().contains(what), logOfStart().constData());
    QCOMPARE(test::sha256Of(file()), before);
}

void TestDamagedFile::checkDamage(qint64 flipped)
{
    static const QRegularExpression place(
        QStringLiteral("acknowledged data is damaged at byte (\\d+), .*missing are the entries "
                       "(\\d+) to (\\d+), behind them it goes on at byte (\\d+)"));
    const auto match = place.match(QString::fromUtf8(logOfStart()));
    QVERIFY2(match.hasMatch(), logOfStart().constData());
    const qint64 begin = match.captured(1).toLongLong();
    const qint64 end = match.captured(4).toLongLong();
    QVERIFY(begin < flipped && flipped < end);
    QVERIFY(match.captured(2).toLongLong() <= match.captured(3).toLongLong());

    const Ended text = verify(file());
    QCOMPARE(text.code, kExitBadData);
    QVERIFY2(text.out.contains("verdict    damaged") &&
                 text.out.contains("damage     byte " + QByteArray::number(begin) + ','),
             text.out.constData());
    const Ended json = run({QStringLiteral("verify"), QStringLiteral("--json"), file()});
    QCOMPARE(json.code, kExitBadData);
    const QJsonArray damages =
        QJsonDocument::fromJson(json.out).object().value(QLatin1String("damages")).toArray();
    QCOMPARE(damages.size(), 1);
    const QJsonValue damage = damages.first();
    QCOMPARE(damage[QLatin1String("section")].toString(), QStringLiteral("log"));
    QCOMPARE(damage[QLatin1String("offset")].toInteger(), begin);
    QCOMPARE(damage[QLatin1String("bytes")].toInteger(), end - begin);
    QCOMPARE(QString::number(damage[QLatin1String("first_missing")].toInteger()),
             match.captured(2));
    QCOMPARE(QString::number(damage[QLatin1String("last_missing")].toInteger()), match.captured(3));
}

void TestDamagedFile::recover(const char *mode)
{
    const QString recovered = m_cluster->directory() + QStringLiteral("/recovered.db");
    const QByteArray before = test::sha256Of(file());
    const QStringList arguments{QStringLiteral("recover"), QLatin1String(mode), file(), recovered};
    const Ended done = run(arguments);
    QVERIFY2(done.code == 0 && done.out.contains("written    " + recovered.toUtf8()),
             (done.out + done.err).constData());
    QCOMPARE(test::sha256Of(file()), before);
    QCOMPARE(verify(recovered).code, 0);
    QCOMPARE(run(arguments).code, kExitCannotCreate); // It replaces nothing.
    QVERIFY(QFile::rename(file(), m_cluster->directory() + QStringLiteral("/damaged.db")));
    QVERIFY(QFile::rename(recovered, file()));
}

/// As long as no member answers, it does not, however long that takes.
void TestDamagedFile::checkFence()
{
    const RestProbe rest = node().rest();
    const auto isFenced = [&rest] {
        return rest.get("/readyz").status == 503 && rest.get("/key/" + keyOf(0)).status == 503 &&
               rest.get("/v1/keys").status == 503 && !rest.putValue("new", "1") &&
               rest.del("/key/" + keyOf(0)).status == 503;
    };
    QVERIFY(isFenced());
    // Past the time after which a node that is whole answers alone.
    QVERIFY(test::waitUntil(
        [&] { return !isFenced() || logOfStart().count(" is down\n") == m_cluster->size() - 1; },
        30'000));
    QVERIFY(isFenced());
    const QString detail = rest.get("/readyz").object().value(QLatin1String("detail")).toString();
    QVERIFY2(detail.contains(QLatin1String("its data file was damaged or cut")),
             qPrintable(detail));
}

void TestDamagedFile::damageIsRefusedRecoveredFencedAndRepaired_data()
{
    QTest::addColumn<QByteArray>("mode");
    QTest::newRow("prefix") << QByteArray("--prefix");
    QTest::newRow("salvage") << QByteArray("--salvage");
}

void TestDamagedFile::damageIsRefusedRecoveredFencedAndRepaired()
{
    QFETCH(const QByteArray, mode);
    start(3, 2);
    if (QTest::currentTestFailed())
        return;
    QCOMPARE(node().terminate(), 0);
    QVERIFY(m_cluster->rest(0).putValue("meanwhile", "1"));
    const qint64 flipped = test::readFile(file()).indexOf("<value 20>");
    QVERIFY(flipped > 0 && test::flipBitAt(file(), flipped));
    isRefused(kExitBadData, "dynakvd recover", {m_cluster->node(0).address().toString()});
    if (!QTest::currentTestFailed())
        checkDamage(flipped);
    if (!QTest::currentTestFailed())
        recover(mode.constData());
    if (QTest::currentTestFailed())
        return;

    m_cluster->node(0).pause();
    m_cluster->node(1).pause();
    m_logRead = node().log().size();
    QVERIFY(node().restart());
    checkFence();
    m_cluster->node(0).resume();
    m_cluster->node(1).resume();
    QVERIFY(m_cluster->waitForAll());
    readAll(node().rest());
    QCOMPARE(node().rest().value("meanwhile"), QByteArray("1"));
    QCOMPARE(node().rest().get("/v1/stats").object().value(QLatin1String("keys")).toInt(),
             kKeys + 1);
    QVERIFY(node().log().contains("the data file was put together by `dynakvd recover`"));
    QVERIFY(node().log().contains("repaired: compared with every member that is up"));

    // It is whole again, and needs nobody to say so.
    QCOMPARE(node().terminate(), 0);
    m_cluster->node(0).killHard();
    m_cluster->node(1).killHard();
    QVERIFY(node().restart());
    QVERIFY(m_cluster->waitForMembers({2}));
    readAll(node().rest());
}

void TestDamagedFile::loseIdentity()
{
    const auto ownerOf = [this] {
        const Ended verified = run({QStringLiteral("verify"), QStringLiteral("--json"), file()});
        return QJsonDocument::fromJson(verified.out).object()[QLatin1String("node_id")];
    };
    // Behind a compaction the node's own values stand in the base only, in its first frame, until
    // it stores them once more, which it may do at any time.
    constexpr qint64 inFirstFrame = 2 * kSuperblockBytes + 60;
    for (int i = 0; i < 10; ++i) {
        const RestProbe rest = node().rest();
        const QByteArray job = rest.begin("POST", "/v1/admin/compact").finish().headers["location"];
        QVERIFY(test::waitUntil(
            [&] { return rest.get(job).object()[QLatin1String("state")] == QLatin1String("done"); },
            20'000));
        node().killHard();
        QVERIFY(ownerOf().isString());
        QVERIFY(test::flipBitAt(file(), inFirstFrame));
        if (ownerOf().isNull())
            return;
        QVERIFY(test::flipBitAt(file(), inFirstFrame));
        startAgain();
        if (QTest::currentTestFailed())
            return;
    }
    QFAIL("it stored them behind each of ten compactions");
}

void TestDamagedFile::aRecoveredFileWithoutItsIdentityFoundsNoCluster()
{
    start(1, 0);
    if (QTest::currentTestFailed())
        return;
    loseIdentity();
    if (QTest::currentTestFailed())
        return;
    isRefused(kExitBadData, "dynakvd recover");
    recover("--salvage");
    if (QTest::currentTestFailed())
        return;
    isRefused(kExitUnsafe, "refused to found a new cluster");
    QVERIFY(logOfStart().contains("JOIN") && logOfStart().contains("dynakvd restore"));

    // The one way out: a new node, by its name.
    const QString directory = m_cluster->directory() + QStringLiteral("/restored");
    QCOMPARE(run({QStringLiteral("restore"), file(), QStringLiteral("--data-dir"), directory}).code,
             0);
    test::DaemonProcess &restored = m_cluster->add();
    restored.setOptions({QStringLiteral("--data-dir"), directory});
    QVERIFY(restored.start());
    QVERIFY(m_cluster->waitForMembers({1}));
    readAll(restored.rest());

    // The other one: back into a cluster, as one that may lack something.
    QVERIFY(restored.rest().putValue("of-the-cluster", "1"));
    QVERIFY(node().start({restored.address().toString()}));
    QVERIFY(m_cluster->waitForAll());
    QVERIFY(node().log().contains("repaired: compared with every member that is up"));
    QCOMPARE(node().rest().value("of-the-cluster"), QByteArray("1"));
    readAll(node().rest());
}

void TestDamagedFile::oneDamagedSuperblockIsHealed_data()
{
    QTest::addColumn<qint64>("at");
    QTest::newRow("the first") << qint64{45};
    QTest::newRow("the second") << kSuperblockBytes + 3;
}

void TestDamagedFile::oneDamagedSuperblockIsHealed()
{
    QFETCH(const qint64, at);
    start(1, 0);
    if (QTest::currentTestFailed())
        return;
    QCOMPARE(node().terminate(), 0);
    const QByteArray whole = test::readFile(file());
    QVERIFY(test::flipBitAt(file(), at));
    const Ended verified = verify(file());
    QCOMPARE(verified.code, kExitBadData);
    QVERIFY2(verified.out.contains("one of the two superblocks"), verified.out.constData());

    startAgain();
    QVERIFY2(logOfStart().contains("two superblocks is damaged"), logOfStart().constData());
    QVERIFY(test::waitUntil([&] { return logOfStart().contains("jobs: compaction: "); }, 20'000));
    readAll(node().rest());
    QCOMPARE(node().terminate(), 0);
    QCOMPARE(verify(file()).code, 0);
    startAgain();
    QVERIFY2(!logOfStart().contains("superblocks"), logOfStart().constData());
    readAll(node().rest());
    QCOMPARE(node().terminate(), 0);

    // Without either nothing in the file can be told from chance.
    QVERIFY(test::flipBitAt(file(), 45) && test::flipBitAt(file(), kSuperblockBytes + 45));
    isRefused(kExitBadData, "superblock");
    QCOMPARE(verify(file()).code, kExitBadData);
}

void TestDamagedFile::aTornEndIsCutOffAndKept_data()
{
    QTest::addColumn<QByteArray>("appended");
    QTest::addColumn<qint64>("cut");
    QTest::newRow("garbage behind it") << QByteArray(5000, 'g') << qint64{0};
    QTest::newRow("its last frame cut") << QByteArray() << qint64{8};
    QTest::newRow("cut, then a block of zeros and one of garbage")
        << QByteArray(4096, '\0') + QByteArray(512, 'g') << qint64{20};
}

void TestDamagedFile::aTornEndIsCutOffAndKept()
{
    QFETCH(const QByteArray, appended);
    QFETCH(const qint64, cut);
    start(1, 0);
    if (QTest::currentTestFailed())
        return;
    QCOMPARE(node().terminate(), 0);
    const QByteArray whole = test::readFile(file());
    QVERIFY(test::writeFile(file(), whole.chopped(cut) + appended));
    // A seal is all that is lost of it, which is one header.
    constexpr qint64 sealBytes = 48;
    const qint64 end = whole.size() - (cut > 0 ? sealBytes : 0);
    QByteArray torn = (whole.chopped(cut) + appended).sliced(end);
    while (torn.endsWith('\0')) // Zeros say nothing.
        torn.chop(1);
    const Ended verified = verify(file());
    QCOMPARE(verified.code, kExitTorn);
    QVERIFY2(verified.out.contains("torn end   " + QByteArray::number(torn.size()) + " bytes"),
             verified.out.constData());

    startAgain();
    const QString kept = file() + QStringLiteral(".torn-") + QString::number(end);
    QVERIFY(test::readFile(kept) == torn);
    const QByteArray report = "ended in " + QByteArray::number(torn.size()) +
                              " bytes of an unfinished write, never acknowledged; cut off and "
                              "kept in " +
                              kept.toUtf8();
    QVERIFY2(logOfStart().contains(report), logOfStart().constData());
    readAll(node().rest());
    QVERIFY(node().rest().putValue("more", "1"));
    QCOMPARE(node().terminate(), 0);
    QCOMPARE(verify(file()).code, 0);
    startAgain();
    QVERIFY2(!logOfStart().contains("warning"), logOfStart().constData());
    QCOMPARE(QDir(node().dataDirectory()).entryList({QStringLiteral("*.torn-*")}).size(), 1);
    QCOMPARE(node().rest().value("more"), QByteArray("1"));
    readAll(node().rest());
}

/// The start that is refused has cut it off already: the next one has nothing to tell.
void TestDamagedFile::aTornEndIsToldOfWhateverStopsTheStart()
{
    start(1, 0);
    if (QTest::currentTestFailed())
        return;
    QCOMPARE(node().terminate(), 0);
    QVERIFY(test::writeFile(file(), test::readFile(file()) + QByteArray(5000, 'g')));
    node().setOptions({QStringLiteral("--cluster-secret-file"), QStringLiteral("none")});
    m_logRead = node().log().size();
    QVERIFY(!node().restart());
    QVERIFY2(node().exitCode() == kExitUnsafe && logOfStart().contains("none"),
             logOfStart().constData());
    QCOMPARE(verify(file()).code, 0);
    QVERIFY2(logOfStart().contains("cut off and kept in"), logOfStart().constData());
}

QTEST_GUILESS_MAIN(TestDamagedFile)
#include "tst_damaged_file.moc"
