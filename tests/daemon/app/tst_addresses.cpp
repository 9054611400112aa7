// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/addresses.h"

#include <QTcpServer>
#include <QTest>

using namespace dynakv;
using base::Endpoint;

namespace {

std::vector<base::JoinTarget> targets(const QList<QByteArray> &texts)
{
    std::vector<base::JoinTarget> list;
    for (const QByteArray &text : texts)
        list.push_back(base::parseJoinTarget(text).value());
    return list;
}

} // namespace

class TestAddresses : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatPointsBackIsNotDialled_data();
    void whatPointsBackIsNotDialled();
    void aPortInUseIsNamedWithTheRemedy();
    void aForeignAddressIsNamedAsSuch();
    void namesResolve();
};

void TestAddresses::whatPointsBackIsNotDialled_data()
{
    QTest::addColumn<QByteArray>("listen");
    QTest::addColumn<QList<QByteArray>>("join");
    QTest::addColumn<QList<QByteArray>>("dialled");
    QTest::addColumn<int>("remarks");
    using List = QList<QByteArray>;
    const auto row = [](const char *name, const char *listen, const List &join, const List &dialled,
                        int remarks) {
        QTest::newRow(name) << QByteArray(listen) << join << dialled << remarks;
    };
    row("another port", "127.0.0.1:6661", {"127.0.0.1:6660"}, {"127.0.0.1:6660"}, 0);
    row("itself", "127.0.0.1:6660", {"127.0.0.1:6660"}, {}, 1);
    row("itself by name", "127.0.0.1:6660", {"localhost:6660"}, {}, 1);
    row("the seed's container", "0.0.0.0:6660", {"0.0.0.0:6660", "node1:6660"}, {"node1:6660"}, 1);
    row("own interface", "0.0.0.0:6660", {"10.0.0.5:6660"}, {}, 1);
    row("own name", "0.0.0.0:6660", {"me:6660"}, {}, 1);
    row("own loopback", "0.0.0.0:6660", {"127.0.0.1:6660"}, {}, 1);
    row("another container", "0.0.0.0:6660", {"10.0.0.6:6660"}, {"10.0.0.6:6660"}, 0);
    row("another address of this machine", "127.0.0.2:6660", {"10.0.0.5:6660"}, {"10.0.0.5:6660"},
        0);
    row("another node here", "0.0.0.0:6661", {"0.0.0.0:6660"}, {"127.0.0.1:6660"}, 1);
    row("another node here, IPv6", "[::]:6661", {"[::]:6660"}, {"[::1]:6660"}, 1);
    row("twice", "127.0.0.1:1", {"a:6660", "a:6660"}, {"a:6660"}, 0);
}

void TestAddresses::whatPointsBackIsNotDialled()
{
    QFETCH(const QByteArray, listen);
    QFETCH(const QList<QByteArray>, join);
    QFETCH(const QList<QByteArray>, dialled);
    QFETCH(const int, remarks);
    const app::JoinPlan plan = app::planJoin(targets(join), base::parseEndpoint(listen).value(),
                                             {"localhost", "me", "127.0.0.1", "10.0.0.5"});
    QCOMPARE(plan.targets, targets(dialled));
    QCOMPARE(static_cast<int>(plan.remarks.size()), remarks);
}

void TestAddresses::aPortInUseIsNamedWithTheRemedy()
{
    QTcpServer taken;
    QTcpServer free;
    QVERIFY(taken.listen(QHostAddress::LocalHost));
    QVERIFY(free.listen(QHostAddress::LocalHost));
    const Endpoint busy{"127.0.0.1", taken.serverPort()};
    const Endpoint idle{"127.0.0.1", free.serverPort()};
    free.close();

    QVERIFY(!app::probeAddresses(idle, idle));
    const auto api = app::probeAddresses(busy, idle);
    QVERIFY(api);
    QCOMPARE(api->code, app::ExitCode::Unavailable);
    QVERIFY2(api->message.contains(busy.toString()), api->message.constData());
    QVERIFY2(api->message.contains("choose another LISTEN port"), api->message.constData());
    const auto cluster = app::probeAddresses(idle, busy);
    QVERIFY(cluster);
    QVERIFY2(cluster->message.contains("choose another --cluster-port"),
             cluster->message.constData());
}

void TestAddresses::aForeignAddressIsNamedAsSuch()
{
    // TEST-NET-1 (RFC 5737) belongs to no machine.
    const auto failure = app::probeAddresses({"192.0.2.1", 6660}, {"192.0.2.1", 16660});
    QVERIFY(failure);
    QVERIFY2(failure->message.contains("does not have that address"), failure->message.constData());
}

void TestAddresses::namesResolve()
{
    QCOMPARE(app::resolveListen({"localhost", 1}).value(), (Endpoint{"127.0.0.1", 1}));
    QCOMPARE(app::resolveListen({"::1", 1}).value(), (Endpoint{"::1", 1}));
    QVERIFY(!app::resolveListen({"no-such-host.invalid", 1}));
}

QTEST_GUILESS_MAIN(TestAddresses)
#include "tst_addresses.moc"
