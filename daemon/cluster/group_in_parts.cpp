// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/cluster/group_in_parts.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dynakv::cluster {
namespace {

qsizetype bytesOf(const core::WriteRequest &write)
{
    return write.key.size() + write.value.size();
}

} // namespace

qsizetype bytesOf(const std::vector<core::WriteRequest> &group)
{
    qsizetype bytes = 0;
    for (const core::WriteRequest &write : group)
        bytes += bytesOf(write);
    return bytes;
}

GroupInParts::GroupInParts(std::vector<core::WriteRequest> group,
                           core::Coordinator::GroupCompletion done)
    : m_writes(std::move(group))
    , m_outcomes(m_writes.size())
    , m_done(std::move(done))
{
}

GroupInParts::Part GroupInParts::takePart()
{
    Part part{m_next, {}};
    part.writes.reserve(std::min(m_writes.size() - m_next, core::kGroupWritesMax));
    for (qsizetype bytes = 0; hasPart() && part.writes.size() < core::kGroupWritesMax; ++m_next) {
        bytes += bytesOf(m_writes[m_next]);
        if (bytes > core::kGroupBytesMax && !part.writes.empty())
            break;
        part.writes.push_back(std::move(m_writes[m_next]));
    }
    return part;
}

void GroupInParts::answer(std::size_t place, std::vector<core::WriteOutcome> outcomes)
{
    m_answered += outcomes.size();
    std::move(outcomes.begin(), outcomes.end(),
              std::next(m_outcomes.begin(), static_cast<qsizetype>(place)));
    if (m_answered == m_outcomes.size())
        std::exchange(m_done, {})(std::move(m_outcomes));
}

} // namespace dynakv::cluster
