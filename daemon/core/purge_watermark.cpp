// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/purge_watermark.h"

#include "daemon/core/key_hash.h"

#include <algorithm>

namespace dynakv::core {
namespace {

/// What \a told counts for among those \a members.
quint64 countedUpTo(const Holdings &told, quint64 members)
{
    return told.members != members ? 0 : told.upTo;
}

} // namespace

void PurgeWatermark::setMembers(const std::set<NodeId> &members)
{
    if (members == m_members)
        return;
    m_members = members;
    m_membersHash = 0;
    for (const NodeId member : members)
        m_membersHash = hashBytes(toHex16(member), m_membersHash);
    reset();
    std::erase_if(m_told, [&](const auto &each) { return !members.contains(each.first); });
    findWatermark();
}

void PurgeWatermark::reset()
{
    m_comparedUpTo.clear();
    m_holdsUpTo = m_savingUpTo = m_toldUpTo = 0;
    m_agreed.reset();
}

void PurgeWatermark::heard(NodeId peer, const Holdings &told)
{
    Holdings &known = m_told[peer];
    if (known == told)
        return;
    const bool isLower = told.watermark < known.watermark;
    known = told;
    m_agreed.reset();
    if (isLower)
        findWatermark();
    else
        m_watermark = std::max(m_watermark, told.watermark);
}

void PurgeWatermark::findWatermark()
{
    m_agreed.reset();
    m_watermark = 0;
    for (const auto &[peer, told] : m_told)
        m_watermark = std::max(m_watermark, told.watermark);
}

void PurgeWatermark::compared(NodeId peer, quint64 members, quint64 mine, quint64 theirs,
                              const Holdings &told)
{
    if (members != m_membersHash)
        return;
    m_agreed.reset();
    if (told.members == m_membersHash)
        m_holdsUpTo = std::max(m_holdsUpTo, told.upTo);
    quint64 &upTo = m_comparedUpTo[peer];
    upTo = std::max(upTo, std::min(mine, theirs));
    quint64 least = mine;
    for (const NodeId member : m_members) {
        if (least <= m_holdsUpTo)
            return; // Known before: with a thousand members most comparisons end here.
        if (member == m_self)
            continue;
        const auto at = m_comparedUpTo.find(member);
        least = std::min(least, at == m_comparedUpTo.end() ? 0 : at->second);
    }
    m_holdsUpTo = std::max(m_holdsUpTo, least);
}

void PurgeWatermark::promised(quint64 mine)
{
    m_agreed.reset();
    if (m_members.size() == 1)
        m_holdsUpTo = std::max(m_holdsUpTo, mine);
}

NodeId PurgeWatermark::longestAgo(const std::vector<NodeId> &peers) const
{
    const auto upTo = [this](NodeId peer) {
        const auto at = m_comparedUpTo.find(peer);
        return at == m_comparedUpTo.end() ? 0 : at->second;
    };
    return *std::min_element(peers.begin(), peers.end(),
                             [&](NodeId a, NodeId b) { return upTo(a) < upTo(b); });
}

void PurgeWatermark::saved()
{
    m_toldUpTo = std::max(m_toldUpTo, m_savingUpTo);
    m_agreed.reset();
}

quint64 PurgeWatermark::upToOf(NodeId member) const
{
    if (member == m_self)
        return m_toldUpTo;
    const auto at = m_told.find(member);
    return at == m_told.end() ? 0 : countedUpTo(at->second, m_membersHash);
}

quint64 PurgeWatermark::agreed() const
{
    if (m_agreed)
        return *m_agreed; // Each tick asks, and a thousand members are many.
    quint64 least = m_toldUpTo;
    auto told = m_told.begin(); // Both are in order: nothing is looked up.
    for (const NodeId member : m_members) {
        if (least == 0)
            break; // As for most of the time after a start.
        if (member == m_self)
            continue;
        while (told != m_told.end() && told->first < member)
            ++told;
        const bool isTold = told != m_told.end() && told->first == member;
        least = std::min(least, isTold ? countedUpTo(told->second, m_membersHash) : 0);
    }
    least = std::max(least, std::min(m_watermark, m_holdsUpTo));
    m_agreed = least;
    return least;
}

} // namespace dynakv::core
