// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"

#include <vector>

namespace dynakv::cluster {

/// A group of writes that the node takes in parts, each within kGroupWritesMax and kGroupBytesMax,
/// and their outcomes as they come back, in whatever order.
///
/// Thread: one at a time.
class GroupInParts
{
public:
    struct Part
    {
        std::size_t place = 0; ///< Of its first write in the group.
        std::vector<core::WriteRequest> writes = {};
    };

    GroupInParts(std::vector<core::WriteRequest> group, core::Coordinator::GroupCompletion done);

    [[nodiscard]] bool hasPart() const { return m_next < m_writes.size(); }
    /// The next one; at least one write.
    Part takePart();
    /// Calls the group's completion once every write has its outcome.
    void answer(std::size_t place, std::vector<core::WriteOutcome> outcomes);

private:
    std::vector<core::WriteRequest> m_writes;
    std::size_t m_next = 0;
    std::vector<core::WriteOutcome> m_outcomes;
    std::size_t m_answered = 0;
    core::Coordinator::GroupCompletion m_done;
};

/// Bytes of keys and values.
qsizetype bytesOf(const std::vector<core::WriteRequest> &group);

} // namespace dynakv::cluster
