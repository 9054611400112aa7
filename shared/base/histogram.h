// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/counter.h"

#include <array>

namespace dynakv::base {

/// How often each magnitude was seen, of whole numbers from 0 on in a unit of the owner's choice
/// (microseconds, items, bytes). Four buckets for each power of two up to 2^26, and one for all
/// that is greater: a percentile is at most a quarter too high, counts up to a power of two are
/// exact, and adding needs no search. The idea is that of HdrHistogram.
struct HistogramCounts
{
    static constexpr int kPowers = 26;
    static constexpr int kBuckets = 4 * (kPowers - 1) + 1;

    std::array<qint64, kBuckets> buckets = {};
    qint64 count = 0;
    qint64 sum = 0;

    void add(qint64 value);
    HistogramCounts &operator+=(const HistogramCounts &other);
    /// How many values were at most 2^\a power, 0 to kPowers.
    [[nodiscard]] qint64 countUpTo(int power) const;
    /// The least bucket end that \a permille of the values do not pass; 0 where there are none.
    /// Beyond the last bucket: 2^kPowers.
    [[nodiscard]] qint64 percentile(int permille) const;
    bool operator==(const HistogramCounts &) const = default;

    /// Which bucket holds \a value.
    static int bucketOf(qint64 value);
};

/// The same for one writing thread and any readers. A reading beside a writer may miss the last
/// values, never more.
class Histogram
{
public:
    void add(qint64 value);
    void add(const HistogramCounts &counts);
    [[nodiscard]] HistogramCounts counts() const;

private:
    std::array<Counter, HistogramCounts::kBuckets> m_buckets = {};
    Counter m_sum;
};

} // namespace dynakv::base
