// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/node_bench.h"

#include <QtTest>

using namespace dynakv::core;
using Bench = dynakv::testing::NodeBench;

namespace {

/// What a heartbeat of another table than this node's says.
constexpr quint64 kOtherHash = 0xd1ff;

void beat(Bench &bench, const Bench::Peer &peer, quint64 tableHash)
{
    bench.feed(Received{peer.link, Heartbeat{.tableHash = tableHash, .wallMs = bench.now.wallMs}});
}

qsizetype tablesToldTo(const Bench &bench, const Bench::Peer &peer)
{
    const auto told = bench.sentOn<Gossip>(peer.link);
    return std::count_if(told.begin(), told.end(),
                         [](const Gossip &each) { return each.isWholeTable; });
}

/// The hash that this node's own heartbeats carry.
quint64 ownHash(Bench &bench, const Bench::Peer &peer)
{
    for (int i = 0; i < 6; ++i)
        bench.tick();
    return bench.sentOn<Heartbeat>(peer.link).back().tableHash;
}

/// So many of these messages concern \a id.
qsizetype wordsOn(const Bench &bench, NodeId id)
{
    return std::count_if(bench.sent.begin(), bench.sent.end(), [id](const Send &each) {
        const auto *gossip = std::get_if<Gossip>(&each.message);
        return gossip != nullptr &&
               std::any_of(gossip->members.begin(), gossip->members.end(),
                           [id](const MemberRecord &member) { return member.id == id; });
    });
}

} // namespace

/// What a node tells of members, to whom and when.
class TestNodeGossip : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void membersThatMeetAgainTellOfEachOtherAlone();
    void whoHasOnlyComeIsToldEverythingAtOnce();
    void theFirstHeartbeatShowsWhatWasThereBeforeTheLink();
    void aLaterDifferenceIsToldOnceItLasts();
    void onlySoManyTablesAreToldAtOnce();
    void aFewTablesAreNeverTooMany();
    void manyNewsGoOnTogether();
    void whoBelongsIsStoredAtOnceAndHowTheyAreSoon();
};

/// The word on the peer itself is what makes it refute a verdict.
void TestNodeGossip::membersThatMeetAgainTellOfEachOtherAlone()
{
    Bench bench;
    bench.belongTo(50);
    for (MemberRecord &member : bench.state.members)
        member.state = member.id == 25 ? MemberState::Down : member.state;
    bench.start();
    const Bench::Peer peer = bench.open(25, 51, bench.clusterId());
    bench.greet(peer);
    const auto told = bench.sentOn<Gossip>(peer.link);
    QCOMPARE(told.size(), std::size_t(1));
    QCOMPARE(told[0].members.size(), std::size_t(2));
    QCOMPARE(told[0].members[0].id, dynakv::testing::kSelf);
    QVERIFY(told[0].members[1] == Bench::memberRecord(25, MemberState::Down));
}

void TestNodeGossip::whoHasOnlyComeIsToldEverythingAtOnce()
{
    Bench bench;
    bench.belongTo(50);
    bench.start();
    const Bench::Peer joiner = bench.open(99, 0, 0);
    bench.greet(joiner);
    const auto told = bench.sentOn<Gossip>(joiner.link);
    QCOMPARE(told.size(), std::size_t(1));
    QCOMPARE(told[0].members.size(), std::size_t(51));
}

void TestNodeGossip::theFirstHeartbeatShowsWhatWasThereBeforeTheLink()
{
    Bench bench;
    bench.belongTo(10);
    bench.start();
    const Bench::Peer differs = bench.join(20);
    const Bench::Peer agrees = bench.join(21);
    beat(bench, differs, kOtherHash);
    QCOMPARE(tablesToldTo(bench, differs), 1);
    const quint64 own = ownHash(bench, agrees);
    beat(bench, agrees, own);
    beat(bench, agrees, kOtherHash);
    QCOMPARE(tablesToldTo(bench, agrees), 0);
}

void TestNodeGossip::aLaterDifferenceIsToldOnceItLasts()
{
    Bench bench;
    bench.belongTo(10);
    bench.start();
    const Bench::Peer peer = bench.join(20);
    const quint64 own = ownHash(bench, peer);
    for (int i = 0; i < 3; ++i) {
        beat(bench, peer, own);
        beat(bench, peer, kOtherHash);
    }
    QCOMPARE(tablesToldTo(bench, peer), 0);
    beat(bench, peer, kOtherHash);
    QCOMPARE(tablesToldTo(bench, peer), 1);
}

