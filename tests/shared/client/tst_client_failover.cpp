// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/shared/client/answer_waiter.h"
#include "tests/shared/client/fake_cluster.h"

#include <QSignalSpy>
#include <QTest>

using namespace dynakv::client;
using namespace dynakv::test;
using dynakv::base::Endpoint;
using dynakv::base::api::ClusterStatus;

namespace {

constexpr int kShortSilenceMs = 2000; ///< For a node that is silent, and for the one after it.

} // namespace

/// Which node is asked next, and what a write says whose answer was lost on the way.
class ClientFailoverTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void cleanup();

    void aDeadNodeIsLeftForAnotherMember();
    void aSilentNodeIsLeftForAnotherMember();
    void aNodeThatIsNotReadyIsLeftForAnotherMember();
    void aNodeThatClosesIsLeftForAnotherMember();
    void theNodeInUseStaysAfterAFailover();
    void aKeptConnectionThatWasClosedChangesNothing();
    void withoutFailoverOnlyTheGivenNodeIsAsked();
    void whenNobodyAnswersEveryCauseIsNamed();
    void aWriteThatMayHaveArrivedSaysSo();
    void aWriteThatNeverLeftSaysThatItFailed();
    void anUnknownOutcomeToldByTheNodeIsPassedOn();

private:
    std::unique_ptr<FakeCluster> m_cluster;
    std::unique_ptr<RestClient> m_client;
};

void ClientFailoverTest::init()
{
    m_cluster = std::make_unique<FakeCluster>(3);
    m_client = clientOf({m_cluster->endpoint(0)});
}

void ClientFailoverTest::cleanup()
{
    m_client.reset();
    m_cluster.reset();
}

void ClientFailoverTest::aDeadNodeIsLeftForAnotherMember()
{
    m_cluster->putJson("k", "1");
    Waiter<ClusterStatus> status;
    m_client->cluster(&status, status.callback());
    QCOMPARE(status.wait().value->members.size(), std::size_t{3});
    QSignalSpy changed(m_client.get(), &RestClient::nodeChanged);
    m_cluster->kill(0);
    Waiter<Value> read;
    m_client->get("k", &read, read.callback());
    QVERIFY(read.wait().ok());
    QCOMPARE(changed.size(), 1);
    QCOMPARE(changed[0][0].value<Endpoint>(), m_cluster->endpoint(0));
    QCOMPARE(changed[0][1].value<Endpoint>(), m_client->nodeInUse());
    QVERIFY(m_client->nodeInUse() != m_cluster->endpoint(0));
    QVERIFY(changed[0][2].toByteArray().size() > 0);
}

void ClientFailoverTest::aSilentNodeIsLeftForAnotherMember()
{
    m_client = clientOf({m_cluster->endpoint(0), m_cluster->endpoint(1)});
    m_client->setSilenceTimeoutMs(kShortSilenceMs);
    m_cluster->node(0).setSilent(true);
    Waiter<Receipt> written;
    m_client->put("k", {"1", false, {}, {}}, &written, written.callback());
    QVERIFY(written.wait().ok());
    QCOMPARE(m_client->nodeInUse(), m_cluster->endpoint(1));
    QCOMPARE(m_cluster->node(1).seen().back().body, m_cluster->node(0).seen().back().body);
}

void ClientFailoverTest::aNodeThatIsNotReadyIsLeftForAnotherMember()
{
    FakeNode starting([](const FakeRequest &) {
        return FakeNode::response(503,
                                  R"({"status":503,"code":"starting","detail":"still starting"})");
    });
    m_client = clientOf({starting.endpoint(), m_cluster->endpoint(1)});
    Waiter<Receipt> written;
    m_client->put("k", {"1", false, {}, {}}, &written, written.callback());
    QVERIFY(written.wait().ok());
    QCOMPARE(m_client->nodeInUse(), m_cluster->endpoint(1));
    // Alone, its own words are what is told.
    m_client = clientOf({starting.endpoint()});
    Waiter<Value> read;
    m_client->get("k", &read, read.callback());
    QVERIFY(read.wait().hasStatus(503));
    QCOMPARE(read.wait().failure.message, QByteArray("still starting"));
}

void ClientFailoverTest::aNodeThatClosesIsLeftForAnotherMember()
{
    m_client = clientOf({m_cluster->endpoint(0), m_cluster->endpoint(1)});
    m_cluster->node(0).setClosing(true);
    Waiter<Receipt> written;
    m_client->put("k", {"1", false, {}, {}}, &written, written.callback());
    QVERIFY(written.wait().ok());
    QCOMPARE(m_client->nodeInUse(), m_cluster->endpoint(1));
}

