// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/cluster_fixture.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <csignal>

#ifdef Q_OS_LINUX
#include <sys/resource.h>
#endif

using namespace dynakv;
using test::Cluster;

namespace {

QByteArray keyOf(int number)
{
    return "k" + QByteArray::number(number);
}

QByteArray bodyOf(qsizetype bytes)
{
    return "{\"value\":\"" + QByteArray(bytes, 'v') + "\"}";
}

QJsonObject objectIn(const test::HttpAnswer &answer)
{
    return QJsonDocument::fromJson(answer.body).object();
}

/// Of the member that answers.
int usedPermille(const test::RestProbe &rest)
{
    const QJsonArray members =
        objectIn(rest.get("/v1/cluster")).value(QLatin1String("members")).toArray();
    for (const QJsonValue &each : members) {
        if (each[QLatin1String("self")].toBool())
            return each[QLatin1String("memory_used_permille")].toInt(-1);
    }
    return -1;
}

} // namespace

/// A node with very little memory among others.
class TestFullNodes : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aFullMemberStopsValuesUntilKeysAreDeleted();
    void aStartTakesInMoreThanTheLimit();
    void aFullDiskIsToldOnceAndIsNoEnd();
};

void TestFullNodes::aFullMemberStopsValuesUntilKeysAreDeleted()
{
    Cluster cluster(2);
    cluster.node(1).setOptions({QStringLiteral("--max-memory"), QStringLiteral("1M")});
    QVERIFY(cluster.start());
    int stored = 0;
    test::HttpAnswer answer;
    for (; stored < 40; ++stored) {
        answer = cluster.rest(1).put("/key/" + keyOf(stored), bodyOf(50'000));
        if (answer.status != 200)
            break;
    }
    QVERIFY2(stored >= 15 && stored < 22, QByteArray::number(stored).constData());
    QCOMPARE(answer.status, 503);
    QVERIFY(!answer.headers["retry-after"].isEmpty());
    const QJsonObject problem = objectIn(answer);
    QCOMPARE(problem.value(QLatin1String("code")).toString(), QStringLiteral("full"));
    const QString detail = problem.value(QLatin1String("detail")).toString();
    QVERIFY2(detail.contains(QLatin1String("memory is full: this node")), qPrintable(detail));
    QVERIFY(test::waitUntil([&] { return usedPermille(cluster.rest(1)) > 950; }, 30'000));

    // The other node has all the room there is and refuses too.
    QVERIFY(test::waitUntil(
        [&] { return cluster.rest(0).put("/key/more", bodyOf(10)).status == 503; }, 30'000));
    QVERIFY(cluster.waitForValue(keyOf(stored - 1), '"' + QByteArray(50'000, 'v') + '"'));
    for (int i = 0; i < 4; ++i)
        QCOMPARE(cluster.rest(i % 2).del("/key/" + keyOf(i)).status, 200);
    QVERIFY(test::waitUntil(
        [&] { return cluster.rest(0).put("/key/more", bodyOf(10)).status == 200; }, 30'000));
    QVERIFY(cluster.waitForValue("more", '"' + QByteArray(10, 'v') + '"'));
    for (int node = 0; node < 2; ++node) {
        QVERIFY(test::waitUntil([&] { return cluster.node(node).log().contains("no longer full"); },
                                30'000));
        QCOMPARE(cluster.node(node).log().count("the memory is full"), 1);
        QCOMPARE(cluster.node(node).log().count("no longer full"), 1);
    }
}

void TestFullNodes::aStartTakesInMoreThanTheLimit()
{
    Cluster cluster(1);
    QVERIFY(cluster.start());
    for (int i = 0; i < 3; ++i)
        QCOMPARE(cluster.rest(0).put("/key/" + keyOf(i), bodyOf(500'000)).status, 200);
    QCOMPARE(cluster.node(0).terminate(), 0);
    cluster.node(0).setOptions({QStringLiteral("--max-memory=1M")});
    QVERIFY(cluster.node(0).restart());
    QVERIFY(cluster.waitForAll());
    QCOMPARE(cluster.rest(0).value(keyOf(2)).size(), 500'002);
    QCOMPARE(cluster.rest(0).put("/key/more", bodyOf(1)).status, 503);
    QCOMPARE(cluster.rest(0).del("/key/" + keyOf(0)).status, 200);
    QCOMPARE(cluster.rest(0).del("/key/" + keyOf(1)).status, 200);
    QCOMPARE(cluster.rest(0).put("/key/more", bodyOf(1)).status, 200);
}

/// A bound on the size of its files is to the node what a full disk is.
void TestFullNodes::aFullDiskIsToldOnceAndIsNoEnd()
{
#ifdef Q_OS_LINUX
    std::signal(SIGXFSZ, SIG_IGN); // The node inherits that.
    Cluster cluster(1);
    QVERIFY(cluster.start());
    const auto bound = [&](rlim_t bytes) {
        const rlimit limit{bytes, RLIM_INFINITY};
        return prlimit(static_cast<pid_t>(cluster.node(0).processId()), RLIMIT_FSIZE, &limit,
                       nullptr) == 0;
    };
    QVERIFY(bound(200'000));
    test::HttpAnswer answer;
    for (int i = 0; i < 10; ++i)
        answer = cluster.rest(0).put("/key/" + keyOf(i), bodyOf(50'000));
    QCOMPARE(answer.status, 503);
    QVERIFY(!answer.headers["retry-after"].isEmpty());
    const QJsonObject problem = objectIn(answer);
    QCOMPARE(problem.value(QLatin1String("code")).toString(), QStringLiteral("full"));
    const QString detail = problem.value(QLatin1String("detail")).toString();
    QVERIFY2(detail.contains(QLatin1String("disk is full")), qPrintable(detail));
    QCOMPARE(cluster.rest(0).value(keyOf(0)).size(), 50'002);
    QVERIFY(cluster.rest(0).isReady());

    QVERIFY(bound(RLIM_INFINITY));
    QCOMPARE(cluster.rest(0).put("/key/more", bodyOf(50'000)).status, 200);
    QVERIFY(
        test::waitUntil([&] { return cluster.node(0).log().contains("has space again"); }, 30'000));
    QCOMPARE(cluster.node(0).log().count("dynakv.cluster.node: the disk is full"), 1);
    QCOMPARE(cluster.node(0).log().count("has space again"), 1);
#else
    QSKIP("needs a bound that can be set from outside");
#endif
}

QTEST_GUILESS_MAIN(TestFullNodes)
#include "tst_full_nodes.moc"
