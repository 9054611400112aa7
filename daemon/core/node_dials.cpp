// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

void Node::Impl::on(const DialFailed &failed)
{
    const auto key = m_dialer.failed(failed.dial, m_now.monoMs, m_random);
    if (!key)
        return;
    if (key->kind == Dialer::Key::Kind::Member) {
        // A member that got through to us meanwhile lives, wherever our dial went.
        if (failed.reason == DialFailed::Reason::Refused && !m_linkByPeer.contains(key->id)) {
            m_detector.refused(key->id, m_now.monoMs);
            m_notRunning.insert(key->id);
        }
        return;
    }
    // A join address that does not answer is said at once and then now and then, never each time.
    const int failures = m_dialer.failureCount(*key);
    if ((failures == 1 || failures % 12 == 0) && key->id < m_config.join.size()) {
        static constexpr const char *reasons[] = {"connection refused", "timed out", "unreachable",
                                                  "unknown host name", "failed"};
        const base::JoinTarget &target = m_config.join[static_cast<size_t>(key->id)];
        say(Log::Level::Warning,
            "cannot reach " + target.api.toString() + " to join (its cluster port " +
                QByteArray::number(target.cluster.port) +
                "): " + reasons[static_cast<size_t>(failed.reason)] + "; it keeps trying");
    }
}

void Node::Impl::markSelfDial(const Link &link)
{
    if (!link.isOutgoing)
        return;
    m_dialledTable.reset();
    for (size_t i = 0; i < m_config.join.size(); ++i) {
        const auto key = Dialer::Key{Dialer::Key::Kind::Join, i};
        if (m_dialer.isFor(link.dial, key) && m_selfJoins.insert(i).second)
            say(Log::Level::Info, m_config.join[i].api.toString() +
                                      " is this node itself: ignored as a join address");
    }
    // Whoever names only itself asks for what the lone node gets without a join address.
    if (m_state.clusterId == 0 && m_selfJoins.size() == m_config.join.size())
        foundCluster();
}

void Node::Impl::dialDue()
{
    if (m_state.isForgotten || isStandingBack())
        return;
    if (m_state.clusterId == 0 || m_dialledTable != m_table.hash()) {
        m_dialledTable = m_table.hash();
        m_dialer.want(whomToDial(), m_now.monoMs);
    }
    for (Dial &dial : m_dialer.due(m_now.monoMs))
        m_out.push_back(std::move(dial));
}

/// Follows from the table, the links and the addresses to join alone.
std::map<Dialer::Key, Dialer::Wanted> Node::Impl::whomToDial() const
{
    std::map<Dialer::Key, Dialer::Wanted> wanted;
    int members = 0;
    auto linked = m_linkByPeer.begin(); // Both are in order: nothing is looked up.
    for (const auto &[id, member] : m_table.all()) {
        if (id == m_state.node || member.state == MemberState::Left || member.cluster.isEmpty())
            continue;
        ++members;
        while (linked != m_linkByPeer.end() && linked->first < id)
            ++linked;
        if (linked == m_linkByPeer.end() || linked->first != id) {
            // The smaller id dials first, so that a pair seldom opens two links at once.
            wanted[{Dialer::Key::Kind::Member, id}] = {member.cluster, m_state.node < id ? 0 : 300};
        }
    }
    const bool needsSeeds = m_state.clusterId == 0 ||
                            static_cast<int>(m_linkByPeer.size()) * 2 < members || members == 0;
    for (size_t i = 0; needsSeeds && i < m_config.join.size(); ++i) {
        const base::Endpoint &target = m_config.join[i].cluster;
        const bool isKnown =
            std::any_of(m_table.all().begin(), m_table.all().end(), [&](const auto &each) {
                return each.first != m_state.node && each.second.state != MemberState::Left &&
                       each.second.cluster == target;
            });
        if (!isKnown && !m_selfJoins.contains(i))
            wanted[{Dialer::Key::Kind::Join, i}] = {target, 0};
    }
    return wanted;
}

} // namespace dynakv::core
