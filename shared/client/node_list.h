// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/endpoint.h"

#include <chrono>
#include <vector>

namespace dynakv::client {

/// The nodes a client knows and the order in which it asks them. Pure: time is an argument.
/// Holds at most limits::kMembersMax members and the seeds.
class NodeList
{
public:
    using Time = std::chrono::steady_clock::time_point;

    explicit NodeList(std::vector<base::Endpoint> seeds);

    [[nodiscard]] const base::Endpoint &inUse() const { return m_inUse; }
    void use(const base::Endpoint &node);
    /// Replaces the members learnt before. Seeds stay known, since a cluster may be reached by an
    /// address that it does not know itself.
    void setMembers(const std::vector<base::Endpoint> &members);
    void markFailed(const base::Endpoint &node, Time now);
    void markAnswered(const base::Endpoint &node);

    /// Whom to ask, in order: the node in use, then the others, those last that failed a moment
    /// ago.
    [[nodiscard]] std::vector<base::Endpoint> candidates(Time now) const;

private:
    struct Node
    {
        base::Endpoint address = {};
        bool isSeed = false;
        Time failedAt = Time::min();
    };
    Node *find(const base::Endpoint &node);

    std::vector<Node> m_nodes;
    base::Endpoint m_inUse;
};

} // namespace dynakv::client
