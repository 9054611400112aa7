// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"
#include "tests/support/file_bytes.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QTest>

#include <optional>

using namespace dynakv;
using test::Cluster;
using test::Ended;
using test::HttpAnswer;
using test::RestProbe;

namespace {

constexpr int kExitBadData = 65;
constexpr int kExitCannotCreate = 73;
constexpr int kExitUnsafe = 78;
/// So many that a backup is not over before a client has written something.
constexpr int kFillKeys = 20;
constexpr qsizetype kFillBytes = 500'000;

QByteArray targetOf(const QByteArray &key)
{
    return "/key?k64=" +
           key.toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
}

QByteArray racingKey(int number)
{
    return "racing:" + QByteArray::number(number);
}

/// What a client sees of a key; versions included, since a restore keeps them.
struct Seen
{
    int status = 0;
    QByteArray body = {};
    QByteArray etag = {};
    QByteArray contentType = {}; ///< Of the bytes.
    QJsonValue expiresAt = {};
    bool operator==(const Seen &) const = default;
};

Seen seenAt(const RestProbe &rest, const QByteArray &key)
{
    HttpAnswer answer = rest.get(targetOf(key));
    HttpAnswer raw = rest.get(targetOf(key) + "&raw");
    const QJsonObject meta = rest.get(targetOf(key) + "&meta=true").object();
    return {answer.status, answer.status == 200 ? answer.body : QByteArray(),
            answer.headers["etag"], raw.headers["content-type"],
            meta.value(QLatin1String("expires_at"))};
}

QByteArray selfId(const RestProbe &rest)
{
    const QJsonArray members =
        rest.get("/v1/cluster").object().value(QLatin1String("members")).toArray();
    for (const QJsonValue &each : members) {
        if (each[QLatin1String("self")].toBool())
            return each[QLatin1String("id")].toString().toUtf8();
    }
    return {};
}

QString clusterIdOf(const RestProbe &rest)
{
    return rest.get("/v1/cluster").object().value(QLatin1String("cluster_id")).toString();
}

} // namespace

/// A backup of a node at work, and the ways back from it.
class TestBackupRestore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void aRestoredNodeServesWhatWasAcknowledgedBefore();
    void whatCannotBeRestoredIsRefused();
    void aRestoredNodeJoinsNobodyAndItsValuesComeByImport();

private:
    void writeKeys(const RestProbe &rest);
    /// Takes a backup of the first node, while a client writes racing keys.
    void backUp(const QByteArray &name);
    void checkBackup();
    Ended run(const QStringList &arguments)
    {
        return test::runDaemonToEnd(arguments, m_cluster->directory(), {}, 60'000);
    }
    void restore(const QString &directory);
    [[nodiscard]] QString pathOf(const char *name) const
    {
        return m_cluster->directory() + QLatin1Char('/') + QLatin1String(name);
    }

    std::unique_ptr<Cluster> m_cluster;
    QByteArrayList m_keys;
    int m_racing = 0;
    QString m_backup;
    QJsonObject m_job;
};

void TestBackupRestore::init()
{
    m_keys.clear();
    m_racing = 0;
    m_cluster = std::make_unique<Cluster>(1);
}

void TestBackupRestore::cleanup()
{
    m_cluster.reset();
}

