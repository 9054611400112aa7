// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/record_pool.h"

#include <algorithm>
#include <cstring>
#include <cstdint>
#include <new>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(block, bytes) (static_cast<void>(0))
#define ASAN_UNPOISON_MEMORY_REGION(block, bytes) (static_cast<void>(0))
#endif

namespace dynakv::store {
namespace {

constexpr std::size_t kHeadBytes = 64;
constexpr std::size_t kRoomBytes = RecordPool::kPageBytes - kHeadBytes;

/// Up to here each multiple of the step has a class of its own.
constexpr std::size_t kExactBytesMax = 256;
constexpr std::size_t kStepBytes = 4;
constexpr std::size_t kExactClasses = kExactBytesMax / kStepBytes;
constexpr std::size_t kWideClasses = 52;

constexpr std::size_t kFirstRegionBytes = RecordPool::kPageBytes;
constexpr std::size_t kRegionBytesMax = std::size_t{64} << 20;

/// From 256 bytes on each class is a sixteenth larger than the one before, and then as large as
/// so many of them in a page can be: smaller steps would not let more blocks into it.
constexpr std::array<quint32, kWideClasses> makeWideSizes()
{
    std::array<quint32, kWideClasses> sizes = {};
    std::size_t previous = kExactBytesMax;
    for (quint32 &size : sizes) {
        const std::size_t next = previous * 17 / 16 / 8 * 8;
        previous = kRoomBytes / (kRoomBytes / next) / 8 * 8;
        size = static_cast<quint32>(previous);
    }
    return sizes;
}
constexpr std::array<quint32, kWideClasses> kWideSizes = makeWideSizes();
static_assert(kWideSizes.back() == RecordPool::kPooledBytesMax);

constexpr std::size_t sizeOfClass(std::size_t sizeClass)
{
    return sizeClass < kExactClasses ? (sizeClass + 1) * kStepBytes
                                     : kWideSizes[sizeClass - kExactClasses];
}

template <typename Node>
void push(Node *&chain, Node *node)
{
    node->previous = nullptr;
    node->next = chain;
    if (chain)
        chain->previous = node;
    chain = node;
}

template <typename Node>
void unlink(Node *&chain, Node *node)
{
    if (node->previous)
        node->previous->next = node->next;
    else
        chain = node->next;
    if (node->next)
        node->next->previous = node->previous;
}

} // namespace

RecordPool::~RecordPool()
{
    while (Large *large = m_large) {
        m_large = large->next;
        ::operator delete(large);
    }
    for (const Region &region : m_regions) {
        ASAN_UNPOISON_MEMORY_REGION(region.begin, region.bytes);
        ::operator delete(region.begin, std::align_val_t(kPageBytes));
    }
}

std::size_t RecordPool::classOf(std::size_t bytes)
{
    static_assert(kClassCount == kExactClasses + kWideClasses);
    if (bytes <= kExactBytesMax)
        return (bytes - 1) / kStepBytes;
    const auto *at = std::lower_bound(kWideSizes.begin(), kWideSizes.end(), bytes);
    return kExactClasses + static_cast<std::size_t>(at - kWideSizes.begin());
}

std::size_t RecordPool::blockBytesOf(std::size_t bytes)
{
    return bytes > kPooledBytesMax ? bytes + sizeof(Large) : sizeOfClass(classOf(bytes));
}

void *RecordPool::allocate(std::size_t bytes)
{
    Q_ASSERT(bytes > 0);
    if (bytes > kPooledBytesMax)
        return allocateLarge(bytes);
    const std::size_t sizeClass = classOf(bytes);
    Page *page = m_open[sizeClass];
    if (!page)
        page = openPage(sizeClass);
    char *block = reinterpret_cast<char *>(page);
    if (page->firstFree != 0) {
        block += page->firstFree;
        ASAN_UNPOISON_MEMORY_REGION(block, page->blockBytes);
        std::memcpy(&page->firstFree, block, sizeof page->firstFree);
    } else {
        block += kHeadBytes + page->carved * page->blockBytes;
        ASAN_UNPOISON_MEMORY_REGION(block, page->blockBytes);
        ++page->carved;
        addUsed(page->blockBytes);
    }
    if (++page->used == page->capacity)
        unlink(m_open[sizeClass], page);
    return block;
}

void RecordPool::free(void *block, std::size_t bytes)
{
    if (bytes > kPooledBytesMax) {
        freeLarge(block, bytes);
        return;
    }
    const auto offset =
        static_cast<quint32>(reinterpret_cast<std::uintptr_t>(block) & (kPageBytes - 1));
    auto *page = reinterpret_cast<Page *>(static_cast<char *>(block) - offset);
    Q_ASSERT(page->sizeClass == classOf(bytes));
    if (page->used == page->capacity)
        push(m_open[page->sizeClass], page);
    ASAN_UNPOISON_MEMORY_REGION(block, page->blockBytes);
    std::memcpy(block, &page->firstFree, sizeof page->firstFree);
    ASAN_POISON_MEMORY_REGION(block, page->blockBytes);
    page->firstFree = offset;
    if (--page->used == 0)
        closePage(page);
}

RecordPool::Page *RecordPool::openPage(std::size_t sizeClass)
{
    static_assert(sizeof(Page) == kHeadBytes);
    void *memory = m_empty;
    if (m_empty)
        m_empty = m_empty->next;
    else
        memory = newPage();
    auto *page = new (memory) Page;
    page->sizeClass = static_cast<quint32>(sizeClass);
    page->blockBytes = static_cast<quint32>(sizeOfClass(sizeClass));
    page->capacity = static_cast<quint32>(kRoomBytes) / page->blockBytes;
    ASAN_POISON_MEMORY_REGION(page + 1, kRoomBytes);
    addUsed(static_cast<qint64>(kPageBytes) - qint64{page->capacity} * page->blockBytes);
    push(m_open[sizeClass], page);
    return page;
}

void RecordPool::closePage(Page *page)
{
    const qint64 unused = qint64{page->capacity - page->carved} * page->blockBytes;
    addUsed(unused - static_cast<qint64>(kPageBytes));
    unlink(m_open[page->sizeClass], page);
    page->next = m_empty;
    m_empty = page;
}

void *RecordPool::newPage()
{
    if (m_regions.empty() || m_takenOfLast == m_regions.back().bytes) {
        const std::size_t bytes = m_regions.empty()
                                      ? kFirstRegionBytes
                                      : qMin(2 * m_regions.back().bytes, kRegionBytesMax);
        void *begin = ::operator new(bytes, std::align_val_t(kPageBytes));
        m_regions.push_back({static_cast<char *>(begin), bytes});
        m_regionBytes += static_cast<qint64>(bytes);
        m_takenOfLast = 0;
    }
    void *page = m_regions.back().begin + m_takenOfLast;
    m_takenOfLast += kPageBytes;
    return page;
}

void *RecordPool::allocateLarge(std::size_t bytes)
{
    auto *large = new (::operator new(blockBytesOf(bytes))) Large;
    push(m_large, large);
    addUsed(static_cast<qint64>(blockBytesOf(bytes)));
    return large + 1;
}

void RecordPool::freeLarge(void *block, std::size_t bytes)
{
    Large *large = static_cast<Large *>(block) - 1;
    unlink(m_large, large);
    ::operator delete(large);
    addUsed(-static_cast<qint64>(blockBytesOf(bytes)));
}

} // namespace dynakv::store
