// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/frame_codec.h"

#include <QtTest>

#include <vector>

using namespace dynakv;
using namespace dynakv::cluster;

namespace {

std::vector<Frame> drain(FrameParser &parser)
{
    std::vector<Frame> frames;
    while (auto frame = parser.next())
        frames.push_back(std::move(*frame));
    return frames;
}

QByteArray lengthField(quint32 length)
{
    QByteArray bytes(4, Qt::Uninitialized);
    qToBigEndian(length, bytes.data());
    return bytes;
}

} // namespace

class TestFrameCodec : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void aFrameHasTheDocumentedBytes();
    void framesComeOutWhateverThePiecesTheyCameIn_data();
    void framesComeOutWhateverThePiecesTheyCameIn();
    void aStrangerIsRecognised_data();
    void aStrangerIsRecognised();
    void aLengthBeyondTheBoundIsRefusedBeforeItsBytesCome();
    void theBoundGrowsWithTheHello();
    void aLengthTooShortForAHeadIsRefused();
    void partsBecomeOneFrame();
    void partsThatDoNotBelongTogetherAreRefused_data();
    void partsThatDoNotBelongTogetherAreRefused();
    void nothingComesOutAfterAFault();
    void aLongStreamDoesNotGrowTheBuffer();
};

void TestFrameCodec::aFrameHasTheDocumentedBytes()
{
    QCOMPARE(encodeFrame({0x12, 0x01, "\xa0"}).toHex(' '), QByteArray("00 00 00 03 12 01 a0"));
}

void TestFrameCodec::framesComeOutWhateverThePiecesTheyCameIn_data()
{
    QTest::addColumn<qsizetype>("piece");
    for (const qsizetype piece : {1, 2, 3, 5, 7, 64, 1'000'000})
        QTest::addRow("%d", int(piece)) << piece;
}

void TestFrameCodec::framesComeOutWhateverThePiecesTheyCameIn()
{
    QFETCH(qsizetype, piece);
    const std::vector<Frame> sent = {
        {1, 0, {}}, {2, 1, "abc"}, {255, 249, QByteArray(3000, 'x')}, {3, 0, "z"}};
    QByteArray stream = kPreamble.toByteArray();
    for (const Frame &frame : sent)
        stream += encodeFrame(frame);

    FrameParser parser;
    std::vector<Frame> got;
    for (qsizetype at = 0; at < stream.size(); at += piece) {
        parser.feed(QByteArrayView(stream).sliced(at, std::min(piece, stream.size() - at)));
        for (Frame &frame : drain(parser))
            got.push_back(std::move(frame));
    }
    QVERIFY(!parser.fault());
    QCOMPARE(got, sent);
    QCOMPARE(parser.bufferedBytes(), 0);
}

void TestFrameCodec::aStrangerIsRecognised_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("word");
    QTest::newRow("http get") << QByteArray("GET / HTTP/1.1\r\n\r\n") << QByteArray("HTTP");
    QTest::newRow("http put") << QByteArray("PUT /v1") << QByteArray("HTTP");
    QTest::newRow("tls") << QByteArray("\x16\x03\x01\x02\x00", 5) << QByteArray("TLS");
    QTest::newRow("other framing") << QByteArray("DKV2....") << QByteArray("framing");
    QTest::newRow("zeros") << QByteArray(8, '\0') << QByteArray("not a DynaKV");
    QTest::newRow("one byte") << QByteArray("x") << QByteArray("not a DynaKV");
}

void TestFrameCodec::aStrangerIsRecognised()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, word);
    FrameParser parser;
    parser.feed(bytes);
    QVERIFY(!parser.next());
    QVERIFY(parser.fault());
    QCOMPARE(parser.fault()->code, base::ErrorCode::Unsupported);
    QVERIFY2(parser.fault()->message.contains(word), parser.fault()->message.constData());
}

