// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <utility>

namespace dynakv::core {

namespace {

/// What a heartbeat shows of the round trip, as far as it can be true: it comes from outside.
std::optional<qint64> roundTripOf(const Heartbeat &heartbeat, qint64 nowMs)
{
    if (heartbeat.echoMs <= 0 || heartbeat.echoMs > nowMs || heartbeat.echoHeldMs < 0 ||
        heartbeat.echoHeldMs > nowMs - heartbeat.echoMs)
        return std::nullopt;
    return nowMs - heartbeat.echoMs - heartbeat.echoHeldMs;
}

} // namespace

void Node::Impl::receive(Link &link, const Heartbeat &heartbeat)
{
    link.last = heartbeat;
    m_detector.expectWithin(link.theirs->node, heartbeat.intervalMs);
    link.peerSentMs = heartbeat.sentMs;
    link.peerSentAtMs = m_now.monoMs;
    const auto rttMs = roundTripOf(heartbeat, m_now.monoMs);
    if (rttMs)
        link.rttMs = static_cast<double>(*rttMs);
    const qint64 wallMs = std::clamp<qint64>(heartbeat.wallMs, 0, qint64{1} << 48);
    link.clockOffsetMs = wallMs + rttMs.value_or(0) / 2 - m_now.wallMs;
    m_clock.observeBelow(m_savedCeiling, heartbeat.clock, m_now.wallMs);
    if (heartbeat.tableHash == m_table.hash()) {
        link.mismatches = 0;
    } else if (++link.mismatches >= 2) {
        // One mismatch is a change on its way; two are a difference that must be told.
        link.mismatches = 0;
        send(link.id, Gossip{m_table.records(), true});
    }
}

void Node::Impl::receive(Link &link, const Gossip &gossip)
{
    m_changedBy = link.id;
    for (const MemberRecord &word : gossip.members) {
        if (isHearsay(word))
            send(linkTo(word.id)->id, Gossip{{word}, false}); // It refutes, for everybody.
        else
            takeWord(word);
    }
}

/// Whether \a word accuses a member that this node hears itself: whoever says so has lost its own
/// way to it. Believing it would take a healthy member from the list until it has refuted.
bool Node::Impl::isHearsay(const MemberRecord &word)
{
    const MemberRecord *known = m_table.find(word.id);
    return (word.state == MemberState::Suspect || word.state == MemberState::Down) &&
           linkTo(word.id) != nullptr && m_detector.isHeard(word.id, m_now.monoMs) &&
           known != nullptr && isNewer(word, *known);
}

void Node::Impl::takeWord(const MemberRecord &word)
{
    if (word.id == m_state.node) {
        if (isForgotten(word))
            return becomeForgotten();
        if (m_table.refute(word)) {
            m_changedBy.reset(); // The sender must hear it too.
            updateSelf();
        }
        return;
    }
    const MemberRecord *known = m_table.find(word.id);
    if (known == nullptr && m_table.all().size() >= base::limits::kMembersMax) {
        say(Log::Level::Warning, "ignored a member: the cluster has its greatest size");
        return;
    }
    const bool isSameState = known != nullptr && known->state == word.state;
    if (!m_table.merge(word))
        return;
    m_changed.insert(word.id);
    if (Link *link = linkTo(word.id); link && isForgotten(word))
        refuse(*link, Refusal::Reason::Forgotten,
               "this cluster was told to forget node " + toHex16(word.id));
    if (isSameState)
        return;
    m_sinceWallMs[word.id] = m_now.wallMs;
    say(word.state == MemberState::Down ? Log::Level::Warning : Log::Level::Info,
        "member " + toHex16(word.id) + " at " + word.api.toString() + " is " + toText(word.state));
}

void Node::Impl::receive(Link &link, const ProbeRequest &request)
{
    send(link.id, ProbeReply{request.id, request.subject,
                             m_linkByPeer.contains(request.subject) &&
                                 m_detector.isHeard(request.subject, m_now.monoMs)});
}

void Node::Impl::receive(Link &, const ProbeReply &reply)
{
    const auto at = m_probes.find(reply.id);
    if (at == m_probes.end() || at->second != reply.subject)
        return;
    m_probes.erase(at);
    if (reply.isHeard)
        m_detector.vouched(reply.subject, m_now.monoMs);
}

void Node::Impl::beatDue()
{
    const quint64 tableHash = m_table.hash();
    const std::vector<NodeId> watchers = watchersOf(m_state.node);
    // Others refuse writes by it: that it grows is told at once, to those as well that hear little.
    const quint32 permille = m_capacity.usedPermille();
    const bool isFullnessNews = permille / 10 > std::exchange(m_toldPermille, permille) / 10;
    for (auto &[id, link] : m_links) {
        if (!link.isEstablished)
            continue;
        const bool isWatcher =
            std::find(watchers.begin(), watchers.end(), link.theirs->node) != watchers.end();
        const bool isPromoted = isWatcher && link.isSeldom;
        if (link.heartbeatDueMs > m_now.monoMs && !isPromoted && !isFullnessNews)
            continue;
        link.isSeldom = !isWatcher;
        const qint64 intervalMs = isWatcher ? kHeartbeatMs : m_random.around(kSeldomBeatMs);
        link.heartbeatDueMs = m_now.monoMs + intervalMs;
        Heartbeat beat;
        beat.sequence = ++link.sequence;
        beat.tableHash = tableHash;
        beat.clock = m_clock.last();
        beat.wallMs = m_now.wallMs;
        beat.sentMs = m_now.monoMs;
        beat.echoMs = link.peerSentMs;
        beat.echoHeldMs = m_now.monoMs - link.peerSentAtMs;
        beat.keys = m_records.liveCount();
        beat.bytes = m_records.byteCount();
        beat.caughtUp = m_readiness == Readiness::Ready;
        beat.memoryUsedPermille = permille;
        beat.mayLack = m_state.mayLack;
        beat.intervalMs = static_cast<quint32>(intervalMs);
        send(id, beat);
    }
}

/// Who hears \a subject often: the same for whoever asks, as far as they are linked with the same
/// members. Each node says with every heartbeat when the next one comes, so that nothing depends on
/// that.
std::vector<NodeId> Node::Impl::watchersOf(NodeId subject) const
{
    std::vector<std::pair<quint64, NodeId>> ranked;
    for (const auto &[peer, link] : m_linkByPeer) {
        if (peer != subject)
            ranked.emplace_back(hashBytes(toHex16(subject), peer), peer);
    }
    const std::size_t count = std::min(ranked.size(), kWatchersMax);
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                      ranked.end(), std::greater<>());
    std::vector<NodeId> watchers;
    for (std::size_t i = 0; i < count; ++i)
        watchers.push_back(ranked[i].second);
    return watchers;
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

void Node::Impl::judgeMembers()
{
    std::map<NodeId, MemberState> states;
    for (const auto &[id, member] : m_table.all()) {
        if (id != m_state.node)
            states.emplace(id, member.state);
    }
    using Kind = FailureDetector::Finding::Kind;
    for (const FailureDetector::Finding &finding : m_detector.tick(states, m_now.monoMs)) {
        switch (finding.kind) {
        case Kind::Probe:
            probe(finding.id);
            break;
        case Kind::Suspect:
            accuse(finding.id, MemberState::Suspect);
            break;
        case Kind::Down:
            accuse(finding.id, MemberState::Down);
            break;
        }
    }
}

void Node::Impl::accuse(NodeId id, MemberState state)
{
    MemberRecord word = *m_table.find(id);
    word.state = state;
    takeWord(word);
}

/// Asks up to three others whether they hear \a subject: my path to it may be what is broken.
void Node::Impl::probe(NodeId subject)
{
    if (m_probes.size() > 256)
        m_probes.clear(); // Answers that never came.
    std::vector<LinkId> others;
    for (const NodeId watcher : watchersOf(subject))
        others.push_back(m_linkByPeer.at(watcher));
    for (size_t asked = 0; asked < 3 && !others.empty(); ++asked) {
        const size_t pick = m_random.below(others.size());
        const quint64 id = ++m_ids;
        m_probes[id] = subject;
        send(others[pick], ProbeRequest{id, subject});
        others.erase(others.begin() + static_cast<std::ptrdiff_t>(pick));
    }
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
    if (!isRaised)
        ++self.incarnation;
    self.state = state;
    self.api = api;
    self.cluster = cluster;
    self.programVersion = m_config.programVersion;
    m_table.setSelf(self);
    if (before.state != state || !m_sinceWallMs.contains(self.id))
        m_sinceWallMs[self.id] = m_now.wallMs;
    m_changed.insert(self.id);
}

/// What changed in this turn goes to every link, but not back to the one that told it.
void Node::Impl::spread()
{
    if (m_changed.empty())
        return;
    Gossip gossip;
    for (const NodeId id : m_changed) {
        if (const MemberRecord *member = m_table.find(id))
            gossip.members.push_back(*member);
    }
    for (const LinkId link : establishedLinks()) {
        if (link != m_changedBy)
            send(link, gossip);
    }
    m_changed.clear();
    m_isDirty = m_isViewDirty = true;
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
