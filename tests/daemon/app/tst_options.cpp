// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/options.h"

#include <QFile>
#include <QTest>

using namespace dynakv;
using app::Action;
using app::Options;

namespace {

using Arguments = std::vector<QByteArray>;
using Variables = std::map<QByteArray, QByteArray>;

base::Result<Options> parse(const Arguments &arguments, const Variables &environment = {},
                            const QByteArray &file = {})
{
    const auto readFile = [file](const QByteArray &path) -> base::Result<QByteArray> {
        if (path != "kv.conf")
            return {base::ErrorCode::NotFound, path + ": no such file"};
        return file;
    };
    return app::parseOptions(arguments, {environment, readFile});
}

} // namespace

class TestOptions : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aListenAddressIsEnough();
    void everyOptionReachesItsPlace();
    void wrongValuesNameTheirPlaceAndTheRemedy_data();
    void wrongValuesNameTheirPlaceAndTheRemedy();
    void theCommandLineWinsOverTheEnvironmentAndThatOverTheFile();
    void aListIsTakenWholeFromTheFirstThatNamesIt();
    void theFileIsFoundThroughTheEnvironmentToo();
    void memoryIsASizeOrAShare_data();
    void memoryIsASizeOrAShare();
    void wrongLinesOfTheFileAreNamed_data();
    void wrongLinesOfTheFileAreNamed();
    void theShippedFileIsValid_data();
    void theShippedFileIsValid();
    void addressesAreMadeCanonical_data();
    void addressesAreMadeCanonical();
    void theSeedsContainerLineIsUnderstood();
    void theShortLogVariableYieldsToTheRegularOne();
    void aMistypedVariableIsRemarkedAndForeignOnesAreNot();
    void verbsAreRecognised_data();
    void verbsAreRecognised();
    void aQueryFindsItsTarget_data();
    void aQueryFindsItsTarget();
    void nothingToListenOnAsksForTheHelp();
};

void TestOptions::aListenAddressIsEnough()
{
    const auto options = parse({"127.0.0.1:6660"});
    QVERIFY(options);
    QCOMPARE(options->action, Action::Run);
    QCOMPARE(options->listen.toString(), QByteArray("127.0.0.1:6660"));
    QCOMPARE(options->dataDir, QStringLiteral("dynakv-6660"));
    QCOMPARE(options->clusterPort, quint16(16660));
    QCOMPARE(options->durability, core::Durability::Sync);
    QCOMPARE(options->valueBytesMax, qsizetype(1) << 20);
    QCOMPARE(options->memoryMax, (app::MemoryLimit{0, 70}));
    QVERIFY(options->join.empty());
    QVERIFY(!options->allowsRemote);
}

void TestOptions::everyOptionReachesItsPlace()
{
    const auto options = parse({"0.0.0.0:7000",
                                "n1:7001",
                                "n2:7002/9000",
                                "--data-dir=/d d",
                                "--cluster-port",
                                "7100",
                                "--advertise",
                                "KV.example:80",
                                "--durability",
                                "os",
                                "--log-level",
                                "cluster=debug",
                                "--log-format=json",
                                "--slow-request-ms=250",
                                "--purge-after-s=7",
                                "--http-threads=3",
                                "--max-connections=4096",
                                "--max-memory=4g",
                                "--max-value-bytes",
                                "2M",
                                "--allowed-host",
                                "a.example",
                                "--allowed-host",
                                "B.example",
                                "--insecure-allow-remote"});
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(options->join.size(), std::size_t(2));
    QCOMPARE(options->join[0].cluster.toString(), QByteArray("n1:17001"));
    QCOMPARE(options->join[1].cluster.toString(), QByteArray("n2:9000"));
    QCOMPARE(options->dataDir, QStringLiteral("/d d"));
    QCOMPARE(options->clusterPort, quint16(7100));
    QCOMPARE(options->advertise.toString(), QByteArray("kv.example:80"));
    QCOMPARE(options->durability, core::Durability::Os);
    QVERIFY(options->logRules.isEnabled("dynakv.cluster.link", app::LogLevel::Debug));
    QCOMPARE(options->logFormat, app::LogFormat::Json);
    QCOMPARE(options->slowRequestMs, 250);
    QCOMPARE(options->purgeAfterS, 7);
    QCOMPARE(options->httpThreads, 3);
    QCOMPARE(options->connectionsMax, 4096);
    QCOMPARE(options->valueBytesMax, qsizetype(2) << 20);
    QCOMPARE(options->memoryMax, (app::MemoryLimit{qint64{4} << 30, 0}));
    QCOMPARE(options->allowedHosts, (std::vector<QByteArray>{"a.example", "b.example"}));
    QVERIFY(options->allowsRemote);
}

