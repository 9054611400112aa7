// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/node_list.h"

#include "shared/base/limits.h"

#include <algorithm>

namespace dynakv::client {
namespace {

/// How long a node that failed stands behind the others.
constexpr std::chrono::seconds kFailureMemory(10);

} // namespace

NodeList::NodeList(std::vector<base::Endpoint> seeds)
{
    for (base::Endpoint &seed : seeds)
        if (!find(seed))
            m_nodes.push_back({std::move(seed), true, Time::min()});
    if (!m_nodes.empty())
        m_inUse = m_nodes.front().address;
}

NodeList::Node *NodeList::find(const base::Endpoint &node)
{
    const auto it = std::find_if(m_nodes.begin(), m_nodes.end(),
                                 [&node](const Node &known) { return known.address == node; });
    return it == m_nodes.end() ? nullptr : &*it;
}

void NodeList::use(const base::Endpoint &node)
{
    if (!find(node))
        m_nodes.push_back({node, true, Time::min()});
    m_inUse = node;
}

void NodeList::setMembers(const std::vector<base::Endpoint> &members)
{
    const auto isGone = [&](const Node &known) {
        return !known.isSeed && known.address != m_inUse &&
               std::find(members.begin(), members.end(), known.address) == members.end();
    };
    m_nodes.erase(std::remove_if(m_nodes.begin(), m_nodes.end(), isGone), m_nodes.end());
    const std::size_t bound = base::limits::kMembersMax + std::size_t{16};
    for (const base::Endpoint &member : members)
        if (m_nodes.size() < bound && !find(member))
            m_nodes.push_back({member, false, Time::min()});
}

void NodeList::markFailed(const base::Endpoint &node, Time now)
{
    if (Node *known = find(node))
        known->failedAt = now;
}

void NodeList::markAnswered(const base::Endpoint &node)
{
    if (Node *known = find(node))
        known->failedAt = Time::min();
}

std::vector<base::Endpoint> NodeList::candidates(Time now) const
{
    std::vector<base::Endpoint> fresh;
    std::vector<base::Endpoint> failed;
    for (const Node &node : m_nodes) {
        if (node.address == m_inUse)
            continue;
        const bool failedLately =
            node.failedAt != Time::min() && now - node.failedAt < kFailureMemory;
        (failedLately ? failed : fresh).push_back(node.address);
    }
    std::vector<base::Endpoint> ordered{m_inUse};
    ordered.insert(ordered.end(), fresh.begin(), fresh.end());
    ordered.insert(ordered.end(), failed.begin(), failed.end());
    return ordered;
}

} // namespace dynakv::client
