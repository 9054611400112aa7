// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QCryptographicHash>
#include <QFile>
#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using test::Cluster;
using test::Ended;
using test::RestProbe;

namespace {

/// Enough that an import takes seconds and an export several pages.
constexpr int kManyKeys = 50'000;

QByteArray readFile(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void writeFile(const QString &path, const QByteArray &content)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(content), content.size());
}

QByteArray targetOf(const QByteArray &key)
{
    return "/key?k64=" +
           key.toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
}

QStringList texts(const QByteArrayList &arguments)
{
    QStringList result;
    for (const QByteArray &argument : arguments)
        result += QString::fromLatin1(argument);
    return result;
}

/// An export that no node wrote, made by the page that describes the format.
QByteArray madeExport(int keys, int bytes = 100)
{
    QByteArray text = R"({"dynakv_export":1,"cluster_id":"c","node":"n","prefix":"",)"
                      R"("started":"2026-01-01T00:00:00Z"})"
                      "\n";
    for (int i = 0; i < keys; ++i) {
        const QByteArray number = QByteArray::number(i).rightJustified(8, '0');
        text += R"({"key":"many:)" + number + R"(","value":{"n": )" + QByteArray::number(i) +
                R"(.0, "x":")" + QByteArray(bytes, 'x') +
                "\"},\"version\":\"v\",\"updated_at\":\"2026-01-01T00:00:00Z\"}\n";
    }
    const QByteArray sum = QCryptographicHash::hash(text, QCryptographicHash::Sha256).toHex();
    return text + "{\"count\":" + QByteArray::number(keys) + ",\"sha256\":\"" + sum + "\"}\n";
}

/// Of each record what an import keeps: all before the version.
QByteArrayList keysAndValues(const QByteArray &exported)
{
    QByteArrayList records = exported.split('\n');
    records.removeFirst();
    records.removeLast(); // Behind the last line end.
    records.removeLast();
    for (QByteArray &record : records)
        record.truncate(record.lastIndexOf(",\"version\":"));
    return records;
}

} // namespace

/// Export and import between real daemons.
class TestTransfer : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void everyByteSurvives();
    void theModeDecidesAboutExistingKeys();
    void aPrefixIsExportedAlone();
    void aCutFileIsRefused();
    void aKilledNodeAndAnImportThatGoesOn();
    void anInterruptedExportGoesOn();
    void aFullOutputIsNeverASuccess();
    void whatCannotBeDoneIsSaid();
    void cleanup();

private:
    /// Runs `dynakvd arguments` in the directory of the files.
    Ended run(const QByteArrayList &arguments)
    {
        return test::runDaemonToEnd(texts(arguments), m_directory->path(), {}, 120'000);
    }
    [[nodiscard]] QString path(const char *name) const
    {
        return m_directory->filePath(QLatin1String(name));
    }
    static QByteArray address(Cluster &cluster) { return cluster.node(0).address().toString(); }
    static int keyCount(Cluster &cluster)
    {
        const auto answer = cluster.rest(0).get("/v1/keys?limit=1", 2000);
        return QJsonDocument::fromJson(answer.body)
            .object()
            .value(QLatin1String("total_estimate"))
            .toInt(-1);
    }

    std::unique_ptr<QTemporaryDir> m_directory;
    std::unique_ptr<Cluster> m_from;
    std::unique_ptr<Cluster> m_to;
};

void TestTransfer::init()
{
    m_directory = std::make_unique<QTemporaryDir>();
    m_from = std::make_unique<Cluster>(1);
    m_to = std::make_unique<Cluster>(1);
    QVERIFY(m_from->start() && m_to->start());
}

void TestTransfer::cleanup()
{
    m_from.reset();
    m_to.reset();
}

