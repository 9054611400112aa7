// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/core/sync_pair.h"

using namespace dynakv;
using namespace dynakv::core;
using namespace dynakv::testing;

class TestSyncResponder : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void stampsAreAnsweredInSlices();
    void anOlderNodeIsAnsweredSoThatItCanGoOn();
    void recordsForStampsAreAnsweredUpToABound();
    void fetchedRecordsAreAnsweredUpToABound();
};

void TestSyncResponder::stampsAreAnsweredInSlices()
{
    MapRecords records;
    const std::vector<QByteArray> keys = keysOf(7, kVisitsMax + 10);
    for (const QByteArray &key : keys)
        records.apply(record(key, {1, 1}));
    LeafSet all;
    all.set();
    const StampsReply first = answer(StampsRequest{1, 7, all, {}, true}, records, 0);
    QCOMPARE(first.stamps.size(), size_t{kVisitsMax});
    QVERIFY(first.hasMore);
    QCOMPARE(first.reached, keys[kVisitsMax - 1]);
    const StampsReply rest = answer(StampsRequest{2, 7, all, first.reached, true}, records, 0);
    QCOMPARE(rest.stamps.size(), size_t{10});
    QVERIFY(!rest.hasMore);
    QVERIFY(rest.reached.isEmpty());
    QCOMPARE(rest.id, quint64{2});
    QVERIFY(first.stamps.back().key < rest.stamps.front().key);
    // A slice without a stamp is one all the same.
    const StampsReply none = answer(StampsRequest{3, 7, {}, {}, true}, records, 0);
    QVERIFY(none.stamps.empty());
    QVERIFY(none.hasMore);
    QCOMPARE(none.reached, first.reached);
}

/// It fails where more is promised after nothing, and goes on from the last stamp.
void TestSyncResponder::anOlderNodeIsAnsweredSoThatItCanGoOn()
{
    MapRecords records;
    const std::vector<QByteArray> keys = keysOf(7, 3 * kVisitsMax);
    for (const QByteArray &key : keys)
        records.apply(record(key, {1, 1}));
    LeafSet leaves; // Of the last key only, far behind.
    leaves.set(slotOf(keys.back()).leaf);
    std::vector<QByteArray> told;
    QByteArray after;
    for (bool hasMore = true; hasMore;) {
        const StampsReply reply = answer(StampsRequest{1, 7, leaves, after}, records, 0);
        QVERIFY(reply.reached.isEmpty());
        QVERIFY(!reply.hasMore || !reply.stamps.empty());
        for (const KeyStamp &each : reply.stamps)
            told.push_back(each.key);
        hasMore = reply.hasMore;
        after = told.back();
    }
    std::vector<QByteArray> expected;
    std::copy_if(keys.begin(), keys.end(), std::back_inserter(expected),
                 [&](const QByteArray &key) { return leaves[slotOf(key).leaf]; });
    QCOMPARE(told, expected);
    // Where nothing is found before the end, the walk goes that far.
    QVERIFY(!answer(StampsRequest{1, 7, {}, {}}, records, 0).hasMore);
}

void TestSyncResponder::recordsForStampsAreAnsweredUpToABound()
{
    MapRecords records;
    const std::vector<QByteArray> keys = keysOf(7, 3);
    for (const QByteArray &key : keys)
        records.apply(record(key, {1, 1}, QByteArray(kPushBytesTarget / 2, 'x')));
    LeafSet all;
    all.set();
    const StampsReply first = answer(StampsRequest{1, 7, all, {}, true, true}, records, 4);
    QVERIFY(first.stamps.empty());
    QCOMPARE(first.records.size(), size_t{2});
    QCOMPARE(first.reached, keys[1]);
    QVERIFY(first.hasMore);
    QCOMPARE(first.watermark, quint64{4});
    const StampsReply rest = answer(StampsRequest{1, 7, all, keys[1], true, true}, records, 4);
    QCOMPARE(rest.records.size(), size_t{1});
    QVERIFY(!rest.hasMore);
}

void TestSyncResponder::fetchedRecordsAreAnsweredUpToABound()
{
    MapRecords records;
    for (const char *key : {"a", "b", "c"})
        records.apply(record(key, {1, 1}, QByteArray(kPushBytesTarget / 2, 'x')));
    const FetchReply reply = answer(FetchRequest{5, {"0", "a", "b", "c"}}, records);
    QCOMPARE(reply.id, quint64{5});
    QCOMPARE(reply.answeredKeys, quint32{3}); // The missing one is answered too, by nothing.
    QCOMPARE(reply.records.size(), size_t{2});
    const FetchReply none = answer(FetchRequest{6, {"0"}}, records);
    QCOMPARE(none.answeredKeys, quint32{1});
    QVERIFY(none.records.empty());
}

QTEST_GUILESS_MAIN(TestSyncResponder)
#include "tst_sync_responder.moc"
