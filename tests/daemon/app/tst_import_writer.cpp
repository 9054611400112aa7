// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/import_writer.h"
#include "tests/shared/client/fake_cluster.h"

#include <QJsonDocument>
#include <QSignalSpy>
#include <QTest>

#include <set>

using namespace dynakv;
using app::ExportRecord;
using app::ImportCounts;
using app::ImportMode;
using app::ImportWriter;
using test::FakeNode;
using test::FakeRequest;

namespace {

constexpr qint64 kNowMs = 1'767'225'600'000;
constexpr qint64 kFirstLine = 2;

ExportRecord record(int number, const QByteArray &value = "1")
{
    return {"k" + QByteArray::number(number).rightJustified(6, '0'), value, {}, "v", 1, {}};
}

QByteArray refusal(int status)
{
    return FakeNode::response(
        status, "{\"status\":" + QByteArray::number(status) + ",\"detail\":\"because\"}", {},
        "application/problem+json");
}

/// The keys of the lines of a batch.
QByteArrayList keysOf(const FakeRequest &request)
{
    QByteArrayList keys;
    for (const QByteArray &line : request.body.chopped(1).split('\n'))
        keys += QJsonDocument::fromJson(line)[QLatin1String("key")].toString().toUtf8();
    return keys;
}

/// Of a batch, with a status for each key.
template <typename StatusOf>
QByteArray lineByLine(const FakeRequest &request, StatusOf statusOf)
{
    QByteArray answers;
    for (const QByteArray &key : keysOf(request)) {
        answers += "{\"status\":" + QByteArray::number(statusOf(key)) +
                   R"(,"error":{"code":"c","detail":"because"}})"
                   "\n";
    }
    return FakeNode::response(200, answers, {}, "application/x-ndjson");
}

QByteArray takenWhole(const FakeRequest &request)
{
    return lineByLine(request, [](const QByteArray &) { return 200; });
}

bool idles(const ImportWriter &writer)
{
    return QTest::qWaitFor([&writer] { return writer.isIdle(); }, 20'000);
}

} // namespace

/// What goes to a node, in which bounds, and what is known afterwards. The nodes are fake.
class TestImportWriter : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void init();
    void everyRecordIsWritten();
    void onlyMissingLeavesWhatIsThere();
    void raw();
    void whatCannotStandInALineGoesByItself();
    void theRemainingTimeIsSent();
    void theWindowIsBounded();
    void theBytesOnTheirWayAreBounded();
    void aNodeThatIsNotReadyIsTriedAgain();
    void linesThatAreRefusedForNowAreTriedAgain();
    void anAnswerThatIsNoneStops();
    void aRefusedRecordDoesNotStopTheOthers();
    void whatConcernsAllRecordsStops();
    void onlyAPrefixCountsAsDone();

private:
    std::unique_ptr<ImportWriter> makeWriter(const base::Endpoint &node,
                                             ImportMode mode = ImportMode::Overwrite);

    qint64 m_nowMs = kNowMs;
};

void TestImportWriter::init()
{
    m_nowMs = kNowMs;
}

std::unique_ptr<ImportWriter> TestImportWriter::makeWriter(const base::Endpoint &node,
                                                           ImportMode mode)
{
    app::ImportProgress begin;
    begin.line = kFirstLine - 1;
    return std::make_unique<ImportWriter>(node, mode, begin, [this] { return m_nowMs; });
}

