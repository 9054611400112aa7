// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/frame_codec.h"
#include "daemon/cluster/link_seal.h"
#include "daemon/cluster/send_queue.h"

#include <QTest>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

const QByteArray kSecret = "a secret of some length";

QByteArray nonce(char fill)
{
    return QByteArray(kNonceBytes, fill);
}

/// The two ends of one link.
struct Ends
{
    explicit Ends(const QByteArray &theirSecret = kSecret)
        : dialer(kSecret, true, nonce('d'))
        , acceptor(theirSecret, false, nonce('a'))
    {
        dialer.begin(nonce('a'));
        acceptor.begin(nonce('d'));
    }

    LinkSeal dialer;
    LinkSeal acceptor;
};

QByteArray frame(const QByteArray &body)
{
    return encodeFrame({7, 0, body});
}

/// What a node with a secret makes of \a stream.
struct Receiver
{
    explicit Receiver(QByteArrayView stream, const QByteArray &secret = kSecret)
        : seal(secret, false, nonce('a'))
        , parser(&seal)
    {
        parser.feed(stream);
        while (auto next = parser.next())
            bodies.push_back(next->body);
    }

    LinkSeal seal;
    FrameParser parser;
    std::vector<QByteArray> bodies = {};
};

/// Preamble and sealed frames of a dialer.
struct Sender
{
    Sender()
        : seal(kSecret, true, nonce('d'))
    {
        seal.begin(nonce('a'));
        for (const char *body : {"one", "two", "three"})
            frames.push_back(frame(body) + seal.sealOf(frame(body)));
    }
    [[nodiscard]] QByteArray stream() const
    {
        return seal.preamble() + frames[0] + frames[1] + frames[2];
    }

    LinkSeal seal;
    std::vector<QByteArray> frames = {};
};

} // namespace

/// The proof of the cluster's secret on one link.
class TestLinkSeal : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void bothEndsAgree();
    void sealsAreOfTheirFrameNumberDirectionAndLink();
    void matchesTheDescription();
    void framesArriveHoweverTheyAreCut();
    void whateverIsTamperedWithEndsTheLink_data();
    void whateverIsTamperedWithEndsTheLink();
    void saysWhoHasNoSecretAndWhoHasAnother();
    void theQueueSealsInTheOrderOfSending();
};

