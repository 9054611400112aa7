// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/crc32c.h"
#include "daemon/storage/record_codec.h"
#include "shared/base/limits.h"

#include <QtEndian>
#include <QtTest>

#include <random>

using namespace dynakv;
using namespace dynakv::storage;
namespace limits = dynakv::base::limits;

namespace {

QByteArray randomBytes(std::mt19937_64 &random, qsizetype size)
{
    QByteArray bytes(size, Qt::Uninitialized);
    for (char &byte : bytes)
        byte = static_cast<char>(random());
    return bytes;
}

core::Record randomRecord(std::mt19937_64 &random)
{
    const auto upTo = [&random](qsizetype max) {
        return static_cast<qsizetype>(random() % static_cast<quint64>(max + 1));
    };
    core::Record record;
    record.key = randomBytes(random, 1 + upTo(40));
    record.kind = random() % 4 == 0 ? core::RecordKind::Tombstone : core::RecordKind::Value;
    record.version = {random(), random()};
    if (random() % 2 == 0)
        record.expiresAtMs = 1 + static_cast<qint64>(random() >> 2);
    if (random() % 2 == 0)
        record.contentType = randomBytes(random, 1 + upTo(20));
    if (random() % 2 == 0)
        record.context = randomBytes(random, 1 + upTo(200));
    if (record.kind == core::RecordKind::Value)
        record.value = randomBytes(random, upTo(300));
    return record;
}

QByteArray encoded(const core::Record &record)
{
    QByteArray bytes;
    encodeRecord(record, bytes);
    return bytes;
}

/// The same bytes under a checksum that fits them: what a hostile peer would send.
QByteArray resealed(QByteArray bytes)
{
    bytes.chop(4);
    const quint32 crc = crc32c(bytes);
    bytes.resize(bytes.size() + 4);
    qToLittleEndian(crc, bytes.data() + bytes.size() - 4);
    return bytes;
}

bool isRefused(const QByteArray &bytes)
{
    QByteArrayView in = bytes;
    const auto record = decodeRecord(in);
    return !record && record.error().code == base::ErrorCode::Corrupt && in.size() == bytes.size();
}

core::Record plainRecord()
{
    core::Record record;
    record.key = "k";
    record.version = {1, 2};
    record.value = "v";
    return record;
}

} // namespace