void TestOptions::wrongValuesNameTheirPlaceAndTheRemedy_data()
{
    QTest::addColumn<QList<QByteArray>>("arguments");
    QTest::addColumn<QByteArray>("start");
    QTest::addColumn<QByteArray>("part");
    const auto row = [](const char *name, const QList<QByteArray> &arguments, const char *start,
                        const char *part) {
        QTest::newRow(name) << arguments << QByteArray(start) << QByteArray(part);
    };
    row("port alone", {"6660"}, "LISTEN: '6660'", "write 127.0.0.1:6660");
    row("colon and port", {":6660"}, "LISTEN: ':6660'", "write 127.0.0.1:6660");
    row("no port", {"127.0.0.1"}, "LISTEN: ", "port must be a number");
    row("port 0", {"127.0.0.1:0"}, "LISTEN: ", "1 to 65535");
    row("port too large", {"127.0.0.1:65536"}, "LISTEN: ", "1 to 65535");
    row("URL", {"http://127.0.0.1:6660"}, "LISTEN: ", "is a URL");
    row("IPv6 without brackets", {"::1:6660"}, "LISTEN: ", "needs brackets");
    row("IPv6 nonsense", {"[1:2]:6660"}, "LISTEN: ", "no IPv6 address");
    row("empty", {""}, "LISTEN: ", "empty");
    row("bad join", {"127.0.0.1:1", "6661"}, "JOIN: '6661'", "write 127.0.0.1:6661");
    row("bad join cluster port", {"127.0.0.1:1", "h:1/x"}, "JOIN: ", "cluster port");
    row("mistyped option", {"127.0.0.1:1", "--data-dri", "x"}, "unknown option '--data-dri'",
        "did you mean --data-dir?");
    row("foreign option", {"127.0.0.1:1", "--frobnicate"}, "unknown option", "--help");
    row("short option", {"127.0.0.1:1", "-x"}, "unknown option '-x'", "--help");
    row("listen as option", {"--listen", "127.0.0.1:1"}, "--listen: ", "dynakvd LISTEN");
    row("missing value", {"127.0.0.1:1", "--data-dir"}, "--data-dir needs a value", "");
    row("option for value", {"127.0.0.1:1", "--data-dir", "--help"}, "--data-dir needs a value",
        "");
    row("empty value", {"127.0.0.1:1", "--data-dir="}, "--data-dir: ", "empty");
    row("cluster port", {"127.0.0.1:1", "--cluster-port", "0"}, "--cluster-port: '0'",
        "1 to 65535");
    row("same ports", {"127.0.0.1:7", "--cluster-port", "7"}, "--cluster-port: ", "choose another");
    row("durability", {"127.0.0.1:1", "--durability", "fast"}, "--durability: 'fast'",
        "sync, interval, os or memory");
    row("log level", {"127.0.0.1:1", "--log-level", "loud"}, "--log-level: 'loud'", "info");
    row("log format", {"127.0.0.1:1", "--log-format", "xml"}, "--log-format: 'xml'", "json");
    row("threads", {"127.0.0.1:1", "--http-threads=0"}, "--http-threads: '0'", "1 to 64");
    row("connections", {"127.0.0.1:1", "--max-connections=lots"}, "--max-connections: 'lots'",
        "1 to 100000");
    row("purge", {"127.0.0.1:1", "--purge-after-s=0"}, "--purge-after-s: '0'", "seconds");
    row("slow", {"127.0.0.1:1", "--slow-request-ms=1s"}, "--slow-request-ms: '1s'", "milliseconds");
    row("value bytes 0", {"127.0.0.1:1", "--max-value-bytes", "0"}, "--max-value-bytes: ", "16M");
    row("value bytes 17M", {"127.0.0.1:1", "--max-value-bytes", "17M"},
        "--max-value-bytes: ", "16M");
    row("value bytes huge", {"127.0.0.1:1", "--max-value-bytes", "99999999999M"},
        "--max-value-bytes: ", "16M");
    row("value bytes sign", {"127.0.0.1:1", "--max-value-bytes", "+5"},
        "--max-value-bytes: ", "16M");
    for (const char *memory : {"0", "1023K", "x", "%", "0%", "101%", "+1G", "1.5G", "4GB",
                               "9999999999999999999", "99999999999T", "M", "50 %"})
        row(memory, {"127.0.0.1:1", "--max-memory", memory}, "--max-memory: ", "share");
    row("advertised wildcard", {"127.0.0.1:1", "--advertise", "0.0.0.0"}, "--advertise: ", "dial");
    row("allowed host with port", {"127.0.0.1:1", "--allowed-host", "h:80"},
        "--allowed-host: ", "without a port");
    row("switch", {"127.0.0.1:1", "--insecure-allow-remote=maybe"},
        "--insecure-allow-remote: ", "neither true nor false");
    row("no such file", {"127.0.0.1:1", "--config", "none.conf"}, "none.conf: ", "no such file");
    row("query of two", {"health", "a:1", "b:1"}, "one ADDR at most", "");
    row("option of the daemon", {"health", "--durability", "os"}, "unknown option", "");
    row("json of health", {"health", "--json"}, "unknown option", "");
}

