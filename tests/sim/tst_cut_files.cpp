// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/sim/sim_questions.h"

#include <QTest>

using namespace dynakv;
using sim::SimCluster;

/// Nodes whose files lost their ends.
class TestCutFiles : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aNodeWhoseFileWasCutIsFencedUntilItIsRepaired();
    void aNodeWhoseFileWasCutAsksEveryMemberThatIsUp();
    void versionsDoNotRepeatAfterAFileWasCut();
    void membersWhoseFilesWereAllCutRepairEachOther();
    void aSoleMemberWhoseFileWasCutServesWhatIsLeft();
};

/// Keys that all three acknowledged, then a disk that has only the first half of them.
void TestCutFiles::aNodeWhoseFileWasCutIsFencedUntilItIsRepaired()
{
    SimCluster cluster(44);
    QVERIFY(cluster.form(3));
    std::vector<size_t> writes;
    for (int i = 0; i < 60; ++i) {
        writes.push_back(cluster.put(2, "k" + QByteArray::number(i), QByteArray::number(i),
                                     {core::WriteConcern::Kind::All}));
        cluster.run(30);
        QCOMPARE(cluster.told(writes.back()).outcome.status, core::WriteOutcome::Status::Done);
    }
    const quint64 generation = cluster.diskState(2).generation;
    cluster.crash(2);
    cluster.cutDisk(2, cluster.diskWrites(2) / 2);
    for (int other = 0; other < 2; ++other)
        cluster.setCutBothWays(2, other, true);
    cluster.start(2);
    QVERIFY(cluster.diskState(2).generation > generation);
    cluster.run(20'000);
    QVERIFY(cluster.diskState(2).mayLack);
    QCOMPARE(cluster.view(2).readiness, core::Readiness::CatchingUp);
    QVERIFY2(cluster.view(2).detail.contains("damaged or cut"), cluster.view(2).detail.constData());
    const auto refused = cluster.put(2, "k0", "x");
    cluster.run(10);
    QCOMPARE(cluster.told(refused).outcome.status, core::WriteOutcome::Status::NotReady);

    // First one member only, as otherwise it would be repaired before anybody could be told.
    cluster.setCutBothWays(2, 0, false);
    QVERIFY(cluster.runUntil(20'000, [&] {
        const std::vector<core::MemberView> members = cluster.view(0).members;
        return std::ranges::any_of(members, [&](const core::MemberView &row) {
            return row.id == cluster.idOf(2) && row.mayLack;
        });
    }));
    QVERIFY(cluster.view(2).readiness != core::Readiness::Ready);
    cluster.mendAll();
    // One by one, so that the first moment in which it says ready is looked at.
    for (int i = 0; i < 20'000 && cluster.view(2).readiness != core::Readiness::Ready; ++i)
        cluster.run(1);
    QCOMPARE(cluster.view(2).readiness, core::Readiness::Ready);
    for (const size_t write : writes) {
        const auto &told = cluster.told(write);
        const auto held = cluster.records(2).find(told.key);
        QVERIFY2(held && held->version == told.outcome.version, told.key.constData());
    }
    cluster.run(1000);
    QVERIFY(!cluster.diskState(2).mayLack);
    QVERIFY(cluster.runUntil(6000, [&] { return cluster.membershipsAgree(); }));
    for (const core::MemberView &row : cluster.view(0).members)
        QVERIFY(!row.mayLack);
}

/// The only other copy of a record is on one member; the rest do not know it yet.
void TestCutFiles::aNodeWhoseFileWasCutAsksEveryMemberThatIsUp()
{
    SimCluster cluster(45);
    QVERIFY(cluster.form(3));
    cluster.run(2000);
    const size_t before = cluster.diskWrites(2);
    cluster.crash(0);
    const auto write =
        cluster.put(2, "k", "1", {core::WriteConcern::Kind::Count, 2}); // Itself and 1.
    QVERIFY(cluster.runUntil(1000, [&] { return cluster.told(write).isAnswered; }));
    QCOMPARE(cluster.told(write).outcome.status, core::WriteOutcome::Status::Done);
    cluster.crash(2);
    cluster.cutDisk(2, before);
    cluster.setCutBothWays(0, 1, true);
    cluster.start(0);
    QVERIFY(cluster.runUntil(20'000,
                             [&] { return cluster.view(0).readiness == core::Readiness::Ready; }));
    cluster.start(2);
    cluster.run(5); // Connected; but what the one that knows has to say is kept back.
    cluster.setCut(1, 2, true);
    cluster.run(300);
    QVERIFY(!cluster.records(0).find("k"));
    QVERIFY(cluster.view(2).readiness != core::Readiness::Ready);
    cluster.setCut(1, 2, false);
    QVERIFY(cluster.runUntil(20'000,
                             [&] { return cluster.view(2).readiness == core::Readiness::Ready; }));
    QCOMPARE(sim::valueOn(cluster, 2, "k"), "1");
}

/// A life that nothing is left of on the disk, and whose writes only a member holds that is down:
/// it must not be lived a second time.
void TestCutFiles::versionsDoNotRepeatAfterAFileWasCut()
{
    SimCluster cluster(46);
    QVERIFY(cluster.form(3));
    cluster.run(20'000);
    cluster.crash(0);
    cluster.run(100);
    const size_t before = cluster.diskWrites(0);
    cluster.start(0);
    QVERIFY(cluster.runUntil(10'000, [&] { return cluster.allReady(); }));
    cluster.crash(2);
    const auto writeAll = [&](const QByteArray &value) {
        for (int i = 0; i < 50; ++i)
            cluster.put(0, "k" + QByteArray::number(i), value);
        cluster.run(100);
    };
    writeAll("\"lost\"");
    cluster.vanish(1);
    cluster.crash(0);
    cluster.cutDisk(0, before);
    cluster.start(2);
    cluster.start(0);
    QVERIFY(cluster.runUntil(20'000,
                             [&] { return cluster.view(0).readiness == core::Readiness::Ready; }));
    QVERIFY(!cluster.records(0).find("k0"));
    writeAll("\"new\"");
    cluster.mendAll();
    cluster.start(1);
    QVERIFY(cluster.runUntil(30'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
    std::map<core::Version, int> versions;
    for (const sim::Told &told : cluster.allTold()) {
        QCOMPARE(told.outcome.status, core::WriteOutcome::Status::Done);
        QCOMPARE(++versions[told.outcome.version], 1);
    }
    QCOMPARE(versions.size(), size_t{100});
    QCOMPARE(sim::valueOn(cluster, 1, "k7"), "\"new\"");
}

void TestCutFiles::membersWhoseFilesWereAllCutRepairEachOther()
{
    SimCluster cluster(47);
    QVERIFY(cluster.form(3));
    for (int i = 0; i < 30; ++i) {
        cluster.put(i % 3, "k" + QByteArray::number(i), "1", {core::WriteConcern::Kind::All});
        cluster.run(30);
    }
    for (int node = 0; node < 3; ++node)
        cluster.crash(node);
    // Each has lost another part; two of three have lost the whole.
    for (int node = 0; node < 3; ++node)
        cluster.cutDisk(node, cluster.diskWrites(node) - static_cast<size_t>(node == 1 ? 0 : 20));
    cluster.start(0);
    cluster.start(2);
    cluster.run(20'000);
    for (const int node : {0, 2})
        QVERIFY(cluster.view(node).readiness != core::Readiness::Ready);
    cluster.start(1);
    QVERIFY(cluster.runUntil(30'000, [&] { return cluster.allReady() && cluster.recordsAgree(); }));
    for (const sim::Told &told : cluster.allTold())
        QVERIFY(cluster.records(0).find(told.key));
}

void TestCutFiles::aSoleMemberWhoseFileWasCutServesWhatIsLeft()
{
    SimCluster cluster(48);
    cluster.addNode({});
    cluster.start(0);
    QVERIFY(cluster.runUntil(5000, [&] { return cluster.allReady(); }));
    for (int i = 0; i < 10; ++i) {
        cluster.put(0, "k" + QByteArray::number(i), "1");
        cluster.run(30);
    }
    cluster.crash(0);
    cluster.cutDisk(0, cluster.diskWrites(0) - 5);
    cluster.start(0);
    cluster.run(200);
    QCOMPARE(cluster.view(0).readiness, core::Readiness::Ready);
    QVERIFY(!cluster.diskState(0).mayLack);
    QVERIFY(std::any_of(cluster.log().begin(), cluster.log().end(), [](const QByteArray &line) {
        return line.contains("serves what is left");
    }));
}

QTEST_APPLESS_MAIN(TestCutFiles)
#include "tst_cut_files.moc"
