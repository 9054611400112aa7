// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <absl/container/btree_set.h>

#include <QtGlobal>

#include <mutex>
#include <vector>

namespace dynakv::store {

class PackedRecord;

/// One value that expires. The order is that of time.
struct Expiry
{
    qint64 atMs = 0;
    quintptr record = 0; ///< A PackedRecord, in the form in which addresses have an order.

    static Expiry of(qint64 atMs, const PackedRecord *record)
    {
        return {atMs, reinterpret_cast<quintptr>(record)};
    }
    [[nodiscard]] const PackedRecord &held() const
    {
        return *reinterpret_cast<const PackedRecord *>(record);
    }
    auto operator<=>(const Expiry &) const = default;
};

/// The values that expire, in the order in which they do. It counts how many have at a given time,
/// without looking at them: one boundary moves with the clock, in either direction. And it tells of
/// each once that it has expired.
///
/// Thread: any, but what Expiry::held() gives belongs to the table's writer. Counting costs
/// O(values that expire between two questions), so O(1) per write.
class ExpiryIndex
{
public:
    void add(Expiry expiry);
    void remove(Expiry expiry);
    /// Values whose expiry is at or before \a wallMs.
    [[nodiscard]] qint64 expiredAt(qint64 wallMs);

    /// Everything at or before \a wallMs is told.
    void skipTo(qint64 wallMs);
    /// What has expired by \a wallMs and was not given before, in order, at most \a max.
    [[nodiscard]] std::vector<Expiry> takeDue(qint64 wallMs, int max);

    /// What its set takes, about.
    [[nodiscard]] qint64 memoryBytes() const;

private:
    using Set = absl::btree_set<Expiry>;

    mutable std::mutex m_mutex;
    Set m_expiries;
    qint64 m_boundaryMs = 0; ///< Everything at or before it is in m_expired.
    qint64 m_expired = 0;
    Expiry m_told = {}; ///< Everything up to it was told, but for these:
    /// Came with a time that was told already: old news from a peer, or the clock was set back.
    Set m_late;
};

} // namespace dynakv::store