void TestOptions::wrongValuesNameTheirPlaceAndTheRemedy()
{
    QFETCH(const QList<QByteArray>, arguments);
    QFETCH(const QByteArray, start);
    QFETCH(const QByteArray, part);
    const auto options = parse({arguments.begin(), arguments.end()});
    QVERIFY(!options);
    const QByteArray message = options.error().message;
    QVERIFY2(message.startsWith(start), message.constData());
    QVERIFY2(message.contains(part), message.constData());
    QVERIFY2(!message.contains('\n'), message.constData());
}

void TestOptions::theCommandLineWinsOverTheEnvironmentAndThatOverTheFile()
{
    const QByteArray file = "listen = 127.0.0.1:1\ndata-dir = f\ndurability = memory\n"
                            "cluster-port = 3\n";
    const auto options = parse({"127.0.0.1:2", "--data-dir", "a", "--config", "kv.conf"},
                               {{"DYNAKV_LISTEN", "127.0.0.1:4"},
                                {"DYNAKV_DATA_DIR", "e"},
                                {"DYNAKV_DURABILITY", "os"},
                                {"DYNAKV_LOG_FORMAT", ""}},
                               file);
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(options->listen.port, quint16(2));
    QCOMPARE(options->dataDir, QStringLiteral("a"));
    QCOMPARE(options->durability, core::Durability::Os);
    QCOMPARE(options->clusterPort, quint16(3));
    QCOMPARE(options->logFormat, app::LogFormat::Text); // An empty variable is none.
}

void TestOptions::aListIsTakenWholeFromTheFirstThatNamesIt()
{
    const QByteArray file = "join = f:1\njoin = f:2\nallowed-host = f\n";
    const auto options =
        parse({"127.0.0.1:2", "--config", "kv.conf"}, {{"DYNAKV_JOIN", "a:1, b:2  c:3"}}, file);
    QVERIFY(options);
    QCOMPARE(options->join.size(), std::size_t(3));
    QCOMPARE(options->join[2].api.toString(), QByteArray("c:3"));
    QCOMPARE(options->allowedHosts, std::vector<QByteArray>{"f"});
}

void TestOptions::theFileIsFoundThroughTheEnvironmentToo()
{
    const auto options = parse({}, {{"DYNAKV_CONFIG", "kv.conf"}},
                               "listen = [0:0::1]:70 # here\ninsecure-allow-remote = yes\n");
    QVERIFY(options);
    QCOMPARE(options->action, Action::Run);
    QCOMPARE(options->listen.toString(), QByteArray("[::1]:70"));
    QVERIFY(options->allowsRemote);
}

