// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/message_codec.h"
#include "tests/support/cluster_fixture.h"
#include "tests/support/frame_relay.h"

#include <QCborStreamReader>
#include <QCborStreamWriter>
#include <QTest>

using namespace dynakv;
using cluster::Frame;
using cluster::MessageType;
using test::Cluster;
using test::HttpAnswer;

namespace {

constexpr quint8 kUnknownType = 200;
constexpr quint64 kUnknownKey = 250;

quint8 typeOf(MessageType type)
{
    return static_cast<quint8>(type);
}

bool is(const Frame &frame, MessageType type)
{
    return frame.type == typeOf(type);
}

/// Copies one value and adds fields of every kind to each map in it. By streams, since a
/// QCborValue takes large unsigned numbers for doubles.
void extend(QCborStreamReader &in, QCborStreamWriter &out)
{
    if (in.isUnsignedInteger()) {
        out.append(in.toUnsignedInteger());
        in.next();
    } else if (in.isNegativeInteger()) {
        out.append(in.toNegativeInteger());
        in.next();
    } else if (in.isByteArray()) {
        out.append(in.readByteArray().data);
        in.readByteArray(); // Its end.
    } else if (in.isArray()) {
        out.startArray(in.length());
        in.enterContainer();
        while (in.hasNext())
            extend(in, out);
        in.leaveContainer();
        out.endArray();
    } else if (in.isMap()) {
        out.startMap(in.length() + 2);
        out.append(kUnknownKey);
        out.startArray(4);
        out.append(-2);
        out.append(2.5);
        out.append(QLatin1String("text"));
        out.startMap(1);
        out.append(QCborSimpleType::Null);
        out.append(QByteArrayView("bytes").toByteArray());
        out.endMap();
        out.endArray();
        in.enterContainer();
        while (in.hasNext())
            extend(in, out);
        in.leaveContainer();
        out.append(kUnknownKey + 1);
        out.append(true);
        out.endMap();
    } else {
        out.append(in.toSimpleType());
        in.next();
    }
}

QByteArray extended(const QByteArray &body)
{
    QByteArray result;
    QCborStreamReader in(body);
    QCborStreamWriter out(&result);
    extend(in, out);
    return result;
}

/// A Hello that tells these versions; any other frame as it is.
Frame speaking(const Frame &frame, quint16 protocolMin, quint16 protocolMax)
{
    if (!is(frame, MessageType::Hello))
        return frame;
    auto hello = std::get<core::Hello>(**cluster::decodeMessage(frame));
    hello.protocolMin = protocolMin;
    hello.protocolMax = protocolMax;
    const QByteArray bytes = cluster::encodeMessage(hello);
    return {frame.type, frame.flags, bytes.sliced(cluster::kFrameHeadBytes)};
}

/// What a node of the next version might make of it.
std::vector<Frame> asOfTheNextVersion(const Frame &frame)
{
    const Frame spoken = speaking(frame, 1, 2);
    std::vector<Frame> frames{{spoken.type, spoken.flags, extended(spoken.body)}};
    // Not even a map, since nobody may look into it. Nothing comes before a Hello.
    frames.push_back({kUnknownType, 0, "what nobody knows yet"});
    return frames;
}

} // namespace

/// Two real nodes whose words are changed on their way to those of other versions.
class TestProtocolVersions : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatANextVersionAddsIsNoHindrance();
    void withoutACommonVersionBothSayWhoIsTooOld_data();
    void withoutACommonVersionBothSayWhoIsTooOld();
    void whatMustBeUnderstoodEndsTheLink();
    void cleanup();

private:
    /// Starts the first node, and the second one with the relay as its way to the first.
    void start(test::FrameRelay::Rewrite rewrite);
    /// Both have said it to their logs.
    [[nodiscard]] bool areTold(const QByteArray &text)
    {
        return m_cluster->node(0).log().contains(text) && m_cluster->node(1).log().contains(text);
    }

    std::unique_ptr<Cluster> m_cluster;
    std::unique_ptr<test::FrameRelay> m_relay;
};

void TestProtocolVersions::cleanup()
{
    m_cluster.reset();
    m_relay.reset();
}

void TestProtocolVersions::start(test::FrameRelay::Rewrite rewrite)
{
    m_cluster = std::make_unique<Cluster>(2);
    const base::Endpoint first = m_cluster->node(0).address();
    m_relay = std::make_unique<test::FrameRelay>(
        base::Endpoint{first.host, base::defaultClusterPort(first.port)}, std::move(rewrite));
    QVERIFY(m_cluster->node(0).start());
    QVERIFY(
        m_cluster->node(1).start({first.toString() + '/' + QByteArray::number(m_relay->port())}));
}

