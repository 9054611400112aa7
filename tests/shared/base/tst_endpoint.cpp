// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/endpoint.h"

#include <QTest>

using namespace dynakv::base;

class EndpointTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void anAddressIsUnderstoodAndWrittenBack_data();
    void anAddressIsUnderstoodAndWrittenBack();
    void whatIsNoAddressIsRefusedWithAReason_data();
    void whatIsNoAddressIsRefusedWithAReason();
    void aHostAloneTakesTheDefaultPort();
    void portZeroIsOnlyForListeners();
    void wildcardsAndLoopbackAreKnown_data();
    void wildcardsAndLoopbackAreKnown();
    void theClusterPortFollowsTheApiPort();
    void aJoinTargetMayNameItsClusterPort();
};

void EndpointTest::anAddressIsUnderstoodAndWrittenBack_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("host");
    QTest::addColumn<int>("port");
    QTest::addColumn<QByteArray>("written");
    QTest::newRow("IPv4") << QByteArray("127.0.0.1:6660") << QByteArray("127.0.0.1") << 6660
                          << QByteArray("127.0.0.1:6660");
    QTest::newRow("IPv6") << QByteArray("[::1]:6660") << QByteArray("::1") << 6660
                          << QByteArray("[::1]:6660");
    QTest::newRow("name, folded to lower case")
        << QByteArray("Node-A.example:1") << QByteArray("node-a.example") << 1
        << QByteArray("node-a.example:1");
    QTest::newRow("greatest port")
        << QByteArray("a:65535") << QByteArray("a") << 65535 << QByteArray("a:65535");
}

void EndpointTest::anAddressIsUnderstoodAndWrittenBack()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, host);
    QFETCH(int, port);
    QFETCH(QByteArray, written);
    const auto endpoint = parseEndpoint(text);
    QVERIFY2(endpoint.ok(), endpoint.ok() ? "" : endpoint.error().message.constData());
    QCOMPARE(endpoint->host, host);
    QCOMPARE(int(endpoint->port), port);
    QCOMPARE(endpoint->toString(), written);
}

void EndpointTest::whatIsNoAddressIsRefusedWithAReason_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char *text :
         {"",           ":",       ":6660",    "host",          "host:",        "host:0",
          "host:65536", "host:-1", "host:+1",  "host: 1",       "host:1x",      "host:000001",
          "::1:6660",   "[::1]",   "[::1",     "[::1]6660",     "[]:1",         "[host]:1",
          "a b:1",      "a/b:1",   "host:1:2", "h\xC3\xB6st:1", "http://host:1"})
        QTest::newRow(*text == '\0' ? "nothing" : text) << QByteArray(text);
    QTest::newRow("NUL inside") << QByteArray("ho\0st:1", 7);
    QTest::newRow("a host that is too long") << QByteArray(254, 'a') + ":1";
}

void EndpointTest::whatIsNoAddressIsRefusedWithAReason()
{
    QFETCH(QByteArray, text);
    const auto endpoint = parseEndpoint(text);
    QVERIFY(!endpoint.ok());
    QCOMPARE(endpoint.error().code, ErrorCode::Invalid);
    QVERIFY(endpoint.error().message.contains("127.0.0.1:6660")); // The remedy is named.
}

void EndpointTest::aHostAloneTakesTheDefaultPort()
{
    QCOMPARE(parseEndpoint("localhost", 6660)->toString(), QByteArray("localhost:6660"));
    QCOMPARE(parseEndpoint("[::1]", 6660)->toString(), QByteArray("[::1]:6660"));
    QCOMPARE(parseEndpoint("localhost:7", 6660)->toString(), QByteArray("localhost:7"));
}

void EndpointTest::portZeroIsOnlyForListeners()
{
    QVERIFY(!parseEndpoint("127.0.0.1:0").ok());
    QCOMPARE(int(parseEndpoint("127.0.0.1:0", 0, true)->port), 0);
    QVERIFY(!parseEndpoint("127.0.0.1", 0, true).ok());
}

void EndpointTest::wildcardsAndLoopbackAreKnown_data()
{
    QTest::addColumn<QByteArray>("host");
    QTest::addColumn<bool>("wildcard");
    QTest::addColumn<bool>("loopback");
    QTest::newRow("any v4") << QByteArray("0.0.0.0") << true << false;
    QTest::newRow("any v6") << QByteArray("::") << true << false;
    QTest::newRow("127.0.0.1") << QByteArray("127.0.0.1") << false << true;
    QTest::newRow("127.9.9.9") << QByteArray("127.9.9.9") << false << true;
    QTest::newRow("::1") << QByteArray("::1") << false << true;
    QTest::newRow("localhost") << QByteArray("localhost") << false << true;
    QTest::newRow("a name that begins like one")
        << QByteArray("127.evil.example") << false << false;
    QTest::newRow("private") << QByteArray("10.0.0.1") << false << false;
}

void EndpointTest::wildcardsAndLoopbackAreKnown()
{
    QFETCH(QByteArray, host);
    QTEST(Endpoint({host, 1}).isWildcard(), "wildcard");
    QTEST(Endpoint({host, 1}).isLoopback(), "loopback");
}

void EndpointTest::theClusterPortFollowsTheApiPort()
{
    QCOMPARE(int(defaultClusterPort(6660)), 16660);
    QCOMPARE(int(defaultClusterPort(55535)), 65535);
    QCOMPARE(int(defaultClusterPort(55536)), 45536);
    QCOMPARE(int(defaultClusterPort(65535)), 55535);
}

void EndpointTest::aJoinTargetMayNameItsClusterPort()
{
    const auto derived = parseJoinTarget("node:6660");
    QVERIFY(derived.ok());
    QCOMPARE(derived->cluster.toString(), QByteArray("node:16660"));
    const auto given = parseJoinTarget("[::1]:6660/7000");
    QVERIFY(given.ok());
    QCOMPARE(given->api.toString(), QByteArray("[::1]:6660"));
    QCOMPARE(given->cluster.toString(), QByteArray("[::1]:7000"));
    for (const char *text : {"node:6660/", "node:6660/0", "node:6660/65536", "node:6660/a", "/1"})
        QVERIFY2(!parseJoinTarget(text).ok(), text);
}

QTEST_APPLESS_MAIN(EndpointTest)
#include "tst_endpoint.moc"