void TestBackupRestore::writeKeys(const RestProbe &rest)
{
    const auto put = [&](const QByteArray &key, const QByteArray &body,
                         const QByteArray &query = {}) {
        m_keys += key;
        QCOMPARE(rest.put(targetOf(key) + query, body).status, 200);
    };
    put("json", R"({"value":{"b":1.0,  "a":[12345678901234567890, "\u0041"]}})");
    put("null", R"({"value":null})");
    put(QByteArray("\0\xff\n\r\"\\/%", 8), R"({"value":"a binary key"})");
    put("..", R"({"value":1})");
    put(QByteArray(1024, '\xfe'), R"({"value":"the longest key"})");
    put("lives", R"({"value":1})", "&ttl=3600");
    put("deleted", R"({"value":1})");
    QCOMPARE(rest.del(targetOf("deleted")).status, 200);
    put("written twice", R"({"value":"first"})");
    put("written twice", R"({"value":"second"})");
    put("raw:empty", "", "&raw");

    QByteArray everyByte;
    for (int i = 0; i < 256; ++i)
        everyByte += static_cast<char>(i);
    m_keys += "raw";
    const QByteArray head = "PUT " + targetOf("raw") +
                            "&raw HTTP/1.1\r\nContent-Type: image/x-odd; a=b\r\nContent-Length: " +
                            QByteArray::number(everyByte.size()) + "\r\n";
    QCOMPARE(test::Exchange(m_cluster->node(0).address(), head, everyByte).finish().status, 200);

    for (int i = 0; i < kFillKeys; ++i) {
        put("fill:" + QByteArray::number(i),
            "{\"value\":\"" + QByteArray(kFillBytes, static_cast<char>('a' + i)) + "\"}");
    }
}

