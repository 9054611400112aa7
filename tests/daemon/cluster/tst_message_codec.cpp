// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/message_codec.h"
#include "daemon/storage/record_codec.h"
#include "tests/daemon/cluster/random_messages.h"

#include <QCborArray>
#include <QCborMap>
#include <QCborStreamWriter>
#include <QtTest>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

constexpr std::size_t kMessageCount = std::variant_size_v<core::Message>;

Frame frameOf(const core::Message &message)
{
    FrameParser parser;
    parser.setFrameBytesMax(core::kFrameBytesMax);
    parser.feed(kPreamble.toByteArray() + encodeMessage(message));
    return parser.next().value();
}

Frame frameOf(MessageType type, const QCborMap &map)
{
    return {static_cast<quint8>(type), 0, map.toCborValue().toCbor()};
}

bool isRefused(const Frame &frame)
{
    const auto message = decodeMessage(frame);
    return !message && message.error().code == base::ErrorCode::Corrupt;
}

} // namespace

class TestMessageCodec : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void everyMessageComesBackExactly();
    void aHelloHasTheDocumentedBytes();
    void aHeartbeatHasTheGoldenBytes();
    void aCopyHasTheGoldenBytes();
    void aListingHasTheGoldenBytes();
    void aMessageCutAnywhereIsRefused();
    void aDamagedByteNeverCrashes();
    void keysOfALaterVersionAreIgnored();
    void typesOfALaterVersionAreIgnoredUnlessTheyMustBeUnderstood();
    void aRefusalOfALaterVersionStaysARefusal();
    void hostileFieldsAreRefused_data();
    void hostileFieldsAreRefused();
    void claimsOfSizeAllocateNothing_data();
    void claimsOfSizeAllocateNothing();
    void recordsBeyondTheBoundAreRefused();
    void theGreatestValueFitsAFrame();
};

void TestMessageCodec::everyMessageComesBackExactly()
{
    for (quint32 seed = 0; seed < 30; ++seed) {
        RandomMessages random(seed);
        for (std::size_t i = 0; i < kMessageCount; ++i) {
            const core::Message message = random.message(i);
            QCOMPARE(message.index(), i);
            const auto back = decodeMessage(frameOf(message));
            QVERIFY2(back, back ? "" : back.error().message.constData());
            QVERIFY(back->has_value());
            QVERIFY(**back == message);
        }
    }
}

// The worked example of docs/formats/cluster_wire.md.
void TestMessageCodec::aHelloHasTheDocumentedBytes()
{
    core::Hello hello;
    hello.clusterId = 0x1122334455667788;
    hello.node = 0xa1;
    hello.generation = 3;
    hello.bootId = 7;
    hello.apiPort = 6661;
    hello.clusterPort = 16661;
    hello.memberCount = 2;
    hello.hasData = true;
    hello.programVersion = "0.1.0";
    const QByteArray first = "01010201031b11223344556677880418a105030607"
                             "074008191a0509194115"
                             "0a020bf50cf40d45302e312e30";
    // The very first version named no features.
    const auto fromFirst = decodeMessage(
        {static_cast<quint8>(MessageType::Hello), 0, QByteArray::fromHex("ad" + first)});
    QVERIFY2(fromFirst, fromFirst ? "" : fromFirst.error().message.constData());
    QVERIFY(**fromFirst == core::Message(hello));
    hello.features = core::kAnswersListings;
    hello.claim = 0x654f0007;
    QCOMPARE(encodeMessage(hello).toHex(), "000000370100af" + first + "0e01" + "101a654f0007");
}

// Golden: what a node of this version sends, every later version must read.
void TestMessageCodec::aHeartbeatHasTheGoldenBytes()
{
    core::Heartbeat beat;
    beat.sequence = 7;
    beat.tableHash = 0x0123456789abcdef;
    beat.clock = 0xfffffffffffffffe;
    beat.wallMs = 1'700'000'000'000;
    beat.sentMs = 5000;
    beat.echoMs = 0;
    beat.echoHeldMs = -1;
    beat.keys = 3;
    beat.bytes = 300;
    beat.caughtUp = true;
    // The very first version did not tell of its memory.
    const QByteArray first = "0107021b0123456789abcdef031bfffffffffffffffe"
                             "041b0000018bcfe56800051913880600072008030919012c0af5";
    const auto fromFirst = decodeMessage(
        {static_cast<quint8>(MessageType::Heartbeat), 0, QByteArray::fromHex("aa" + first)});
    QVERIFY2(fromFirst, fromFirst ? "" : fromFirst.error().message.constData());
    QVERIFY(**fromFirst == core::Message(beat));
    beat.memoryUsedPermille = 951;
    beat.mayLack = true;
    beat.intervalMs = 500;
    beat.treeHash = 0x1122334455667789;
    beat.holdings = {7, 8, 9};
    QCOMPARE(encodeMessage(beat).toHex(), "0000004d0300b1" + first + "0b1903b7" + "0cf5" +
                                              "0d1901f4" + "0e1b1122334455667789" + "0f0710081109");
}

