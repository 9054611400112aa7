// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/base_index.h"
#include "daemon/storage/frame_codec.h"
#include "daemon/storage/superblock.h"

#include <QtTest>

using namespace dynakv;
using namespace dynakv::storage;

namespace {

const FileIdentity kIdentity = {"0123456789abcdef", 1'700'000'000'000};
const quint32 kSeed = chainAtStart(kIdentity, 1).fileSeed;
constexpr qint64 kOffset = kDataOffset;

CommitRequest makeRequest()
{
    core::Record record;
    record.key = "k";
    record.version = {1, 2};
    record.value = "v";
    return {{record}, {{"name", "value"}}};
}

QByteArray makeFrame(const FrameChain &chain = {kSeed, kOffset, 7, 1})
{
    FrameBuilder builder;
    if (!builder.add(makeRequest()))
        return {};
    return builder.seal(chain, kOffset).toByteArray();
}

struct Seen
{
    CommitRequest request = {};
    EntrySink sink = {
        [this](const core::RecordView &record) { request.records.push_back(record.toRecord()); },
        [this](QByteArrayView name, QByteArrayView value) {
            request.metas[name.toByteArray()] = value.toByteArray();
        }};
};

} // namespace

class TestFrameCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aFrameComesBackAsItWas()
    {
        const FrameChain chain = {kSeed, kOffset, 7, 1};
        const QByteArray frame = makeFrame(chain);
        QCOMPARE(frame.size() % kFrameAlignment, 0);
        const auto header = readFrameHeader(frame, kSeed, kOffset);
        QVERIFY(header);
        QVERIFY(header->continues(chain));
        QCOMPARE(header->frameBytes(), frame.size());
        QCOMPARE(header->entryCount, 2U);
        QCOMPARE(header->syncedOffset, kOffset);
        const QByteArrayView payload = QByteArrayView(frame).sliced(kFrameHeaderBytes);
        QVERIFY(isPayloadIntact(*header, payload, kSeed, kOffset));
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
        QCOMPARE(builder.seal(chainAtStart(kIdentity, 1), kOffset).toByteArray().toHex(' '),
                 "44 59 4b 46 1d 80 0d 18 30 00 00 00 01 00 00 00 "
                 "02 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 "
                 "00 20 00 00 00 00 00 00 c5 58 aa d1 31 83 c3 24 "
                 "00 00 08 07 01 00 00 68 e5 cf 8b 01 88 77 66 55 "
                 "44 33 22 11 67 72 65 65 74 69 6e 67 22 68 65 6c "
                 "6c 6f 22 0a 56 92 37 02 01 01 61 62 4f cf 97 5e");
    }

    void theDocumentedSuperblockIsWhatTheCodeWrites()
    {
        if (QByteArrayView(DYNAKV_VERSION) != "0.1.0")
            QSKIP("the example names the version that wrote it");
        Superblock superblock;
        superblock.identity = kIdentity;
        const QByteArray bytes = encodeSuperblock(superblock);
        QCOMPARE(bytes.first(106).toHex(' '),
                 "89 44 59 4e 44 42 0d 0a 1a 0a 01 00 00 10 00 00 00 00 00 00 00 00 00 00 "
                 "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 30 31 32 33 34 35 36 37 "
                 "38 39 61 62 63 64 65 66 01 00 00 00 00 00 00 00 00 68 e5 cf 8b 01 00 00 "
                 "00 00 00 04 00 20 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 "
                 "00 00 00 00 30 2e 31 2e 30 00");
        QCOMPARE(bytes.last(4).toHex(' '), "32 18 ae f8");
    }

    void aFrameCountsOnlyAtItsPlaceInItsFileAndChain()
    {
        const QByteArray frame = makeFrame();
        QVERIFY(!readFrameHeader(frame, kSeed, kOffset + 8));
        const auto seedOf = [](const QByteArray &fileId, quint64 generation) {
            return chainAtStart({fileId, 0}, generation).fileSeed;
        };
        QVERIFY(!readFrameHeader(frame, seedOf("fedcba9876543210", 1), kOffset));
        QVERIFY(!readFrameHeader(frame, seedOf(kIdentity.fileId, 2), kOffset));
        const auto header = readFrameHeader(frame, kSeed, kOffset);
        QVERIFY(!header->continues({kSeed, kOffset, 8, 1}));
        QVERIFY(!header->continues({kSeed, kOffset, 7, 2}));
        const QByteArrayView payload = QByteArrayView(frame).sliced(kFrameHeaderBytes);
        QVERIFY(!isPayloadIntact(*header, payload, kSeed, kOffset + 8));
    }

    void everyFlippedBitIsSeen()
    {
        const QByteArray frame = makeFrame();
        for (qsizetype bit = 0; bit < frame.size() * 8; ++bit) {
            QByteArray flipped = frame;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            const auto header = readFrameHeader(flipped, kSeed, kOffset);
            const QByteArrayView payload = QByteArrayView(flipped).sliced(kFrameHeaderBytes);
            QVERIFY(!header || !isPayloadIntact(*header, payload, kSeed, kOffset));
        }
        for (qsizetype size = 0; size < kFrameHeaderBytes; ++size)
            QVERIFY(!readFrameHeader(frame.first(size), kSeed, kOffset));
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
        header.type = 6;
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
        superblock.identity = kIdentity;
        superblock.generation = 7;
        superblock.indexOffset = 16384;
        superblock.logOffset = 32768;
        superblock.logSeq = 99;
        superblock.isBackup = true;
        const QByteArray bytes = encodeSuperblock(superblock);
        QCOMPARE(bytes.size(), kSuperblockBytes);
        QVERIFY(bytes.contains("storage.db, format 1"));
        const auto decoded = decodeSuperblock(bytes);
        QVERIFY(decoded);
        QVERIFY(*decoded == superblock);
        for (qsizetype at = 0; at < bytes.size(); at += 7) {
            QByteArray flipped = bytes;
            flipped[at] = static_cast<char>(flipped[at] ^ 4);
            QVERIFY(!decodeSuperblock(flipped));
        }
        QVERIFY(!decodeSuperblock(bytes.first(4095)));
        QVERIFY(!decodeSuperblock({}));
    }

    void aSuperblockThatContradictsItselfIsRefused()
    {
        const auto isRefused = [](qint64 indexOffset, qint64 logOffset, quint64 logSeq) {
            Superblock superblock;
            superblock.identity = kIdentity;
            superblock.indexOffset = indexOffset;
            superblock.logOffset = logOffset;
            superblock.logSeq = logSeq;
            const auto decoded = decodeSuperblock(encodeSuperblock(superblock));
            return !decoded && decoded.error().code == base::ErrorCode::Corrupt;
        };
        QVERIFY(!isRefused(0, kDataOffset, 1));
        QVERIFY(isRefused(0, kDataOffset + 8, 1));
        QVERIFY(isRefused(0, kDataOffset, 0));
        QVERIFY(!isRefused(kDataOffset, kDataOffset + 8, 1));
        QVERIFY(isRefused(kDataOffset - 8, kDataOffset + 8, 1));
        QVERIFY(isRefused(kDataOffset + 8, kDataOffset + 8, 1));
        QVERIFY(isRefused(kDataOffset + 1, kDataOffset + 16, 1));
        QVERIFY(isRefused(kDataOffset, kDataOffset + 9, 1));
        QVERIFY(isRefused(kDataOffset, -8, 1));
    }

    void anIndexComesBackAsItWasAndIsCheckedForSense()
    {
        BaseIndex index;
        index.end = 20000;
        for (std::size_t i = 0; i < index.partitions.size(); ++i)
            index.partitions[i] = {kDataOffset + static_cast<qint64>(i) * 16, i, 2 * i,
                                   static_cast<quint32>(3 * i), 4 * i};
        const QByteArray bytes = encodeBaseIndex(index);
        const auto decoded = decodeBaseIndex(bytes, index.end);
        QVERIFY(decoded);
        QVERIFY(*decoded == index);
        QCOMPARE(decoded->records(), 255U * 128U);
        QVERIFY(!decodeBaseIndex(bytes.first(bytes.size() - 1), index.end));
        QVERIFY(!decodeBaseIndex(bytes, kDataOffset));
        std::swap(index.partitions[3].offset, index.partitions[4].offset);
        QVERIFY(!decodeBaseIndex(encodeBaseIndex(index), index.end));
    }

    void whatIsLeftOfADamagedFrameIsFoundUpToTheDamage()
    {
        FrameBuilder builder;
        core::Record record = makeRequest().records.front();
        for (int i = 0; i < 10; ++i) {
            record.key = "key" + QByteArray::number(i);
            builder.add(core::viewOf(record));
        }
        QByteArray frame = builder.seal({kSeed, kOffset, 7, 1}, 0).toByteArray();
        const qsizetype at = frame.indexOf("key7");
        frame[at] = static_cast<char>(frame[at] ^ 1);
        Seen seen;
        QCOMPARE(salvageEntries(QByteArrayView(frame).sliced(kFrameHeaderBytes), seen.sink), 7U);
        QCOMPARE(seen.request.records.size(), 7U);
        QCOMPARE(seen.request.records.back().key, "key6");
    }
};

QTEST_APPLESS_MAIN(TestFrameCodec)
#include "tst_frame_codec.moc"
