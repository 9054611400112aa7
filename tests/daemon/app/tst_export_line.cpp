// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/export_line.h"
#include "daemon/app/export_sequence.h"

#include <QFile>
#include <QTest>

using namespace dynakv;
using app::ExportHeader;
using app::ExportLine;
using app::ExportRecord;
using app::ExportTrailer;
using app::parseExportLine;
using app::toLine;

namespace {

constexpr qint64 kSomeTimeMs = 1'767'225'600'123; // 2026-01-01T00:00:00.123Z

ExportHeader header(const QByteArray &prefix = {})
{
    return {"00000000000000c1", "00000000000000a1", prefix, kSomeTimeMs};
}

ExportRecord record(const QByteArray &key, const QByteArray &value = "1",
                    const QByteArray &contentType = {})
{
    return {key, value, contentType, "0011-0022", kSomeTimeMs, std::nullopt};
}

QByteArray nested(int depth)
{
    return QByteArray(depth, '[') + QByteArray(depth, ']');
}

} // namespace

/// The lines of an export, each by itself and one behind the other.
class TestExportLine : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void linesAreAsTheFormatSays();
    void recordsSurvive_data();
    void recordsSurvive();
    void headersSurvive();
    void refuses_data();
    void refuses();
    void aNewerFormatIsToldFromDamage();
    void aWholeExportIsTaken();
    void theExampleOfTheFormatsPageIsTaken();
    void wrongOrderIsRefused_data();
    void wrongOrderIsRefused();
    void anAlteredLineIsFoundAtTheEnd();
};

void TestExportLine::linesAreAsTheFormatSays()
{
    QCOMPARE(toLine(header("p/")),
             QByteArray(R"({"dynakv_export":1,"cluster_id":"00000000000000c1",)"
                        R"("node":"00000000000000a1","prefix":"p/",)"
                        R"("started":"2026-01-01T00:00:00.123Z"})"
                        "\n"));
    ExportRecord json = record("k\"\xc3\xa4", R"({"b": 1.0, "a":12345678901234567890})");
    json.expiresAtMs = kSomeTimeMs + 1000;
    QCOMPARE(toLine(json), QByteArray("{\"key\":\"k\\\"\xc3\xa4\","
                                      R"("value":{"b": 1.0, "a":12345678901234567890},)"
                                      R"("version":"0011-0022",)"
                                      R"("updated_at":"2026-01-01T00:00:00.123Z",)"
                                      R"("expires_at":"2026-01-01T00:00:01.123Z"})"
                                      "\n"));
    QCOMPARE(toLine(record("\xff", QByteArray("\0", 1), "image/png")),
             QByteArray(R"({"key_b64":"/w==","value_b64":"AA==","content_type":"image/png",)"
                        R"("version":"0011-0022","updated_at":"2026-01-01T00:00:00.123Z"})"
                        "\n"));
    QCOMPARE(toLine(ExportTrailer{2, "ab"}), QByteArray("{\"count\":2,\"sha256\":\"ab\"}\n"));
}

void TestExportLine::recordsSurvive_data()
{
    QTest::addColumn<QByteArray>("key");
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<QByteArray>("contentType");
    const auto row = [](const char *name, const QByteArray &key, const QByteArray &value,
                        const QByteArray &contentType = {}) {
        QTest::newRow(name) << key << value << contentType;
    };
    for (const char *value : {"12345678901234567890", "1.0", "1e2", "-0", "null", "\"\"",
                              R"({"b":1,"a":2})", R"("\u0041\ud83d\ude00")", "\"\xf0\x9f\x98\x80\"",
                              R"("count")", R"({"sha256":"x","dynakv_export":1})"})
        row(value, "k", value);
    row("64 levels", "k", nested(64));
    row("a line break between tokens", "k", "{\n \"a\":\t1\r\n}");
    row("a carriage return alone", "k", "[\r1]");
    row("raw bytes", "k", QByteArray("\0\n\xff", 3), "application/octet-stream");
    row("no raw bytes", "k", "", "text/plain; charset=\"a b\"");
    row("raw bytes that are JSON", "k", "1", "application/json");
    row("a binary key", QByteArray("\0\xff\n", 3), "1");
    row("a key of control characters", "\t\n\r\x7f", "1");
    row("a key with a byte order mark", "\xEF\xBB\xBFk", "1");
    row("a byte order mark inside", "k\xEF\xBB\xBF", "1");
    row("the longest key", QByteArray(1024, '\x01'), "1");
    row("the key of a header", "dynakv_export", "1");
    row("the greatest value", "k", '"' + QByteArray((1 << 24) - 2, 'x') + '"');
    row("the greatest raw value", "k", QByteArray(1 << 24, '\xff'), "text/plain");
}

void TestExportLine::recordsSurvive()
{
    QFETCH(const QByteArray, key);
    QFETCH(const QByteArray, value);
    QFETCH(const QByteArray, contentType);
    const ExportRecord written = record(key, value, contentType);
    const QByteArray line = toLine(written);
    QCOMPARE(line.count('\n'), 1);
    QVERIFY(line.endsWith('\n') && !line.contains('\r'));
    const auto read = parseExportLine(QByteArrayView(line).chopped(1));
    QVERIFY2(read, read ? "" : read.error().message.constData());
    QVERIFY(std::get<ExportRecord>(*read) == written);
}

