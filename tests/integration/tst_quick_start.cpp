// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

using namespace dynakv;
using test::Cluster;

/// What a newcomer does first, against three real daemons of one working directory.
class TestQuickStart : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void eachNodeHasItsOwnDefaultDirectory();
    void theSeedsCommandsWork();
    void whatIsWrittenAnywhereIsReadEverywhere();
    void listingsAreEqualEverywhere();
    void healthTellsWhetherANodeIsReady();
    void statusShowsTheMembers();
    void sigtermStopsCleanlyAndTheDataIsThereAgain();
    void cleanup();

private:
    std::unique_ptr<Cluster> m_cluster;
    bool m_hasFailed = false;
};

void TestQuickStart::initTestCase()
{
    m_cluster = std::make_unique<Cluster>(3);
    QVERIFY(m_cluster->start());
}

void TestQuickStart::cleanup()
{
    // The steps build on one cluster: its logs are told with the first that fails.
    if (QTest::currentTestFailed() && !std::exchange(m_hasFailed, true))
        m_cluster.reset();
}

void TestQuickStart::eachNodeHasItsOwnDefaultDirectory()
{
    for (int i = 0; i < 3; ++i) {
        const QString file = m_cluster->node(i).dataDirectory() + QStringLiteral("/storage.db");
        QVERIFY2(QFileInfo::exists(file), qPrintable(file));
        // Data is for the daemon's user alone.
        const auto others =
            QFile::ReadGroup | QFile::WriteGroup | QFile::ReadOther | QFile::WriteOther;
        QVERIFY(!(QFile::permissions(file) & others));
    }
}

void TestQuickStart::theSeedsCommandsWork()
{
    const auto put = m_cluster->rest(0).put("/key/mykey", R"({"value":"mydata"})");
    QCOMPARE(put.status, 200);
    const QJsonObject receipt = QJsonDocument::fromJson(put.body).object();
    QCOMPARE(receipt.value(QLatin1String("key")).toString(), QStringLiteral("mykey"));
    QVERIFY(!receipt.value(QLatin1String("version")).toString().isEmpty());

    QVERIFY(m_cluster->waitForValue("mykey", R"("mydata")"));
    const auto get = m_cluster->rest(2).get("/key/mykey");
    QCOMPARE(get.status, 200);
    QCOMPARE(QJsonDocument::fromJson(get.body).object(),
             (QJsonObject{{QStringLiteral("value"), QStringLiteral("mydata")}}));

    QCOMPARE(m_cluster->rest(1).members().size(), 3);

    const auto del = m_cluster->rest(1).del("/key/mykey");
    QCOMPARE(del.status, 200);
    QCOMPARE(QJsonDocument::fromJson(del.body).object().value(QLatin1String("existed")).toBool(),
             true);
    QVERIFY(m_cluster->waitForValue("mykey", {}));
}

void TestQuickStart::whatIsWrittenAnywhereIsReadEverywhere()
{
    for (int i = 0; i < 60; ++i) {
        const QByteArray number = QByteArray::number(i);
        QVERIFY(m_cluster->rest(i % 3).putValue("any-" + number, number));
    }
    for (int i = 0; i < 60; ++i) {
        const QByteArray number = QByteArray::number(i);
        QVERIFY2(m_cluster->waitForValue("any-" + number, number), number.constData());
    }
}

void TestQuickStart::listingsAreEqualEverywhere()
{
    const auto first = m_cluster->rest(0).get("/v1/keys?prefix=any-&limit=1000");
    QCOMPARE(first.status, 200);
    QCOMPARE(first.body.count(R"("key")"), 60);
    for (int i = 1; i < 3; ++i)
        QCOMPARE(m_cluster->rest(i).get("/v1/keys?prefix=any-&limit=1000").body.count(R"("key")"),
                 60);
}

void TestQuickStart::healthTellsWhetherANodeIsReady()
{
    const QString address = QString::fromLatin1(m_cluster->node(0).address().toString());
    const test::Ended ready =
        test::runDaemonToEnd({QStringLiteral("health"), address}, m_cluster->directory());
    QCOMPARE(ready.code, 0);
    QCOMPARE(ready.out, m_cluster->node(0).address().toString() + " is ready\n");

    const QString nobody = QString::fromLatin1(test::freeAddress().toString());
    const test::Ended none =
        test::runDaemonToEnd({QStringLiteral("health"), nobody}, m_cluster->directory());
    QCOMPARE(none.code, 7);
    QCOMPARE(none.err.count('\n'), 1);
    QVERIFY2(none.err.contains(nobody.toLatin1()), none.err.constData());
}

void TestQuickStart::statusShowsTheMembers()
{
    const QMap<QString, QString> environment{
        {QStringLiteral("DYNAKV_LISTEN"),
         QString::fromLatin1(m_cluster->node(1).address().toString())}};
    const test::Ended table =
        test::runDaemonToEnd({QStringLiteral("status")}, m_cluster->directory(), environment);
    QCOMPARE(table.code, 0);
    for (int i = 0; i < 3; ++i)
        QVERIFY2(table.out.contains(m_cluster->node(i).address().toString()),
                 table.out.constData());
    QCOMPARE(table.out.count(" alive "), 3);

    const test::Ended json = test::runDaemonToEnd(
        {QStringLiteral("status"), QStringLiteral("--json")}, m_cluster->directory(), environment);
    QCOMPARE(json.code, 0);
    QVERIFY(QJsonDocument::fromJson(json.out).object().contains(QLatin1String("members")));
}

void TestQuickStart::sigtermStopsCleanlyAndTheDataIsThereAgain()
{
    for (int i = 0; i < 3; ++i)
        QCOMPARE(m_cluster->node(i).terminate(), 0);
    for (int i = 0; i < 3; ++i)
        QVERIFY(m_cluster->node(i).restart());
    QVERIFY(m_cluster->waitForAll());
    for (int i = 0; i < 60; ++i) {
        const QByteArray number = QByteArray::number(i);
        QCOMPARE(m_cluster->rest(i % 3).value("any-" + number), number);
    }
    QVERIFY(m_cluster->waitForValue("mykey", {}));
}

QTEST_GUILESS_MAIN(TestQuickStart)
#include "tst_quick_start.moc"
