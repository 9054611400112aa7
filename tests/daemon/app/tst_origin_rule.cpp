// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/origin_rule.h"

#include <QTest>

using namespace dynakv;
using app::refusedByOrigin;

class TestOriginRule : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatWasRestoredJoinsNobody();
    void besideAForgottenNodesFileNothingIsFounded();
    void whatWasRecoveredWithoutItsIdentityFoundsNothing_data();
    void whatWasRecoveredWithoutItsIdentityFoundsNothing();
};

void TestOriginRule::whatWasRestoredJoinsNobody()
{
    const storage::Metas restored{{storage::kRestoredMetaName.toByteArray(), "from a backup"}};
    core::PersistedState state;
    QVERIFY(!refusedByOrigin({restored, state, 5, false}));
    const auto refused = refusedByOrigin({restored, state, 5, true});
    QVERIFY(refused && refused->code == app::ExitCode::Unsafe);
    QVERIFY(refused->message.startsWith("refused to join"));
    // Others have joined it: this is its own cluster, to which it returns.
    state.clusterId = 1;
    state.members.resize(2);
    QVERIFY(!refusedByOrigin({restored, state, 5, true}));
    QVERIFY(!refusedByOrigin({{}, {}, 5, true}));
}

void TestOriginRule::besideAForgottenNodesFileNothingIsFounded()
{
    core::PersistedState state;
    const auto refused = refusedByOrigin({{}, state, 0, false, true});
    QVERIFY(refused && refused->code == app::ExitCode::Unsafe);
    QVERIFY(refused->message.startsWith("refused to found"));
    QVERIFY(!refusedByOrigin({{}, state, 0, true, true}));
    QVERIFY(!refusedByOrigin({{}, state, 0, false, false}));
    state.clusterId = 7; // It has joined meanwhile.
    QVERIFY(!refusedByOrigin({{}, state, 0, false, true}));
}

void TestOriginRule::whatWasRecoveredWithoutItsIdentityFoundsNothing_data()
{
    QTest::addColumn<QByteArray>("loss");
    QTest::addColumn<bool>("mayLack");
    QTest::addColumn<quint64>("clusterId");
    QTest::addColumn<qint64>("records");
    QTest::addColumn<bool>("hasJoin");
    QTest::addColumn<bool>("isRefused");
    using Row = QByteArray;
    QTest::newRow("a new directory") << Row() << false << quint64{0} << qint64{0} << false << false;
    QTest::newRow("recovered") << Row("loss") << true << quint64{0} << qint64{9} << false << true;
    QTest::newRow("nothing left") << Row("loss") << true << quint64{0} << qint64{0} << false
                                  << true;
    QTest::newRow("with JOIN") << Row("loss") << true << quint64{0} << qint64{9} << true << false;
    QTest::newRow("with its identity")
        << Row("loss") << true << quint64{7} << qint64{9} << false << false;
    QTest::newRow("its JOIN never answered")
        << Row() << true << quint64{0} << qint64{9} << false << true;
    QTest::newRow("torn at its first start")
        << Row() << true << quint64{0} << qint64{0} << false << false;
}

void TestOriginRule::whatWasRecoveredWithoutItsIdentityFoundsNothing()
{
    QFETCH(const QByteArray, loss);
    QFETCH(const bool, mayLack);
    QFETCH(const quint64, clusterId);
    QFETCH(const qint64, records);
    QFETCH(const bool, hasJoin);
    QFETCH(const bool, isRefused);
    const storage::Metas metas{{storage::kLossMetaName.toByteArray(), loss}};
    core::PersistedState state;
    state.mayLack = mayLack;
    state.clusterId = clusterId;
    const auto refused = refusedByOrigin({metas, state, records, hasJoin});
    QCOMPARE(refused.has_value(), isRefused);
    QVERIFY(!refused || refused->message.startsWith("refused to found"));
}

QTEST_APPLESS_MAIN(TestOriginRule)
#include "tst_origin_rule.moc"
