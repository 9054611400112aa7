// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QDir>
#include <QFile>
#include <QTcpServer>
#include <QTemporaryDir>
#include <QTest>

#ifdef Q_OS_UNIX
#include <unistd.h>
#endif

using namespace dynakv;
using test::Ended;

namespace {

QString text(const base::Endpoint &endpoint)
{
    return QString::fromLatin1(endpoint.toString());
}

void writeFile(const QString &path, const QByteArray &content)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(content), content.size());
}

QByteArray readFile(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace

/// Each way not to start ends with its code and with one line that names cause and remedy.
class TestStartErrors : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void wrongOptionsEndWithTwo_data();
    void wrongOptionsEndWithTwo();
    void withoutArgumentsTheHelpIsShown();
    void helpAndVersionAreNoErrors();
    void apiPortInUse();
    void clusterPortInUse();
    void anAddressOfAnotherMachine();
    void aNameWithoutAddress();
    void openToTheNetworkIsRefused();
    void aDataDirectoryBelowAFile();
    void aDataDirectoryThatCannotBeMade();
    void aDataDirectoryThatCannotBeWritten();
    void aSecondProcessOnOneDirectory();
    void aDamagedFileIsNeverTakenForAnEmptyOne();
    void jsonLogsKeepTheFailureJson();

private:
    /// Runs `dynakvd LISTEN options` and checks code and line.
    void expect(const base::Endpoint &listen, const QStringList &options, int code,
                const QByteArray &cause, const QByteArray &remedy);

    std::unique_ptr<QTemporaryDir> m_directory;
};

void TestStartErrors::init()
{
    m_directory = std::make_unique<QTemporaryDir>();
}

void TestStartErrors::expect(const base::Endpoint &listen, const QStringList &options, int code,
                             const QByteArray &cause, const QByteArray &remedy)
{
    const Ended ended =
        test::runDaemonToEnd(QStringList{text(listen)} + options, m_directory->path());
    QVERIFY2(ended.code == code, (QByteArray::number(ended.code) + ": " + ended.err).constData());
    QVERIFY2(ended.err.count('\n') == 1, ended.err.constData());
    QVERIFY2(ended.err.startsWith("dynakvd: "), ended.err.constData());
    QVERIFY2(ended.err.contains(cause), ended.err.constData());
    QVERIFY2(ended.err.contains(remedy), ended.err.constData());
    QVERIFY2(ended.out.isEmpty(), ended.out.constData());
}

void TestStartErrors::wrongOptionsEndWithTwo_data()
{
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<QByteArray>("part");
    const auto row = [](const char *name, const QStringList &arguments, const char *part) {
        QTest::newRow(name) << arguments << QByteArray(part);
    };
    const QString good = QStringLiteral("127.0.0.1:6660");
    row("port alone", {QStringLiteral("6660")}, "write 127.0.0.1:6660");
    row("bad address", {QStringLiteral("127.0.0.1:99999")}, "1 to 65535");
    row("bad join", {good, QStringLiteral("nonsense::")}, "JOIN: ");
    row("unknown option", {good, QStringLiteral("--datadir"), QStringLiteral("x")},
        "did you mean --data-dir");
    row("terminal bytes", {good, QStringLiteral("--a\u001b[2J\nb")}, "\\u001b[2J\\u000ab");
    row("no file", {good, QStringLiteral("--config"), QStringLiteral("none.conf")}, "none.conf: ");
}

void TestStartErrors::wrongOptionsEndWithTwo()
{
    QFETCH(const QStringList, arguments);
    QFETCH(const QByteArray, part);
    const Ended ended = test::runDaemonToEnd(arguments, m_directory->path());
    QCOMPARE(ended.code, 2);
    QVERIFY2(ended.err.count('\n') == 1, ended.err.constData());
    QVERIFY2(ended.err.contains(part), ended.err.constData());
    QVERIFY(QDir(m_directory->path()).isEmpty());
}

void TestStartErrors::withoutArgumentsTheHelpIsShown()
{
    const Ended ended = test::runDaemonToEnd({}, m_directory->path());
    QCOMPARE(ended.code, 2);
    QVERIFY(ended.out.isEmpty());
    QVERIFY(ended.err.indexOf("EXAMPLES") < ended.err.indexOf("OPTIONS"));
}

void TestStartErrors::helpAndVersionAreNoErrors()
{
    const Ended help = test::runDaemonToEnd({QStringLiteral("--help")}, m_directory->path());
    QCOMPARE(help.code, 0);
    QVERIFY(help.out.contains("EXIT CODES") && help.err.isEmpty());
    const Ended version = test::runDaemonToEnd({QStringLiteral("--version")}, m_directory->path());
    QCOMPARE(version.code, 0);
    QVERIFY(version.out.startsWith("dynakvd " DYNAKV_VERSION));
}

void TestStartErrors::apiPortInUse()
{
    const base::Endpoint address = test::freeAddress();
    QTcpServer holder;
    QVERIFY(holder.listen(QHostAddress::LocalHost, address.port));
    expect(address, {}, 69, address.toString() + " (REST API): the port is in use",
           "choose another LISTEN port");
    // Told before anything was made.
    QVERIFY(QDir(m_directory->path()).isEmpty());
}

