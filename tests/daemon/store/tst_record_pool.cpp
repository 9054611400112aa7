// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/pool_allocator.h"
#include "daemon/store/record_pool.h"

#include <absl/container/btree_set.h>

#include <QtTest>

#include <cstring>
#include <random>
#include <set>

using namespace dynakv::store;

namespace {

constexpr auto kPageBytes = static_cast<qint64>(RecordPool::kPageBytes);
constexpr std::size_t kBlockBytesMax = 3 * RecordPool::kPooledBytesMax;

struct Block
{
    char *at = nullptr;
    std::size_t bytes = 0;
    char filling = 0;

    [[nodiscard]] bool isIntact() const
    {
        return std::all_of(at, at + bytes, [this](char byte) { return byte == filling; });
    }
};

Block allocate(RecordPool &pool, std::size_t bytes, char filling)
{
    Block block = {static_cast<char *>(pool.allocate(bytes)), bytes, filling};
    std::memset(block.at, filling, bytes);
    return block;
}

std::uintptr_t addressOf(const Block &block)
{
    return reinterpret_cast<std::uintptr_t>(block.at);
}

/// So many blocks of a size that the pool took \a pages pages for them.
std::vector<Block> fillPages(RecordPool &pool, std::size_t bytes, std::size_t pages)
{
    const std::size_t inPage = (RecordPool::kPageBytes - 64) / RecordPool::blockBytesOf(bytes);
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < pages * inPage; ++i)
        blocks.push_back(allocate(pool, bytes, 'x'));
    return blocks;
}

void freeAll(RecordPool &pool, std::vector<Block> &blocks)
{
    for (const Block &block : blocks)
        pool.free(block.at, block.bytes);
    blocks.clear();
}

} // namespace