void TestImportWriter::everyRecordIsWritten()
{
    test::FakeCluster cluster(1);
    const auto writer = makeWriter(cluster.endpoint(0));
    constexpr int count = 500;
    int next = 0;
    const auto fill = [&] {
        for (; next < count && writer->hasRoom(); ++next)
            writer->add(record(next, R"({"b":1.0,"a":12345678901234567890})"));
    };
    connect(writer.get(), &ImportWriter::progressed, this, fill);
    fill();
    QVERIFY(QTest::qWaitFor([&] { return next == count && writer->isIdle(); }, 20'000));
    QCOMPARE(writer->doneLine(), kFirstLine - 1 + count);
    QCOMPARE(writer->counts(), (ImportCounts{count, 0, 0, 0}));
    for (int i = 0; i < count; ++i) {
        const client::Value *const stored = cluster.find(record(i).key);
        QVERIFY(stored);
        QCOMPARE(stored->bytes, QByteArray(R"({"b":1.0,"a":12345678901234567890})"));
    }
}

void TestImportWriter::onlyMissingLeavesWhatIsThere()
{
    test::FakeCluster cluster(1);
    cluster.putJson(record(1).key, "\"old\"");
    const auto writer = makeWriter(cluster.endpoint(0), ImportMode::OnlyMissing);
    for (int i = 0; i < 3; ++i)
        writer->add(record(i));
    QVERIFY(idles(*writer));
    QCOMPARE(writer->counts(), (ImportCounts{2, 1, 0, 0}));
    QCOMPARE(cluster.find(record(1).key)->bytes, QByteArray("\"old\""));
    QCOMPARE(cluster.find(record(2).key)->bytes, QByteArray("1"));
}

void TestImportWriter::raw()
{
    test::FakeCluster cluster(1);
    const auto writer = makeWriter(cluster.endpoint(0));
    ExportRecord bytes = record(0, QByteArray("\0\xff\r\n", 4));
    bytes.contentType = "image/png";
    writer->add(bytes);
    QVERIFY(idles(*writer));
    const client::Value *const stored = cluster.find(bytes.key);
    QVERIFY(stored && stored->isRaw);
    QCOMPARE(stored->bytes, bytes.value);
    QCOMPARE(stored->contentType, bytes.contentType);
}

void TestImportWriter::theRemainingTimeIsSent()
{
    test::FakeCluster cluster(1);
    const auto writer = makeWriter(cluster.endpoint(0));
    const std::vector<qint64> expiries{kNowMs - 1, kNowMs, kNowMs + 1, kNowMs + 1000,
                                       kNowMs + 1001};
    for (std::size_t i = 0; i < expiries.size(); ++i) {
        ExportRecord each = record(static_cast<int>(i));
        each.expiresAtMs = expiries[i];
        writer->add(each);
    }
    QVERIFY(idles(*writer));
    QCOMPARE(writer->counts(), (ImportCounts{3, 0, 2, 0}));
    QCOMPARE(cluster.node(0).seen().size(), std::size_t(1));
    const QByteArrayList lines = cluster.node(0).seen()[0].body.chopped(1).split('\n');
    QCOMPARE(lines.size(), 3);
    QVERIFY(lines[0].contains("\"k000002\"") && lines[0].contains("\"ttl\":1,"));
    QVERIFY(lines[1].contains("\"k000003\"") && lines[1].contains("\"ttl\":1,"));
    QVERIFY(lines[2].contains("\"k000004\"") && lines[2].contains("\"ttl\":2,"));
}

void TestImportWriter::theWindowIsBounded()
{
    FakeNode node([](const FakeRequest &) { return QByteArray(); });
    const auto writer = makeWriter(node.endpoint());
    int count = 0;
    for (; writer->hasRoom() && count < 10'000; ++count)
        writer->add(record(count));
    QCOMPARE(count, 4000);
    // A batch is bounded in bytes too.
    const auto other = makeWriter(node.endpoint());
    const QByteArray value = '"' + QByteArray(10'000, 'x') + '"';
    for (count = 0; other->hasRoom() && count < 10'000; ++count)
        other->add(record(count, value));
    QVERIFY(count > 400 && count < 420);
}

void TestImportWriter::theBytesOnTheirWayAreBounded()
{
    FakeNode node([](const FakeRequest &) { return QByteArray(); });
    const auto writer = makeWriter(node.endpoint());
    const QByteArray large = '"' + QByteArray(10'000'000, 'x') + '"';
    int count = 0;
    for (; writer->hasRoom() && count < 10'000; ++count)
        writer->add(record(count, large));
    QCOMPARE(count, 4);
}

void TestImportWriter::whatCannotStandInALineGoesByItself()
{
    test::FakeCluster cluster(1);
    const auto writer = makeWriter(cluster.endpoint(0), ImportMode::OnlyMissing);
    const QByteArray broken = "{\n \"a\": 1\n}";
    const QByteArray large = '"' + QByteArray(2'000'000, 'x') + '"';
    cluster.putJson(record(3).key, "\"old\"");
    writer->add(record(0));
    writer->add(record(1, broken));
    writer->add(record(2, large));
    writer->add(record(3, broken));
    writer->add(record(4));
    QVERIFY(idles(*writer));
    QCOMPARE(writer->counts(), (ImportCounts{4, 1, 0, 0}));
    QCOMPARE(cluster.find(record(1).key)->bytes, broken);
    QCOMPARE(cluster.find(record(2).key)->bytes, large);
    QCOMPARE(cluster.find(record(3).key)->bytes, QByteArray("\"old\""));
    QCOMPARE(cluster.node(0).seen().size(), std::size_t(4));
}

void TestImportWriter::aNodeThatIsNotReadyIsTriedAgain()
{
    int refusals = 0;
    FakeNode node([&](const FakeRequest &request) {
        return ++refusals <= 3 ? refusal(503) : takenWhole(request);
    });
    const auto writer = makeWriter(node.endpoint());
    for (int i = 0; i < 1500; ++i)
        writer->add(record(i));
    QVERIFY(idles(*writer));
    QVERIFY2(writer->stopReason().isEmpty(), writer->stopReason().constData());
    QCOMPARE(writer->counts(), (ImportCounts{1500, 0, 0, 0}));
}

void TestImportWriter::linesThatAreRefusedForNowAreTriedAgain()
{
    std::set<QByteArray> refused;
    FakeNode node([&](const FakeRequest &request) {
        return lineByLine(request, [&](const QByteArray &key) {
            return key.endsWith("7") && refused.insert(key).second ? 503 : 200;
        });
    });
    const auto writer = makeWriter(node.endpoint());
    for (int i = 0; i < 100; ++i)
        writer->add(record(i));
    QVERIFY(idles(*writer));
    QCOMPARE(writer->counts(), (ImportCounts{100, 0, 0, 0}));
    QCOMPARE(node.seen().size(), std::size_t(2));
    QCOMPARE(keysOf(node.seen()[1]).size(), 10); // Only those.
}

void TestImportWriter::anAnswerThatIsNoneStops()
{
    for (const QByteArray &body : {QByteArray("{\"status\":200}\n"), QByteArray("{}\n{}\n"),
                                   QByteArray("<html>\n\n"), QByteArray()}) {
        FakeNode node([&](const FakeRequest &) {
            return FakeNode::response(200, body, {}, "application/x-ndjson");
        });
        const auto writer = makeWriter(node.endpoint());
        writer->add(record(0));
        writer->add(record(1));
        QVERIFY(idles(*writer));
        QVERIFY(!writer->stopReason().isEmpty());
        QCOMPARE(writer->doneLine(), kFirstLine - 1);
    }
}

void TestImportWriter::aRefusedRecordDoesNotStopTheOthers()
{
    FakeNode node([](const FakeRequest &request) {
        return lineByLine(request,
                          [](const QByteArray &key) { return key.endsWith("3") ? 413 : 200; });
    });
    const auto writer = makeWriter(node.endpoint());
    QList<qint64> lines;
    connect(writer.get(), &ImportWriter::recordRefused, this,
            [&](qint64 line, const QByteArray &key, const QByteArray &why) {
                lines += line;
                QVERIFY(key.endsWith("3"));
                QCOMPARE(why, QByteArray("because"));
            });
    for (int i = 0; i < 20; ++i)
        writer->add(record(i));
    QVERIFY(idles(*writer));
    QCOMPARE(writer->counts(), (ImportCounts{18, 0, 0, 2}));
    QCOMPARE(lines, (QList<qint64>{5, 15}));
}

void TestImportWriter::whatConcernsAllRecordsStops()
{
    FakeNode node([](const FakeRequest &) { return refusal(421); });
    const auto writer = makeWriter(node.endpoint());
    writer->add(record(0));
    QVERIFY(idles(*writer));
    QCOMPARE(writer->stopReason(), QByteArray("because"));
    QVERIFY(!writer->hasRoom());
    QCOMPARE(writer->doneLine(), kFirstLine - 1);
}

void TestImportWriter::onlyAPrefixCountsAsDone()
{
    FakeNode node([](const FakeRequest &request) {
        return keysOf(request).contains("k002500") ? QByteArray() : takenWhole(request);
    });
    const auto writer = makeWriter(node.endpoint());
    for (int i = 0; i < 4000; ++i)
        writer->add(record(i));
    QVERIFY(QTest::qWaitFor([&] { return writer->doneLine() == kFirstLine - 1 + 2000; }, 20'000));
    QVERIFY(!writer->isIdle());
    QCOMPARE(writer->counts(), (ImportCounts{2000, 0, 0, 0}));
}

QTEST_GUILESS_MAIN(TestImportWriter)
#include "tst_import_writer.moc"