void TestBackupRestore::backUp(const QByteArray &name)
{
    const RestProbe rest = m_cluster->rest(0);
    HttpAnswer begun = rest.begin("POST", "/v1/admin/backup?name=" + name).finish();
    QVERIFY2(begun.status == 202, begun.body.constData());
    const QByteArray location = begun.headers["location"];
    QVERIFY(location.startsWith("/v1/jobs/"));
    int whileItRan = 0;
    const auto isOver = [&] {
        m_job = rest.get(location).object();
        return m_job.value(QLatin1String("state")).toString() != QLatin1String("running");
    };
    const bool hasEnded = test::waitUntil(
        [&] {
            const int number = m_racing + 1;
            const bool isDone = rest.putValue(racingKey(number), QByteArray::number(number));
            m_racing += isDone ? 1 : 0;
            if (isOver())
                return true;
            whileItRan += isDone ? 1 : 0;
            return false;
        },
        60'000);
    QVERIFY(hasEnded);
    QVERIFY2(m_job.value(QLatin1String("state")) == QLatin1String("done"),
             QJsonDocument(m_job).toJson().constData());
    qInfo("%d writes were acknowledged while the backup ran", whileItRan);
    QVERIFY(whileItRan > 0);
    m_backup = m_cluster->node(0).dataDirectory() + QStringLiteral("/backups/") +
               m_job.value(QLatin1String("file")).toString();
    QCOMPARE(QFileInfo(m_backup).fileName(), QString::fromLatin1(name + ".db"));
}

void TestBackupRestore::checkBackup()
{
    const QByteArray hash = test::sha256Of(m_backup);
    QCOMPARE(m_job.value(QLatin1String("sha256")).toString().toLatin1(), hash);
    QCOMPARE(m_job.value(QLatin1String("bytes")).toInteger(), QFileInfo(m_backup).size());
    QCOMPARE(test::readFile(m_backup + QStringLiteral(".sha256")),
             hash + "  " + QFileInfo(m_backup).fileName().toLatin1() + '\n');
    const Ended verified = run({QStringLiteral("verify"), m_backup, QStringLiteral("--json")});
    QCOMPARE(verified.code, 0);
    const QJsonObject report = QJsonDocument::fromJson(verified.out).object();
    QCOMPARE(report.value(QLatin1String("verdict")).toString(), QStringLiteral("intact"));
    QVERIFY(report.value(QLatin1String("is_backup")).toBool());
    QVERIFY(report.value(QLatin1String("is_sealed")).toBool());
}

void TestBackupRestore::restore(const QString &directory)
{
    const Ended restored =
        run({QStringLiteral("restore"), m_backup, QStringLiteral("--data-dir"), directory});
    QVERIFY2(restored.code == 0, restored.err.constData());
    QVERIFY2(restored.out.contains("without JOIN"), restored.out.constData());
}

void TestBackupRestore::aRestoredNodeServesWhatWasAcknowledgedBefore()
{
    QVERIFY(m_cluster->start());
    const RestProbe old = m_cluster->rest(0);
    writeKeys(old);
    backUp("monday");
    if (QTest::currentTestFailed())
        return;
    checkBackup();
    QCOMPARE(old.begin("POST", "/v1/admin/backup?name=monday").finish().status, 409);
    QCOMPARE(old.begin("POST", "/v1/admin/backup?name=..%2Fx").finish().status, 400);
    std::map<QByteArray, Seen> before;
    for (const QByteArray &key : m_keys)
        before[key] = seenAt(old, key);
    QCOMPARE(before["deleted"].status, 404);
    QCOMPARE(before["raw"].contentType, QByteArray("image/x-odd; a=b"));
    QVERIFY(before["lives"].expiresAt.isString());
    const QByteArray oldId = selfId(old);
    const QString oldCluster = clusterIdOf(old);
    QVERIFY(!oldId.isEmpty() && !oldCluster.isEmpty());
    QCOMPARE(m_cluster->node(0).terminate(), 0);

    const QString directory = pathOf("restored");
    restore(directory);
    test::DaemonProcess &node = m_cluster->add();
    node.setOptions({QStringLiteral("--data-dir"), directory});
    QVERIFY(node.start());
    QVERIFY(m_cluster->waitForMembers({1}));
    const RestProbe rest = node.rest();
    QVERIFY(!selfId(rest).isEmpty() && selfId(rest) != oldId);
    QVERIFY(!clusterIdOf(rest).isEmpty() && clusterIdOf(rest) != oldCluster);
    for (const QByteArray &key : m_keys)
        QVERIFY2(seenAt(rest, key) == before[key], key.toPercentEncoding().constData());
    // Of what came while it was written each key is there as a whole or not at all.
    for (int i = 1; i <= m_racing; ++i) {
        const QByteArray value = rest.value(racingKey(i));
        QVERIFY2(value.isEmpty() || value == QByteArray::number(i), value.constData());
    }

    // It is a node like any other: it takes writes, keeps them, and others join it.
    QVERIFY(rest.putValue("written%20twice", "\"third\""));
    QVERIFY(rest.get(targetOf("written twice")).headers["etag"] > before["written twice"].etag);
    QCOMPARE(node.terminate(), 0);
    QVERIFY(node.restart());
    QVERIFY(m_cluster->add().start({node.address().toString()}));
    QVERIFY(m_cluster->waitForMembers({1, 2}));
    QCOMPARE(m_cluster->rest(2).value("written%20twice"), QByteArray("\"third\""));
    QVERIFY(seenAt(m_cluster->rest(2), "raw") == before["raw"]);
}

void TestBackupRestore::whatCannotBeRestoredIsRefused()
{
    QVERIFY(m_cluster->start());
    const RestProbe rest = m_cluster->rest(0);
    writeKeys(rest);
    backUp("b");
    if (QTest::currentTestFailed())
        return;
    const auto restoreSays = [&](const QString &backup, const QString &directory, int code,
                                 const QByteArray &what) {
        const Ended ended =
            run({QStringLiteral("restore"), backup, QStringLiteral("--data-dir"), directory});
        QVERIFY2(ended.code == code && ended.err.contains(what),
                 (QByteArray::number(ended.code) + ": " + ended.err).constData());
    };
    const QString living = m_cluster->node(0).dataDirectory();
    restoreSays(m_backup, living, kExitCannotCreate, "is in use");
    QCOMPARE(m_cluster->node(0).terminate(), 0);
    const QByteArray stored = test::sha256Of(living + QStringLiteral("/storage.db"));
    restoreSays(m_backup, living, kExitCannotCreate, "holds a storage.db already");
    QCOMPARE(test::sha256Of(living + QStringLiteral("/storage.db")), stored);

    // A copy of it would be a second node of the same identity.
    const QString copied = pathOf("copied");
    QVERIFY(QDir().mkpath(copied));
    QVERIFY(QFile::copy(m_backup, copied + QStringLiteral("/storage.db")));
    const Ended started = run({QString::fromLatin1(test::freeAddress().toString()),
                               QStringLiteral("--data-dir"), copied});
    QVERIFY2(started.code == kExitBadData && started.err.contains("dynakvd restore"),
             started.err.constData());

    QVERIFY(test::flipBitAt(m_backup, QFileInfo(m_backup).size() / 2));
    restoreSays(m_backup, pathOf("never"), kExitBadData, "is not the file whose hash stands in");
    QVERIFY(QFile::remove(m_backup + QStringLiteral(".sha256")));
    restoreSays(m_backup, pathOf("never"), kExitBadData, "is not intact");
    QVERIFY(!QFileInfo::exists(pathOf("never") + QStringLiteral("/storage.db")));
    QCOMPARE(run({QStringLiteral("verify"), m_backup}).code, kExitBadData);
}

void TestBackupRestore::aRestoredNodeJoinsNobodyAndItsValuesComeByImport()
{
    m_cluster->add();
    QVERIFY(m_cluster->start());
    const RestProbe rest = m_cluster->rest(0);
    writeKeys(rest);
    for (const char *key : {"changed", "deleted-since", "kept"})
        QVERIFY(rest.putValue(key, "\"old\""));
    backUp("b");
    if (QTest::currentTestFailed())
        return;
    QVERIFY(rest.putValue("changed", "\"new\""));
    QCOMPARE(rest.del("/key/deleted-since").status, 200);
    const QByteArray changedAt = rest.get("/key/changed").headers["etag"];
    const QByteArray keptAt = rest.get("/key/kept").headers["etag"];

    const QString directory = pathOf("restored");
    restore(directory);
    test::DaemonProcess &node = m_cluster->add();
    node.setOptions({QStringLiteral("--data-dir"), directory});
    const QList<QByteArray> join{m_cluster->node(0).address().toString()};
    QVERIFY(!node.start(join));
    QCOMPARE(node.exitCode(), kExitUnsafe);
    QVERIFY2(node.log().contains("refused to join") && node.log().contains("dynakvd import"),
             node.log().constData());
    QVERIFY(node.start());
    QVERIFY(m_cluster->waitForMembers({2}));
    // Nor does it later, as a node that was alone otherwise may.
    QCOMPARE(node.terminate(), 0);
    QVERIFY(!node.start(join));
    QCOMPARE(node.exitCode(), kExitUnsafe);
    QVERIFY(node.start());
    QVERIFY(m_cluster->waitForMembers({2}));
    QVERIFY(m_cluster->waitForMembers({0, 1}));
    QCOMPARE(node.rest().value("deleted-since"), QByteArray("\"old\""));

    const QString from = QString::fromLatin1(node.address().toString());
    const QString to = QString::fromLatin1(m_cluster->node(1).address().toString());
    QCOMPARE(run({QStringLiteral("export"), from, QStringLiteral("--output"),
                  QStringLiteral("keys.ndjson")})
                 .code,
             0);
    const auto import = [&](const char *mode) {
        const Ended ended =
            run({QStringLiteral("import"), QStringLiteral("keys.ndjson"), to, QLatin1String(mode)});
        QVERIFY2(ended.code == 0, ended.err.constData());
    };
    node.killHard(); // It is asked for nothing any more.
    import("--only-missing");
    QVERIFY(m_cluster->waitForValue("deleted-since", "\"old\""));
    QVERIFY(m_cluster->waitForValue("changed", "\"new\""));
    QCOMPARE(rest.get("/key/changed").headers["etag"], changedAt);
    QCOMPARE(rest.get("/key/kept").headers["etag"], keptAt);
    import("--overwrite");
    QVERIFY(m_cluster->waitForValue("changed", "\"old\""));
    const auto isNewer = [&rest](const QByteArray &target, const QByteArray &version) {
        return test::waitUntil([&] { return rest.get(target).headers["etag"] > version; }, 30'000);
    };
    QVERIFY(isNewer("/key/changed", changedAt));
    QVERIFY(isNewer("/key/kept", keptAt));
}

QTEST_GUILESS_MAIN(TestBackupRestore)
#include "tst_backup_restore.moc"
