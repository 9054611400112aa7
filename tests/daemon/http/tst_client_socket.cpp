// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/client_socket.h"

#include <QSignalSpy>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>

#include <array>
#include <functional>

using namespace dynakv::http;

namespace {

/// Hands its connections over as descriptors, as the front door does.
class Listener : public QTcpServer
{
public:
    Listener() { listen(QHostAddress::LocalHost); }
    qintptr take()
    {
        while (m_descriptor < 0 && waitForNewConnection(5000)) {
        }
        return std::exchange(m_descriptor, -1);
    }

protected:
    void incomingConnection(qintptr descriptor) override { m_descriptor = descriptor; }

private:
    qintptr m_descriptor = -1;
};

/// Both ends of one connection.
struct Ends
{
    explicit Ends(SocketPoller &poller)
    {
        client.connectToHost(QHostAddress::LocalHost, listener.serverPort());
        client.waitForConnected(5000);
        server = std::make_unique<ClientSocket>(listener.take(), poller);
        QObject::connect(server.get(), &ClientSocket::readable, server.get(), [this] {
            ++readableCount;
            std::array<char, 4096> buffer;
            const native::Transfer transfer = server->read(buffer.data(), buffer.size());
            received.append(buffer.data(), transfer.bytes);
            hasEnded = hasEnded || transfer.outcome == native::Outcome::Ended;
            if (hasEnded)
                server->setReading(false);
        });
    }

    Listener listener;
    QTcpSocket client;
    std::unique_ptr<ClientSocket> server;
    QByteArray received = {};
    bool hasEnded = false;
    int readableCount = 0;
};

} // namespace

/// The real socket of a client, on every kind of poller that this system has.
class TestClientSocket : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void initTestCase_data();
    void init();
    void cleanup() { m_poller.reset(); }

    void carriesBytesBothWays();
    void tellsWhoIsAtItsEnds();
    void saysNothingWhileItIsNotToRead();
    void keepsWhatTheSystemDoesNotTake();
    void aClientThatHasSentAllMayStillRead();
    void endsItsDirectionOnceAllIsWritten();
    void tellsWhenNobodyIsThereAnyMore();
    void isSilentOnceItIsClosed();
    void oneMayCloseTheOthersInItsTurn();
    void refusesWhatIsNoSocket();

private:
    std::unique_ptr<SocketPoller> m_poller;
};

void TestClientSocket::initTestCase_data()
{
    QTest::addColumn<bool>("isPlain");
    QTest::newRow("the best of this system") << false;
    QTest::newRow("QSocketNotifier") << true;
}

void TestClientSocket::init()
{
    QFETCH_GLOBAL(const bool, isPlain);
    m_poller = isPlain ? makeNotifierPoller() : makeSocketPoller();
}

void TestClientSocket::carriesBytesBothWays()
{
    Ends ends(*m_poller);
    QVERIFY(ends.server->isOpen());
    ends.client.write("question");
    QTRY_COMPARE(ends.received, "question");
    ends.server->write("answer");
    QCOMPARE(ends.server->bytesToWrite(), 0); // Small ones leave at once.
    QTRY_COMPARE(ends.client.bytesAvailable(), 6);
    QCOMPARE(ends.client.readAll(), "answer");
}

void TestClientSocket::tellsWhoIsAtItsEnds()
{
    Ends ends(*m_poller);
    const native::Ends told = ends.server->ends();
    QCOMPARE(told.peer, QHostAddress(QHostAddress::LocalHost));
    QCOMPARE(told.peerPort, ends.client.localPort());
    QCOMPARE(told.local, QHostAddress(QHostAddress::LocalHost));
    QCOMPARE(told.localPort, ends.listener.serverPort());
}

void TestClientSocket::saysNothingWhileItIsNotToRead()
{
    Ends ends(*m_poller);
    ends.server->setReading(false);
    ends.client.write("later");
    Ends other(*m_poller);
    other.client.write("now");
    QTRY_COMPARE(other.received, "now"); // The loop went round, and the first was passed by.
    QCOMPARE(ends.readableCount, 0);
    ends.server->setReading(true);
    QTRY_COMPARE(ends.received, "later");
}

