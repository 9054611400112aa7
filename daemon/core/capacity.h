// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record_source.h"

#include <vector>

namespace dynakv::core {

/// How much of its memory limit a node uses, and what still fits: "Capacity" in
/// docs/architecture.md. It only judges; nothing is ever evicted, and a table loaded beyond the
/// limit stays as it is.
///
/// \a records must outlive it.
class Capacity
{
public:
    /// Clients' values are refused above the first; below the second the node counts as no longer
    /// full, so that a table at the mark does not fill the log.
    static constexpr quint32 kFullPermille = 950;
    static constexpr quint32 kEasedPermille = 930;
    /// Up to here replication and repair pass: what was acknowledged elsewhere shall get in.
    static constexpr quint32 kReservePermille = 1100;

    /// \a limitBytes 0: there is no limit.
    Capacity(const RecordSource &records, qint64 limitBytes)
        : m_records(records)
        , m_limitBytes(limitBytes)
    {
    }

    /// Of the limit, rounded up, with what is on its way to the disk; 0 where there is no limit.
    [[nodiscard]] quint32 usedPermille() const;
    /// Whether \a record, in place of what its key has now, stays within the limit itself.
    [[nodiscard]] bool hasRoomFor(const Record &record) const;
    /// Takes out what would go beyond the reserve; how many that were. What takes no more room
    /// than the record that it replaces always stays, deletes above all.
    std::size_t dropUnfit(std::vector<Record> &records) const;

    /// \a record is on its way to the table, or no longer.
    void enter(const Record &record) { m_aheadBytes += bytesOf(record); }
    void leave(const Record &record) { m_aheadBytes -= bytesOf(record); }

private:
    static qint64 bytesOf(const Record &record);

    const RecordSource &m_records;
    qint64 m_limitBytes;
    qint64 m_aheadBytes = 0;
};

} // namespace dynakv::core
