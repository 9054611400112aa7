// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/key_model.h"

#include <QAbstractItemModelTester>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QTest>

#include <map>

using namespace dynakv::admin;
using dynakv::base::api::KeyEntry;
using dynakv::base::api::KeyPage;
using dynakv::client::Answer;

namespace {

/// Answers pages out of a map when the test says so, in any order.
class FakeSource final : public KeySource
{
public:
    void fetchKeys(const QByteArray &prefix, const QByteArray &after, int limit, QObject *,
                   dynakv::client::Callback<KeyPage> done) override
    {
        ++m_requests;
        m_waiting.push_back({prefix, after, limit, std::move(done)});
    }
    void fill(int count)
    {
        for (int i = 0; i < count; ++i)
            put("key:" + QByteArray::number(i).rightJustified(8, '0'));
    }
    void put(const QByteArray &key) { m_table[key] = "v" + QByteArray::number(++m_versions); }
    void remove(const QByteArray &key) { m_table.erase(key); }
    /// Answers one request; false where none waits.
    bool answerOne(std::size_t which = 0)
    {
        if (which >= m_waiting.size())
            return false;
        const Request request = m_waiting[which];
        m_waiting.erase(m_waiting.begin() + static_cast<std::ptrdiff_t>(which));
        Answer<KeyPage> answer;
        if (m_fails)
            answer.failure.message = "no node answers";
        else
            answer.value = page(request);
        request.done(answer);
        return true;
    }
    void answerAll()
    {
        while (answerOne()) {
        }
    }
    void setFailing(bool fails) { m_fails = fails; }
    [[nodiscard]] int requests() const { return m_requests; }
    [[nodiscard]] std::size_t waiting() const { return m_waiting.size(); }
    [[nodiscard]] QByteArrayList keys() const
    {
        QByteArrayList all;
        for (const auto &entry : m_table)
            all.append(entry.first);
        return all;
    }

private:
    struct Request
    {
        QByteArray prefix;
        QByteArray after;
        int limit;
        dynakv::client::Callback<KeyPage> done;
    };
    KeyPage page(const Request &request) const
    {
        KeyPage result;
        result.totalEstimate = static_cast<qint64>(m_table.size());
        auto it = request.after.isEmpty() ? m_table.lower_bound(request.prefix)
                                          : m_table.upper_bound(request.after);
        for (; it != m_table.end() && it->first.startsWith(request.prefix); ++it) {
            if (static_cast<int>(result.keys.size()) == request.limit) {
                result.next = result.keys.back().key;
                break;
            }
            result.keys.push_back({it->first, it->second, 1, 0, std::nullopt});
        }
        return result;
    }

    std::map<QByteArray, QByteArray> m_table;
    std::vector<Request> m_waiting;
    int m_requests = 0;
    int m_versions = 0;
    bool m_fails = false;
};

constexpr int kPage = KeyModel::kPageRows;
constexpr auto kTest = QAbstractItemModelTester::FailureReportingMode::QtTest;

QByteArrayList heldKeys(const KeyModel &model)
{
    QByteArrayList keys;
    for (int row = 0; row < model.rowCount(); ++row)
        keys.append(model.keyAt(row));
    return keys;
}

void readToTheEnd(KeyModel &model, FakeSource &source)
{
    source.answerAll();
    while (model.canFetchMore({})) {
        model.fetchMore({});
        source.answerAll();
    }
}

/// Looks at the row as a view does, and lets what that asks for be answered.
void lookAt(KeyModel &model, FakeSource &source, int row)
{
    const int before = source.requests();
    Q_UNUSED(model.index(row, 0).data())
    if (model.keyAt(row).isEmpty())
        QTRY_VERIFY(source.requests() > before);
    source.answerAll();
}

} // namespace

class KeyModelTest final : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void nothingIsAskedBeforeAPrefixIsSet();
    void pagesComeOnlyWhenMoreIsWanted();
    void aPrefixStartsAnewAndOldAnswersAreDropped();
    void rowsFarAwayAreForgottenAndComeBack();
    void aRefreshMovesRowsOneByOne();
    void keysThatOverflowTheirPageAreNotLost();
    void keysBehindTheLastOneAppear();
    void anEmptyListFillsByARefresh();
    void aFailureIsToldAndTriedAgain();
    void aPageWithoutKeysEndsTheWalk();
    void anyHistoryEndsWithTheSameKeysAsTheServer_data();
    void anyHistoryEndsWithTheSameKeysAsTheServer();
};