class TestRecordPool : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void anUnusedPoolTakesNothing()
    {
        const RecordPool pool;
        QCOMPARE(pool.usedBytes(), 0);
        QCOMPARE(pool.regionBytes(), 0);
    }

    void blocksOfEverySizeAreAlignedApartAndTheirOwn()
    {
        RecordPool pool;
        std::vector<Block> blocks;
        for (std::size_t bytes = 1; bytes <= kBlockBytesMax; bytes += bytes < 9000 ? 1 : 97) {
            for (int i = 0; i < 3; ++i) {
                blocks.push_back(allocate(pool, bytes, static_cast<char>(blocks.size() % 251)));
                QCOMPARE(addressOf(blocks.back()) % (bytes % 8 == 0 ? 8 : 4), 0U);
            }
        }
        for (const Block &block : blocks)
            QVERIFY(block.isIntact());
        freeAll(pool, blocks);
        QCOMPARE(pool.usedBytes(), 0);
    }

    void aBlockIsLittleLargerThanWhatIsInIt()
    {
        for (std::size_t bytes = 1; bytes <= kBlockBytesMax; ++bytes) {
            const std::size_t taken = RecordPool::blockBytesOf(bytes);
            QVERIFY(taken >= bytes);
            if (bytes <= 256)
                QVERIFY(taken < bytes + 4);
            else if (bytes <= 1280)
                QVERIFY(taken <= bytes + bytes / 12);
            else
                QVERIFY(taken <= bytes + bytes / 7);
        }
        // What matters most: a record of 16+100 bytes.
        QCOMPARE(RecordPool::blockBytesOf(140), 140U);
    }

    void aFreedBlockIsTheNextOneOfItsSize()
    {
        RecordPool pool;
        for (const std::size_t bytes : {4U, 140U, 256U, 3000U, 8184U}) {
            const Block first = allocate(pool, bytes, 'a');
            const Block second = allocate(pool, bytes, 'b');
            const qint64 used = pool.usedBytes();
            pool.free(first.at, bytes);
            QCOMPARE(pool.usedBytes(), used);
            const Block third = allocate(pool, bytes, 'c');
            QCOMPARE(addressOf(third), addressOf(first));
            QVERIFY(second.isIntact());
        }
    }

    void anEmptiedPageServesAnySize()
    {
        RecordPool pool;
        std::vector<Block> blocks = fillPages(pool, 140, 64);
        const qint64 region = pool.regionBytes();
        std::set<std::uintptr_t> pages;
        for (const Block &block : blocks)
            pages.insert(addressOf(block) / RecordPool::kPageBytes);
        QCOMPARE(pages.size(), 64U);
        for (const std::size_t bytes : {28U, 256U, 2000U, 8000U, 140U}) {
            freeAll(pool, blocks);
            QCOMPARE(pool.usedBytes(), 0);
            blocks = fillPages(pool, bytes, 64);
            for (const Block &block : blocks)
                QVERIFY(pages.contains(addressOf(block) / RecordPool::kPageBytes));
            QCOMPARE(pool.regionBytes(), region);
        }
    }

    void whatIsUsedIsCountedExactly()
    {
        RecordPool pool;
        const std::size_t inPage = (RecordPool::kPageBytes - 64) / 140;
        const auto slack = kPageBytes - static_cast<qint64>(inPage * 140);
        std::vector<Block> blocks;
        for (std::size_t i = 1; i <= inPage; ++i) {
            blocks.push_back(allocate(pool, 137, 'x'));
            QCOMPARE(pool.usedBytes(), slack + static_cast<qint64>(i * 140));
        }
        QCOMPARE(pool.usedBytes(), kPageBytes);
        blocks.push_back(allocate(pool, 140, 'x'));
        QCOMPARE(pool.usedBytes(), kPageBytes + slack + 140);
        const Block large = allocate(pool, 100'000, 'l');
        QCOMPARE(pool.usedBytes(), kPageBytes + slack + 140 + 100'016);
        pool.free(large.at, large.bytes);
        QCOMPARE(pool.usedBytes(), kPageBytes + slack + 140);
        pool.free(blocks.back().at, 140);
        blocks.pop_back();
        QCOMPARE(pool.usedBytes(), kPageBytes);
        freeAll(pool, blocks);
        QCOMPARE(pool.usedBytes(), 0);
    }

    void regionsGrowUntilTheyAreLarge()
    {
        RecordPool pool;
        (void)pool.allocate(1);
        QCOMPARE(pool.regionBytes(), kPageBytes);
        const std::vector<Block> blocks = fillPages(pool, 8184, 1300);
        const qint64 blockBytes = 1301 * kPageBytes;
        QVERIFY(pool.regionBytes() >= blockBytes);
        QVERIFY(pool.regionBytes() < 2 * blockBytes + 2 * kPageBytes);
    }

    void randomUseLeavesEveryBlockAsItWas_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 4; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }

    void randomUseLeavesEveryBlockAsItWas()
    {
        QFETCH(quint64, seed);
        std::mt19937_64 random(seed);
        RecordPool pool;
        std::vector<Block> blocks;
        qint64 held = 0;
        for (int i = 0; i < 60'000; ++i) {
            // It grows and shrinks in turns, so that pages fill and empty.
            const bool isGrowing = i / 5000 % 2 == 0;
            if (blocks.empty() || random() % 8 < (isGrowing ? 6 : 2)) {
                const std::size_t scale = random() % 50 == 0 ? kBlockBytesMax : 1 + random() % 900;
                blocks.push_back(allocate(pool, 1 + random() % scale, static_cast<char>(random())));
                held += static_cast<qint64>(RecordPool::blockBytesOf(blocks.back().bytes));
            } else {
                std::swap(blocks[random() % blocks.size()], blocks.back());
                QVERIFY(blocks.back().isIntact());
                held -= static_cast<qint64>(RecordPool::blockBytesOf(blocks.back().bytes));
                pool.free(blocks.back().at, blocks.back().bytes);
                blocks.pop_back();
            }
            QVERIFY(pool.usedBytes() >= held);
        }
        for (const Block &block : blocks)
            QVERIFY(block.isIntact());
        freeAll(pool, blocks);
        QCOMPARE(pool.usedBytes(), 0);
    }

    void containersLiveInIt()
    {
        RecordPool pool;
        {
            using Numbers = absl::btree_set<quint64, std::less<>, PoolAllocator<quint64>>;
            Numbers numbers{std::less<>(), PoolAllocator<quint64>(pool)};
            std::set<quint64> expected;
            std::mt19937_64 random(1);
            for (int i = 0; i < 20'000; ++i) {
                const quint64 number = random() % 10'000;
                if (random() % 3 == 0) {
                    numbers.erase(number);
                    expected.erase(number);
                } else {
                    numbers.insert(number);
                    expected.insert(number);
                }
            }
            QVERIFY(std::equal(numbers.begin(), numbers.end(), expected.begin(), expected.end()));
            QVERIFY(pool.usedBytes() > static_cast<qint64>(8 * numbers.size()));
        }
        QCOMPARE(pool.usedBytes(), 0);
    }
};

QTEST_APPLESS_MAIN(TestRecordPool)
#include "tst_record_pool.moc"