void TestMessageCodec::aCopyHasTheGoldenBytes()
{
    QCOMPARE(encodeMessage(core::CopyRequest{7, "key"}).toHex(), "0000000a1a00a20107"
                                                                 "02436b6579");
    const core::ReplicaCopy copy{
        true, {{0x11, 0xa1}, 0x0123456789abcdef}, core::RecordKind::Tombstone, 0, 5};
    QCOMPARE(encodeMessage(core::CopyReply{7, copy}).toHex(), "0000001c1b00a8010702f5031104"
                                                              "18a1051b0123456789abcdef"
                                                              "060107000805");
}

void TestMessageCodec::aListingHasTheGoldenBytes()
{
    core::ListRequest request{7};
    request.query.prefix = "p/";
    request.query.delimiter = "/";
    request.query.after = "p/a";
    request.query.order = core::Order::Descending;
    QCOMPARE(encodeMessage(request).toHex(), "0000001a1e00a80107"
                                             "0242702f03412f0440"
                                             "0543702f61061864070108f4");
    core::ListReply reply{7, true};
    reply.page.listing.keys = {{"p/b", {0x11, 0xa1}, 5, 0}};
    reply.page.listing.prefixes = {{"p/c/", 3, true}};
    reply.page.listing.totalEstimate = 4;
    reply.page.boot = 9;
    reply.page.seq = 2;
    QCOMPARE(encodeMessage(reply).toHex(),
             "0000004a1f00a9010702f503"
             "5825"
             "000000000000001100000000000000a100000000000000050000000000000000"
             "0003702f62"
             "044f"
             "0000000000000003010004702f632f"
             "05f40604070908020940");
}

void TestMessageCodec::aMessageCutAnywhereIsRefused()
{
    RandomMessages random(1);
    for (std::size_t i = 0; i < kMessageCount; ++i) {
        const Frame frame = frameOf(random.message(i));
        const qsizetype step = std::max<qsizetype>(1, frame.body.size() / 3000);
        for (qsizetype size = 0; size < frame.body.size(); size += step)
            QVERIFY(isRefused({frame.type, 0, frame.body.first(size)}));
        QVERIFY(isRefused({frame.type, 0, frame.body + '\0'}));
    }
}

void TestMessageCodec::aDamagedByteNeverCrashes()
{
    RandomMessages random(2);
    QRandomGenerator dice(2);
    for (std::size_t i = 0; i < kMessageCount; ++i) {
        const Frame frame = frameOf(random.message(i));
        for (int round = 0; round < 3000; ++round) {
            Frame damaged = frame;
            for (int n = dice.bounded(1, 4); n > 0; --n)
                damaged.body[dice.bounded(damaged.body.size())] =
                    static_cast<char>(dice.bounded(256));
            const auto message = decodeMessage(damaged);
            if (message && message->has_value())
                QVERIFY(decodeMessage(frameOf(**message)));
        }
    }
}

void TestMessageCodec::keysOfALaterVersionAreIgnored()
{
    RandomMessages random(3);
    for (std::size_t i = 0; i < kMessageCount; ++i) {
        const core::Message message = random.message(i);
        Frame frame = frameOf(message);
        // 50: [{1: 'x'}], 99999: "abc", 51: 1.5
        frame.body[0] = static_cast<char>(frame.body[0] + 3);
        frame.body += QByteArray::fromHex("183281a10141781a0001869f636162631833f93e00");
        const auto back = decodeMessage(frame);
        QVERIFY2(back, back ? "" : back.error().message.constData());
        QVERIFY(**back == message);
    }
}

void TestMessageCodec::typesOfALaterVersionAreIgnoredUnlessTheyMustBeUnderstood()
{
    for (const quint8 type : {quint8{0}, quint8{7}, quint8{99}, quint8{255}}) {
        const auto ignored = decodeMessage({type, 0, "anything"});
        QVERIFY(ignored);
        QVERIFY(!ignored->has_value());
        const auto refused = decodeMessage({type, kMustUnderstand, "anything"});
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, base::ErrorCode::Unsupported);
    }
}