void TestLinkSeal::bothEndsAgree()
{
    Ends ends;
    for (const QByteArray &each : {frame("a"), frame(""), frame(QByteArray(100'000, 'x'))}) {
        QCOMPARE(ends.dialer.sealOf(each).size(), kSealBytes);
        QVERIFY(!ends.acceptor.isGood(each, QByteArray(kSealBytes, '\0')));
        ends = Ends();
        QVERIFY(ends.acceptor.isGood(each, ends.dialer.sealOf(each)));
        QVERIFY(ends.dialer.isGood(each, ends.acceptor.sealOf(each)));
        ends = Ends();
    }
}

void TestLinkSeal::sealsAreOfTheirFrameNumberDirectionAndLink()
{
    std::vector<QByteArray> all;
    Ends ends;
    all.push_back(ends.dialer.sealOf("f"));
    all.push_back(ends.dialer.sealOf("f"));    // Number,
    all.push_back(ends.acceptor.sealOf("f"));  // direction,
    LinkSeal other(kSecret, true, nonce('e')); // each nonce,
    other.begin(nonce('a'));
    all.push_back(other.sealOf("f"));
    LinkSeal another(kSecret, true, nonce('d'));
    another.begin(nonce('b'));
    all.push_back(another.sealOf("f"));
    LinkSeal stranger(kSecret + '.', true, nonce('d')); // secret
    stranger.begin(nonce('a'));
    all.push_back(stranger.sealOf("f"));
    all.push_back(Ends().dialer.sealOf("g")); // and content.
    std::sort(all.begin(), all.end());
    QVERIFY(std::adjacent_find(all.begin(), all.end()) == all.end());
    // The peer's own nonce, sent back to it, gives it none of its keys.
    LinkSeal mirrored(kSecret, true, nonce('d'));
    mirrored.begin(nonce('d'));
    LinkSeal mirror(kSecret, true, nonce('d'));
    mirror.begin(nonce('d'));
    QVERIFY(!mirrored.isGood("f", mirror.sealOf("f")));
}

/// Counted here once more after docs/formats/cluster_wire.md, with nothing but the hash itself.
void TestLinkSeal::matchesTheDescription()
{
    const auto hash = [](const QByteArray &bytes) {
        return QCryptographicHash::hash(bytes, QCryptographicHash::Blake2b_256);
    };
    const auto hmac = [&hash](QByteArray key, const QByteArray &text) {
        key = key.leftJustified(128, '\0');
        QByteArray inner = key;
        QByteArray outer = key;
        for (qsizetype i = 0; i < key.size(); ++i) {
            inner[i] = static_cast<char>(key[i] ^ 0x36);
            outer[i] = static_cast<char>(key[i] ^ 0x5c);
        }
        return hash(outer + hash(inner + text));
    };
    const QByteArray key =
        hmac(kSecret, "DynaKV link 1, from the dialer" + nonce('d') + nonce('a'));
    Ends ends;
    QCOMPARE(ends.dialer.sealOf("frame"), hmac(key, QByteArray(8, '\0') + "frame").first(16));
    QCOMPARE(ends.dialer.sealOf("frame"),
             hmac(key, QByteArray(7, '\0') + '\1' + "frame").first(16));
}

void TestLinkSeal::framesArriveHoweverTheyAreCut()
{
    const QByteArray stream = Sender().stream();
    for (qsizetype cut = 0; cut <= stream.size(); ++cut) {
        LinkSeal seal(kSecret, false, nonce('a'));
        FrameParser parser(&seal);
        std::vector<QByteArray> bodies;
        for (const QByteArray &part : {stream.first(cut), stream.sliced(cut)}) {
            parser.feed(part);
            while (auto next = parser.next())
                bodies.push_back(next->body);
        }
        QVERIFY(!parser.fault());
        QCOMPARE(bodies, (std::vector<QByteArray>{"one", "two", "three"}));
    }
}

void TestLinkSeal::whateverIsTamperedWithEndsTheLink_data()
{
    QTest::addColumn<QByteArray>("stream");
    QTest::addColumn<int>("intact"); ///< Frames before the fault.
    const Sender sender;
    const QByteArray preamble = sender.seal.preamble();
    const auto &f = sender.frames;
    const auto row = [](const char *name, const QByteArray &stream, int intact) {
        QTest::newRow(name) << stream << intact;
    };
    row("repeated", preamble + f[0] + f[0] + f[1], 1);
    row("left out", preamble + f[0] + f[2], 1);
    row("swapped", preamble + f[1] + f[0], 0);
    row("from a later link", preamble.first(4) + nonce('x') + f[0], 0);
    const QByteArray whole = sender.stream();
    const qsizetype first = preamble.size();
    // Each single bit of the first frame and its seal, but those of the length: they make the
    // parser wait for more, or refuse the length.
    for (qsizetype at = first + 4; at < first + f[0].size(); ++at) {
        QByteArray changed = whole;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 8)));
        row(("bit in byte " + QByteArray::number(at - first)).constData(), changed, 0);
    }
    QByteArray unsealed = preamble + f[0] + frame("two") + QByteArray(kSealBytes, '\0');
    row("no seal", unsealed, 1);
}

void TestLinkSeal::whateverIsTamperedWithEndsTheLink()
{
    QFETCH(const QByteArray, stream);
    QFETCH(const int, intact);
    const Receiver receiver(stream);
    QCOMPARE(receiver.bodies.size(), static_cast<std::size_t>(intact));
    QVERIFY(receiver.parser.fault());
    QCOMPARE(receiver.parser.fault()->code,
             intact > 0 ? base::ErrorCode::Corrupt : base::ErrorCode::Denied);
}

void TestLinkSeal::saysWhoHasNoSecretAndWhoHasAnother()
{
    const Receiver another(Sender().stream(), "another secret, as long");
    QVERIFY(another.bodies.empty());
    QVERIFY(another.parser.fault()->message.contains("does not know the secret"));
    const Receiver none(kPreamble.toByteArray() + frame("one"));
    QVERIFY(none.bodies.empty());
    QVERIFY(none.parser.fault()->message.contains("proves no cluster secret"));
    FrameParser plain;
    plain.feed(Sender().stream());
    QVERIFY(!plain.next());
    QVERIFY(plain.fault()->message.contains("--cluster-secret-file"));
}

void TestLinkSeal::theQueueSealsInTheOrderOfSending()
{
    LinkSeal seal(kSecret, true, nonce('d'));
    seal.begin(nonce('a'));
    SendQueue queue(&seal);
    QVERIFY(queue.add(core::Lane::Data, frame("data one")));
    QVERIFY(queue.add(core::Lane::Data, frame("data two")));
    QByteArray stream = seal.preamble();
    const auto take = [&](qsizetype bytes) {
        stream += queue.front(bytes);
        queue.pop(queue.front(bytes).size());
    };
    QVERIFY(!queue.front(3).isEmpty()); // Asked twice, sealed once.
    take(3);
    QVERIFY(queue.add(core::Lane::Control, frame("control")));
    while (!queue.isEmpty())
        take(5);
    const Receiver receiver(stream);
    QVERIFY(!receiver.parser.fault());
    QCOMPARE(receiver.bodies, (std::vector<QByteArray>{"data one", "control", "data two"}));
}

QTEST_APPLESS_MAIN(TestLinkSeal)
#include "tst_link_seal.moc"
