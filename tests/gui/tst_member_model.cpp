// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/member_model.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

using namespace dynakv::admin;
using dynakv::base::api::MemberStatus;

namespace {

MemberStatus member(const QByteArray &id, const QByteArray &address,
                    const QByteArray &state = "alive")
{
    MemberStatus status;
    status.id = id;
    status.address = address;
    status.state = state;
    return status;
}

QStringList column(const MemberModel &model, MemberModel::Column which)
{
    QStringList texts;
    for (int row = 0; row < model.rowCount(); ++row)
        texts.append(model.index(row, which).data().toString());
    return texts;
}

} // namespace

class MemberModelTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void membersStandByAddress();
    void anUpdateKeepsTheRowsThatStay();
    void aStateThatChangesIsToldForItsRow();
    void figuresThatAreNotKnownAreADash();
    void aStateOfANewerNodeIsShownAsItIs();
};

void MemberModelTest::membersStandByAddress()
{
    MemberModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setMembers({member("2", "b:1"), member("1", "a:1"), member("3", "b:1", "down")}, "b:1",
                     0);
    QCOMPARE(column(model, MemberModel::AddressColumn),
             (QStringList{QStringLiteral("a:1"), QStringLiteral("b:1"), QStringLiteral("b:1")}));
    QVERIFY(!model.index(0, 0).data(MemberModel::InUseRole).toBool());
    QVERIFY(model.index(1, 0).data(MemberModel::InUseRole).toBool());
    QCOMPARE(model.index(2, 0).data().toString(), QStringLiteral("Down"));
    model.clear();
    QCOMPARE(model.rowCount(), 0);
}

void MemberModelTest::anUpdateKeepsTheRowsThatStay()
{
    MemberModel model;
    const QAbstractItemModelTester tester(&model,
                                          QAbstractItemModelTester::FailureReportingMode::QtTest);
    model.setMembers({member("1", "a:1"), member("2", "b:1"), member("3", "c:1")}, {}, 0);
    const QPersistentModelIndex kept(model.index(1, 0));
    QSignalSpy resets(&model, &MemberModel::modelReset);
    QSignalSpy inserted(&model, &MemberModel::rowsInserted);
    QSignalSpy removed(&model, &MemberModel::rowsRemoved);
    model.setMembers({member("0", "0:1"), member("2", "b:1"), member("4", "d:1")}, {}, 0);
    QCOMPARE(resets.size(), 0);
    QCOMPARE(inserted.size(), 2);
    QCOMPARE(removed.size(), 2);
    QVERIFY(kept.isValid());
    QCOMPARE(kept.sibling(kept.row(), MemberModel::IdColumn).data().toString(),
             QStringLiteral("2"));
    model.setMembers({member("0", "0:1"), member("2", "b:1"), member("4", "d:1")}, {}, 1000);
    QCOMPARE(inserted.size() + removed.size(), 4);
}

void MemberModelTest::aStateThatChangesIsToldForItsRow()
{
    MemberModel model;
    model.setMembers({member("1", "a:1")}, {}, 0);
    QSignalSpy changed(&model, &MemberModel::dataChanged);
    model.setMembers({member("1", "a:1", "suspect")}, {}, 0);
    QVERIFY(!changed.isEmpty());
    QCOMPARE(model.index(0, 0).data(MemberModel::StateRole).toByteArray(), QByteArray("suspect"));
}

void MemberModelTest::figuresThatAreNotKnownAreADash()
{
    MemberModel model;
    model.setMembers({member("1", "a:1")}, {}, 0);
    for (const auto which : {MemberModel::KeysColumn, MemberModel::DataColumn,
                             MemberModel::RoundTripColumn, MemberModel::VersionColumn})
        QCOMPARE(column(model, which), QStringList{QStringLiteral("–")});
}

void MemberModelTest::aStateOfANewerNodeIsShownAsItIs()
{
    QCOMPARE(displayState("hibernating"), QStringLiteral("hibernating"));
}

QTEST_GUILESS_MAIN(MemberModelTest)
#include "tst_member_model.moc"