void TestMessageCodec::aRefusalOfALaterVersionStaysARefusal()
{
    const auto back =
        decodeMessage(frameOf(MessageType::Refusal, {{1, 77}, {2, QByteArray("why")}}));
    QVERIFY(back);
    QVERIFY(std::get<core::Refusal>(**back) ==
            (core::Refusal{core::Refusal::Reason::Protocol, "why"}));
}

void TestMessageCodec::hostileFieldsAreRefused_data()
{
    QTest::addColumn<int>("type");
    QTest::addColumn<QByteArray>("body");
    const auto row = [](const char *name, MessageType type, const QCborMap &map) {
        QTest::newRow(name) << int(type) << map.toCborValue().toCbor();
    };
    row("missing field", MessageType::ProbeRequest, {{1, 5}});
    row("node 0", MessageType::ProbeRequest, {{1, 5}, {2, 0}});
    row("negative id", MessageType::ProbeRequest, {{1, -5}, {2, 1}});
    row("text for a number", MessageType::ProbeRequest, {{1, QStringLiteral("5")}, {2, 1}});
    row("number for a flag", MessageType::ProbeReply, {{1, 5}, {2, 1}, {3, 1}});
    row("double for a number", MessageType::RootsRequest, {{1, 1.5}});
    row("partition 256", MessageType::LeavesRequest, {{1, 5}, {2, 256}});
    row("durability 4", MessageType::PushAck, {{1, 5}, {2, true}, {3, 4}});
    row("255 hashes", MessageType::RootsReply, {{1, 5}, {2, QByteArray(255 * 8, 'h')}, {3, true}});
    row("257 hashes", MessageType::RootsReply, {{1, 5}, {2, QByteArray(257 * 8, 'h')}, {3, true}});
    row("31 bytes of leaves", MessageType::StampsRequest,
        {{1, 5}, {2, 1}, {3, QByteArray(31, 'l')}, {4, QByteArray()}});
    row("long key", MessageType::StampsRequest,
        {{1, 5}, {2, 1}, {3, QByteArray(32, 'l')}, {4, QByteArray(1025, 'k')}});
    row("long place", MessageType::StampsReply,
        {{1, 5}, {2, 1}, {3, QByteArray()}, {4, true}, {5, QByteArray(1025, 'k')}});
    row("empty key", MessageType::FetchRequest, {{1, 5}, {2, QCborArray{QByteArray()}}});
    row("key is text", MessageType::FetchRequest, {{1, 5}, {2, QCborArray{QStringLiteral("k")}}});
    row("half a stamp", MessageType::StampsReply,
        {{1, 5}, {2, 1}, {3, QByteArray(25, '\0')}, {4, true}});
    row("stamp without key", MessageType::StampsReply,
        {{1, 5}, {2, 1}, {3, QByteArray(26, '\0')}, {4, true}});
    const auto listed = [](int key, const QByteArray &rows) {
        QCborMap reply{{1, 5}, {2, true}, {3, QByteArray()}, {4, QByteArray()}, {5, false}, {6, 0},
                       {7, 1}, {8, 1},    {9, QByteArray()}};
        reply.insert(key, rows);
        return reply;
    };
    row("half a row", MessageType::ListReply, listed(3, QByteArray(33, '\0')));
    row("row without key", MessageType::ListReply, listed(3, QByteArray(34, '\0')));
    row("row's key cut short", MessageType::ListReply, listed(3, QByteArray(33, '\0') + "\2k"));
    row("1001 rows", MessageType::ListReply,
        listed(3, (QByteArray(33, '\0') + "\1k").repeated(1001)));
    row("group without name", MessageType::ListReply, listed(4, QByteArray(11, '\0')));
    row("group's flag is 2", MessageType::ListReply,
        listed(4, QByteArray(8, '\0') + '\2' + '\0' + "\1k"));
    const QCborMap listing{
        {1, 5}, {2, QByteArray()}, {3, QByteArray()}, {4, QByteArray()}, {5, QByteArray()}, {6, 1},
        {7, 0}, {8, true}};
    const auto asking = [&](int key, const QCborValue &value) {
        QCborMap changed = listing;
        changed.insert(key, value);
        return changed;
    };
    row("limit 1001", MessageType::ListRequest, asking(6, 1001));
    row("order 2", MessageType::ListRequest, asking(7, 2));
    row("long prefix", MessageType::ListRequest, asking(2, QByteArray(1025, 'p')));
    row("long last row", MessageType::ListRequest, asking(5, QByteArray(1025, 'a')));
    row("garbage record", MessageType::Push, {{1, 5}, {2, QByteArray(40, 'r')}});
    row("line break", MessageType::Refusal, {{1, 0}, {2, QByteArray("a\nb")}});
    row("long text", MessageType::Refusal, {{1, 0}, {2, QByteArray(1025, 'a')}});
    const QCborMap member{{1, 9},
                          {2, 1},
                          {3, 1},
                          {4, 1},
                          {5, QByteArray("h")},
                          {6, 1},
                          {7, QByteArray("h")},
                          {8, 1},
                          {9, QByteArray("v")}};
    const auto gossip = [&](int key, const QCborValue &value) {
        QCborMap changed = member;
        changed.insert(key, value);
        return QCborMap{{1, QCborArray{changed}}, {2, true}};
    };
    row("member 0", MessageType::Gossip, gossip(1, 0));
    row("member state 6", MessageType::Gossip, gossip(4, 6));
    row("host with a space", MessageType::Gossip, gossip(5, QByteArray("a b")));
    row("host with a line break", MessageType::Gossip, gossip(7, QByteArray("a\n")));
    row("host of 254", MessageType::Gossip, gossip(7, QByteArray(254, 'a')));
    row("port 65536", MessageType::Gossip, gossip(8, 65536));
    row("incarnation 2^32", MessageType::Gossip, gossip(3, qint64{1} << 32));
    row("member is no map", MessageType::Gossip, {{1, QCborArray{5}}, {2, true}});

    const auto raw = [](const char *name, MessageType type, const char *hex) {
        QTest::newRow(name) << int(type) << QByteArray::fromHex(hex);
    };
    raw("empty", MessageType::RootsRequest, "");
    raw("no map", MessageType::RootsRequest, "80");
    raw("key twice", MessageType::RootsRequest, "a201050105");
    raw("text key", MessageType::RootsRequest, "a2010561610a");
    raw("map of unknown length", MessageType::RootsRequest, "bf0105ff");
    raw("string of unknown length", MessageType::Refusal, "a20100025f4161ff");
    raw("array of unknown length", MessageType::FetchRequest, "a20105029fff");
    raw("wall below -2^63", MessageType::RootsRequest, "a1013bffffffffffffffff");
    raw("nesting under an unknown key", MessageType::RootsRequest,
        "a201051832818181818181818181818181818181818181818181818181818100");
}

