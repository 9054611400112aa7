// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/change_ring.h"
#include "daemon/store/table.h"

#include <QtTest>

#include <atomic>
#include <memory>
#include <thread>

using namespace dynakv;
using namespace dynakv::store;

namespace {

constexpr std::size_t kSmall = 64 * 1024;

KeyChange changeOf(quint64 number, QByteArrayView key)
{
    return {ChangeKind::Put, {number, 7}, static_cast<quint32>(number * 3), key};
}

QByteArray keyOf(quint64 number)
{
    return "key/" + QByteArray::number(number);
}

void append(ChangeRing &ring, quint64 first, quint64 last)
{
    for (quint64 i = first; i <= last; ++i)
        ring.append(changeOf(i, keyOf(i)));
}

struct Seen
{
    quint64 seq = 0;
    ChangeKind kind = ChangeKind::Put;
    core::Version version = {};
    QByteArray key = {};
    bool operator==(const Seen &) const = default;
};

std::vector<Seen> readAll(const ChangeRing &ring, ChangeCursor &cursor)
{
    std::vector<Seen> all;
    while (ring.read(cursor, 7, [&all](quint64 seq, const KeyChange &change) {
        all.push_back({seq, change.kind, change.version, change.key.toByteArray()});
        return true;
    }) == ChangeRead::More) {
    }
    return all;
}

core::Record recordOf(const QByteArray &key, quint64 clock, qint64 expiresAtMs = 0)
{
    return {key, core::RecordKind::Value, {clock, 1}, expiresAtMs, {}, {}, "1"};
}

} // namespace

