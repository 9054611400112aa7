// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/frame_codec.h"
#include "daemon/storage/superblock.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::storage;

namespace {

const QByteArray kFileId = "0123456789abcdef";
constexpr qint64 kOffset = 4096;

CommitRequest makeRequest()
{
    core::Record record;
    record.key = "k";
    record.version = {1, 2};
    record.value = "v";
    return {{record}, {{"name", "value"}}};
}

QByteArray makeFrame(const FrameChain &chain = {kFileId, kOffset, 7, 1})
{
    FrameBuilder builder;
    if (!builder.add(makeRequest()))
        return {};
    return builder.seal(chain, kOffset);
}

struct Seen
{
    CommitRequest request = {};
    EntrySink sink = {[this](core::Record record) { request.records.push_back(std::move(record)); },
                      [this](QByteArray name, QByteArray value) { request.metas[name] = value; }};
};

} // namespace

class TestFrameCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aFrameComesBackAsItWas()
    {
        const FrameChain chain = {kFileId, kOffset, 7, 1};
        const QByteArray frame = makeFrame(chain);
        QCOMPARE(frame.size() % kFrameAlignment, 0);
        const auto header = readFrameHeader(frame, kFileId, kOffset);
        QVERIFY(header);
        QVERIFY(header->continues(chain));
        QCOMPARE(header->frameBytes(), frame.size());
        QCOMPARE(header->entryCount, 2U);
        QCOMPARE(header->syncedOffset, kOffset);
        const QByteArrayView payload = QByteArrayView(frame).sliced(kFrameHeaderBytes);
        QVERIFY(isPayloadIntact(*header, payload, kFileId, kOffset));
        Seen seen;
        QVERIFY(readEntries(*header, payload, seen.sink));
        QVERIFY(seen.request.records == makeRequest().records);
        QCOMPARE(seen.request.metas, makeRequest().metas);
        const FrameChain behind = chainBehind(*header, chain);
        QCOMPARE(behind.offset, kOffset + frame.size());
        QCOMPARE(behind.nextSeq, 3U);
        QCOMPARE(behind.previousCrc, header->headerCrc);
    }

    void theDocumentedExampleIsWhatTheCodeWrites()
    {
        core::Record record;
        record.key = "greeting";
        record.version = {(quint64{1'700'000'000'000} << 16) | 1, 0x1122334455667788};
        record.value = "\"hello\"";
        FrameBuilder builder;
        QVERIFY(builder.add({{record}, {{"a", "b"}}}));
        QCOMPARE(builder.seal({kFileId, kOffset, 0xd0995471, 1}, kOffset).toHex(' '),
                 "44 59 4b 46 60 50 13 fc 30 00 00 00 01 00 00 00 "
                 "02 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 "
                 "00 10 00 00 00 00 00 00 71 54 99 d0 b4 fd 25 c4 "
                 "00 00 08 07 01 00 00 68 e5 cf 8b 01 88 77 66 55 "
                 "44 33 22 11 67 72 65 65 74 69 6e 67 22 68 65 6c "
                 "6c 6f 22 0a 56 92 37 02 01 01 61 62 4f cf 97 5e");
    }

    void aFrameCountsOnlyAtItsPlaceInItsFileAndChain()
    {
        const QByteArray frame = makeFrame();
        QVERIFY(!readFrameHeader(frame, kFileId, kOffset + 8));
        QVERIFY(!readFrameHeader(frame, "fedcba9876543210", kOffset));
        const auto header = readFrameHeader(frame, kFileId, kOffset);
        QVERIFY(!header->continues({kFileId, kOffset, 8, 1}));
        QVERIFY(!header->continues({kFileId, kOffset, 7, 2}));
        const QByteArrayView payload = QByteArrayView(frame).sliced(kFrameHeaderBytes);
        QVERIFY(!isPayloadIntact(*header, payload, kFileId, kOffset + 8));
    }

    void everyFlippedBitIsSeen()
    {
        const QByteArray frame = makeFrame();
        for (qsizetype bit = 0; bit < frame.size() * 8; ++bit) {
            QByteArray flipped = frame;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            const auto header = readFrameHeader(flipped, kFileId, kOffset);
            const QByteArrayView payload = QByteArrayView(flipped).sliced(kFrameHeaderBytes);
            QVERIFY(!header || !isPayloadIntact(*header, payload, kFileId, kOffset));
        }
        for (qsizetype size = 0; size < kFrameHeaderBytes; ++size)
            QVERIFY(!readFrameHeader(frame.first(size), kFileId, kOffset));
    }

    void entriesThatANewerVersionWroteAreToldFromDamage()
    {
        FrameHeader header;
        header.type = 1;
        header.entryCount = 1;
        Seen seen;
        QCOMPARE(readEntries(header, QByteArray(8, '\x09'), seen.sink).error().code,
                 base::ErrorCode::Unsupported);
        QCOMPARE(readEntries(header, QByteArray(8, '\0'), seen.sink).error().code,
                 base::ErrorCode::Corrupt);
        header.type = 2;
        QCOMPARE(readEntries(header, QByteArray(8, '\0'), seen.sink).error().code,
                 base::ErrorCode::Unsupported);
        header.type = 1;
        header.entryCount = 0;
        QCOMPARE(readEntries(header, QByteArray(8, '\0'), seen.sink).error().code,
                 base::ErrorCode::Corrupt);
    }

    void whatCouldNotBeReadAgainIsNotWritten()
    {
        FrameBuilder builder;
        CommitRequest request = makeRequest();
        request.records.front().key.clear();
        QVERIFY(!builder.add(request));
        request = makeRequest();
        request.metas[""] = "x";
        QVERIFY(!builder.add(request));
        request = makeRequest();
        request.metas["name"] = QByteArray(kMetaValueBytesMax + 1, 'x');
        QVERIFY(!builder.add(request));
        request = makeRequest();
        request.records.front().value = QByteArray(16 << 20, 'x');
        request.records.resize(4, request.records.front());
        QVERIFY(!builder.add(request));
        QVERIFY(builder.isEmpty());
    }

    void aSuperblockComesBackAsItWas()
    {
        Superblock superblock;
        superblock.identity = {kFileId, 1'700'000'000'000};
        QByteArray bytes = encodeSuperblock(superblock);
        QCOMPARE(bytes.size(), kSuperblockBytes);
        QVERIFY(bytes.contains("format 0: without a promise"));
        const auto decoded = decodeSuperblock(bytes);
        QVERIFY(decoded);
        QCOMPARE(decoded->identity, superblock.identity);
        QCOMPARE(decoded->crc, superblock.crc);
        for (qsizetype at = 0; at < bytes.size(); at += 7) {
            QByteArray flipped = bytes;
            flipped[at] = static_cast<char>(flipped[at] ^ 4);
            QVERIFY(!decodeSuperblock(flipped));
        }
        QVERIFY(!decodeSuperblock(bytes.first(4095)));
        QVERIFY(!decodeSuperblock({}));
    }
};

QTEST_APPLESS_MAIN(TestFrameCodec)
#include "tst_frame_codec.moc"