void TestFrameCodec::aLengthBeyondTheBoundIsRefusedBeforeItsBytesCome()
{
    for (const quint32 length : {quint32(kFirstFrameBytesMax - 3), 0x7fffffffU, 0xffffffffU}) {
        FrameParser parser;
        parser.feed(kPreamble.toByteArray() + lengthField(length));
        QVERIFY(!parser.next());
        QVERIFY(parser.fault());
        QCOMPARE(parser.fault()->code, base::ErrorCode::Corrupt);
        QCOMPARE(parser.bufferedBytes(), 0);
    }
    FrameParser parser;
    parser.feed(kPreamble.toByteArray() + lengthField(quint32(kFirstFrameBytesMax - 4)));
    QVERIFY(!parser.next());
    QVERIFY(!parser.fault());
}

void TestFrameCodec::theBoundGrowsWithTheHello()
{
    const Frame hello{1, 0, "h"};
    const Frame big{2, 0, QByteArray(100'000, 'b')};
    FrameParser parser;
    parser.feed(kPreamble.toByteArray() + encodeFrame(hello) + encodeFrame(big));
    QCOMPARE(parser.next(), std::optional(hello));
    parser.setFrameBytesMax(core::kFrameBytesMax);
    QCOMPARE(parser.next(), std::optional(big));
}

void TestFrameCodec::aLengthTooShortForAHeadIsRefused()
{
    for (const quint32 length : {0U, 1U}) {
        FrameParser parser;
        parser.feed(kPreamble.toByteArray() + lengthField(length) + "xx");
        QVERIFY(!parser.next());
        QVERIFY(parser.fault());
    }
}

void TestFrameCodec::partsBecomeOneFrame()
{
    FrameParser parser;
    parser.feed(kPreamble.toByteArray() + encodeFrame({9, 7, "one "}) + encodeFrame({1, 0, "x"}) +
                encodeFrame({9, 7, {}}) + encodeFrame({9, 7, "two "}) +
                encodeFrame({9, 3, "three"}) + encodeFrame({9, 3, "alone"}));
    QCOMPARE(drain(parser),
             (std::vector<Frame>{{1, 0, "x"}, {9, 1, "one two three"}, {9, 1, "alone"}}));
    QVERIFY(!parser.fault());
    QCOMPARE(parser.bufferedBytes(), 0);
}

void TestFrameCodec::partsThatDoNotBelongTogetherAreRefused_data()
{
    QTest::addColumn<QByteArray>("frames");
    const QByteArray first = encodeFrame({9, 6, "first"});
    QTest::newRow("another type") << first + encodeFrame({8, 2, "last"});
    QTest::newRow("other flags") << first + encodeFrame({9, 3, "last"});
    QTest::newRow("more, but no part") << encodeFrame({9, 4, "x"});
    QTest::newRow("more together than a frame may have")
        << encodeFrame({9, 6, QByteArray(3000, 'x')}) + encodeFrame({9, 6, QByteArray(1091, 'x')});
}

void TestFrameCodec::partsThatDoNotBelongTogetherAreRefused()
{
    QFETCH(QByteArray, frames);
    FrameParser parser;
    parser.feed(kPreamble.toByteArray() + frames);
    QVERIFY(drain(parser).empty());
    QVERIFY(parser.fault());
    QCOMPARE(parser.fault()->code, base::ErrorCode::Corrupt);
    QCOMPARE(parser.bufferedBytes(), 0);
}

void TestFrameCodec::nothingComesOutAfterAFault()
{
    FrameParser parser;
    parser.feed("?");
    QVERIFY(!parser.next());
    parser.feed(kPreamble.toByteArray() + encodeFrame({1, 0, "a"}));
    QVERIFY(!parser.next());
    QVERIFY(parser.fault());
    QCOMPARE(parser.bufferedBytes(), 0);
}

// The consumed front is given back although the buffer is never empty between two reads.
void TestFrameCodec::aLongStreamDoesNotGrowTheBuffer()
{
    const QByteArray frame = encodeFrame({7, 0, QByteArray(1000, 'f')});
    FrameParser parser;
    parser.feed(kPreamble.toByteArray() + frame.first(1));
    int got = 0;
    for (int i = 0; i < 10'000; ++i) {
        parser.feed(frame.sliced(1) + frame.first(1));
        got += int(drain(parser).size());
        QCOMPARE(parser.bufferedBytes(), 1);
    }
    QCOMPARE(got, 10'000);
    QVERIFY(parser.capacityBytes() < 1'000'000);
}

QTEST_GUILESS_MAIN(TestFrameCodec)
#include "tst_frame_codec.moc"
