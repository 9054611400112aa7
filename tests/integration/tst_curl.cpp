// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/integration/curl_cases.h"
#include "tests/support/cluster_fixture.h"
#include "tests/support/file_bytes.h"

#include <QFile>
#include <QProcess>
#include <QStandardPaths>
#include <QTest>

using namespace dynakv;
using test::CurlCase;

namespace {

constexpr char kAllowed[] = "GET, HEAD, PUT, DELETE, OPTIONS";

/// What curl says of one answer.
struct Told
{
    int exitCode = -1;
    int status = 0;
    qint64 bodyBytes = -1;
    QByteArray head = {}; ///< The last one, so that none of 100 Continue.
    QByteArray body = {};
    QByteArray complaint = {};

    [[nodiscard]] QByteArray field(const QByteArray &name) const
    {
        for (const QByteArray &line : head.split('\n')) {
            if (line.toLower().startsWith(name + ':'))
                return line.sliced(name.size() + 1).trimmed();
        }
        return {};
    }
};

} // namespace

/// The contract of docs/rest-api.md as the real curl sees it: methods, conditions and the ways in
/// which it sends bodies, each against a key that is there or one that is not.
class TestCurl : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void everyMethodAndCondition_data() { rows(test::conditionCases()); }
    void everyMethodAndCondition() { check(); }
    void everyWayToSendABody_data() { rows(test::uploadCases()); }
    void everyWayToSendABody() { check(); }
    void everyWayToRead_data() { rows(test::readCases()); }
    void everyWayToRead() { check(); }
    void whatIsRefusedChangesNothing_data() { rows(test::refusalCases()); }
    void whatIsRefusedChangesNothing() { check(); }

private:
    static void rows(const std::vector<CurlCase> &cases);
    void check();
    Told run(const CurlCase &each, const QByteArray &version);
    void checkTags(const CurlCase &each, const Told &told, const QByteArray &version);

    std::unique_ptr<test::Cluster> m_cluster;
    QString m_curl;
};

void TestCurl::initTestCase()
{
    m_curl = QStandardPaths::findExecutable(QStringLiteral("curl"));
    if (m_curl.isEmpty())
        QSKIP("curl is not installed");
    m_cluster = std::make_unique<test::Cluster>(1);
    QVERIFY(m_cluster->start());
}

void TestCurl::rows(const std::vector<CurlCase> &cases)
{
    QTest::addColumn<CurlCase>("each");
    for (const CurlCase &each : cases)
        QTest::newRow(each.name.constData()) << each;
}

Told TestCurl::run(const CurlCase &each, const QByteArray &version)
{
    const QString head = m_cluster->directory() + QStringLiteral("/head");
    const QString body = m_cluster->directory() + QStringLiteral("/body");
    QStringList arguments{QStringLiteral("-q"),
                          QStringLiteral("-s"),
                          QStringLiteral("-S"),
                          QStringLiteral("--max-time"),
                          QStringLiteral("10"),
                          QStringLiteral("-D"),
                          head,
                          QStringLiteral("-o"),
                          body,
                          QStringLiteral("-w"),
                          QStringLiteral("%{http_code} %{size_download}")};
    if (each.method != "HEAD") // Which is what -I stands for.
        arguments += {QStringLiteral("-X"), QString::fromLatin1(each.method)};
    arguments += each.arguments;
    arguments.replaceInStrings(QStringLiteral("{version}"), QString::fromLatin1(version));
    arguments +=
        QString::fromLatin1("http://" + m_cluster->node(0).address().toString() + each.target);
    QFile::remove(body); // An answer without a body writes none.
    QProcess process;
    process.start(m_curl, arguments);
    process.write(each.input);
    process.closeWriteChannel();
    if (!process.waitForFinished(15'000))
        process.kill();
    const QByteArrayList said = process.readAllStandardOutput().split(' ');
    const QByteArray heads = test::readFile(head).replace("\r\n", "\n");
    return {process.exitCode(),
            said.value(0).toInt(),
            said.value(1).toLongLong(),
            heads.mid(heads.lastIndexOf("HTTP/1.1 ")),
            each.method == "HEAD" ? QByteArray() : test::readFile(body),
            process.readAllStandardError()};
}

void TestCurl::check()
{
    QFETCH(CurlCase, each);
    const auto rest = m_cluster->rest(0);
    QVERIFY(rest.putValue("there", "1"));
    QCOMPARE(rest.del("/key/absent").status, 200);
    const QByteArray version = rest.get("/key/there").headers["etag"].replace("\"", "");
    QVERIFY(!version.isEmpty());
    const Told told = run(each, version);
    QVERIFY2(told.exitCode == 0, told.complaint.constData());
    QVERIFY2(told.status == each.status, (told.head + told.body).constData());
    QByteArray part = each.body;
    part.replace("{version}", version);
    QVERIFY2(told.body.contains(part), told.body.constData());
    const bool hasBody = each.method != "HEAD" && told.status != 304 && told.status != 204;
    QCOMPARE(told.bodyBytes > 0, hasBody);
    if (told.status >= 400)
        QCOMPARE(told.field("content-type"), "application/problem+json");
    const bool tellsMethods = told.status == 405 || told.status == 204;
    QCOMPARE(told.field("allow"), QByteArray(tellsMethods ? kAllowed : ""));
    checkTags(each, told, version);

    const bool isAbsent = each.target.startsWith("/key/absent");
    const auto after = rest.get(isAbsent ? "/key/absent" : "/key/there");
    QCOMPARE(after.status, each.after.isEmpty() ? 404 : 200);
    if (!each.after.isEmpty())
        QCOMPARE(after.body, each.after);
}

void TestCurl::checkTags(const CurlCase &each, const Told &told, const QByteArray &version)
{
    const QByteArray tag = told.field("etag");
    const bool isAbsent = each.target.startsWith("/key/absent");
    const bool isRead = each.method == "GET" || each.method == "HEAD";
    if (isRead && (told.status == 200 || told.status == 304)) {
        QCOMPARE(tag, '"' + version + '"');
    } else if (told.status == 412) {
        // Who lost learns what is there.
        QCOMPARE(tag, isAbsent ? QByteArray() : '"' + version + '"');
    } else if (each.method == "PUT" && told.status == 200) {
        QVERIFY(!tag.isEmpty() && tag != '"' + version + '"');
        QVERIFY2(told.body.contains("\"version\":" + tag), told.body.constData());
    } else {
        QCOMPARE(tag, QByteArray());
    }
}

QTEST_GUILESS_MAIN(TestCurl)
#include "tst_curl.moc"