class TestRecordCodec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theChecksumIsCastagnolis()
    {
        QCOMPARE(crc32c("123456789"), 0xE3069283U);
        QCOMPARE(crc32c(QByteArray(32, '\0')), 0x8A9136AAU);
        QCOMPARE(crc32c("6789", crc32c("12345")), 0xE3069283U);
    }

    void theTableAndTheProcessorAgree()
    {
        std::mt19937_64 random(1);
        for (int size = 0; size < 200; ++size) {
            const QByteArray bytes = randomBytes(random, size);
            const auto seed = static_cast<quint32>(random());
            QCOMPARE(crc32cPortable(bytes, seed), crc32c(bytes, seed));
        }
    }

    void anEncodingIsTheDocumentedOne()
    {
        core::Record record = plainRecord();
        record.expiresAtMs = 0x0102;
        record.contentType = "t";
        QByteArray expected = QByteArray::fromHex("0003"
                                                  "01"
                                                  "01"
                                                  "01"
                                                  "0100000000000000"
                                                  "0200000000000000"
                                                  "0201000000000000"
                                                  "6b"
                                                  "74"
                                                  "76");
        expected.resize(expected.size() + 4);
        QCOMPARE(encoded(record), resealed(expected));
    }

    void everyRecordComesBackAsItWas()
    {
        std::mt19937_64 random(2);
        QByteArray stream;
        std::vector<core::Record> records;
        for (int i = 0; i < 2000; ++i) {
            records.push_back(randomRecord(random));
            QVERIFY(checkRecord(records.back()));
            const qsizetype before = stream.size();
            encodeRecord(records.back(), stream);
            QCOMPARE(encodedSize(records.back()), stream.size() - before);
        }
        QByteArrayView in = stream;
        for (const core::Record &record : records) {
            const auto decoded = decodeRecord(in);
            QVERIFY(decoded);
            QVERIFY(*decoded == record);
        }
        QVERIFY(in.isEmpty());
    }

    void theLargestRecordPassesAndOneByteMoreDoesNot()
    {
        core::Record record = plainRecord();
        record.key = QByteArray(limits::kKeyBytesMax, 'k');
        record.value = QByteArray(limits::kValueBytesMax, 'v');
        record.contentType = QByteArray(limits::kContentTypeBytesMax, 't');
        record.context = QByteArray(limits::kContextBytesMax, 'c');
        QVERIFY(checkRecord(record));
        const QByteArray bytes = encoded(record);
        QByteArrayView in = bytes;
        QVERIFY(*decodeRecord(in) == record);

        for (QByteArray core::Record::*field :
             {&core::Record::key, &core::Record::value, &core::Record::contentType,
              &core::Record::context}) {
            core::Record tooLarge = record;
            (tooLarge.*field).append('x');
            QVERIFY(!checkRecord(tooLarge));
            QVERIFY(isRefused(encoded(tooLarge)));
        }
    }

    void whatHasNoMeaningIsRefused()
    {
        core::Record record = plainRecord();
        record.key.clear();
        QVERIFY(!checkRecord(record));
        QVERIFY(isRefused(encoded(record)));

        record = plainRecord();
        record.kind = core::RecordKind::Tombstone;
        QVERIFY(!checkRecord(record));
        QVERIFY(isRefused(encoded(record)));

        record = plainRecord();
        record.expiresAtMs = -1;
        QVERIFY(!checkRecord(record));
        QVERIFY(isRefused(encoded(record)));
    }

    void everyTruncationIsRefused()
    {
        std::mt19937_64 random(3);
        for (int i = 0; i < 50; ++i) {
            const QByteArray bytes = encoded(randomRecord(random));
            for (qsizetype size = 0; size < bytes.size(); ++size)
                QVERIFY(isRefused(bytes.first(size)));
        }
    }

    void everyFlippedBitIsRefused()
    {
        std::mt19937_64 random(4);
        for (int i = 0; i < 20; ++i) {
            const QByteArray bytes = encoded(randomRecord(random));
            for (qsizetype bit = 0; bit < bytes.size() * 8; ++bit) {
                QByteArray flipped = bytes;
                flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
                QVERIFY(isRefused(flipped));
            }
        }
    }

    void onlyTheCanonicalFormIsAccepted_data()
    {
        QTest::addColumn<QByteArray>("hex");
        const QByteArray version = "01000000000000000200000000000000";
        QTest::newRow("unknown kind") << "0200"
                                         "01"
                                         "01" +
                                             version +
                                             "6b76"
                                             "00000000";
        QTest::newRow("unknown flag") << "0008"
                                         "01"
                                         "01" +
                                             version +
                                             "6b76"
                                             "00000000";
        QTest::newRow("long varint") << "0000"
                                        "8100"
                                        "01" +
                                            version +
                                            "6b76"
                                            "00000000";
        QTest::newRow("expiry of zero") << "0001"
                                           "01"
                                           "01" +
                                               version +
                                               "0000000000000000"
                                               "6b76"
                                               "00000000";
        QTest::newRow("empty content type") << "0002"
                                               "01"
                                               "01"
                                               "00" +
                                                   version +
                                                   "6b76"
                                                   "00000000";
        QTest::newRow("empty context") << "0004"
                                          "01"
                                          "01"
                                          "00" +
                                              version +
                                              "6b76"
                                              "00000000";
        QTest::newRow("length beyond 32 bits") << "0000"
                                                  "01"
                                                  "ffffffff7f" +
                                                      version +
                                                      "6b76"
                                                      "00000000";
    }

    void onlyTheCanonicalFormIsAccepted()
    {
        QFETCH(QByteArray, hex);
        QVERIFY(isRefused(resealed(QByteArray::fromHex(hex))));
    }

    void randomBytesUnderAValidChecksumNeverDecodeToSomethingElse()
    {
        std::mt19937_64 random(5);
        int accepted = 0;
        for (int i = 0; i < 200'000; ++i) {
            QByteArray bytes = randomBytes(random, 23 + static_cast<qsizetype>(random() % 40));
            bytes[0] = static_cast<char>(random() % 3);
            bytes[1] = static_cast<char>(random() % 8);
            bytes[2] = static_cast<char>(random() % 16);
            bytes[3] = static_cast<char>(random() % 16);
            bytes = resealed(bytes);
            QByteArrayView in = bytes;
            const auto record = decodeRecord(in);
            if (!record)
                continue;
            ++accepted;
            QVERIFY(checkRecord(*record));
            QCOMPARE(encoded(*record), bytes.first(bytes.size() - in.size()));
        }
        QVERIFY(accepted > 10);
    }
};

QTEST_APPLESS_MAIN(TestRecordCodec)
#include "tst_record_codec.moc"