void TestProtocolVersions::whatANextVersionAddsIsNoHindrance()
{
    start(asOfTheNextVersion);
    QVERIFY(m_cluster->waitForAll());
    const test::RestProbe one = m_cluster->rest(0);
    const test::RestProbe other = m_cluster->rest(1);
    const QByteArray large = '"' + QByteArray(200'000, 'l') + '"';
    QCOMPARE(one.put("/key/small?w=all", R"({"value":1})").status, 200);
    QCOMPARE(other.put("/key/large?w=all", R"({"value":)" + large + '}').status, 200);
    QVERIFY(m_cluster->waitForValue("small", "1") && m_cluster->waitForValue("large", large));
    QCOMPARE(one.del("/key/small?w=all").status, 200);
    QVERIFY(m_cluster->waitForValue("small", {}));
    // About half of the keys are at home on the other node, which judges their conditions.
    for (int i = 0; i < 16; ++i) {
        const QByteArray target = "/key/made-" + QByteArray::number(i);
        const auto create = [&target](const test::RestProbe &rest) {
            return rest.begin("PUT", target, R"({"value":2})", "If-None-Match: *\r\n")
                .finish()
                .status;
        };
        QCOMPARE(create(one), 200);
        QCOMPARE(create(other), 412);
        QCOMPARE(other.get(target + "?r=all").status, 200);
    }
    const HttpAnswer copies = one.get("/v1/key-replicas/large");
    QCOMPARE(copies.status, 200);
    QVERIFY2(copies.body.contains(R"("equal":true)"), copies.body.constData());

    // All of that went by way of the relay, on the link of the beginning.
    for (const MessageType type :
         {MessageType::Heartbeat, MessageType::Gossip, MessageType::Push, MessageType::PushAck,
          MessageType::RootsRequest, MessageType::CopyReply, MessageType::ForwardedWrite,
          MessageType::ForwardedOutcome})
        QVERIFY2(m_relay->seen(typeOf(type)) > 0, QByteArray::number(typeOf(type)).constData());
    QCOMPARE(m_relay->seen(typeOf(MessageType::Hello)), 2);
    QCOMPARE(m_relay->endedLinks(), 0);
    for (int i = 0; i < 2; ++i)
        QVERIFY2(!m_cluster->node(i).log().contains("warning"),
                 m_cluster->node(i).log().constData());
}

void TestProtocolVersions::withoutACommonVersionBothSayWhoIsTooOld_data()
{
    QTest::addColumn<quint16>("protocolMin");
    QTest::addColumn<quint16>("protocolMax");
    QTest::addColumn<QByteArray>("spoken");
    QTest::newRow("the next one only")
        << quint16{2} << quint16{2} << QByteArray("speaks 2; upgrade node ");
    QTest::newRow("later ones") << quint16{2} << quint16{7}
                                << QByteArray("speaks 2 to 7; upgrade node ");
    QTest::newRow("one before the first")
        << quint16{0} << quint16{0} << QByteArray("speaks 0; upgrade node ");
}

void TestProtocolVersions::withoutACommonVersionBothSayWhoIsTooOld()
{
    QFETCH(const quint16, protocolMin);
    QFETCH(const quint16, protocolMax);
    QFETCH(const QByteArray, spoken);
    start([=](const Frame &frame) {
        return std::vector<Frame>{speaking(frame, protocolMin, protocolMax)};
    });
    const QByteArray text = "no common version of the cluster protocol: node ";
    QVERIFY(test::waitUntil([&] { return areTold(text) && areTold(spoken); }, 30'000));
    // What the refused one says of itself to operators and clients.
    QVERIFY(m_cluster->waitForMembers({0}));
    QCOMPARE(m_cluster->rest(1).get("/readyz").status, 503);
    QCOMPARE(m_cluster->rest(1).put("/key/k", R"({"value":1})").status, 503);
    QVERIFY(m_cluster->rest(0).putValue("k", "1"));
}

void TestProtocolVersions::whatMustBeUnderstoodEndsTheLink()
{
    start([isSent = false](const Frame &frame) mutable {
        std::vector<Frame> frames{frame};
        if (is(frame, MessageType::PushAck) && !std::exchange(isSent, true))
            frames.push_back({kUnknownType, cluster::kMustUnderstand, "for the wise only"});
        return frames;
    });
    QVERIFY(m_cluster->waitForAll());
    QCOMPARE(m_cluster->rest(0).put("/key/k?w=all", R"({"value":1})").status, 200);
    QVERIFY(test::waitUntil([this] { return m_relay->endedLinks() > 0; }, 30'000));
    const QByteArray text = "must be understood; the other node's version is newer";
    QVERIFY(m_cluster->node(0).log().contains(text) || m_cluster->node(1).log().contains(text));
    // They come together again.
    QVERIFY(test::waitUntil(
        [this] {
            return m_cluster->rest(1).put("/key/k?w=all&timeout=500", R"({"value":2})").status ==
                   200;
        },
        30'000));
}

QTEST_GUILESS_MAIN(TestProtocolVersions)
#include "tst_protocol_versions.moc"