/// After a common restart each of a thousand links shows a difference for a while.
void TestNodeGossip::onlySoManyTablesAreToldAtOnce()
{
    Bench bench;
    bench.belongTo(999);
    bench.start();
    std::vector<Bench::Peer> peers;
    for (NodeId id = 20; id < 40; ++id)
        peers.push_back(bench.join(id));
    const auto told = [&] {
        qsizetype tables = 0;
        for (const Bench::Peer &peer : peers)
            tables += tablesToldTo(bench, peer);
        return tables;
    };
    for (const Bench::Peer &peer : peers)
        beat(bench, peer, kOtherHash);
    QCOMPARE(told(), 2);
    // Whoever was left out is told at one of its next heartbeats.
    for (int halfSeconds = 1; halfSeconds <= 20; ++halfSeconds) {
        bench.pass(500);
        for (const Bench::Peer &peer : peers) {
            if (tablesToldTo(bench, peer) == 0)
                beat(bench, peer, kOtherHash);
        }
        QVERIFY(told() <= 2 + 2 * halfSeconds);
    }
    QCOMPARE(told(), 20);
}

void TestNodeGossip::aFewTablesAreNeverTooMany()
{
    Bench bench;
    bench.belongTo(9);
    bench.start();
    for (NodeId id = 20; id < 29; ++id) {
        const Bench::Peer peer = bench.join(id);
        beat(bench, peer, kOtherHash);
        QCOMPARE(tablesToldTo(bench, peer), 1);
    }
}

/// The first one goes at once, so that a single one loses no time; those that follow it wait for
/// each other until the next tick.
void TestNodeGossip::manyNewsGoOnTogether()
{
    Bench bench;
    bench.belongTo(100);
    bench.start();
    for (NodeId id = 20; id < 50; ++id)
        bench.join(id);
    const Bench::Peer teller = bench.join(50);
    bench.pass(1000);
    bench.sent.clear();
    bench.gossip(teller, {Bench::memberRecord(60, MemberState::Alive, 1)});
    QCOMPARE(bench.sent.size(), std::size_t(16));
    QCOMPARE(wordsOn(bench, 60), 16);
    QVERIFY(bench.sentOn<Gossip>(teller.link).empty());
    bench.sent.clear();
    for (NodeId id = 61; id < 70; ++id)
        bench.gossip(teller, {Bench::memberRecord(id, MemberState::Alive, 1)});
    QCOMPARE(bench.sent.size(), std::size_t(0));
    bench.tick();
    for (NodeId id = 61; id < 70; ++id)
        QCOMPARE(wordsOn(bench, id), 16);
    const auto gossips = std::count_if(bench.sent.begin(), bench.sent.end(), [](const Send &each) {
        return std::holds_alternative<Gossip>(each.message);
    });
    QCOMPARE(gossips, 16);
}

void TestNodeGossip::whoBelongsIsStoredAtOnceAndHowTheyAreSoon()
{
    Bench bench;
    bench.belongTo(10);
    bench.start();
    const Bench::Peer peer = bench.join(20);
    bench.tick();
    const auto stored = [&bench](NodeId id) {
        for (const MemberRecord &member : bench.node->persistedState().members) {
            if (member.id == id)
                return member;
        }
        return MemberRecord();
    };
    // What the bench joined above is stored by now, so that nothing else is due for a while.
    for (int i = 0; i < 15; ++i)
        bench.tick();
    bench.gossip(peer, {Bench::memberRecord(25, MemberState::Suspect)});
    QCOMPARE(stored(25).state, MemberState::Alive);
    bench.gossip(peer, {Bench::memberRecord(70, MemberState::Joining)});
    QCOMPARE(stored(70).id, NodeId(70));
    QCOMPARE(stored(25).state, MemberState::Suspect);
    bench.gossip(peer, {Bench::memberRecord(26, MemberState::Suspect)});
    QCOMPARE(stored(26).state, MemberState::Alive);
    for (int i = 0; i < 10; ++i)
        bench.tick();
    QCOMPARE(stored(26).state, MemberState::Suspect);
    MemberRecord forgotten = Bench::memberRecord(27, MemberState::Left);
    forgotten.generation = kForgottenGeneration;
    bench.gossip(peer, {forgotten});
    QCOMPARE(stored(27).state, MemberState::Left);
}

QTEST_APPLESS_MAIN(TestNodeGossip)
#include "tst_node_gossip.moc"