void TestOptions::memoryIsASizeOrAShare_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<qint64>("bytes");
    QTest::addColumn<int>("percent");
    QTest::newRow("bytes") << QByteArray("1048576") << (qint64{1} << 20) << 0;
    QTest::newRow("many bytes") << QByteArray("1099511627776") << (qint64{1} << 40) << 0;
    QTest::newRow("K") << QByteArray("2048K") << (qint64{2} << 20) << 0;
    QTest::newRow("M") << QByteArray("512M") << (qint64{512} << 20) << 0;
    QTest::newRow("T") << QByteArray("2t") << (qint64{2} << 40) << 0;
    QTest::newRow("share") << QByteArray("50%") << qint64{0} << 50;
    QTest::newRow("all") << QByteArray("100%") << qint64{0} << 100;
}

void TestOptions::memoryIsASizeOrAShare()
{
    QFETCH(const QByteArray, text);
    QFETCH(const qint64, bytes);
    QFETCH(const int, percent);
    const auto options = parse({"127.0.0.1:1"}, {{"DYNAKV_MAX_MEMORY", text}});
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(options->memoryMax, (app::MemoryLimit{bytes, percent}));
}

void TestOptions::wrongLinesOfTheFileAreNamed_data()
{
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<QByteArray>("start");
    QTest::newRow("unknown name") << QByteArray("# x\n\ndurabilty = os")
                                  << QByteArray("kv.conf:3: unknown name 'durabilty'; did you mean "
                                                "durability?");
    QTest::newRow("config in a file")
        << QByteArray("config = a") << QByteArray("kv.conf:1: unknown name 'config'");
    QTest::newRow("twice") << QByteArray("listen = 127.0.0.1:1\nlisten = 127.0.0.1:2")
                           << QByteArray("kv.conf:2: 'listen' is set already in line 1");
    QTest::newRow("bad value") << QByteArray("\ncluster-port = x")
                               << QByteArray("kv.conf:2: cluster-port: 'x' is not a port");
}

void TestOptions::wrongLinesOfTheFileAreNamed()
{
    QFETCH(const QByteArray, file);
    QFETCH(const QByteArray, start);
    const auto options = parse({"127.0.0.1:1", "--config=kv.conf"}, {}, file);
    QVERIFY(!options);
    QVERIFY2(options.error().message.startsWith(start), options.error().message.constData());
}

void TestOptions::theShippedFileIsValid_data()
{
    QTest::addColumn<bool>("withCommented");
    QTest::newRow("as it is") << false;
    QTest::newRow("with every line that it offers") << true;
}

