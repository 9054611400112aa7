// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/transport.h"
#include "daemon/core/effect.h"
#include "tests/daemon/cluster/raw_peer.h"

#include <QElapsedTimer>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

/// A transport on the loopback whose events are kept.
struct Station
{
    Station()
        : transport([this](core::Event event) { events.push_back(std::move(event)); })
    {
    }

    template <typename T>
    std::vector<T> of() const
    {
        std::vector<T> result;
        for (const core::Event &each : events) {
            if (const T *event = std::get_if<T>(&each))
                result.push_back(*event);
        }
        return result;
    }

    std::vector<core::Event> events;
    Transport transport;
};

const base::Endpoint kLoopback{"127.0.0.1", 0};

} // namespace

class TestTransport : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void twoTransportsTalk();
    void aPortInUseNamesTheRemedy();
    void anAddressOfAnotherMachineIsRefused();
    void anUnknownHostIsRefused();
    void aDeadPortIsRefused();
    void anUnknownNameIsTold();
    void aDialWithoutAnAnswerEndsInTime();
    void dialsThatFailAtOnceDoNotPileUp();
    void aLinkClosedByUsIsNotReported();
    void aLinkClosedByThePeerIsReported();
    void strangersMakeRoomForEachOther();
    void afterStopNothingIsOpened();
};

void TestTransport::twoTransportsTalk()
{
    Station a;
    Station b;
    QVERIFY(a.transport.listen(kLoopback));
    b.transport.dial(42, {"localhost", a.transport.port()});
    QTRY_COMPARE(b.of<core::LinkOpened>().size(), 1);
    QTRY_COMPARE(a.of<core::LinkOpened>().size(), 1);
    const core::LinkOpened out = b.of<core::LinkOpened>()[0];
    QVERIFY(out.isOutgoing);
    QCOMPARE(out.dial, 42);
    QCOMPARE(out.peerHost, QByteArray("127.0.0.1"));
    const core::LinkOpened in = a.of<core::LinkOpened>()[0];
    QVERIFY(!in.isOutgoing);
    QCOMPARE(in.localHost, QByteArray("127.0.0.1"));

    core::Hello hello;
    hello.node = 4;
    b.transport.send(out.link, hello);
    QTRY_COMPARE(a.of<core::Received>().size(), 1);
    QCOMPARE(a.of<core::Received>()[0].link, in.link);
    QVERIFY(a.of<core::Received>()[0].message == core::Message(hello));
}

void TestTransport::aPortInUseNamesTheRemedy()
{
    Station a;
    Station b;
    QVERIFY(a.transport.listen(kLoopback));
    const auto result = b.transport.listen({"127.0.0.1", a.transport.port()});
    QVERIFY(!result);
    QCOMPARE(result.error().code, base::ErrorCode::Busy);
    QVERIFY(result.error().message.contains(QByteArray::number(a.transport.port())));
    QVERIFY(result.error().message.contains("--cluster-port"));
}

void TestTransport::anAddressOfAnotherMachineIsRefused()
{
    Station a;
    const auto result = a.transport.listen({"192.0.2.1", 0});
    QVERIFY(!result);
    QVERIFY(result.error().message.contains("192.0.2.1"));
}

void TestTransport::anUnknownHostIsRefused()
{
    Station a;
    const auto result = a.transport.listen({"no-such-host.invalid", 0});
    QVERIFY(!result);
    QVERIFY(result.error().message.contains("no-such-host.invalid"));
}

void TestTransport::aDeadPortIsRefused()
{
    quint16 port = 0;
    {
        Station gone;
        QVERIFY(gone.transport.listen(kLoopback));
        port = gone.transport.port();
    }
    Station a;
    a.transport.dial(1, {"127.0.0.1", port});
    QTRY_COMPARE(a.of<core::DialFailed>().size(), 1);
    QCOMPARE(a.of<core::DialFailed>()[0].reason, core::DialFailed::Reason::Refused);
    a.transport.dial(2, {"127.0.0.1", 0});
    a.transport.dial(3, {});
    QTRY_COMPARE(a.of<core::DialFailed>().size(), 3);
}

