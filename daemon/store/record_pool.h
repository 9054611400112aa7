// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <array>
#include <atomic>
#include <cstddef>
#include <vector>

namespace dynakv::store {

/// Memory for records and for the nodes that order them, without what malloc() keeps beside each
/// block: pages of blocks of one size, carved out of regions that grow with the pool. A block's
/// address leads to its page, so it is freed by nothing but itself and its size. A page whose last
/// block was freed serves any size again; memory goes back to the system with the pool.
///
/// Blocks are aligned to 4 bytes, and to 8 where their size is a multiple of 8.
/// What must hold: a block is freed once, with the size it was allocated with, and not used
/// afterwards. Blocks that are still there end with the pool.
///
/// The address sanitizer is told which blocks are there, as by malloc().
///
/// Thread: one at a time, whoever writes; usedBytes() any.
class RecordPool
{
public:
    static constexpr std::size_t kPageBytes = 65'536;
    /// Blocks up to here come from pages, larger ones from the system.
    static constexpr std::size_t kPooledBytesMax = 8184;

    RecordPool() = default;
    ~RecordPool();
    RecordPool(const RecordPool &) = delete;
    RecordPool &operator=(const RecordPool &) = delete;

    [[nodiscard]] void *allocate(std::size_t bytes);
    void free(void *block, std::size_t bytes);

    /// What the blocks take that are there, with the freed ones between them and with what their
    /// pages cannot use; not what no block has used yet.
    [[nodiscard]] qint64 usedBytes() const { return m_usedBytes.load(std::memory_order_relaxed); }
    /// What the pool took from the system for its pages, touched or not.
    [[nodiscard]] qint64 regionBytes() const { return m_regionBytes; }
    /// What a block of \a bytes takes of its page.
    [[nodiscard]] static std::size_t blockBytesOf(std::size_t bytes);

private:
    static constexpr std::size_t kClassCount = 116;

    /// The head of a page; the blocks stand behind it. Freed ones are chained by their offsets.
    struct alignas(64) Page
    {
        Page *next = nullptr;
        Page *previous = nullptr;
        quint32 sizeClass = 0;
        quint32 blockBytes = 0;
        quint32 capacity = 0; ///< In blocks, as the next two.
        quint32 carved = 0;   ///< So many were ever used.
        quint32 used = 0;
        quint32 firstFree = 0; ///< 0 for none.
    };
    /// Stands before a block that is no page's.
    struct alignas(std::max_align_t) Large
    {
        Large *next = nullptr;
        Large *previous = nullptr;
    };
    struct Region
    {
        char *begin = nullptr;
        std::size_t bytes = 0;
    };

    static std::size_t classOf(std::size_t bytes);
    Page *openPage(std::size_t sizeClass);
    void closePage(Page *page);
    void *newPage();
    void *allocateLarge(std::size_t bytes);
    void freeLarge(void *block, std::size_t bytes);
    /// Only the writer changes it, so no read-modify-write is needed.
    void addUsed(qint64 bytes)
    {
        m_usedBytes.store(usedBytes() + bytes, std::memory_order_relaxed);
    }

    std::array<Page *, kClassCount> m_open = {}; ///< Chains of pages with room, by class.
    Page *m_empty = nullptr;                     ///< Of no class now.
    Large *m_large = nullptr;
    std::vector<Region> m_regions = {};
    std::size_t m_takenOfLast = 0; ///< Bytes of the last region that are pages already.
    qint64 m_regionBytes = 0;
    std::atomic<qint64> m_usedBytes = 0;
};

} // namespace dynakv::store