void KeyModelTest::nothingIsAskedBeforeAPrefixIsSet()
{
    FakeSource source;
    KeyModel model(source);
    const QAbstractItemModelTester tester(&model, kTest);
    model.fetchMore({});
    model.refresh(0, 10);
    model.retry();
    QCOMPARE(source.requests(), 0);
}

void KeyModelTest::pagesComeOnlyWhenMoreIsWanted()
{
    FakeSource source;
    source.fill(kPage * 3 + 1);
    KeyModel model(source);
    model.setPrefix({});
    QVERIFY(!model.canFetchMore({})); // One request at a time.
    source.answerAll();
    QCOMPARE(source.requests(), 1);
    QCOMPARE(model.rowCount(), kPage);
    QCOMPARE(model.totalEstimate(), kPage * 3 + 1);
    QVERIFY(!model.isComplete());
    readToTheEnd(model, source);
    QCOMPARE(source.requests(), 4);
    QCOMPARE(model.rowCount(), kPage * 3 + 1);
    QVERIFY(model.isComplete());
    QCOMPARE(heldKeys(model), source.keys());
}

void KeyModelTest::aPrefixStartsAnewAndOldAnswersAreDropped()
{
    FakeSource source;
    source.fill(10);
    source.put("other");
    KeyModel model(source);
    const QAbstractItemModelTester tester(&model, kTest);
    model.setPrefix({});
    model.setPrefix("oth");
    QCOMPARE(source.waiting(), std::size_t{2});
    QVERIFY(source.answerOne(1));
    QVERIFY(source.answerOne(0)); // The answer to the first prefix comes last.
    QCOMPARE(heldKeys(model), QByteArrayList{"other"});
}

void KeyModelTest::rowsFarAwayAreForgottenAndComeBack()
{
    FakeSource source;
    source.fill(kPage * 40);
    KeyModel model(source);
    model.setPrefix({});
    readToTheEnd(model, source);
    QCOMPARE(model.rowCount(), kPage * 40);
    QVERIFY(model.residentSegments() <= KeyModel::kResidentSegmentsMax);
    QVERIFY(model.keyAt(5).isEmpty());
    QCOMPARE(model.index(5, 0).data().toString(), QStringLiteral("…"));
    QSignalSpy moved(&model, &KeyModel::rowsInserted);
    lookAt(model, source, 5);
    QCOMPARE(model.keyAt(5), source.keys().at(5));
    QCOMPARE(moved.size(), 0);
    QVERIFY(model.residentSegments() <= KeyModel::kResidentSegmentsMax);
    // Keys that went while their page was not held are gone when it comes back.
    const QByteArrayList before = source.keys();
    for (int i = kPage; i < kPage + 20; ++i)
        source.remove(before.at(i));
    lookAt(model, source, kPage + 100);
    QCOMPARE(model.rowCount(), kPage * 40 - 20);
}

void KeyModelTest::aRefreshMovesRowsOneByOne()
{
    FakeSource source;
    for (const char *key : {"b", "d", "f", "h"})
        source.put(key);
    KeyModel model(source);
    const QAbstractItemModelTester tester(&model, kTest);
    model.setPrefix({});
    source.answerAll();
    const QPersistentModelIndex f(model.index(2, 0));
    QSignalSpy resets(&model, &KeyModel::modelReset);
    source.put("a");
    source.put("c");
    source.put("i");
    source.remove("d");
    source.put("h");
    QSignalSpy changed(&model, &KeyModel::dataChanged);
    model.refresh(0, 3);
    source.answerAll();
    QCOMPARE(heldKeys(model), source.keys());
    QCOMPARE(resets.size(), 0);
    QCOMPARE(f.data(KeyModel::KeyRole).toByteArray(), QByteArray("f"));
    QCOMPARE(changed.size(), 1); // h has another version.
}

void KeyModelTest::keysThatOverflowTheirPageAreNotLost()
{
    FakeSource source;
    source.fill(kPage * 2);
    KeyModel model(source);
    const QAbstractItemModelTester tester(&model, kTest);
    model.setPrefix({});
    readToTheEnd(model, source);
    for (int i = 0; i < kPage; ++i)
        source.put("key:00000003:" + QByteArray::number(i).rightJustified(4, '0'));
    model.refresh(0, 0);
    source.answerAll();
    for (int turn = 0; turn < 4; ++turn) {
        model.refresh(0, model.rowCount() - 1);
        source.answerAll();
    }
    QCOMPARE(heldKeys(model), source.keys());
}