void TestTransport::anUnknownNameIsTold()
{
    Station a;
    a.transport.dial(1, {"no-such-host.invalid", 5});
    QTRY_COMPARE(a.of<core::DialFailed>().size(), 1);
    const auto reason = a.of<core::DialFailed>()[0].reason;
    // A machine without a resolver runs into the deadline instead.
    QVERIFY(reason == core::DialFailed::Reason::UnknownName ||
            reason == core::DialFailed::Reason::TimedOut);
}

// A listener whose backlog is full leaves a SYN unanswered, as a dead host does.
void TestTransport::aDialWithoutAnAnswerEndsInTime()
{
    QTcpServer full;
    full.setListenBacklogSize(0);
    QVERIFY(full.listen(QHostAddress::LocalHost));
    full.pauseAccepting();
    RawPeer first(full.serverPort());
    QVERIFY(first.waitUntilConnected());

    Station a;
    QElapsedTimer clock;
    clock.start();
    a.transport.dial(1, {"127.0.0.1", full.serverPort()});
    QTRY_COMPARE_WITH_TIMEOUT(a.of<core::DialFailed>().size(), 1, 5000);
    QCOMPARE(a.of<core::DialFailed>()[0].reason, core::DialFailed::Reason::TimedOut);
    QVERIFY(clock.elapsed() >= core::kDialTimeoutMs - 200);
}

void TestTransport::dialsThatFailAtOnceDoNotPileUp()
{
    quint16 port = 0;
    {
        Station gone;
        QVERIFY(gone.transport.listen(kLoopback));
        port = gone.transport.port();
    }
    Station a;
    for (quint64 i = 0; i < 3000; ++i)
        a.transport.dial(i, {"127.0.0.1", port});
    QTRY_COMPARE(a.of<core::DialFailed>().size(), 3000);
}

void TestTransport::aLinkClosedByUsIsNotReported()
{
    Station a;
    QVERIFY(a.transport.listen(kLoopback));
    RawPeer peer(a.transport.port());
    peer.introduce();
    QTRY_COMPARE(a.of<core::Received>().size(), 1);
    a.transport.close(a.of<core::LinkOpened>()[0].link);
    QTRY_VERIFY(peer.isClosed());
    QTRY_COMPARE(a.transport.linkCount(), 0);
    QCOMPARE(a.of<core::LinkClosed>().size(), 0);
}

void TestTransport::aLinkClosedByThePeerIsReported()
{
    Station a;
    QVERIFY(a.transport.listen(kLoopback));
    RawPeer peer(a.transport.port());
    peer.introduce();
    QTRY_COMPARE(a.of<core::Received>().size(), 1);
    peer.socket().abort();
    QTRY_COMPARE(a.of<core::LinkClosed>().size(), 1);
    QCOMPARE(a.transport.linkCount(), 0);
}

void TestTransport::strangersMakeRoomForEachOther()
{
    Station a;
    QVERIFY(a.transport.listen(kLoopback));
    RawPeer known(a.transport.port());
    known.introduce();
    QTRY_COMPARE(a.of<core::Received>().size(), 1);
    std::vector<std::unique_ptr<RawPeer>> strangers;
    for (int i = 0; i < 100; ++i) {
        strangers.push_back(std::make_unique<RawPeer>(a.transport.port()));
        QVERIFY(strangers.back()->waitUntilConnected());
    }
    QTRY_COMPARE(a.of<core::LinkOpened>().size(), 101);
    QVERIFY(a.transport.linkCount() <= 65);
    QTRY_VERIFY(strangers.front()->isClosed());
    QVERIFY(!strangers.back()->isClosed());
    QVERIFY(!known.isClosed());
    // One that means it still gets in.
    RawPeer late(a.transport.port());
    late.introduce();
    QTRY_COMPARE(a.of<core::Received>().size(), 2);
}

void TestTransport::afterStopNothingIsOpened()
{
    Station a;
    QVERIFY(a.transport.listen(kLoopback));
    const quint16 port = a.transport.port();
    a.transport.stopOpening();
    RawPeer peer(port);
    QTRY_VERIFY(peer.isClosed());
    a.transport.dial(1, {"127.0.0.1", port});
    QTRY_COMPARE(a.of<core::DialFailed>().size(), 1);
    QCOMPARE(a.of<core::LinkOpened>().size(), 0);
}

QTEST_GUILESS_MAIN(TestTransport)
#include "tst_transport.moc"
