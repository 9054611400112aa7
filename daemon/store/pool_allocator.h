// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/store/record_pool.h"

namespace dynakv::store {

/// Lets a container live in a RecordPool, which must outlive it.
template <typename T>
class PoolAllocator
{
public:
    using value_type = T;

    explicit PoolAllocator(RecordPool &pool)
        : m_pool(&pool)
    {
    }
    /// Containers make one for their nodes of one for their values: implicit, as they demand.
    template <typename Other>
    PoolAllocator(const PoolAllocator<Other> &other)
        : m_pool(&other.pool())
    {
    }

    [[nodiscard]] T *allocate(std::size_t count)
    {
        static_assert(alignof(T) <= 8);
        return static_cast<T *>(m_pool->allocate(bytesOf(count)));
    }
    void deallocate(T *memory, std::size_t count) { m_pool->free(memory, bytesOf(count)); }

    [[nodiscard]] RecordPool &pool() const { return *m_pool; }
    bool operator==(const PoolAllocator &) const = default;

private:
    /// Only multiples of 8 are aligned to 8.
    static std::size_t bytesOf(std::size_t count) { return (count * sizeof(T) + 7) / 8 * 8; }

    RecordPool *m_pool = nullptr;
};

} // namespace dynakv::store
