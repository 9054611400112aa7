// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/histogram.h"
#include "shared/base/request_scope.h"

#include <QtTest>

#include <thread>

using namespace dynakv::base;

class TestHistogram : public QObject
{
    Q_OBJECT
private Q_SLOTS:
    void bucketsFollowEachOtherWithoutAGap()
    {
        int last = 0;
        for (qint64 value = 0; value < 100'000; ++value) {
            const int bucket = HistogramCounts::bucketOf(value);
            QVERIFY(bucket == last || bucket == last + 1);
            last = bucket;
        }
        QCOMPARE(HistogramCounts::bucketOf(-5), 0);
        QCOMPARE(HistogramCounts::bucketOf(std::numeric_limits<qint64>::max()),
                 HistogramCounts::kBuckets - 1);
    }

    void countsUpToAPowerOfTwoAreExact()
    {
        for (int power = 0; power <= HistogramCounts::kPowers; ++power) {
            HistogramCounts counts;
            const qint64 bound = qint64{1} << power;
            counts.add(bound);
            counts.add(bound + 1);
            QCOMPARE(counts.countUpTo(power), 1);
            if (power > 0)
                QCOMPARE(counts.countUpTo(power - 1), 0);
        }
    }

    void percentilesAreAtMostAQuarterTooHigh()
    {
        HistogramCounts counts;
        QCOMPARE(counts.percentile(500), 0);
        for (qint64 value = 1; value <= 10'000; ++value)
            counts.add(value);
        for (const int permille : {1, 10, 500, 900, 990, 999, 1000}) {
            const qint64 exact = 10 * permille;
            QVERIFY(counts.percentile(permille) >= exact);
            QVERIFY(counts.percentile(permille) <= exact * 5 / 4 + 1);
        }
        QCOMPARE(counts.sum, 50'005'000);
        HistogramCounts beyond;
        beyond.add(qint64{1} << 40);
        QCOMPARE(beyond.percentile(500), qint64{1} << HistogramCounts::kPowers);
        QCOMPARE(beyond.countUpTo(HistogramCounts::kPowers), 0);
    }

    void readersBesideTheWriterMissAtMostTheLast()
    {
        Histogram histogram;
        Counter counter;
        std::thread writer([&] {
            for (int i = 0; i < 50'000; ++i) {
                histogram.add(i);
                counter.add();
            }
        });
        qint64 last = 0;
        while (last < 1000) {
            const qint64 now = histogram.counts().count;
            QVERIFY(now >= last);
            last = now;
        }
        writer.join();
        QCOMPARE(histogram.counts().count, 50'000);
        QCOMPARE(counter.value(), 50'000);
        HistogramCounts plain;
        for (int i = 0; i < 50'000; ++i)
            plain.add(i);
        QCOMPARE(histogram.counts(), plain);
        plain += plain;
        QCOMPARE(plain.count, 100'000);
    }

    void aRequestIsKnownToItsThreadAlone()
    {
        QVERIFY(RequestScope::current().isEmpty());
        {
            const RequestScope outer("a");
            {
                const RequestScope inner("b");
                QCOMPARE(RequestScope::current(), "b");
                std::thread([] { QVERIFY(RequestScope::current().isEmpty()); }).join();
            }
            QCOMPARE(RequestScope::current(), "a");
        }
        QVERIFY(RequestScope::current().isEmpty());
    }
};

QTEST_GUILESS_MAIN(TestHistogram)
#include "tst_histogram.moc"
