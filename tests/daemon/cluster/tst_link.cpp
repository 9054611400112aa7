// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/link.h"
#include "daemon/cluster/message_codec.h"
#include "tests/daemon/cluster/raw_peer.h"

#include <QSignalSpy>
#include <QTcpServer>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

core::Push pushOf(quint64 id, qsizetype valueBytes)
{
    core::Record record;
    record.key = "key";
    record.version = {1, 1};
    record.value = QByteArray(valueBytes, 'v');
    return {id, {record}};
}

/// A link and the peer at its other end.
class Pair : public QObject
{
public:
    Pair()
    {
        m_server.listen(QHostAddress::LocalHost);
        peer = std::make_unique<RawPeer>(m_server.serverPort());
        if (!peer->waitUntilConnected() ||
            !QTest::qWaitFor([this] { return m_server.hasPendingConnections(); }, 5000))
            qFatal("the loopback does not connect");
        link = std::make_unique<Link>(1, m_server.nextPendingConnection(), std::nullopt, nullptr);
        connect(link.get(), &Link::received, this,
                [this](const core::Message &message) { received.push_back(message); });
        connect(link.get(), &Link::overflowed, this, [this] { ++overflows; });
        connect(link.get(), &Link::closed, this, [this](const QByteArray &fault) {
            ++closes;
            lastFault = fault;
        });
        link->start();
    }
    /// Past the Hello.
    bool greet()
    {
        peer->introduce();
        return QTest::qWaitFor([this] { return link->hasHello(); }, 5000);
    }

    std::unique_ptr<RawPeer> peer;
    std::unique_ptr<Link> link;
    std::vector<core::Message> received;
    int overflows = 0;
    int closes = 0;
    QByteArray lastFault;

private:
    QTcpServer m_server;
};

/// What a link may hold: its lanes, Qt's two buffers and an unfinished frame.
constexpr qsizetype kHeldBytesMax = kControlLaneBytesMax + kDataLaneBytesMax + (qsizetype{2} << 20);

} // namespace

class TestLink : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void messagesTravelBothWays();
    void messagesArriveByteByByte();
    void aFloodOfSmallMessagesArrivesWhole();
    void aPeerThatDoesNotReadCostsBoundedMemory();
    void anOverflowIsToldAgainAfterTheLaneHadRoom();
    void controlOvertakesWaitingData();
    void aControlLaneThatStaysFullEndsTheLink();
    void aPausedLinkMakesThePeerWait();
    void aSilentPeerIsLetGo();
    void hostileBytesEndTheLink_data();
    void hostileBytesEndTheLink();
    void whoIsTurnedAwayReadsOurPreamble();
    void hostileBytesAfterTheHelloEndTheLink_data();
    void hostileBytesAfterTheHelloEndTheLink();
    void aTypeOfALaterVersionIsIgnored();
    void theLastWordsArriveBeforeTheClose();
    void ourLastWordsReachAPeerThatTalks();
    void aPeerThatDoesNotReadCannotHoldUpTheClose();
};

void TestLink::messagesTravelBothWays()
{
    Pair pair;
    QVERIFY(pair.greet());
    QVERIFY(std::holds_alternative<core::Hello>(pair.received.at(0)));
    pair.peer->send(core::RootsRequest{5});
    QTRY_COMPARE(pair.received.size(), 2);
    QVERIFY(pair.received[1] == core::Message(core::RootsRequest{5}));
    pair.link->send(core::ProbeRequest{1, 2});
    pair.link->send(pushOf(3, qsizetype{15} << 20));
    QTRY_COMPARE(pair.peer->messages().size(), 2);
    QVERIFY(pair.peer->messages()[1] == core::Message(pushOf(3, qsizetype{15} << 20)));
    pair.peer->send(pushOf(4, qsizetype{15} << 20));
    QTRY_COMPARE(pair.received.size(), 3);
    QCOMPARE(pair.closes, 0);
    QCOMPARE(pair.link->peerHost(), QByteArray("127.0.0.1"));
    QCOMPARE(pair.link->localHost(), QByteArray("127.0.0.1"));
}

void TestLink::messagesArriveByteByByte()
{
    Pair pair;
    pair.peer->socket().setSocketOption(QAbstractSocket::LowDelayOption, 1);
    QByteArray stream = kPreamble.toByteArray();
    core::Hello hello;
    hello.node = 5;
    stream += encodeMessage(hello) + encodeMessage(core::RootsRequest{1});
    for (const char byte : stream) {
        pair.peer->write(QByteArrayView(&byte, 1));
        pair.peer->socket().flush();
        QCoreApplication::processEvents();
    }
    QTRY_COMPARE(pair.received.size(), 2);
}

