// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <algorithm>
#include <vector>

namespace dynakv::bench {

/// How long things took, counted by the microsecond, so that measuring takes the same memory
/// however long it goes on.
class Times
{
public:
    void add(double seconds)
    {
        const auto at = static_cast<std::size_t>(std::max(0.0, seconds * 1e6));
        ++m_counts[std::min(at, m_counts.size() - 1)];
        ++m_total;
    }
    /// In milliseconds, what this share of them did not exceed.
    [[nodiscard]] double msAt(double share) const
    {
        const auto wanted = static_cast<quint64>(share * static_cast<double>(m_total));
        quint64 sum = 0;
        for (std::size_t i = 0; i < m_counts.size(); ++i) {
            sum += m_counts[i];
            if (sum > wanted || sum == m_total)
                return static_cast<double>(i) / 1000;
        }
        return 0;
    }
    [[nodiscard]] quint64 count() const { return m_total; }

private:
    std::vector<quint32> m_counts = std::vector<quint32>(2'000'000);
    quint64 m_total = 0;
};

} // namespace dynakv::bench
