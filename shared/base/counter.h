// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <atomic>

namespace dynakv::base {

/// A number that one thread changes and any thread reads. Changing it costs what a plain addition
/// costs: with a single writer nothing has to be locked, and readers need no order between two
/// numbers.
class Counter
{
public:
    /// Only on the writer's thread. \a count is negative for what goes down again (open
    /// connections).
    void add(qint64 count = 1)
    {
        m_value.store(m_value.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
    [[nodiscard]] qint64 value() const { return m_value.load(std::memory_order_relaxed); }

private:
    std::atomic<qint64> m_value = 0;
};

} // namespace dynakv::base