class TestChangeRing : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void givesWhatWasAppendedInItsOrder()
    {
        ChangeRing ring(kSmall);
        ChangeCursor cursor;
        QVERIFY(readAll(ring, cursor).empty());
        append(ring, 1, 500);
        QCOMPARE(ring.lastSeq(), quint64{500});
        const std::vector<Seen> all = readAll(ring, cursor);
        QCOMPARE(all.size(), std::size_t{500});
        for (quint64 i = 1; i <= 500; ++i) {
            const Seen expected{i, ChangeKind::Put, {i, 7}, keyOf(i)};
            QVERIFY(all[i - 1] == expected);
        }
        QVERIFY(readAll(ring, cursor).empty());
        append(ring, 501, 501);
        QCOMPARE(readAll(ring, cursor).size(), std::size_t{1});
    }

    void goesOnFromABareNumber()
    {
        ChangeRing ring(kSmall);
        append(ring, 1, 900);
        for (const quint64 seq : {0U, 1U, 133U, 134U, 500U, 899U}) {
            ChangeCursor cursor{seq};
            const auto rest = readAll(ring, cursor);
            QCOMPARE(rest.size(), std::size_t{900 - seq});
            QCOMPARE(rest.front().seq, seq + 1);
            QCOMPARE(rest.front().key, keyOf(seq + 1));
        }
    }

    void stopsWhereTheVisitorHasEnough()
    {
        ChangeRing ring(kSmall);
        append(ring, 1, 10);
        ChangeCursor cursor;
        int visited = 0;
        const auto stopAtThird = [&visited](quint64, const KeyChange &) { return ++visited < 3; };
        QVERIFY(ring.read(cursor, 100, stopAtThird) == ChangeRead::More);
        QCOMPARE(cursor.seq, quint64{3});
        QCOMPARE(readAll(ring, cursor).size(), std::size_t{7});
    }

    void isBoundedAndSaysWhatIsGone()
    {
        ChangeRing ring(kSmall);
        const qint64 atMost = kSmall + 16 * 1024;
        for (quint64 i = 1; i <= 20'000; ++i) {
            ring.append(changeOf(i, keyOf(i)));
            QVERIFY(ring.memoryBytes() <= atMost);
        }
        ChangeCursor behind{3};
        const auto never = [](quint64, const KeyChange &) { return true; };
        QVERIFY(ring.read(behind, 10, never) == ChangeRead::Lost);
        QCOMPARE(behind.seq, quint64{3});
        QVERIFY(!ring.holdsAllAfter(3));
        QVERIFY(ring.holdsAllAfter(19'999));
        QVERIFY(ring.holdsAllAfter(20'000));
        quint64 gone = 20'000; // The last change that is not held.
        while (ring.holdsAllAfter(gone - 1))
            --gone;
        ChangeCursor cursor{gone};
        QCOMPARE(readAll(ring, cursor).size(), std::size_t{20'000 - gone});
        QVERIFY(20'000 - gone > kSmall / 64);
    }

    void refusesANumberFromTheFuture()
    {
        ChangeRing ring(kSmall);
        append(ring, 1, 5);
        ChangeCursor cursor{6};
        QVERIFY(ring.read(cursor, 10, [](quint64, const KeyChange &) { return true; }) ==
                ChangeRead::Lost);
        QVERIFY(!ring.holdsAllAfter(6));
    }

    void holdsKeysOfAnyBytesUpToTheLongest()
    {
        ChangeRing ring(kSmall);
        QByteArray key(1024, '\xff');
        key[0] = '\0';
        for (int i = 0; i < 100; ++i)
            ring.append(changeOf(1, key));
        ChangeCursor cursor{90};
        const auto rest = readAll(ring, cursor);
        QCOMPARE(rest.size(), std::size_t{10});
        QCOMPARE(rest.back().key, key);
    }

    void wakesOnceAndAtOnceWhereThereIsMore()
    {
        ChangeRing ring(kSmall);
        int woken = 0;
        ring.whenMore(0, [&woken] { ++woken; });
        QCOMPARE(woken, 0);
        append(ring, 1, 2);
        QCOMPARE(woken, 1);
        ring.whenMore(1, [&woken] { ++woken; });
        QCOMPARE(woken, 2);
        ring.whenMore(2, [&woken] { ++woken; });
        QCOMPARE(woken, 2);
        append(ring, 3, 3);
        QCOMPARE(woken, 3);
    }

    /// For the thread sanitizer, and because a reader must never see a torn or a missing change.
    void readersRunBesideTheWriter()
    {
        ChangeRing ring(kSmall);
        constexpr quint64 count = 200'000;
        std::atomic<bool> isSound = true;
        const auto follow = [&ring, &isSound] {
            ChangeCursor cursor;
            while (cursor.seq < count) {
                const quint64 before = cursor.seq;
                quint64 expected = before;
                const auto read = ring.read(cursor, 64, [&](quint64 seq, const KeyChange &change) {
                    if (seq != ++expected || change.version.clock != seq ||
                        change.key != QByteArrayView(keyOf(seq)))
                        isSound = false;
                    return true;
                });
                if (read == ChangeRead::Lost)
                    cursor = ChangeCursor{ring.lastSeq()};
                else if (read == ChangeRead::AtEnd && cursor.seq < count) {
                    const auto isWoken = std::make_shared<std::atomic<bool>>(false);
                    ring.whenMore(cursor.seq, [isWoken] {
                        *isWoken = true;
                        isWoken->notify_one();
                    });
                    isWoken->wait(false);
                }
            }
        };
        std::thread first(follow);
        std::thread second(follow);
        append(ring, 1, count);
        first.join();
        second.join();
        QVERIFY(isSound);
    }

    void theTableTellsWhatWonInItsOrder()
    {
        Table table;
        table.apply(recordOf("before", 1));
        QCOMPARE(table.changes().lastSeq(), quint64{0});
        table.startChanges(5, 0);
        QCOMPARE(table.boot(), quint64{5});
        table.apply(recordOf("a", 10));
        table.apply(recordOf("a", 9));  // Lost.
        table.apply(recordOf("a", 10)); // Known.
        table.apply(core::Record{"a", core::RecordKind::Tombstone, {11, 1}});
        ChangeCursor cursor;
        const auto all = readAll(table.changes(), cursor);
        const std::vector<Seen> expected{{1, ChangeKind::Put, {10, 1}, "a"},
                                         {2, ChangeKind::Delete, {11, 1}, "a"}};
        QVERIFY(all == expected);
    }

    void eachExpiryIsToldOnce()
    {
        Table table;
        table.apply(recordOf("in silence", 1, 100));
        table.apply(recordOf("from before", 1, 300));
        table.startChanges(5, 150);
        table.apply(recordOf("first", 2, 200));
        table.apply(recordOf("second", 2, 210));
        table.apply(recordOf("replaced", 2, 205));
        table.apply(recordOf("replaced", 3));
        table.apply(recordOf("later", 2, 1000));
        ChangeCursor cursor{table.changes().lastSeq()};
        const auto toldBy = [&](qint64 wallMs, int max) {
            table.tellExpired(wallMs, max);
            QByteArrayList keys;
            for (const Seen &each : readAll(table.changes(), cursor)) {
                if (each.kind == ChangeKind::Expire)
                    keys.append(each.key);
            }
            return keys.join(' ');
        };
        QCOMPARE(toldBy(199, 10), "");
        QCOMPARE(toldBy(500, 1), "first");
        QCOMPARE(toldBy(500, 1), "second");
        QCOMPARE(toldBy(500, 10), "from before");
        QCOMPARE(toldBy(500, 10), "");
        // Expired when it came, as from a peer: it is told behind its put.
        table.apply(recordOf("late", 4, 400));
        QCOMPARE(toldBy(500, 10), "late");
        QCOMPARE(toldBy(500, 10), "");
        // The clock was set back: what is put then expires in its own time, what was told stays so.
        table.apply(recordOf("set back", 5, 350));
        QCOMPARE(toldBy(340, 10), "");
        QCOMPARE(toldBy(360, 10), "set back");
        QCOMPARE(toldBy(1000, 10), "later");
    }
};

QTEST_GUILESS_MAIN(TestChangeRing)
#include "tst_change_ring.moc"
