// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/histogram.h"

#include <algorithm>
#include <bit>

namespace dynakv::base {
namespace {

/// The greatest value that the bucket \a index holds.
qint64 bucketEnd(int index)
{
    if (index < 4)
        return index + 1;
    const int shift = index / 4 - 1;
    return qint64{index % 4 + 5} << shift;
}

std::size_t at(int index)
{
    return static_cast<std::size_t>(index);
}

} // namespace

int HistogramCounts::bucketOf(qint64 value)
{
    // Less one, so that a power of two is the end of a bucket and not the beginning of the next.
    const auto below = static_cast<quint64>(std::max<qint64>(value, 1) - 1);
    if (below < 4)
        return static_cast<int>(below);
    const int shift = static_cast<int>(std::bit_width(below)) - 3;
    return std::min(4 * shift + static_cast<int>(below >> shift), kBuckets - 1);
}

void HistogramCounts::add(qint64 value)
{
    ++buckets[at(bucketOf(value))];
    ++count;
    sum += std::max<qint64>(value, 0);
}

HistogramCounts &HistogramCounts::operator+=(const HistogramCounts &other)
{
    for (int i = 0; i < kBuckets; ++i)
        buckets[at(i)] += other.buckets[at(i)];
    count += other.count;
    sum += other.sum;
    return *this;
}

qint64 HistogramCounts::countUpTo(int power) const
{
    const int end = power < 2 ? power + 1 : 4 * (power - 1);
    qint64 total = 0;
    for (int i = 0; i < std::min(end, kBuckets - 1); ++i)
        total += buckets[at(i)];
    return total;
}

qint64 HistogramCounts::percentile(int permille) const
{
    if (count == 0)
        return 0;
    const qint64 wanted = (count * permille + 999) / 1000;
    qint64 seen = 0;
    for (int i = 0; i < kBuckets - 1; ++i) {
        seen += buckets[at(i)];
        if (seen >= wanted && seen > 0)
            return bucketEnd(i);
    }
    return qint64{1} << kPowers;
}

void Histogram::add(qint64 value)
{
    m_buckets[at(HistogramCounts::bucketOf(value))].add();
    m_sum.add(std::max<qint64>(value, 0));
}

void Histogram::add(const HistogramCounts &counts)
{
    for (int i = 0; i < HistogramCounts::kBuckets; ++i)
        m_buckets[at(i)].add(counts.buckets[at(i)]);
    m_sum.add(counts.sum);
}

HistogramCounts Histogram::counts() const
{
    HistogramCounts counts;
    for (int i = 0; i < HistogramCounts::kBuckets; ++i) {
        counts.buckets[at(i)] = m_buckets[at(i)].value();
        counts.count += counts.buckets[at(i)];
    }
    counts.sum = m_sum.value();
    return counts;
}

} // namespace dynakv::base