void TestTransfer::everyByteSurvives()
{
    const RestProbe from = m_from->rest(0);
    const RestProbe to = m_to->rest(0);
    QByteArrayList keys;
    const auto put = [&](const QByteArray &key, const QByteArray &body,
                         const QByteArray &query = {}) {
        keys += key;
        QCOMPARE(from.put(targetOf(key) + query, body).status, 200);
    };
    int number = 0;
    for (const char *value :
         {"12345678901234567890", "1.0", "1e2", "-0", "null", "\"\"", R"({"b":1,  "a":[2 ,3]})",
          "{\n\t\"a\": 1\r\n}", R"("\u0041\n\ud83d\ude00\/")", "\"\xf0\x9f\x98\x80\""})
        put("json:" + QByteArray::number(number++), QByteArray("{\"value\": ") + value + " }");
    put(QByteArray("\0\xff\n\r\"\\", 6), R"({"value":"a binary key"})");
    put("\xEF\xBB\xBFmark", R"({"value":1})");
    put("..", R"({"value":1})");
    put(QByteArray(1024, '\xfe'), R"({"value":1})");
    QByteArray everyByte;
    for (int i = 0; i < 256; ++i)
        everyByte += static_cast<char>(i);
    put("raw", everyByte, "&raw");
    put("raw:empty", "", "&raw");
    put("large", "{\"value\":\"" + QByteArray(1'000'000, 'x') + "\"}");
    put("large:raw", QByteArray(1 << 20, '\xff'), "&raw");
    put("lives", R"({"value":1})", "&ttl=3600");
    put("gone", R"({"value":1})", "&ttl=1");
    keys.removeLast();

    const Ended exported = run({"export", address(*m_from), "--output", "a.ndjson"});
    QVERIFY2(exported.code == 0, exported.err.constData());
    QTest::qWait(1100); // What expired until the import is left out.
    const Ended imported = run({"import", "a.ndjson", address(*m_to), "--only-missing"});
    QVERIFY2(imported.code == 0, imported.err.constData());
    const QByteArray summary = QByteArray::number(keys.size()) + " written, 0 skipped existing, ";
    QVERIFY2(imported.err.contains(summary), imported.err.constData());

    QCOMPARE(keyCount(*m_to), keys.size());
    for (const QByteArray &key : keys) {
        const auto sent = from.get(targetOf(key));
        const auto came = to.get(targetOf(key));
        QCOMPARE(sent.status, 200);
        QCOMPARE(came.body, sent.body);
        QCOMPARE(to.get(targetOf(key) + "&raw").headers["content-type"],
                 from.get(targetOf(key) + "&raw").headers["content-type"]);
    }
    const auto expiry = [&](const RestProbe &rest) {
        const QJsonObject meta =
            QJsonDocument::fromJson(rest.get(targetOf("lives") + "&meta=true").body).object();
        return QDateTime::fromString(meta.value(QLatin1String("expires_at")).toString(),
                                     Qt::ISODateWithMs);
    };
    QVERIFY(expiry(from).isValid());
    QVERIFY(qAbs(expiry(from).msecsTo(expiry(to))) < 5000);

    // The same over a pipe, and back: the records are equal to the byte.
    const Ended stream = run({"export", address(*m_to)});
    QCOMPARE(stream.code, 0);
    writeFile(path("b.ndjson"), stream.out);
    const auto input = test::startCommand(texts({"import", "-", address(*m_from), "--overwrite"}),
                                          m_directory->path(), path("b.ndjson"));
    QVERIFY(input->waitForFinished(60'000));
    QVERIFY2(input->exitCode() == 0, input->readAllStandardError().constData());
    const Ended again = run({"export", address(*m_from)});
    QVERIFY(keysAndValues(again.out) == keysAndValues(stream.out));
    QCOMPARE(keysAndValues(again.out).size(), keys.size());
}

void TestTransfer::theModeDecidesAboutExistingKeys()
{
    const RestProbe from = m_from->rest(0);
    const RestProbe to = m_to->rest(0);
    for (const char *key : {"a", "b", "c"})
        QVERIFY(from.putValue(key, "\"from\""));
    QVERIFY(to.putValue("b", "\"to\""));
    QCOMPARE(run({"export", address(*m_from), "--output", "f"}).code, 0);

    const Ended missing = run({"import", "f", address(*m_to), "--only-missing"});
    QVERIFY2(missing.err.contains("2 written, 1 skipped existing"), missing.err.constData());
    QCOMPARE(to.value("a"), QByteArray("\"from\""));
    QCOMPARE(to.value("b"), QByteArray("\"to\""));
    const QByteArray before = to.get("/key/a").headers["etag"];
    const Ended all = run({"import", "f", address(*m_to), "--overwrite"});
    QVERIFY2(all.err.contains("3 written, 0 skipped existing"), all.err.constData());
    QCOMPARE(to.value("b"), QByteArray("\"from\""));
    QVERIFY(to.get("/key/a").headers["etag"] > before); // A new version, not the file's.
}

void TestTransfer::aPrefixIsExportedAlone()
{
    for (const char *key : {"a", "p:1", "p:2", "q"})
        QVERIFY(m_from->rest(0).putValue(key, "1"));
    const Ended exported = run({"export", address(*m_from), "--prefix", "p:"});
    QCOMPARE(exported.code, 0);
    QVERIFY(exported.out.contains(R"("prefix":"p:")"));
    QCOMPARE(keysAndValues(exported.out),
             (QByteArrayList{R"({"key":"p:1","value":1)", R"({"key":"p:2","value":1)"}));
    QVERIFY2(exported.err.contains("exported 2 keys"), exported.err.constData());
}

void TestTransfer::aCutFileIsRefused()
{
    const QByteArray whole = madeExport(10);
    const qsizetype seventh = whole.indexOf("many:00000005");
    writeFile(path("f"), whole.first(seventh + 4));
    const Ended refused = run({"import", "f", address(*m_to), "--overwrite"});
    QCOMPARE(refused.code, 65);
    QVERIFY2(refused.err.contains("f: line 7: ") && refused.err.contains("nothing was written"),
             refused.err.constData());
    QCOMPARE(keyCount(*m_to), 0);

    QByteArray altered = whole;
    altered.replace("{\"n\": 3.0", "{\"n\": 4.0");
    writeFile(path("g"), altered);
    for (const QByteArrayList &force : {QByteArrayList(), QByteArrayList{"--force"}}) {
        const Ended damaged =
            run(QByteArrayList{"import", "g", address(*m_to), "--overwrite"} + force);
        QCOMPARE(damaged.code, 65);
        QVERIFY2(damaged.err.contains("g: line 12: "), damaged.err.constData());
    }
    QCOMPARE(keyCount(*m_to), 0);

    const Ended forced = run({"import", "f", address(*m_to), "--overwrite", "--force"});
    QVERIFY2(forced.code == 0, forced.err.constData());
    QVERIFY2(forced.err.contains("line 7: ") && forced.err.contains("5 records before it"),
             forced.err.constData());
    QCOMPARE(keyCount(*m_to), 5);
}

void TestTransfer::aKilledNodeAndAnImportThatGoesOn()
{
    const QByteArray whole = madeExport(kManyKeys);
    writeFile(path("f"), whole);
    const QByteArrayList arguments{"import", "f", address(*m_to), "--only-missing"};
    const auto import = test::startCommand(texts(arguments), m_directory->path());
    QVERIFY(test::waitUntil([this] { return keyCount(*m_to) > kManyKeys / 10; }, 60'000));
    m_to->node(0).killHard();
    QVERIFY(import->waitForFinished(60'000));
    const QByteArray told = import->readAllStandardError();
    QVERIFY2(import->exitCode() == 75, told.constData());
    QVERIFY2(told.contains("imported up to line ") && told.contains("--resume"), told.constData());
    const QString progress = path("f.import-progress");
    const int line =
        QJsonDocument::fromJson(readFile(progress)).object().value(QLatin1String("line")).toInt();
    QVERIFY2(told.contains("up to line " + QByteArray::number(line) + " of " +
                           QByteArray::number(kManyKeys + 1)),
             told.constData());
    QVERIFY(line > 1 && line <= kManyKeys);

    QVERIFY(m_to->node(0).restart() && m_to->waitForAll());
    QVERIFY(keyCount(*m_to) >= line - 1); // What counts as done is there.
    const Ended other = run({"import", "f", address(*m_to), "--overwrite", "--resume"});
    QVERIFY2(other.code == 65 && other.err.contains("--only-missing"), other.err.constData());
    const Ended elsewhere = run({"import", "f", address(*m_from), "--only-missing", "--resume"});
    QVERIFY2(elsewhere.code == 65 && elsewhere.err.contains("into cluster"),
             elsewhere.err.constData());
    const Ended resumed = run(arguments + QByteArrayList{"--resume"});
    QVERIFY2(resumed.code == 0, resumed.err.constData());
    QVERIFY(!QFileInfo::exists(progress));
    QVERIFY(keysAndValues(run({"export", address(*m_to)}).out) == keysAndValues(whole));
}

void TestTransfer::anInterruptedExportGoesOn()
{
    writeFile(path("f"), madeExport(kManyKeys));
    const Ended loaded = run({"import", "f", address(*m_from), "--overwrite"});
    QVERIFY2(loaded.code == 0, loaded.err.constData());
    QCOMPARE(run({"export", address(*m_from), "--output", "whole"}).code, 0);
    const QByteArray whole = readFile(path("whole"));

    // Killed on its way: only a partial file is there.
    const QString partial = path("cut.partial");
    const QByteArrayList arguments{"export", address(*m_from), "--output", "cut"};
    bool isInterrupted = false;
    for (int attempt = 0; attempt < 20 && !isInterrupted; ++attempt) {
        QFile::remove(path("cut"));
        const auto process = test::startCommand(texts(arguments), m_directory->path());
        while (process->state() == QProcess::Running && QFileInfo(partial).size() == 0)
            process->waitForFinished(1);
        process->kill();
        process->waitForFinished();
        isInterrupted = QFileInfo::exists(partial) && readFile(partial).count('\n') > 1;
    }
    QVERIFY(isInterrupted);
    QVERIFY(!QFileInfo::exists(path("cut")));
    QVERIFY(readFile(partial).size() < whole.size());
    const Ended resumed = run(arguments + QByteArrayList{"--resume"});
    QVERIFY2(resumed.code == 0, resumed.err.constData());
    QVERIFY(!QFileInfo::exists(partial));
    QVERIFY(keysAndValues(readFile(path("cut"))) == keysAndValues(whole));

    // Cut in the middle of a line: with the same header the file is the same to the byte.
    writeFile(partial, whole.first(whole.size() / 2));
    QCOMPARE(run(arguments + QByteArrayList{"--resume"}).code, 0);
    QVERIFY(readFile(path("cut")) == whole);

    writeFile(partial, whole.first(whole.size() / 2));
    const Ended elsewhere = run({"export", address(*m_to), "--output", "cut", "--resume"});
    QVERIFY2(elsewhere.code == 65 && elsewhere.err.contains("of cluster"),
             elsewhere.err.constData());
}

void TestTransfer::aFullOutputIsNeverASuccess()
{
    const QString full = QStringLiteral("/dev/full");
    if (!QFileInfo::exists(full))
        QSKIP("needs /dev/full");
    // So little that a buffer of the C library would hold it until after the end.
    const auto process =
        test::startCommand(texts({"export", address(*m_from)}), m_directory->path(), {}, full);
    QVERIFY(process->waitForFinished(60'000));
    QCOMPARE(process->exitCode(), 74);
    const QByteArray told = process->readAllStandardError();
    QVERIFY2(told.contains("standard output") && told.contains("not complete"), told.constData());
}

void TestTransfer::whatCannotBeDoneIsSaid()
{
    const auto says = [this](const QByteArrayList &arguments, int code, const QByteArray &part) {
        const Ended ended = run(arguments);
        QVERIFY2(ended.code == code && ended.err.count('\n') == 1 && ended.err.contains(part),
                 (QByteArray::number(ended.code) + ": " + ended.err).constData());
    };
    const QByteArray nobody = test::freeAddress().toString();
    says({"export", nobody}, 7, "refused");
    writeFile(path("f"), madeExport(1));
    says({"import", "f", nobody, "--overwrite"}, 7, "refused");
    says({"import", "none", nobody, "--overwrite"}, 73, "none");
    says({"import", ".", nobody, "--overwrite"}, 74, "");
    says({"import", "f", address(*m_to), "--overwrite", "--resume"}, 65, "leave out --resume");
    says({"import", "f", address(*m_to)}, 2, "--only-missing");
    says({"export", address(*m_from), "--output", "no/such/f"}, 73, "no/such/f");
    says({"export", address(*m_from), "--output", "g", "--resume"}, 73, "g.partial");

    // A record that the target cannot hold is told and left out; the others are written.
    m_to->node(0).setOptions(texts({"--max-value-bytes", "50"}));
    QCOMPARE(m_to->node(0).terminate(), 0);
    QVERIFY(m_to->node(0).restart() && m_to->waitForAll());
    QVERIFY(m_to->rest(0).putValue("small", "1"));
    for (const int bytes : {100, 3'000'000}) {
        writeFile(path("f"), madeExport(3, bytes));
        const Ended ended = run({"import", "f", address(*m_to), "--overwrite"});
        QVERIFY2(
            ended.code == 1 && ended.err.contains("line 3, key many:00000001: refused: ") &&
                ended.err.contains("0 written, 0 skipped existing, 0 skipped expired, 3 failed"),
            ended.err.constData());
    }
}

QTEST_GUILESS_MAIN(TestTransfer)
#include "tst_transfer.moc"
