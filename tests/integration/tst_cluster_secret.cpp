// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QTemporaryDir>
#include <QTest>

using namespace dynakv;
using test::Cluster;

/// Real nodes with --cluster-secret-file: who does not know the secret gets nothing and changes
/// nothing.
class TestClusterSecret : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whoKnowsItFormsACluster();
    void whoDoesNotStaysOutside_data();
    void whoDoesNotStaysOutside();
    void aFileOfNoUseStopsTheStart();

private:
    [[nodiscard]] QStringList optionsWith(const QByteArray &secret);

    QTemporaryDir m_directory;
    int m_files = 0;
};

QStringList TestClusterSecret::optionsWith(const QByteArray &secret)
{
    QFile file(m_directory.filePath(QString::number(++m_files)));
    if (!file.open(QIODevice::WriteOnly) || file.write(secret) != secret.size())
        return {};
    return {QStringLiteral("--cluster-secret-file"), file.fileName()};
}

void TestClusterSecret::whoKnowsItFormsACluster()
{
    Cluster cluster(3);
    for (int i = 0; i < 3; ++i) // The line end is an editor's, not the secret's.
        cluster.node(i).setOptions(
            optionsWith(i == 0 ? "the secret of this cluster\n" : "the secret of this cluster"));
    QVERIFY(cluster.start());
    const QByteArray large(200'000, 'x');
    QCOMPARE(cluster.rest(0).put("/key/large?w=all", R"({"value":")" + large + R"("})").status,
             200);
    QCOMPARE(cluster.rest(2).value("large"), '"' + large + '"');
    // Links come back by themselves.
    cluster.node(1).killHard();
    QVERIFY(cluster.waitForMembers({0, 2}));
    QCOMPARE(cluster.rest(0).put("/key/k", R"({"value":1})").status, 200);
    QVERIFY(cluster.node(1).restart());
    QVERIFY(cluster.waitForAll());
    QCOMPARE(cluster.rest(1).value("k"), QByteArray("1"));
}

void TestClusterSecret::whoDoesNotStaysOutside_data()
{
    QTest::addColumn<QByteArray>("inside");
    QTest::addColumn<QByteArray>("outside");
    QTest::addColumn<QByteArray>("reason"); ///< As the one outside tells it.
    const QByteArray secret = "the secret of this cluster";
    QTest::newRow("another one") << secret << QByteArray("another secret, as long")
                                 << QByteArray("does not know the secret");
    QTest::newRow("none") << secret << QByteArray() << QByteArray("asks for a cluster secret");
    QTest::newRow("one that the cluster has not")
        << QByteArray() << secret << QByteArray("proves no cluster secret");
}

void TestClusterSecret::whoDoesNotStaysOutside()
{
    QFETCH(const QByteArray, inside);
    QFETCH(const QByteArray, outside);
    QFETCH(const QByteArray, reason);
    Cluster cluster(3);
    for (const int member : {0, 1}) {
        if (!inside.isEmpty())
            cluster.node(member).setOptions(optionsWith(inside));
    }
    if (!outside.isEmpty())
        cluster.node(2).setOptions(optionsWith(outside));
    QVERIFY(cluster.node(0).start());
    QVERIFY(cluster.node(1).start({cluster.node(0).address().toString()}));
    QVERIFY(cluster.waitForMembers({0, 1}));
    QCOMPARE(cluster.rest(0).put("/key/k?w=all", R"({"value":1})").status, 200);
    QVERIFY(cluster.node(2).start({cluster.node(0).address().toString()}));
    QVERIFY2(test::waitUntil([&] { return cluster.node(2).log().contains(reason); }, 30'000),
             cluster.node(2).log().constData());
    QCOMPARE(cluster.rest(2).get("/readyz").status, 503);
    QCOMPARE(cluster.rest(2).get("/key/k").status, 503);
    // It was neither heard nor counted.
    QCOMPARE(cluster.rest(1).put("/key/k?w=all", R"({"value":2})").status, 200);
    QVERIFY(
        !cluster.rest(0).get("/v1/cluster").body.contains(cluster.node(2).address().toString()));
}

void TestClusterSecret::aFileOfNoUseStopsTheStart()
{
    Cluster cluster(1);
    const QString address = QString::fromLatin1(cluster.node(0).address().toString());
    const auto start = [&](const QStringList &options) {
        return test::runDaemonToEnd(QStringList{address, QStringLiteral("--data-dir"),
                                                m_directory.filePath(QStringLiteral("data"))} +
                                        options,
                                    m_directory.path());
    };
    const test::Ended tooShort = start(optionsWith("short"));
    QCOMPARE(tooShort.code, 78);
    QVERIFY(tooShort.err.contains("fewer than 16 bytes"));
    const test::Ended absent =
        start({QStringLiteral("--cluster-secret-file"), QStringLiteral("/nonexistent/secret")});
    QCOMPARE(absent.code, 78);
    QVERIFY(absent.err.contains("/nonexistent/secret"));
}

QTEST_GUILESS_MAIN(TestClusterSecret)
#include "tst_cluster_secret.moc"