void TestMessageCodec::hostileFieldsAreRefused()
{
    QFETCH(int, type);
    QFETCH(QByteArray, body);
    QVERIFY(isRefused({static_cast<quint8>(type), 0, body}));
}

void TestMessageCodec::claimsOfSizeAllocateNothing_data()
{
    QTest::addColumn<int>("type");
    QTest::addColumn<QByteArray>("body");
    const auto raw = [](const char *name, MessageType type, const char *hex) {
        QTest::newRow(name) << int(type) << QByteArray::fromHex(hex);
    };
    raw("records of 19 MiB", MessageType::Push, "a20105025a0130000041");
    raw("records of 2^63", MessageType::Push, "a20105025b800000000000000041");
    raw("text of 2^64 - 1", MessageType::Refusal, "a20100025bffffffffffffffff41");
    raw("array of 2^32", MessageType::FetchRequest, "a20105029b000000010000000040");
    raw("array of 1024", MessageType::FetchRequest, "a20105029904004161");
    raw("members of 4096", MessageType::Gossip, "a201991000a002f5");
    raw("map of 2^40", MessageType::RootsRequest, "bb00000100000000000105");
    raw("unknown bytes of 2^62", MessageType::RootsRequest, "a2010518325b400000000000000041");
    raw("unknown array of 2^62", MessageType::RootsRequest, "a2010518329b400000000000000041");
}

// Runs under the address sanitizer, whose allocator refuses what these lengths claim.
void TestMessageCodec::claimsOfSizeAllocateNothing()
{
    hostileFieldsAreRefused();
}

void TestMessageCodec::recordsBeyondTheBoundAreRefused()
{
    core::Push push;
    core::Record record;
    record.key = "k";
    record.version = {1, 1};
    record.value = "1";
    push.records.assign(quint64(core::kPushRecordsMax), record);
    QVERIFY(decodeMessage(frameOf(push)));
    push.records.push_back(record);
    QVERIFY(isRefused(frameOf(push)));
}

void TestMessageCodec::theGreatestValueFitsAFrame()
{
    core::Record record;
    record.key = QByteArray(1024, 'k');
    record.version = {1, 1};
    record.contentType = QByteArray(255, 't');
    record.context = QByteArray(4096, 'c');
    record.value = QByteArray(qsizetype{16} << 20, 'v');
    const core::Message message = core::Push{1, {record}};
    QVERIFY(encodeMessage(message).size() < core::kFrameBytesMax);
    QVERIFY(**decodeMessage(frameOf(message)) == message);
}

QTEST_GUILESS_MAIN(TestMessageCodec)
#include "tst_message_codec.moc"
