// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/capacity.h"

#include <algorithm>

namespace dynakv::core {

/// An estimate of what the table takes for it; only records that are on their way are counted so.
qint64 Capacity::bytesOf(const Record &record)
{
    constexpr qint64 kOverhead = 48;
    return record.key.size() + record.contentType.size() + record.context.size() +
           record.value.size() + kOverhead;
}

quint32 Capacity::usedPermille() const
{
    constexpr qint64 kShownMax = 1'000'000;
    if (m_limitBytes <= 0)
        return 0;
    const qint64 used = m_records.memoryBytes() + m_aheadBytes;
    const qint64 permille = (used * 1000 + m_limitBytes - 1) / m_limitBytes;
    return static_cast<quint32>(std::clamp<qint64>(permille, 0, kShownMax));
}

bool Capacity::hasRoomFor(const Record &record) const
{
    const qint64 after = m_records.memoryBytes() + m_aheadBytes + bytesOf(record);
    if (m_limitBytes <= 0 || after <= m_limitBytes)
        return true;
    const auto held = m_records.find(record.key);
    return held && after - bytesOf(*held) <= m_limitBytes;
}

std::size_t Capacity::dropUnfit(std::vector<Record> &records) const
{
    if (m_limitBytes <= 0)
        return 0;
    const qint64 reserveEnd = m_limitBytes + m_limitBytes / 1000 * (kReservePermille - 1000);
    qint64 used = m_records.memoryBytes() + m_aheadBytes;
    return std::erase_if(records, [&](const Record &record) {
        qint64 growth = bytesOf(record);
        // Looked up only near the end, since that copies the value held.
        if (used + growth > reserveEnd) {
            if (const auto held = m_records.find(record.key))
                growth -= bytesOf(*held);
            if (growth > 0 && used + growth > reserveEnd)
                return true;
        }
        used += std::max<qint64>(growth, 0);
        return false;
    });
}

} // namespace dynakv::core
