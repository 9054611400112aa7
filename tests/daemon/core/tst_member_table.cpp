// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/member_table.h"
#include "daemon/core/random.h"

#include <QtTest>

#include <limits>

using namespace dynakv;
using namespace dynakv::core;

namespace {

constexpr NodeId kSelf = 100;

/// Few values for each field, so that equal ranks with differing addresses come up too: a directory
/// that was rolled back makes such records.
MemberRecord randomMember(Random &random)
{
    MemberRecord record;
    record.id = 1 + random.below(3);
    record.generation = random.below(3);
    record.incarnation = static_cast<quint32>(random.below(3));
    record.state = static_cast<MemberState>(random.below(6));
    record.api = {"10.0.0.1", static_cast<quint16>(6660 + random.below(2))};
    record.cluster = {"10.0.0.1", static_cast<quint16>(16660 + random.below(2))};
    record.programVersion = random.below(2) == 0 ? "1" : "2";
    return record;
}

MemberTable tableOf(const std::vector<MemberRecord> &records)
{
    MemberTable table(kSelf);
    for (const MemberRecord &record : records)
        table.merge(record);
    return table;
}

std::vector<MemberRecord> someMembers(Random &random)
{
    std::vector<MemberRecord> records;
    for (quint64 count = random.below(12); count > 0; --count)
        records.push_back(randomMember(random));
    return records;
}

MemberRecord member(quint64 generation, quint32 incarnation, MemberState state,
                    const QByteArray &host = "10.0.0.1")
{
    return {kSelf, generation, incarnation, state, {host, 6660}, {host, 16660}, "1"};
}

} // namespace

Q_DECLARE_METATYPE(dynakv::core::MemberRecord)

class TestMemberTable : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void mergeIsCommutative();
    void mergeIsAssociative();
    void mergeIsIdempotent();
    void newerWordWins_data();
    void newerWordWins();
    void ofTwoDifferentWordsOneIsNewer();
    void equalTablesHaveEqualHashes();
    void hashSeesEveryDifference_data();
    void hashSeesEveryDifference();
    void contradictingWordIsRefuted_data();
    void contradictingWordIsRefuted();
    void agreeingOrOlderWordIsNotRefuted_data();
    void agreeingOrOlderWordIsNotRefuted();
    void everyoneButThoseWhoLeftCountsAsReplica();
    void adoptingAClusterForgetsAllButItself();
};

void TestMemberTable::mergeIsCommutative()
{
    Random random(11);
    for (int run = 0; run < 2000; ++run) {
        std::vector<MemberRecord> records = someMembers(random);
        const MemberTable forward = tableOf(records);
        for (size_t i = records.size(); i > 1; --i)
            std::swap(records[i - 1], records[random.below(i)]);
        const MemberTable shuffled = tableOf(records);
        QVERIFY(forward.all() == shuffled.all());
        QCOMPARE(forward.hash(), shuffled.hash());
    }
}

void TestMemberTable::mergeIsAssociative()
{
    Random random(12);
    for (int run = 0; run < 2000; ++run) {
        const std::vector<MemberRecord> parts[3] = {someMembers(random), someMembers(random),
                                                    someMembers(random)};
        const auto joined = [](const std::vector<MemberRecord> &left,
                               const std::vector<MemberRecord> &right) {
            MemberTable table = tableOf(left);
            for (const MemberRecord &record : tableOf(right).records())
                table.merge(record);
            return table.records();
        };
        QVERIFY(joined(joined(parts[0], parts[1]), parts[2]) ==
                joined(parts[0], joined(parts[1], parts[2])));
    }
}

void TestMemberTable::mergeIsIdempotent()
{
    Random random(13);
    for (int run = 0; run < 500; ++run) {
        MemberTable table = tableOf(someMembers(random));
        const auto before = table.all();
        for (const MemberRecord &record : table.records())
            QVERIFY(!table.merge(record));
        QVERIFY(table.all() == before);
    }
}

void TestMemberTable::newerWordWins_data()
{
    QTest::addColumn<MemberRecord>("older");
    QTest::addColumn<MemberRecord>("newer");
    using enum MemberState;
    QTest::newRow("a restart raises the dead") << member(1, 9, Down) << member(2, 0, Joining);
    QTest::newRow("a refutation raises the dead") << member(1, 0, Down) << member(1, 1, Alive);
    QTest::newRow("a suspicion beats alive") << member(1, 1, Alive) << member(1, 1, Suspect);
    QTest::newRow("a verdict beats a suspicion") << member(1, 1, Suspect) << member(1, 1, Down);
    QTest::newRow("leaving beats a verdict") << member(1, 1, Down) << member(1, 1, Leaving);
    QTest::newRow("left beats leaving") << member(1, 1, Leaving) << member(1, 1, Left);
    QTest::newRow("joined beats joining") << member(1, 1, Joining) << member(1, 1, Alive);
    QTest::newRow("generation beats incarnation") << member(1, 7, Alive) << member(2, 0, Alive);
}

void TestMemberTable::newerWordWins()
{
    QFETCH(const MemberRecord, older);
    QFETCH(const MemberRecord, newer);
    QVERIFY(isNewer(newer, older));
    QVERIFY(!isNewer(older, newer));
    MemberTable table(1);
    QVERIFY(table.merge(older));
    QVERIFY(table.merge(newer));
    QVERIFY(!table.merge(older));
    QVERIFY(*table.find(kSelf) == newer);
}