void TestStartErrors::clusterPortInUse()
{
    const base::Endpoint address = test::freeAddress();
    QTcpServer holder;
    QVERIFY(holder.listen(QHostAddress::LocalHost, base::defaultClusterPort(address.port)));
    expect(address, {}, 69, "(other nodes): the port is in use", "choose another --cluster-port");
}

void TestStartErrors::anAddressOfAnotherMachine()
{
    expect({"192.0.2.1", 6660}, {QStringLiteral("--insecure-allow-remote")}, 69,
           "does not have that address", "name one that it has");
}

void TestStartErrors::aNameWithoutAddress()
{
    expect({"no-such-host.invalid", 6660}, {}, 69, "no-such-host.invalid has no address",
           "use an IP address");
}

void TestStartErrors::openToTheNetworkIsRefused()
{
    const base::Endpoint address{"0.0.0.0", test::freeAddress().port};
    expect(address, {}, 78, "refused to listen on " + address.toString(),
           "--insecure-allow-remote");
    QVERIFY(QDir(m_directory->path()).isEmpty());
}

void TestStartErrors::aDataDirectoryBelowAFile()
{
    const QString file = m_directory->filePath(QStringLiteral("file"));
    writeFile(file, "x");
    expect(test::freeAddress(), {QStringLiteral("--data-dir"), file + QStringLiteral("/data")}, 73,
           file.toUtf8() + "/data", "");
}

void TestStartErrors::aDataDirectoryThatCannotBeMade()
{
#ifdef Q_OS_LINUX
    // Not even root makes directories there.
    expect(test::freeAddress(), {QStringLiteral("--data-dir"), QStringLiteral("/proc/dynakv/data")},
           73, "/proc/dynakv/data", "");
#else
    QSKIP("needs /proc");
#endif
}

void TestStartErrors::aDataDirectoryThatCannotBeWritten()
{
#ifdef Q_OS_UNIX
    if (::geteuid() == 0)
        QSKIP("root writes everywhere");
    const QString path = m_directory->filePath(QStringLiteral("closed"));
    QVERIFY(QDir().mkpath(path));
    QVERIFY(QFile::setPermissions(path, QFile::ReadOwner | QFile::ExeOwner));
    expect(test::freeAddress(), {QStringLiteral("--data-dir"), path}, 73, path.toUtf8(), "");
#else
    QSKIP("needs Unix permissions");
#endif
}

void TestStartErrors::aSecondProcessOnOneDirectory()
{
    test::Cluster cluster(1);
    QVERIFY(cluster.start());
    QVERIFY(cluster.rest(0).putValue("a", "1"));
    expect(test::freeAddress(), {QStringLiteral("--data-dir"), cluster.node(0).dataDirectory()}, 73,
           cluster.node(0).dataDirectory().toUtf8(), "another");
    // The first is not disturbed, and a killed one leaves no lock behind.
    QCOMPARE(cluster.rest(0).value("a"), QByteArray("1"));
    cluster.node(0).killHard();
    QVERIFY(cluster.node(0).restart());
    QVERIFY(cluster.waitForValue("a", "1"));
}

void TestStartErrors::aDamagedFileIsNeverTakenForAnEmptyOne()
{
    test::Cluster cluster(1);
    QVERIFY(cluster.start());
    for (int i = 0; i < 50; ++i)
        QVERIFY(cluster.rest(0).putValue("k" + QByteArray::number(i), R"("some text to find")"));
    QCOMPARE(cluster.node(0).terminate(), 0);
    const QString path = cluster.node(0).dataDirectory() + QStringLiteral("/storage.db");
    const QByteArray whole = readFile(path);
    QVERIFY(whole.size() > 1000);

    const auto refuses = [&](const QByteArray &content) {
        writeFile(path, content);
        expect(cluster.node(0).address(),
               {QStringLiteral("--data-dir"), cluster.node(0).dataDirectory()}, 65, "storage.db",
               "");
        QVERIFY(readFile(path) == content); // Evidence is left as it was found.
    };
    QByteArray flipped = whole;
    flipped[flipped.indexOf("some text")] = 'S';
    refuses(flipped);
    refuses("this is no data file of ours, it is a letter");
    refuses(QByteArray(8192, '\0') + whole.sliced(8192 < whole.size() ? 8192 : 0));

    writeFile(path, whole);
    QVERIFY(cluster.node(0).restart());
    QVERIFY(cluster.waitForValue("k49", R"("some text to find")"));
}

void TestStartErrors::jsonLogsKeepTheFailureJson()
{
    const base::Endpoint address = test::freeAddress();
    QTcpServer holder;
    QVERIFY(holder.listen(QHostAddress::LocalHost, address.port));
    const Ended ended = test::runDaemonToEnd({text(address), QStringLiteral("--log-format=json")},
                                             m_directory->path());
    QCOMPARE(ended.code, 69);
    QVERIFY2(ended.err.startsWith("{\"time\":") && ended.err.endsWith("}\n"),
             ended.err.constData());
    QVERIFY2(ended.err.contains(R"("level":"error")"), ended.err.constData());
}

QTEST_GUILESS_MAIN(TestStartErrors)
#include "tst_start_errors.moc"