void TestExportLine::headersSurvive()
{
    for (const QByteArray &prefix : {QByteArray(), QByteArray("user:"), QByteArray("\xff\0", 2)}) {
        const QByteArray line = toLine(header(prefix));
        const auto read = parseExportLine(QByteArrayView(line).chopped(1));
        QVERIFY2(read, read ? "" : read.error().message.constData());
        QCOMPARE(std::get<ExportHeader>(*read), header(prefix));
    }
}

void TestExportLine::refuses_data()
{
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<QByteArray>("because");
    const auto row = [](const char *name, const QByteArray &line, const char *because) {
        QTest::newRow(name) << line << QByteArray(because);
    };
    const QByteArray rest = R"(,"version":"v","updated_at":"2026-01-01T00:00:00Z")";
    const auto with = [&rest](const QByteArray &members) { return '{' + members + rest + '}'; };
    row("nothing", "", "empty");
    row("no JSON", "k=1", "no JSON");
    row("an array", "[]", "object");
    row("two objects", R"({"count":1}{"count":1})", "no JSON");
    row("a member twice", with(R"("key":"a","key":"b","value":1)"), "twice");
    row("Latin-1", with("\"key\":\"\xe4\",\"value\":1"), "UTF-8");
    row("no key", with(R"("value":1)"), "'key' and 'key_b64'");
    row("both keys", with(R"("key":"a","key_b64":"YQ==","value":1)"), "'key' and 'key_b64'");
    row("an empty key", with(R"("key":"","value":1)"), "1 to 1024");
    row("a long key", with(R"("key":")" + QByteArray(1025, 'k') + R"(","value":1)"), "1 to 1024");
    row("a number for a key", with(R"("key":1,"value":1)"), "'key' is not a string");
    row("no base64 key", with(R"("key_b64":"!","value":1)"), "'key_b64' is not base64");
    row("no value", with(R"("key":"a")"), "'value' and 'value_b64'");
    row("both values", with(R"("key":"a","value":1,"value_b64":"MQ==")"), "'value' and");
    row("no base64 value", with(R"("key":"a","value_b64":"=")"), "'value_b64' is not base64");
    row("bytes without a type", with(R"("key":"a","value_b64":"/w==")"), "no JSON text");
    // 1,"ttl":5 would put a member of its own into the request.
    row("a member sneaked in", with(R"("key":"a","value_b64":"MSwidHRsIjo1")"), "no JSON text");
    row("space around", with(R"("key":"a","value_b64":"IDE=")"), "no JSON text");
    row("text with a type", with(R"("key":"a","value":1,"content_type":"text/plain")"),
        "stands in 'value_b64'");
    row("no type", with(R"("key":"a","value_b64":"MQ==","content_type":"text")"), "media type");
    row("a type with a line break",
        with(R"("key":"a","value_b64":"MQ==","content_type":"text/plain\r\nA: b")"), "media type");
    row("a value over the limit",
        with(R"("key":"a","value":")" + QByteArray((1 << 24) - 1, 'x') + '"'), "more than");
    row("a line over the limit", QByteArray(app::kExportLineBytesMax + 1, 'x'), "more than");
    row("65 levels", with(R"("key":"a","value":)" + nested(65)), "64 levels");
    row("no version", R"({"key":"a","value":1,"updated_at":"2026-01-01T00:00:00Z"})", "'version'");
    row("no time", R"({"key":"a","value":1,"version":"v"})", "'updated_at'");
    row("another time", with(R"("key":"a","value":1,"expires_at":"tomorrow")"), "'expires_at'");
    row("a time before 1970", with(R"("key":"a","value":1,"expires_at":"1969-01-01T00:00:00Z")"),
        "'expires_at'");
    row("an unknown member", with(R"("key":"a","value":1,"ttl":5)"), "'ttl' is not known");
    row("a header with more",
        R"({"dynakv_export":1,"cluster_id":"a","node":"b","prefix":"",)"
        R"("started":"2026-01-01T00:00:00Z","key":"a"})",
        "'key' is not known");
    row("a header without a cluster",
        R"({"dynakv_export":1,"node":"b","prefix":"","started":"2026-01-01T00:00:00Z"})",
        "'cluster_id'");
    row("a version of text", R"({"dynakv_export":"1"})", "'dynakv_export' is not a whole number");
    row("a count below 0", R"({"count":-1,"sha256":""})", "'count'");
    row("a short sum", R"({"count":1,"sha256":"ab"})", "64 hexadecimal");
    row("a sum of letters", R"({"count":1,"sha256":")" + QByteArray(64, 'x') + "\"}",
        "64 hexadecimal");
}

void TestExportLine::refuses()
{
    QFETCH(const QByteArray, line);
    QFETCH(const QByteArray, because);
    const auto read = parseExportLine(line);
    QVERIFY(!read);
    QCOMPARE(read.error().code, base::ErrorCode::Invalid);
    QVERIFY2(read.error().message.contains(because), read.error().message.constData());
}