void TestOptions::theShippedFileIsValid()
{
    QFETCH(const bool, withCommented);
    QFile file(QStringLiteral(DYNAKV_SOURCE_DIR "/resources/config/dynakv.conf"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    QByteArray text;
    for (const QByteArray &line : file.readAll().split('\n')) {
        // A setting that is switched off has no space behind its `#`; sentences have.
        const bool isOffered = line.startsWith('#') && line.size() > 1 && line[1] != ' ';
        text += (withCommented && isOffered ? line.sliced(1) : line) + '\n';
    }
    const auto options = parse({}, {{"DYNAKV_CONFIG", "kv.conf"}}, text);
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(options->action, Action::Run);
    QCOMPARE(options->listen.toString(), QByteArray("127.0.0.1:6660"));
    QCOMPARE(options->allowsRemote, withCommented);
}

void TestOptions::addressesAreMadeCanonical_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("canonical");
    QTest::newRow("IPv6 zeros") << QByteArray("[0:0:0:0:0:0:0:1]:5") << QByteArray("[::1]:5");
    QTest::newRow("IPv6 case") << QByteArray("[FE80::A]:5") << QByteArray("[fe80::a]:5");
    QTest::newRow("name case") << QByteArray("LocalHost:5") << QByteArray("localhost:5");
    QTest::newRow("IPv4") << QByteArray("10.0.0.1:5") << QByteArray("10.0.0.1:5");
    QTest::newRow("digits for a name") << QByteArray("kv1:5") << QByteArray("kv1:5");
}

void TestOptions::addressesAreMadeCanonical()
{
    QFETCH(const QByteArray, text);
    QFETCH(const QByteArray, canonical);
    const auto options = parse({text, text});
    QVERIFY(options);
    QCOMPARE(options->listen.toString(), canonical);
    QCOMPARE(options->join.at(0).api.toString(), canonical);
    QCOMPARE(options->join.at(0).cluster.host, options->join.at(0).api.host);
}

void TestOptions::theSeedsContainerLineIsUnderstood()
{
    // An image whose entry point carries the address, and a command line that repeats it.
    const auto options = parse({"0.0.0.0:6660", "0.0.0.0:6660", "node1:6660"},
                               {{"DYNAKV_INSECURE_ALLOW_REMOTE", "true"}});
    QVERIFY(options);
    QCOMPARE(options->listen.toString(), QByteArray("0.0.0.0:6660"));
    QCOMPARE(options->join.size(), std::size_t(2));
    QVERIFY(options->allowsRemote);
}

void TestOptions::theShortLogVariableYieldsToTheRegularOne()
{
    const auto isDebug = [](const Variables &environment) {
        const auto options = parse({"127.0.0.1:1"}, environment);
        return options && options->logRules.isEnabled("dynakv.app", app::LogLevel::Debug);
    };
    QVERIFY(isDebug({{"DYNAKV_LOG", "debug"}}));
    QVERIFY(isDebug({{"DYNAKV_LOG", "warning"}, {"DYNAKV_LOG_LEVEL", "debug"}}));
    QVERIFY(!isDebug({{"DYNAKV_LOG", "debug"}, {"DYNAKV_LOG_LEVEL", "warning"}}));
}

void TestOptions::aMistypedVariableIsRemarkedAndForeignOnesAreNot()
{
    const auto options = parse({"127.0.0.1:1"}, {{"DYNAKV_DURABILTY", "os"}, {"DYNAKV_JOBS", "4"}});
    QVERIFY(options);
    QCOMPARE(options->remarks.size(), std::size_t(1));
    QVERIFY(options->remarks[0].contains("DYNAKV_DURABILITY?"));
}

void TestOptions::verbsAreRecognised_data()
{
    QTest::addColumn<QList<QByteArray>>("arguments");
    QTest::addColumn<int>("action");
    const auto row = [](const char *name, const QList<QByteArray> &arguments, Action action) {
        QTest::newRow(name) << arguments << static_cast<int>(action);
    };
    row("help", {"--help"}, Action::Help);
    row("short help", {"-h"}, Action::Help);
    row("help verb", {"help"}, Action::Help);
    row("help behind an error", {"6660", "--help"}, Action::Help);
    row("help of a verb", {"status", "--help"}, Action::Help);
    row("version", {"--version"}, Action::Version);
    row("health", {"health"}, Action::Health);
    row("status", {"status", "--json", "127.0.0.1:1"}, Action::Status);
}

void TestOptions::verbsAreRecognised()
{
    QFETCH(const QList<QByteArray>, arguments);
    QFETCH(const int, action);
    const auto options = parse({arguments.begin(), arguments.end()});
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(static_cast<int>(options->action), action);
    QCOMPARE(options->isJson, arguments.contains("--json"));
}

void TestOptions::aQueryFindsItsTarget_data()
{
    QTest::addColumn<QByteArray>("listen");
    QTest::addColumn<QByteArray>("argument");
    QTest::addColumn<QByteArray>("target");
    const auto row = [](const char *name, const char *listen, const char *argument,
                        const char *target) {
        QTest::newRow(name) << QByteArray(listen) << QByteArray(argument) << QByteArray(target);
    };
    row("default", "", "", "127.0.0.1:6660");
    row("environment", "10.0.0.1:70", "", "10.0.0.1:70");
    row("wildcard", "0.0.0.0:70", "", "127.0.0.1:70");
    row("IPv6 wildcard", "[::]:70", "", "[::1]:70");
    row("argument", "10.0.0.1:70", "kv:71", "kv:71");
    row("host alone", "", "kv", "kv:6660");
}

void TestOptions::aQueryFindsItsTarget()
{
    QFETCH(const QByteArray, listen);
    QFETCH(const QByteArray, argument);
    QFETCH(const QByteArray, target);
    const Arguments arguments =
        argument.isEmpty() ? Arguments{"health"} : Arguments{"health", argument};
    const auto options = parse(arguments, {{"DYNAKV_LISTEN", listen}});
    QVERIFY2(options, options ? "" : options.error().message.constData());
    QCOMPARE(options->target.toString(), target);
}

void TestOptions::nothingToListenOnAsksForTheHelp()
{
    const auto options = parse({"--durability", "os"});
    QVERIFY(options);
    QCOMPARE(options->action, Action::NoListen);
}

QTEST_APPLESS_MAIN(TestOptions)
#include "tst_options.moc"
