// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <absl/container/btree_map.h>

#include <QtGlobal>

#include <mutex>

namespace dynakv::store {

/// Counts how many values have expired at a given time, without looking at them: it keeps how many
/// expire in each millisecond and moves one boundary with the clock, in either direction.
///
/// Thread: any. Costs O(milliseconds with an expiry between two questions), so O(1) per write.
class ExpiryIndex
{
public:
    void add(qint64 expiresAtMs, qint64 count = 1);
    void remove(qint64 expiresAtMs);
    /// Values whose expiry is at or before \a wallMs.
    [[nodiscard]] qint64 expiredAt(qint64 wallMs);
    /// What its map takes, about.
    [[nodiscard]] qint64 memoryBytes() const;

private:
    mutable std::mutex m_mutex;
    absl::btree_map<qint64, qint64> m_countByMs;
    qint64 m_boundaryMs = 0; ///< Everything at or before it is in m_expired.
    qint64 m_expired = 0;
};

} // namespace dynakv::store
