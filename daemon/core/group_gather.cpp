// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/group_gather.h"

#include <iterator>

namespace dynakv::core {
namespace {

/// As for the forwarder's ids: nobody counts so far.
constexpr RequestId kOfGroup = RequestId{1} << 62;

bool isOfGroup(RequestId id)
{
    return (id >> 62) == 1;
}

} // namespace

void GroupGather::begin(RequestId group, std::size_t count)
{
    m_groups.emplace(++m_lastGroup, Group{group, std::vector<WriteOutcome>(count), count});
}

RequestId GroupGather::alone(std::size_t place)
{
    return together({place});
}

RequestId GroupGather::together(std::vector<std::size_t> places)
{
    const RequestId id = kOfGroup | ++m_lastPart;
    m_parts.emplace(id, Part{m_lastGroup, std::move(places)});
    return id;
}

void GroupGather::collect(Effects &out)
{
    if (m_parts.empty())
        return;
    Effects whole;
    std::erase_if(out, [&, this](Effect &effect) {
        if (auto *reply = std::get_if<Reply>(&effect); reply && isOfGroup(reply->request)) {
            take(reply->request, {std::move(reply->outcome)}, whole);
            return true;
        }
        if (auto *reply = std::get_if<GroupReply>(&effect); reply && isOfGroup(reply->request)) {
            take(reply->request, std::move(reply->outcomes), whole);
            return true;
        }
        return false;
    });
    std::move(whole.begin(), whole.end(), std::back_inserter(out));
}

void GroupGather::take(RequestId id, std::vector<WriteOutcome> outcomes, Effects &whole)
{
    const auto part = m_parts.extract(id);
    const auto at = m_groups.find(part.mapped().group);
    Group &group = at->second;
    for (std::size_t i = 0; i < outcomes.size(); ++i)
        group.outcomes.at(part.mapped().places.at(i)) = std::move(outcomes[i]);
    group.missing -= outcomes.size();
    if (group.missing > 0)
        return;
    whole.push_back(GroupReply{group.request, std::move(group.outcomes)});
    m_groups.erase(at);
}

} // namespace dynakv::core
