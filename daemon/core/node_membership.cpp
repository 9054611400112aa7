// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace dynakv::core {

void Node::Impl::receive(Link &link, const Gossip &gossip)
{
    m_changedBy = link.id;
    const NodeId from = link.theirs->node; // A word on this node may end the link.
    for (const MemberRecord &word : gossip.members) {
        const MemberRecord *known = m_table.find(word.id);
        if (known != nullptr && word.id != m_state.node && !isNewer(word, *known))
            continue; // So are nearly all words of a table.
        const bool isDoubted = isHearsay(word);
        const bool isHeld = !isDoubted && isHeldBack(word, from);
        // Whom many know to be accused is told by those that hear it.
        if (isDoubted || (isHeld && !gossip.isWholeTable))
            send(linkTo(word.id)->id, Gossip{{word}, false}); // It refutes, for everybody.
        else if (!isHeld)
            takeWord(word);
    }
}

void Node::Impl::takeWord(const MemberRecord &word)
{
    if (word.id == m_state.node)
        return takeWordOnSelf(word);
    const MemberRecord *known = m_table.find(word.id);
    if (known == nullptr && m_table.all().size() >= base::limits::kMembersMax) {
        say(Log::Level::Warning, "ignored a member: the cluster has its greatest size");
        return;
    }
    const bool isSameState = known != nullptr && known->state == word.state;
    const bool isRoster = known == nullptr || word.state == MemberState::Left;
    if (!m_table.merge(word))
        return;
    m_changed.insert(word.id);
    m_strangers.erase(word.id);
    m_isDirty |= isRoster; // Who belongs is stored at once, how they are at times.
    if (word.state == MemberState::Alive || word.state == MemberState::Joining)
        m_detector.vouched(word.id, m_now.monoMs); // Only it says so: it was there a moment ago.
    if (Link *link = linkTo(word.id); link && isForgotten(word))
        refuse(*link, Refusal::Reason::Forgotten,
               "this cluster was told to forget node " + toHex16(word.id));
    if (isSameState)
        return;
    m_sinceWallMs[word.id] = m_now.wallMs;
    say(word.state == MemberState::Down ? Log::Level::Warning : Log::Level::Info,
        "member " + toHex16(word.id) + " at " + word.api.toString() + " is " + toText(word.state));
}

/// Whether a link with \a id leads somewhere, as far as is known: it was just heard, or is seldom
/// heard and nobody that hears it often complains.
bool Node::Impl::isTrusted(NodeId id) const
{
    if (m_detector.isHeard(id, m_now.monoMs))
        return true;
    const MemberRecord *const member = m_table.find(id);
    return member != nullptr && member->state != MemberState::Suspect &&
           member->state != MemberState::Down && m_detector.keepsItsWord(id, m_now.monoMs);
}

/// This node's own record, after whatever it says has changed.
void Node::Impl::updateSelf()
{
    MemberRecord self = m_table.self();
    const MemberRecord before = self;
    const MemberState state = m_readiness == Readiness::Ready     ? MemberState::Alive
                              : m_readiness == Readiness::Leaving ? MemberState::Leaving
                                                                  : MemberState::Joining;
    const base::Endpoint api{m_selfHost, m_config.api.port};
    const base::Endpoint cluster{m_selfHost, m_config.cluster.port};
    const bool isRaised = before.api.isEmpty() || (before.api == api && before.state <= state);
    // A record that another one must replace needs a rank above it.
    if (!isRaised && !m_original)
        ++self.incarnation;
    self.state = state;
    self.api = api;
    self.cluster = cluster;
    self.programVersion = m_config.programVersion;
    self.claim = m_claim;
    m_table.setSelf(self);
    if (before.state != state || !m_sinceWallMs.contains(self.id))
        m_sinceWallMs[self.id] = m_now.wallMs;
    m_changed.insert(self.id);
    m_isDirty = true;
}

/// What changed here goes to every link. What a peer told goes on to a few, and not back: whoever
/// said it first has told all that it is linked with, and what still misses somebody is found by
/// the hash in the heartbeats of those that it watches, twice a second.
void Node::Impl::spread()
{
    if (m_changed.empty())
        return;
    const std::set<NodeId> changed = std::exchange(m_changed, {});
    m_isViewDirty = true;
    if (!m_tableSaveMs)
        m_tableSaveMs = m_now.monoMs + kTableSaveMs;
    if (!m_changedBy)
        return tell(changed, establishedLinks());
    // Where many return at once, each would otherwise pass each on in a message of its own.
    if (m_newsMs && m_now.monoMs - *m_newsMs < kTickMs)
        m_news.insert(changed.begin(), changed.end());
    else
        passOn(changed);
}

void Node::Impl::passOnNews()
{
    if (!m_news.empty())
        passOn(std::exchange(m_news, {}));
}

void Node::Impl::passOn(const std::set<NodeId> &changed)
{
    m_newsMs = m_now.monoMs;
    std::vector<LinkId> links = establishedLinks();
    if (m_changedBy)
        std::erase(links, *m_changedBy);
    for (std::size_t i = 0; links.size() > kForwardsMax && i < kForwardsMax; ++i)
        std::swap(links[i], links[i + m_random.below(links.size() - i)]);
    links.resize(std::min(links.size(), kForwardsMax));
    tell(changed, links);
}

void Node::Impl::tell(const std::set<NodeId> &members, const std::vector<LinkId> &links)
{
    Gossip gossip;
    for (const NodeId id : members) {
        if (const MemberRecord *member = m_table.find(id))
            gossip.members.push_back(*member);
    }
    for (const LinkId link : links)
        send(link, gossip);
}

/// What a new link begins with. Two that have been members together know nearly the same, and what
/// they know of each other is what neither has from anybody else; a difference in the rest shows in
/// the first heartbeat. With whole tables a thousand nodes that start together would tell each
/// other two thousand million records.
void Node::Impl::introduce(const Link &link)
{
    if (link.theirs->clusterId != m_state.clusterId)
        send(link.id, Gossip{m_table.records(), true}); // It has only come and knows nobody.
    else
        tell({m_state.node, link.theirs->node}, {link.id});
}

/// False if so much of tables was told lately that this one has to wait: whoever was told passes on
/// what is new.
bool Node::Impl::tellTable(LinkId link)
{
    if (m_tablesDueMs > m_now.monoMs + kTablesAheadMs)
        return false;
    const auto members = static_cast<qint64>(m_table.all().size());
    m_tablesDueMs = std::max(m_tablesDueMs, m_now.monoMs) + members * 1000 / kTableRecordsPerSecond;
    send(link, Gossip{m_table.records(), true});
    return true;
}

/// Where the wall was set, all other clocks are that much further off, before they say so.
void Node::Impl::followWall(Time now)
{
    constexpr qint64 kStepMs = 1000;
    const qint64 stepMs = (now.wallMs - m_now.wallMs) - (now.monoMs - m_now.monoMs);
    if (std::abs(stepMs) < kStepMs)
        return;
    for (auto &[id, link] : m_links)
        link.clockOffsetMs -= stepMs;
}

bool Node::Impl::isClockOff() const
{
    const auto off =
        std::count_if(m_linkByPeer.begin(), m_linkByPeer.end(), [this](const auto &each) {
            return std::abs(m_links.at(each.second).clockOffsetMs) > kClockOffMsMax;
        });
    return off > 0 && static_cast<size_t>(off) * 2 > m_linkByPeer.size();
}

} // namespace dynakv::core
