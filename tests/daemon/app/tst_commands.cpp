// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/commands.h"

#include <QTest>

using namespace dynakv;
using base::api::ClusterStatus;
using base::api::MemberStatus;

class TestCommands : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void membersStandInColumns();
    void aMemberThatMayLackSomethingIsRepairing();
    void whatNodesSayCannotDriveTheTerminal();
};

void TestCommands::membersStandInColumns()
{
    MemberStatus self;
    self.address = "127.0.0.1:6660";
    self.state = "alive";
    self.isSelf = true;
    self.keys = 12;
    self.bytes = 2048;
    self.memoryUsedPermille = 951;
    self.id = "00000000000000aa";
    self.sinceMs = 1'000'000 - 90'000;
    MemberStatus other;
    other.address = "a.example:1";
    other.state = "down";
    other.rttMs = 0.25;
    other.version = "0.1.0";
    other.id = "00000000000000bb";
    other.sinceMs = 1'000'000 - 3 * 3'600'000;
    ClusterStatus status;
    status.members = {self, other};
    QCOMPARE(
        app::memberTable(status, 1'000'000),
        QByteArray("  ADDRESS         STATE  SINCE  KEYS  SIZE     MEMORY  RTT     VERSION  ID\n"
                   "* 127.0.0.1:6660  alive  90 s   12    2.0 KiB  96 %    -       -        "
                   "00000000000000aa\n"
                   "  a.example:1     down   3 h    -     -        -       0.3 ms  0.1.0    "
                   "00000000000000bb\n"));
}

void TestCommands::aMemberThatMayLackSomethingIsRepairing()
{
    MemberStatus member;
    member.address = "a:1";
    member.state = "joining";
    member.mayLack = true;
    ClusterStatus status;
    status.members = {member};
    QVERIFY(app::memberTable(status, 0).contains("  a:1      joining (repairing)  0 s"));
}

void TestCommands::whatNodesSayCannotDriveTheTerminal()
{
    MemberStatus member;
    member.address = "a\x1b[2J\n:1";
    member.state = "alive\r";
    ClusterStatus status;
    status.members = {member};
    const QByteArray table = app::memberTable(status, 0);
    QCOMPARE(table.count('\n'), 2);
    QVERIFY(!table.contains('\x1b') && !table.contains('\r'));
}

QTEST_APPLESS_MAIN(TestCommands)
#include "tst_commands.moc"