void TestMemberTable::ofTwoDifferentWordsOneIsNewer()
{
    Random random(14);
    for (int run = 0; run < 5000; ++run) {
        MemberRecord left = randomMember(random);
        MemberRecord right = randomMember(random);
        right.id = left.id;
        QCOMPARE(isNewer(left, right) || isNewer(right, left), left != right);
        QVERIFY(!(isNewer(left, right) && isNewer(right, left)));
    }
}

void TestMemberTable::equalTablesHaveEqualHashes()
{
    Random random(15);
    int equal = 0;
    for (int run = 0; run < 20'000; ++run) {
        const MemberTable left = tableOf({randomMember(random)});
        const MemberTable right = tableOf({randomMember(random)});
        QCOMPARE(left.hash() == right.hash(), left.all() == right.all());
        equal += left.all() == right.all() ? 1 : 0;
    }
    QVERIFY(equal > 5); // The comparison was worth making.
}

void TestMemberTable::hashSeesEveryDifference_data()
{
    QTest::addColumn<MemberRecord>("other");
    const auto row = [](const char *name, auto change) {
        MemberRecord record = member(1, 1, MemberState::Alive);
        change(record);
        QTest::newRow(name) << record;
    };
    row("id", [](MemberRecord &r) { r.id = 7; });
    row("generation", [](MemberRecord &r) { r.generation = 2; });
    row("incarnation", [](MemberRecord &r) { r.incarnation = 2; });
    row("state", [](MemberRecord &r) { r.state = MemberState::Suspect; });
    row("api address", [](MemberRecord &r) { r.api.host = "10.0.0.2"; });
    row("api port", [](MemberRecord &r) { r.api.port = 1; });
    row("cluster address", [](MemberRecord &r) { r.cluster.host = "10.0.0.2"; });
    row("program version", [](MemberRecord &r) { r.programVersion = "2"; });
}

void TestMemberTable::hashSeesEveryDifference()
{
    QFETCH(const MemberRecord, other);
    MemberTable left(1);
    MemberTable right(1);
    left.merge(member(1, 1, MemberState::Alive));
    right.merge(other);
    QVERIFY(left.hash() != right.hash());
}

void TestMemberTable::contradictingWordIsRefuted_data()
{
    QTest::addColumn<MemberRecord>("word");
    constexpr quint32 greatest = std::numeric_limits<quint32>::max();
    using enum MemberState;
    QTest::newRow("suspected") << member(5, 3, Suspect);
    QTest::newRow("declared down") << member(5, 3, Down);
    QTest::newRow("declared down later") << member(5, 8, Down);
    QTest::newRow("said to have left") << member(5, 3, Left);
    QTest::newRow("from before a rollback") << member(9, 2, Alive);
    QTest::newRow("greatest incarnation") << member(5, greatest, Down);
    QTest::newRow("greatest incarnation of a later life") << member(9, greatest, Down);
    QTest::newRow("same rank, other address") << member(5, 3, Alive, "10.0.0.9");
}

void TestMemberTable::contradictingWordIsRefuted()
{
    QFETCH(const MemberRecord, word);
    MemberTable table(kSelf);
    table.setSelf(member(5, 3, MemberState::Alive));
    QVERIFY(table.refute(word));
    QVERIFY(isNewer(table.self(), word));
    QCOMPARE(table.self().state, MemberState::Alive);
    QCOMPARE(table.self().api.host, QByteArray("10.0.0.1"));
    QVERIFY(!table.refute(word)); // Once is enough, or two nodes would never fall silent.
}

void TestMemberTable::agreeingOrOlderWordIsNotRefuted_data()
{
    QTest::addColumn<MemberRecord>("word");
    using enum MemberState;
    QTest::newRow("the same") << member(5, 3, Alive);
    QTest::newRow("older incarnation") << member(5, 2, Down);
    QTest::newRow("older generation") << member(4, 9, Left);
    QTest::newRow("lower state") << member(5, 3, Joining);
}

void TestMemberTable::agreeingOrOlderWordIsNotRefuted()
{
    QFETCH(const MemberRecord, word);
    MemberTable table(kSelf);
    const MemberRecord mine = member(5, 3, MemberState::Alive);
    table.setSelf(mine);
    QVERIFY(!table.refute(word));
    QVERIFY(table.self() == mine);
}

void TestMemberTable::everyoneButThoseWhoLeftCountsAsReplica()
{
    MemberTable table(kSelf);
    table.setSelf(member(1, 0, MemberState::Alive));
    QCOMPARE(table.replicaCount(), 1);
    NodeId id = 1;
    for (const MemberState state : {MemberState::Joining, MemberState::Alive, MemberState::Suspect,
                                    MemberState::Down, MemberState::Leaving, MemberState::Left}) {
        MemberRecord record = member(1, 0, state);
        record.id = id++;
        table.merge(record);
    }
    QCOMPARE(table.replicaCount(), 6);
}

void TestMemberTable::adoptingAClusterForgetsAllButItself()
{
    Random random(16);
    MemberTable table = tableOf({randomMember(random), randomMember(random)});
    const MemberRecord mine = member(1, 0, MemberState::Alive);
    table.setSelf(mine);
    table.clearOthers();
    QCOMPARE(table.all().size(), size_t{1});
    QVERIFY(table.self() == mine);
    QCOMPARE(table.hash(), tableOf({mine}).hash());
}

QTEST_GUILESS_MAIN(TestMemberTable)
#include "tst_member_table.moc"