void TestClientSocket::keepsWhatTheSystemDoesNotTake()
{
    Ends ends(*m_poller);
    ends.client.setReadBufferSize(1024);
    QByteArray sent(8 << 20, Qt::Uninitialized);
    for (qsizetype i = 0; i < sent.size(); ++i)
        sent[i] = static_cast<char>(i % 251);
    const QSignalSpy written(ends.server.get(), &ClientSocket::written);
    ends.server->write(QByteArrayView(sent).first(sent.size() - 5));
    QVERIFY(ends.server->bytesToWrite() > 0);
    ends.server->write(QByteArrayView(sent).last(5)); // In its order.
    ends.client.setReadBufferSize(0);
    QByteArray got;
    QTRY_VERIFY_WITH_TIMEOUT(got.append(ends.client.readAll()).size() >= sent.size(), 20'000);
    QVERIFY(got == sent);
    QCOMPARE(ends.server->bytesToWrite(), 0);
    QVERIFY(!written.isEmpty());
}

void TestClientSocket::aClientThatHasSentAllMayStillRead()
{
    Ends ends(*m_poller);
    ends.client.write("all");
    QVERIFY(ends.client.waitForBytesWritten(5000));
    native::closeWriting(ends.client.socketDescriptor());
    QTRY_VERIFY(ends.hasEnded);
    QCOMPARE(ends.received, "all");
    ends.server->write("answer");
    QTRY_COMPARE(ends.client.bytesAvailable(), 6);
}

void TestClientSocket::endsItsDirectionOnceAllIsWritten()
{
    Ends ends(*m_poller);
    ends.client.setReadBufferSize(1024);
    const QByteArray sent(8 << 20, 'x');
    ends.server->write(sent);
    QVERIFY(ends.server->bytesToWrite() > 0);
    ends.server->closeWriting();
    qsizetype got = 0;
    ends.client.setReadBufferSize(0);
    QTRY_VERIFY_WITH_TIMEOUT((got += ends.client.readAll().size()) == sent.size() &&
                                 ends.client.state() != QAbstractSocket::ConnectedState,
                             20'000);
}

void TestClientSocket::tellsWhenNobodyIsThereAnyMore()
{
    Ends ends(*m_poller);
    const QSignalSpy gone(ends.server.get(), &ClientSocket::gone);
    ends.client.abort();
    // The first write is what makes the other side tell.
    QTRY_VERIFY((ends.server->write("x"), !gone.isEmpty()));
    QVERIFY(!ends.server->isOpen());
    ends.server->write("nobody reads this");
    QCOMPARE(ends.server->bytesToWrite(), 0);
}

void TestClientSocket::isSilentOnceItIsClosed()
{
    Ends ends(*m_poller);
    ends.client.write("too late");
    QVERIFY(ends.client.waitForBytesWritten(5000));
    ends.server->close();
    QTRY_COMPARE(ends.client.state(), QAbstractSocket::UnconnectedState);
    QCOMPARE(ends.readableCount, 0);
}

/// All of them are ready in the same turn; whoever is told first takes the others away.
void TestClientSocket::oneMayCloseTheOthersInItsTurn()
{
    std::array<std::unique_ptr<Ends>, 5> all;
    int told = 0;
    for (auto &ends : all) {
        ends = std::make_unique<Ends>(*m_poller);
        QObject::connect(ends->server.get(), &ClientSocket::readable, this, [&all, &told] {
            ++told;
            for (auto &each : all)
                each->server->close();
        });
    }
    for (auto &ends : all) {
        ends->client.write("x");
        QVERIFY(ends->client.waitForBytesWritten(5000));
    }
    QTRY_COMPARE(told, 1);
    Ends witness(*m_poller);
    witness.client.write("x");
    QTRY_COMPARE(witness.received, "x");
    QCOMPARE(told, 1);
}

void TestClientSocket::refusesWhatIsNoSocket()
{
    Listener listener;
    QTcpSocket client;
    client.connectToHost(QHostAddress::LocalHost, listener.serverPort());
    const qintptr descriptor = listener.take();
    native::close(descriptor);
    const ClientSocket socket(descriptor, *m_poller);
    QVERIFY(!socket.isOpen());
}

QTEST_GUILESS_MAIN(TestClientSocket)
#include "tst_client_socket.moc"