void KeyModelTest::keysBehindTheLastOneAppear()
{
    FakeSource source;
    source.fill(3);
    KeyModel model(source);
    // No model tester here: it fetches more by itself.
    model.setPrefix({});
    source.answerAll();
    QVERIFY(model.isComplete());
    source.put("zzz");
    model.refreshAround("zzz");
    source.answerAll();
    QCOMPARE(heldKeys(model), source.keys());
    QCOMPARE(model.rowOf("zzz"), 3);
    for (int i = 0; i < kPage; ++i)
        source.put("zzz:" + QByteArray::number(i).rightJustified(4, '0'));
    model.refresh(0, 3);
    source.answerAll();
    QVERIFY(!model.isComplete());
    readToTheEnd(model, source);
    QCOMPARE(heldKeys(model), source.keys());
}

void KeyModelTest::anEmptyListFillsByARefresh()
{
    FakeSource source;
    KeyModel model(source);
    const QAbstractItemModelTester tester(&model, kTest);
    model.setPrefix({});
    source.answerAll();
    QVERIFY(model.hasAnswer() && model.isComplete());
    source.put("first");
    model.refreshAround("first");
    source.answerAll();
    QCOMPARE(heldKeys(model), QByteArrayList{"first"});
    source.remove("first");
    model.refresh(0, 0);
    source.answerAll();
    QCOMPARE(model.rowCount(), 0);
}

void KeyModelTest::aFailureIsToldAndTriedAgain()
{
    FakeSource source;
    source.fill(kPage + 1);
    source.setFailing(true);
    KeyModel model(source);
    // No model tester here: it fetches more by itself.
    QSignalSpy failed(&model, &KeyModel::failed);
    model.setPrefix({});
    source.answerAll();
    QCOMPARE(failed.size(), 1);
    QVERIFY(!model.canFetchMore({})); // A view would ask again at once, and without end.
    source.setFailing(false);
    model.retry();
    source.answerAll();
    QCOMPARE(model.rowCount(), kPage);
    source.setFailing(true);
    model.fetchMore({});
    source.answerAll();
    QCOMPARE(model.rowCount(), kPage); // What is there stays.
    source.setFailing(false);
    model.retry();
    QVERIFY(model.canFetchMore({}));
    readToTheEnd(model, source);
    QCOMPARE(model.rowCount(), kPage + 1);
}

void KeyModelTest::aPageWithoutKeysEndsTheWalk()
{
    class Endless final : public KeySource
    {
    public:
        void fetchKeys(const QByteArray &, const QByteArray &, int, QObject *,
                       dynakv::client::Callback<KeyPage> done) override
        {
            Answer<KeyPage> answer;
            answer.value = KeyPage{{}, 5, "again"};
            done(answer);
        }
    };
    Endless source;
    KeyModel model(source);
    model.setPrefix({});
    QVERIFY(!model.canFetchMore({}));
}

void KeyModelTest::anyHistoryEndsWithTheSameKeysAsTheServer_data()
{
    QTest::addColumn<quint32>("seed");
    for (quint32 seed = 1; seed <= 12; ++seed)
        QTest::addRow("seed %u", seed) << seed;
}

void KeyModelTest::anyHistoryEndsWithTheSameKeysAsTheServer()
{
    QFETCH(quint32, seed);
    QRandomGenerator random(seed);
    FakeSource source;
    source.fill(kPage * 3);
    KeyModel model(source);
    const QAbstractItemModelTester tester(&model, kTest);
    model.setPrefix({});
    const auto anyKey = [&] {
        return "key:" + QByteArray::number(random.bounded(kPage * 4)).rightJustified(8, '0') +
               (random.bounded(3) == 0 ? "+" : "");
    };
    for (int turn = 0; turn < 400; ++turn) {
        switch (random.bounded(6)) {
        case 0:
            source.put(anyKey());
            break;
        case 1:
            source.remove(anyKey());
            break;
        case 2:
            model.fetchMore({});
            break;
        case 3:
            if (model.rowCount() > 0)
                model.refresh(random.bounded(model.rowCount()), random.bounded(model.rowCount()));
            break;
        case 4:
            model.refreshAround(anyKey());
            break;
        default:
            if (source.waiting() > 0)
                source.answerOne(random.bounded(static_cast<quint32>(source.waiting())));
        }
    }
    source.answerAll();
    for (int turn = 0; turn < 5; ++turn) {
        readToTheEnd(model, source);
        model.refresh(0, model.rowCount() - 1);
        source.answerAll();
    }
    QCOMPARE(heldKeys(model), source.keys());
}

QTEST_GUILESS_MAIN(KeyModelTest)
#include "tst_key_model.moc"