void TestExportLine::aNewerFormatIsToldFromDamage()
{
    const auto read = parseExportLine(R"({"dynakv_export":2,"anything":[]})");
    QVERIFY(!read);
    QCOMPARE(read.error().code, base::ErrorCode::Unsupported);
    QVERIFY(read.error().message.contains("version 2"));
}

void TestExportLine::aWholeExportIsTaken()
{
    app::ExportSequence writer;
    QByteArrayList lines{toLine(header("k")), toLine(record("k")), toLine(record("k\x01")),
                         toLine(record("k\xff"))};
    for (const QByteArray &line : lines)
        QVERIFY(writer.take(QByteArrayView(line).chopped(1)));
    lines += toLine(writer.trailer());
    app::ExportSequence reader;
    for (const QByteArray &line : lines) {
        QVERIFY(!reader.isComplete());
        const auto taken = reader.take(QByteArrayView(line).chopped(1));
        QVERIFY2(taken, taken ? "" : taken.error().message.constData());
    }
    QVERIFY(reader.isComplete());
    QCOMPARE(reader.records(), 3);
    QCOMPARE(reader.lines(), 5);
    QCOMPARE(reader.lastKey(), QByteArray("k\xff"));
    QCOMPARE(reader.header(), header("k"));
}

void TestExportLine::theExampleOfTheFormatsPageIsTaken()
{
    QFile page(QStringLiteral(DYNAKV_SOURCE_DIR "/docs/formats/export.md"));
    QVERIFY(page.open(QIODevice::ReadOnly));
    const QByteArray text = page.readAll();
    const qsizetype begin = text.indexOf("\n{\"dynakv_export\":1,") + 1;
    const QByteArray example = text.sliced(begin, text.indexOf("\n```", begin) - begin);
    app::ExportSequence sequence;
    for (const QByteArray &line : example.split('\n')) {
        const auto taken = sequence.take(line);
        QVERIFY2(taken, taken ? "" : taken.error().message.constData());
        if (!sequence.isComplete())
            QCOMPARE(toLine(*taken), line + '\n');
    }
    QVERIFY(sequence.isComplete());
    QCOMPARE(sequence.records(), 3);
}

void TestExportLine::wrongOrderIsRefused_data()
{
    QTest::addColumn<QByteArrayList>("lines");
    QTest::addColumn<QByteArray>("because");
    const auto row = [](const char *name, const std::vector<ExportLine> &lines,
                        const char *because) {
        QByteArrayList texts;
        for (const ExportLine &line : lines)
            texts += toLine(line);
        QTest::newRow(name) << texts << QByteArray(because);
    };
    const ExportTrailer trailer{0, QByteArray(64, '0')};
    row("no header", {record("a")}, "line 1: the header");
    row("a trailer alone", {trailer}, "line 1: the header");
    row("two headers", {header(), record("a"), header()}, "line 3: a second header");
    row("a key twice", {header(), record("a"), record("a")}, "line 3: its key");
    row("a key before", {header(), record("b"), record("a")}, "line 3: its key");
    row("signed bytes", {header(), record("\xff"), record("a")}, "line 3: its key");
    row("another prefix", {header("p"), record("a")}, "line 2: its key does not begin");
    row("another count", {header(), record("a"), trailer}, "line 3: it says that there are 0");
    row("another sum", {header(), record("a"), ExportTrailer{1, QByteArray(64, '0')}},
        "line 3: the lines before it have another SHA-256");
}

void TestExportLine::wrongOrderIsRefused()
{
    QFETCH(const QByteArrayList, lines);
    QFETCH(const QByteArray, because);
    app::ExportSequence sequence;
    for (qsizetype i = 0; i + 1 < lines.size(); ++i)
        QVERIFY(sequence.take(QByteArrayView(lines[i]).chopped(1)));
    const auto taken = sequence.take(QByteArrayView(lines.back()).chopped(1));
    QVERIFY(!taken);
    QVERIFY2(taken.error().message.startsWith(because), taken.error().message.constData());
    QVERIFY(!sequence.isComplete());
}

void TestExportLine::anAlteredLineIsFoundAtTheEnd()
{
    app::ExportSequence writer;
    app::ExportSequence reader;
    for (const ExportLine &line :
         {ExportLine(header()), ExportLine(record("a", "1")), ExportLine(record("b", "2"))}) {
        QByteArray text = toLine(line);
        QVERIFY(writer.take(QByteArrayView(text).chopped(1)));
        text.replace("\"value\":2", "\"value\":3");
        QVERIFY(reader.take(QByteArrayView(text).chopped(1)));
    }
    const QByteArray last = toLine(writer.trailer());
    const auto taken = reader.take(QByteArrayView(last).chopped(1));
    QVERIFY(!taken);
    QCOMPARE(taken.error().code, base::ErrorCode::Corrupt);
}

QTEST_APPLESS_MAIN(TestExportLine)
#include "tst_export_line.moc"