void ClientFailoverTest::theNodeInUseStaysAfterAFailover()
{
    m_client = clientOf({m_cluster->endpoint(0), m_cluster->endpoint(1)});
    m_client->setSilenceTimeoutMs(kShortSilenceMs);
    m_cluster->node(0).setSilent(true);
    Waiter<ClusterStatus> first;
    m_client->cluster(&first, first.callback());
    QVERIFY(first.wait().ok());
    m_cluster->node(0).forgetSeen();
    Waiter<ClusterStatus> second;
    m_client->cluster(&second, second.callback());
    QVERIFY(second.wait().ok());
    QVERIFY(m_cluster->node(0).seen().empty());
}

void ClientFailoverTest::aKeptConnectionThatWasClosedChangesNothing()
{
    Waiter<ClusterStatus> status;
    m_client->cluster(&status, status.callback());
    QVERIFY(status.wait().ok());
    QSignalSpy changed(m_client.get(), &RestClient::nodeChanged);
    m_cluster->node(0).kill(); // Drops the kept connection.
    QVERIFY(m_cluster->node(0).revive());
    Waiter<ClusterStatus> again;
    m_client->cluster(&again, again.callback());
    QVERIFY(again.wait().ok());
    QCOMPARE(changed.size(), 0);
    QCOMPARE(m_client->nodeInUse(), m_cluster->endpoint(0));
}

void ClientFailoverTest::withoutFailoverOnlyTheGivenNodeIsAsked()
{
    m_client = clientOf({m_cluster->endpoint(0), m_cluster->endpoint(1)});
    m_client->setFailover(false);
    m_cluster->kill(0);
    Waiter<ClusterStatus> status;
    m_client->cluster(&status, status.callback());
    QVERIFY(!status.wait().ok());
    QCOMPARE(status.wait().failure.kind, FailureKind::Unreachable);
    QVERIFY(m_cluster->node(1).seen().empty());
}

void ClientFailoverTest::whenNobodyAnswersEveryCauseIsNamed()
{
    m_client = clientOf({m_cluster->endpoint(0), m_cluster->endpoint(1)});
    m_cluster->kill(0);
    m_cluster->kill(1);
    Waiter<Value> read;
    m_client->get("k", &read, read.callback());
    QVERIFY(!read.wait().ok());
    QCOMPARE(read.wait().failure.kind, FailureKind::Unreachable);
    for (int i = 0; i < 2; ++i)
        QVERIFY(read.wait().failure.message.contains(m_cluster->endpoint(i).toString()));
    QCOMPARE(m_client->nodeInUse(), m_cluster->endpoint(0));
}

void ClientFailoverTest::aWriteThatMayHaveArrivedSaysSo()
{
    m_client->setSilenceTimeoutMs(kShortSilenceMs);
    m_cluster->node(0).setSilent(true);
    Waiter<Receipt> written;
    m_client->put("k", {"1", false, {}, {}}, &written, written.callback());
    QVERIFY(!written.wait().ok());
    QCOMPARE(written.wait().failure.kind, FailureKind::TimedOut);
    QVERIFY(written.wait().failure.outcomeUnknown);
    Waiter<Value> read;
    m_client->get("k", &read, read.callback());
    QVERIFY(!read.wait().ok());
    QVERIFY(!read.wait().failure.outcomeUnknown); // Reading changes nothing.
}

void ClientFailoverTest::aWriteThatNeverLeftSaysThatItFailed()
{
    m_cluster->kill(0);
    Waiter<Receipt> written;
    m_client->put("k", {"1", false, {}, {}}, &written, written.callback());
    QVERIFY(!written.wait().ok());
    QVERIFY(!written.wait().failure.outcomeUnknown);
}

void ClientFailoverTest::anUnknownOutcomeToldByTheNodeIsPassedOn()
{
    FakeNode node([](const FakeRequest &) {
        return FakeNode::response(503,
                                  R"({"status":503,"outcome":"unknown","detail":"1 of 2 copies"})");
    });
    m_client = clientOf({node.endpoint(), m_cluster->endpoint(1)});
    Waiter<Receipt> written;
    m_client->put("k", {"1", false, {}, {}}, &written, written.callback());
    QVERIFY(written.wait().hasStatus(503));
    QVERIFY(written.wait().failure.outcomeUnknown);
    QVERIFY(m_cluster->node(1).seen().empty()); // It was written once; not again elsewhere.
}

QTEST_GUILESS_MAIN(ClientFailoverTest)
#include "tst_client_failover.moc"
