// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/effect.h"

#include <map>
#include <vector>

namespace dynakv::core {

/// Groups of writes that are done in several places: who does one of them answers under a request
/// id given here, and once all have answered the group is.
class GroupGather
{
public:
    /// The next calls are for a group of \a count writes.
    void begin(RequestId group, std::size_t count);
    /// The id under which the write at \a place is done alone.
    RequestId alone(std::size_t place);
    /// The id under which those at \a places are done as a group.
    RequestId together(std::vector<std::size_t> places);
    /// Takes the answers to such ids out of \a out and puts in those of the groups that are whole.
    void collect(Effects &out);

private:
    struct Group
    {
        RequestId request = 0;
        std::vector<WriteOutcome> outcomes = {};
        std::size_t missing = 0;
    };
    struct Part
    {
        quint64 group = 0;
        std::vector<std::size_t> places = {};
    };

    void take(RequestId id, std::vector<WriteOutcome> outcomes, Effects &whole);

    std::map<quint64, Group> m_groups;
    std::map<RequestId, Part> m_parts;
    quint64 m_lastGroup = 0;
    RequestId m_lastPart = 0;
};

} // namespace dynakv::core
