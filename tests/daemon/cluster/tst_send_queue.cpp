// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/frame_codec.h"
#include "daemon/cluster/send_queue.h"
#include "shared/base/log_throttle.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::cluster;
using core::Lane;

namespace {

QByteArray takeAll(SendQueue &queue, qsizetype piece)
{
    QByteArray all;
    while (!queue.isEmpty()) {
        const QByteArrayView bytes = queue.front(piece);
        all += bytes;
        queue.pop(bytes.size());
    }
    return all;
}

} // namespace

class TestSendQueue : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void controlGoesFirst();
    void aFrameOnceBegunIsFinishedFirst();
    void piecesOfAnySizeMakeTheSameStream();
    void aLargeFrameGoesInPartsAndControlPasses();
    void eachLaneIsBounded();
    void aLoneGiantPasses();
    void roomComesBackAsBytesAreWritten();
    void theThrottleLetsOneLineAPeriodThrough();
};

void TestSendQueue::controlGoesFirst()
{
    SendQueue queue;
    QVERIFY(queue.add(Lane::Data, "data1"));
    QVERIFY(queue.add(Lane::Data, "data2"));
    QVERIFY(queue.add(Lane::Control, "control"));
    QCOMPARE(takeAll(queue, 100), QByteArray("controldata1data2"));
}

void TestSendQueue::aFrameOnceBegunIsFinishedFirst()
{
    SendQueue queue;
    QVERIFY(queue.add(Lane::Data, "abcd"));
    QVERIFY(queue.add(Lane::Data, "efgh"));
    queue.pop(queue.front(2).size());
    QVERIFY(queue.add(Lane::Control, "!"));
    QCOMPARE(takeAll(queue, 3), QByteArray("cd!efgh"));
}

void TestSendQueue::piecesOfAnySizeMakeTheSameStream()
{
    for (qsizetype piece = 1; piece < 12; ++piece) {
        SendQueue queue;
        for (const char *frame : {"one", "two2", "three33"})
            QVERIFY(queue.add(Lane::Data, frame));
        QCOMPARE(takeAll(queue, piece), QByteArray("onetwo2three33"));
        QVERIFY(queue.front(1).isEmpty());
    }
}

void TestSendQueue::aLargeFrameGoesInPartsAndControlPasses()
{
    QByteArray body(3 * kPartBytesMax + 100, Qt::Uninitialized);
    for (qsizetype i = 0; i < body.size(); ++i)
        body[i] = static_cast<char>(i * 7 % 251);
    for (const qsizetype size :
         {kPartBytesMax, kPartBytesMax + 1, 3 * kPartBytesMax, body.size()}) {
        SendQueue queue;
        FrameParser parser;
        parser.setFrameBytesMax(core::kFrameBytesMax);
        parser.feed(kPreamble);
        const Frame large{9, kMustUnderstand, body.first(size)};
        QVERIFY(queue.add(Lane::Data, encodeFrame(large)));
        QVERIFY(queue.add(Lane::Data, encodeFrame({5, 0, "small"})));
        std::vector<Frame> frames;
        qsizetype sinceControl = 0;
        qsizetype longestWait = 0;
        for (int turn = 0; !queue.isEmpty(); ++turn) {
            if (turn % 3 == 0 && turn < 30) {
                QVERIFY(queue.add(Lane::Control, encodeFrame({1, 0, "beat"})));
                sinceControl = 0;
            }
            const QByteArrayView piece = queue.front(4096);
            sinceControl += piece.size();
            parser.feed(piece);
            queue.pop(piece.size());
            while (auto frame = parser.next()) {
                if (frame->type == 1)
                    longestWait = std::max(longestWait, sinceControl);
                frames.push_back(*std::move(frame));
            }
        }
        QVERIFY(!parser.fault());
        QCOMPARE(std::count(frames.begin(), frames.end(), large), 1);
        QCOMPARE(std::count(frames.begin(), frames.end(), (Frame{5, 0, "small"})), 1);
        QVERIFY(frames.front().type == 1 && longestWait <= kPartBytesMax + 100);
        QCOMPARE(queue.dataBytes(), 0);
        QCOMPARE(queue.controlBytes(), 0);
        QCOMPARE(parser.bufferedBytes(), 0);
    }
}

void TestSendQueue::eachLaneIsBounded()
{
    SendQueue queue;
    const QByteArray frame(qsizetype{64} << 10, 'f');
    for (int i = 0; i < 16; ++i)
        QVERIFY(queue.add(Lane::Control, frame));
    QVERIFY(!queue.add(Lane::Control, "one more"));
    for (int i = 0; i < 128; ++i)
        QVERIFY(queue.add(Lane::Data, frame));
    QVERIFY(!queue.add(Lane::Data, "one more"));
    QCOMPARE(queue.controlBytes(), kControlLaneBytesMax);
    QCOMPARE(queue.dataBytes(), kDataLaneBytesMax);
}

// The greatest value is twice the data lane's bound.
void TestSendQueue::aLoneGiantPasses()
{
    SendQueue queue;
    QVERIFY(queue.add(Lane::Data, QByteArray(core::kFrameBytesMax, 'g')));
    QVERIFY(!queue.add(Lane::Data, "x"));
    QVERIFY(!queue.add(Lane::Control, QByteArray(kControlLaneBytesMax + 1, 'c')));
}

void TestSendQueue::roomComesBackAsBytesAreWritten()
{
    SendQueue queue;
    QVERIFY(queue.add(Lane::Data, QByteArray(kDataLaneBytesMax, 'a')));
    QVERIFY(!queue.add(Lane::Data, "1234"));
    queue.pop(queue.front(4).size());
    QVERIFY(queue.add(Lane::Data, "1234"));
}

void TestSendQueue::theThrottleLetsOneLineAPeriodThrough()
{
    base::LogThrottle throttle(5000);
    QCOMPARE(throttle.admit(0), std::optional<qint64>(0));
    QCOMPARE(throttle.admit(1), std::nullopt);
    QCOMPARE(throttle.admit(4999), std::nullopt);
    QCOMPARE(throttle.admit(5000), std::optional<qint64>(2));
    QCOMPARE(throttle.admit(5001), std::nullopt);
    QCOMPARE(throttle.admit(20'000), std::optional<qint64>(1));
}

QTEST_GUILESS_MAIN(TestSendQueue)
#include "tst_send_queue.moc"