// More than one turn's share, so that the rest must come without another announcement.
void TestLink::aFloodOfSmallMessagesArrivesWhole()
{
    Pair pair;
    QVERIFY(pair.greet());
    constexpr int kCount = 200'000;
    for (int i = 0; i < kCount; ++i)
        pair.peer->send(core::RootsRequest{quint64(i)});
    QTRY_COMPARE_WITH_TIMEOUT(pair.received.size(), kCount + 1, 20'000);
    QVERIFY(pair.received.back() == core::Message(core::RootsRequest{kCount - 1}));
}

void TestLink::aPeerThatDoesNotReadCostsBoundedMemory()
{
    Pair pair;
    QVERIFY(pair.greet());
    pair.peer->setReading(false);
    for (quint64 i = 0; i < 2000; ++i) {
        pair.link->send(pushOf(i, 64 << 10));
        if (i % 50 == 0)
            QCoreApplication::processEvents();
        QVERIFY(pair.link->waitingBytes() < kHeldBytesMax);
    }
    QCOMPARE(pair.overflows, 1);
    QCOMPARE(pair.closes, 0);
    // Answers beyond the bound are dropped too, without a word: whoever asked asks again.
    for (quint64 i = 0; i < 2000; ++i)
        pair.link->send(core::RootsReply{i, {}, true});
    QVERIFY(pair.link->waitingBytes() < kHeldBytesMax);
    QCOMPARE(pair.overflows, 1);
}

void TestLink::anOverflowIsToldAgainAfterTheLaneHadRoom()
{
    Pair pair;
    QVERIFY(pair.greet());
    for (int round = 1; round <= 2; ++round) {
        pair.peer->setReading(false);
        for (quint64 i = 0; i < 400; ++i)
            pair.link->send(pushOf(i, 64 << 10));
        QCOMPARE(pair.overflows, round);
        pair.peer->setReading(true);
        QTRY_VERIFY_WITH_TIMEOUT(pair.link->waitingBytes() == 0, 10'000);
    }
}

void TestLink::controlOvertakesWaitingData()
{
    Pair pair;
    QVERIFY(pair.greet());
    pair.peer->setReading(false);
    for (quint64 i = 0; i < 100; ++i)
        pair.link->send(pushOf(i, 64 << 10));
    pair.link->send(core::Heartbeat{});
    pair.peer->setReading(true);
    QTRY_COMPARE_WITH_TIMEOUT(pair.peer->messages().size(), 101, 10'000);
    const auto &got = pair.peer->messages();
    const auto beat = std::find_if(got.begin(), got.end(), [](const core::Message &each) {
        return std::holds_alternative<core::Heartbeat>(each);
    });
    // Ahead of it only what Qt's and the kernel's buffers took before.
    QVERIFY(got.end() - beat > 10);
}

void TestLink::aControlLaneThatStaysFullEndsTheLink()
{
    Pair pair;
    QVERIFY(pair.greet());
    pair.peer->setReading(false);
    const core::Refusal message{core::Refusal::Reason::Busy, QByteArray(1000, 'x')};
    for (int i = 0; i < 20'000 && pair.closes == 0; ++i) {
        pair.link->send(message);
        if (i % 100 == 0)
            QCoreApplication::processEvents();
    }
    QCOMPARE(pair.closes, 1);
    QVERIFY(pair.lastFault.contains("does not read"));
}

void TestLink::aPausedLinkMakesThePeerWait()
{
    Pair pair;
    QVERIFY(pair.greet());
    pair.link->setPaused(true);
    constexpr int kCount = 300;
    for (quint64 i = 0; i < kCount; ++i)
        pair.peer->send(pushOf(i, 64 << 10));
    // Quiet once the kernel's buffers are full: nothing moves for a while.
    qint64 left = -1;
    QTRY_VERIFY_WITH_TIMEOUT(std::exchange(left, pair.peer->socket().bytesToWrite()) == left, 5000);
    QVERIFY(left > 0);
    QVERIFY(pair.link->waitingBytes() <= (qsizetype{2} << 20));
    QCOMPARE(pair.received.size(), 1);
    pair.link->setPaused(false);
    QTRY_COMPARE_WITH_TIMEOUT(pair.received.size(), kCount + 1, 10'000);
}

void TestLink::aSilentPeerIsLetGo()
{
    Pair pair;
    pair.peer->write(kPreamble);
    QTRY_COMPARE_WITH_TIMEOUT(pair.closes, 1, kHelloTimeoutMs + 3000);
    QVERIFY(pair.lastFault.contains("introduce"));
    QTRY_VERIFY(pair.peer->isClosed());
}

void TestLink::hostileBytesEndTheLink_data()
{
    QTest::addColumn<QByteArray>("bytes");
    const QByteArray preamble = kPreamble.toByteArray();
    core::Hello hello;
    hello.node = 9;
    hello.programVersion = QByteArray(200, 'v');
    QTest::newRow("http") << QByteArray("GET /membership HTTP/1.1\r\nHost: a\r\n\r\n");
    QTest::newRow("garbage") << QByteArray(5000, '\x7f');
    QTest::newRow("giant length") << preamble + QByteArray::fromHex("ffffffff0100a0");
    QTest::newRow("more than a Hello") << preamble + QByteArray::fromHex("000010000100");
    QTest::newRow("no Hello first") << preamble + encodeMessage(core::RootsRequest{1});
    QTest::newRow("damaged Hello") << preamble + encodeFrame({1, 0, "\xa1\x01\x01"});
    QTest::newRow("long version") << preamble + encodeMessage(hello);
}

void TestLink::hostileBytesEndTheLink()
{
    QFETCH(QByteArray, bytes);
    Pair pair;
    pair.peer->write(bytes);
    QTRY_COMPARE(pair.closes, 1);
    QVERIFY(!pair.lastFault.isEmpty());
    QVERIFY(pair.received.empty());
    QTRY_VERIFY(pair.peer->isClosed());
}

// It tells the peer what this side speaks, however early that side is let go.
void TestLink::whoIsTurnedAwayReadsOurPreamble()
{
    QTcpServer server;
    QVERIFY(server.listen(QHostAddress::LocalHost));
    QTcpSocket peer;
    peer.connectToHost(QHostAddress::LocalHost, server.serverPort());
    QVERIFY(server.waitForNewConnection(5000));
    QVERIFY(peer.waitForConnected(5000));
    peer.write(QByteArray(kPreamble.size(), 'x'));
    QVERIFY(peer.waitForBytesWritten(5000));
    QTcpSocket *socket = server.nextPendingConnection();
    QVERIFY(socket->waitForReadyRead(5000)); // All of it is there when the link begins.
    Link link(1, socket, std::nullopt, nullptr);
    QSignalSpy closed(&link, &Link::closed);
    link.start();
    QTRY_COMPARE(closed.size(), 1);
    QTRY_COMPARE(peer.state(), QAbstractSocket::UnconnectedState);
    QCOMPARE(peer.readAll(), kPreamble.toByteArray());
    QCOMPARE(peer.error(), QAbstractSocket::RemoteHostClosedError);
}

void TestLink::hostileBytesAfterTheHelloEndTheLink_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::newRow("garbage") << QByteArray(5000, '\x7f');
    QTest::newRow("too long") << QByteArray::fromHex("014000000300");
    QTest::newRow("must understand") << encodeFrame({200, kMustUnderstand, "\xa0"});
    QTest::newRow("damaged message") << encodeFrame({18, 0, "\xa0"});
}

void TestLink::hostileBytesAfterTheHelloEndTheLink()
{
    QFETCH(QByteArray, bytes);
    Pair pair;
    QVERIFY(pair.greet());
    pair.peer->write(bytes);
    QTRY_COMPARE(pair.closes, 1);
    QVERIFY(!pair.lastFault.isEmpty());
}

void TestLink::aTypeOfALaterVersionIsIgnored()
{
    Pair pair;
    QVERIFY(pair.greet());
    pair.peer->write(encodeFrame({200, 0, "whatever it is"}));
    pair.peer->send(core::RootsRequest{1});
    QTRY_COMPARE(pair.received.size(), 2);
    QCOMPARE(pair.closes, 0);
}

void TestLink::theLastWordsArriveBeforeTheClose()
{
    Pair pair;
    QVERIFY(pair.greet());
    pair.peer->send(core::Refusal{core::Refusal::Reason::Busy, "full"});
    pair.peer->socket().disconnectFromHost();
    QTRY_COMPARE(pair.closes, 1);
    QCOMPARE(pair.lastFault, QByteArray());
    QCOMPARE(pair.received.size(), 2);
}

void TestLink::ourLastWordsReachAPeerThatTalks()
{
    Pair pair;
    QVERIFY(pair.greet());
    for (quint64 i = 0; i < 50; ++i)
        pair.peer->send(pushOf(i, 10'000));
    pair.link->send(core::Refusal{core::Refusal::Reason::ForeignCluster, "another cluster"});
    pair.link->closeWhenFlushed();
    pair.link->send(core::RootsRequest{1}); // Too late.
    QTRY_COMPARE(pair.closes, 1);
    QTRY_VERIFY(pair.peer->isClosed());
    QCOMPARE(pair.peer->messages().size(), 1);
    QCOMPARE(pair.peer->count<core::Refusal>(), 1);
}

void TestLink::aPeerThatDoesNotReadCannotHoldUpTheClose()
{
    Pair pair;
    QVERIFY(pair.greet());
    pair.peer->setReading(false);
    for (quint64 i = 0; i < 400; ++i)
        pair.link->send(pushOf(i, 64 << 10));
    pair.link->closeWhenFlushed();
    QTRY_COMPARE_WITH_TIMEOUT(pair.closes, 1, kFlushTimeoutMs + 2000);
}

QTEST_GUILESS_MAIN(TestLink)
#include "tst_link.moc"
