// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/admission.h"
#include "daemon/core/random.h"

#include <QtTest>

using namespace dynakv::core;

namespace {

Hello nodeWithoutCluster()
{
    return {.wantsToJoin = true};
}

Hello memberOf(quint64 cluster, quint32 members, bool hasData = true, bool wantsToJoin = false)
{
    Hello hello;
    hello.clusterId = cluster;
    hello.memberCount = members;
    hello.hasData = hasData;
    hello.wantsToJoin = wantsToJoin;
    return hello;
}

Hello randomHello(Random &random)
{
    Hello hello;
    hello.clusterId = random.below(4);
    hello.node = random.next();
    hello.memberCount = hello.clusterId == 0 ? 0 : static_cast<quint32>(1 + random.below(3));
    hello.hasData = random.below(2) == 0;
    hello.wantsToJoin = random.below(2) == 0;
    return hello;
}

} // namespace

Q_DECLARE_METATYPE(dynakv::core::Hello)
Q_DECLARE_METATYPE(dynakv::core::Admission)

class TestAdmission : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void twoNodesBecomeOneClusterOrSayWhyNot_data();
    void twoNodesBecomeOneClusterOrSayWhyNot();
    void bothSidesDrawMatchingConclusions();
    void memberOfALargerClusterNeverYields();
    void dataIsOnlyCarriedAwayOnRequest();
};

void TestAdmission::twoNodesBecomeOneClusterOrSayWhyNot_data()
{
    QTest::addColumn<Hello>("one");
    QTest::addColumn<Hello>("other");
    QTest::addColumn<Admission>("expected");
    QTest::addColumn<Admission>("mirrored");
    const auto row = [](const char *name, const Hello &one, const Hello &other, Admission expected,
                        Admission mirrored) {
        QTest::newRow(name) << one << other << expected << mirrored;
    };
    using enum Admission;
    const Hello fresh = nodeWithoutCluster();
    row("two that wait to join", fresh, fresh, NotYet, NotYet);
    row("joining a founder", fresh, memberOf(5, 1, false), AdoptTheirs, Accept);
    row("joining a grown cluster", fresh, memberOf(5, 3), AdoptTheirs, Accept);
    row("members of one cluster", memberOf(5, 3), memberOf(5, 3), Accept, Accept);
    row("one cluster, counted differently", memberOf(5, 1), memberOf(5, 3), Accept, Accept);

    const Hello founder = memberOf(4, 1, false);
    row("empty founder and a grown cluster", founder, memberOf(5, 2, false), AdoptTheirs, Accept);
    row("empty founder and one with data", founder, memberOf(5, 1, true), AdoptTheirs, Accept);
    row("two empty founders", founder, memberOf(5, 1, false), Refuse, Refuse);
    row("two founders with data", memberOf(4, 1), memberOf(5, 1), Refuse, Refuse);
    row("founder with data and a grown cluster", memberOf(4, 1), memberOf(5, 3), Refuse, Refuse);

    row("sole member merges on request", memberOf(4, 1, true, true), memberOf(5, 3), AdoptTheirs,
        Accept);
    row("sole member merges with a founder", memberOf(9, 1, true, true), memberOf(5, 1),
        AdoptTheirs, Accept);
    row("both ask: the smaller id yields", memberOf(4, 1, true, true), memberOf(5, 1, true, true),
        AdoptTheirs, Accept);
    row("asked of an empty founder: the smaller id yields", memberOf(9, 1, true, true),
        memberOf(5, 1, false), Accept, AdoptTheirs);
    row("two grown clusters", memberOf(4, 2), memberOf(5, 2), Refuse, Refuse);
    row("two grown clusters, though empty", memberOf(4, 2, false), memberOf(5, 2, false), Refuse,
        Refuse);
    row("asking does not help a grown one", memberOf(4, 2, true, true), memberOf(5, 3), Refuse,
        Refuse);
}

void TestAdmission::twoNodesBecomeOneClusterOrSayWhyNot()
{
    QFETCH(const Hello, one);
    QFETCH(const Hello, other);
    QFETCH(const Admission, expected);
    QFETCH(const Admission, mirrored);
    QCOMPARE(admit(one, other), expected);
    QCOMPARE(admit(other, one), mirrored);
}

void TestAdmission::bothSidesDrawMatchingConclusions()
{
    Random random(21);
    int counts[4] = {};
    for (int i = 0; i < 100'000; ++i) {
        const Hello one = randomHello(random);
        const Hello other = randomHello(random);
        const Admission seen = admit(one, other);
        const Admission mirrored = admit(other, one);
        ++counts[static_cast<int>(seen)];
        switch (seen) {
        case Admission::Accept:
            QVERIFY(mirrored == Admission::AdoptTheirs ||
                    (mirrored == Admission::Accept && one.clusterId == other.clusterId));
            break;
        case Admission::AdoptTheirs:
            QCOMPARE(mirrored, Admission::Accept);
            QVERIFY(other.clusterId != 0);
            break;
        case Admission::NotYet:
        case Admission::Refuse:
            QCOMPARE(mirrored, seen);
            break;
        }
    }
    for (const int count : counts)
        QVERIFY(count > 1000);
}

void TestAdmission::memberOfALargerClusterNeverYields()
{
    Random random(22);
    for (int i = 0; i < 20'000; ++i) {
        Hello mine = randomHello(random);
        mine.clusterId = 7;
        mine.memberCount = 2;
        QVERIFY(admit(mine, randomHello(random)) != Admission::AdoptTheirs);
    }
}

void TestAdmission::dataIsOnlyCarriedAwayOnRequest()
{
    Random random(23);
    for (int i = 0; i < 20'000; ++i) {
        Hello mine = randomHello(random);
        mine.clusterId = 7;
        mine.hasData = true;
        mine.wantsToJoin = false;
        QVERIFY(admit(mine, randomHello(random)) != Admission::AdoptTheirs);
    }
}

QTEST_GUILESS_MAIN(TestAdmission)
#include "tst_admission.moc"
