// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/admission.h"
#include "daemon/core/node_impl.h"

#include <algorithm>
#include <limits>

namespace dynakv::core {
namespace {

QByteArray spokenBy(const Hello &hello)
{
    QByteArray text = "node " + toHex16(hello.node) + " (" + hello.programVersion + ") speaks " +
                      QByteArray::number(hello.protocolMin);
    if (hello.protocolMax > hello.protocolMin)
        text += " to " + QByteArray::number(hello.protocolMax);
    return text;
}

/// Both sides log it: it says who is who.
QByteArray noCommonVersion(const Hello &mine, const Hello &theirs)
{
    const Hello &older = mine.protocolMax < theirs.protocolMin ? mine : theirs;
    return "no common version of the cluster protocol: " + spokenBy(mine) + ", " +
           spokenBy(theirs) + "; upgrade node " + toHex16(older.node);
}

} // namespace

void Node::Impl::on(const LinkOpened &opened)
{
    if (m_isFounding || isStandingBack()) {
        // Nobody may adopt a cluster that a crash would make this node forget; they dial again.
        if (opened.isOutgoing)
            m_dialer.closed(opened.dial, m_now.monoMs, false, m_random);
        m_out.push_back(CloseLink{opened.link});
        return;
    }
    if (m_state.isForgotten) {
        m_out.push_back(CloseLink{opened.link});
        return;
    }
    Link &link = m_links[opened.link];
    link.id = opened.link;
    link.isOutgoing = opened.isOutgoing;
    link.dial = opened.dial;
    link.peerHost = opened.peerHost;
    link.localHost = opened.localHost;
    link.openedMs = m_now.monoMs;
    if (opened.isOutgoing) {
        const auto key = m_dialer.opened(opened.dial);
        if (key && key->kind == Dialer::Key::Kind::Member)
            link.dialled = key->id;
    }
    link.sent = makeHello();
    send(link.id, link.sent);
}

void Node::Impl::on(const LinkClosed &closed)
{
    dropLink(closed.link, true, false);
}

void Node::Impl::on(const Received &received)
{
    const auto at = m_links.find(received.link);
    if (at == m_links.end())
        return; // Closed by us a moment ago.
    Link &link = at->second;
    if (const auto *hello = std::get_if<Hello>(&received.message)) {
        greet(link, *hello);
        return;
    }
    if (const auto *refusal = std::get_if<Refusal>(&received.message)) {
        say(Log::Level::Warning, "refused by " + link.peerHost + ": " + refusal->text);
        if (refusal->reason == Refusal::Reason::Forgotten && link.theirs &&
            link.theirs->clusterId == m_state.clusterId)
            return becomeForgotten();
        if (refusal->reason == Refusal::Reason::DuplicateId && link.theirs)
            return takeForCopy(link, *refusal);
        dropLink(link.id, false, refusal->reason == Refusal::Reason::ForeignCluster);
        return;
    }
    if (!link.isEstablished) {
        refuse(link, Refusal::Reason::Protocol, "a message came before the greeting");
        return;
    }
    m_detector.heard(link.theirs->node, m_now.monoMs);
    link.heardWallMs = m_now.wallMs;
    if (const auto *heartbeat = std::get_if<Heartbeat>(&received.message))
        receive(link, *heartbeat);
    else if (const auto *gossip = std::get_if<Gossip>(&received.message))
        receive(link, *gossip);
    else if (const auto *request = std::get_if<ProbeRequest>(&received.message))
        receive(link, *request);
    else if (const auto *reply = std::get_if<ProbeReply>(&received.message))
        receive(link, *reply);
    else if (const auto *push = std::get_if<Push>(&received.message))
        receive(link, *push);
    else if (const auto *write = std::get_if<ForwardedWrite>(&received.message))
        receive(link, *write);
    else if (const auto *outcome = std::get_if<ForwardedOutcome>(&received.message))
        m_forwarder.receive(link.id, *outcome, m_out);
    else if (const auto *copyRequest = std::get_if<CopyRequest>(&received.message))
        send(link.id, answer(*copyRequest, m_records));
    else if (const auto *copyReply = std::get_if<CopyReply>(&received.message))
        receive(link, *copyReply);
    else if (const auto *listRequest = std::get_if<ListRequest>(&received.message))
        receive(link, *listRequest);
    else if (const auto *listReply = std::get_if<ListReply>(&received.message))
        m_listings.answered(link.id, *listReply, m_now.monoMs, m_out);
    else
        receiveSync(link, received.message);
}

void Node::Impl::receive(Link &link, const Push &push)
{
    observeClocks(push.records);
    m_replicator.receive(link.id, push, ++m_ids, m_config.durability, m_out);
}

Hello Node::Impl::makeHello() const
{
    // Who has only just greeted counts as company too.
    const auto members =
        static_cast<quint32>(m_table.replicaCount()) + static_cast<quint32>(m_strangers.size());
    Hello hello;
    hello.clusterId = m_state.clusterId;
    hello.node = m_state.node;
    hello.generation = m_state.generation;
    hello.bootId = m_config.bootId;
    hello.advertisedHost = m_config.advertisedHost;
    hello.apiPort = m_config.api.port;
    hello.clusterPort = m_config.cluster.port;
    hello.memberCount = m_state.clusterId == 0 ? 0 : members;
    hello.hasData = m_records.recordCount() > 0;
    hello.wantsToJoin = m_selfJoins.size() < m_config.join.size() && members <= 1;
    hello.programVersion = m_config.programVersion;
    hello.features = kFeatures;
    hello.claim = m_claim;
    return hello;
}

/// A wildcard listener learns where it can be reached from the sockets on which somebody greeted.
/// An address beyond the loopback is worth more than one of it.
void Node::Impl::learnHost(const QByteArray &localHost)
{
    if (!m_config.advertisedHost.isEmpty() || !m_config.api.isWildcard() || localHost.isEmpty())
        return;
    const base::Endpoint known{m_selfHost, 0};
    const base::Endpoint seen{localHost, 0};
    if (!known.isLoopback() || seen.isLoopback() || seen.isWildcard())
        return;
    m_selfHost = localHost;
    updateSelf();
    say(Log::Level::Info,
        "reachable at " + base::Endpoint{localHost, m_config.api.port}.toString());
}

void Node::Impl::greet(Link &link, const Hello &hello)
{
    if (link.theirs)
        return refuse(link, Refusal::Reason::Protocol, "a second greeting on one link");
    link.theirs = hello;
    if (link.dialled && link.dialled != hello.node)
        m_notRunning.insert(*link.dialled); // Somebody else has its address.
    if (const MemberRecord *known = m_table.find(hello.node); known && isForgotten(*known))
        return refuse(link, Refusal::Reason::Forgotten,
                      "this cluster was told to forget node " + toHex16(hello.node));
    if (hello.protocolMin > kProtocolMax || hello.protocolMax < kProtocolMin)
        return refuse(link, Refusal::Reason::Protocol, noCommonVersion(link.sent, hello));
    if (hello.node == m_state.node) {
        if (hello.bootId != m_config.bootId)
            return meetCopy(link, hello);
        markSelfDial(link);
        return dropLink(link.id, false, true);
    }
    // The other side judges by what we said when the link opened. Where that is outdated, as it is
    // when a founder has found company meanwhile, greet anew.
    const Admission admission = admit(link.sent, hello);
    if (link.sent.clusterId != m_state.clusterId || admit(makeHello(), hello) != admission)
        return dropLink(link.id, false, false);
    switch (admission) {
    case Admission::NotYet:
        return dropLink(link.id, false, false);
    case Admission::Refuse:
        return refuse(link, Refusal::Reason::ForeignCluster,
                      "this node belongs to cluster " + toHex16(m_state.clusterId) + " and " +
                          link.peerHost + " to " + toHex16(hello.clusterId) +
                          "; grown clusters never merge: empty one data directory to join it");
    case Admission::AdoptTheirs:
        adoptCluster(hello.clusterId);
        break;
    case Admission::Accept:
        break;
    }
    if (settleDuplicate(link, hello))
        establish(link);
}

/// Of two links between the same two processes both sides keep the one that the smaller id opened,
/// unless it is silent here: then the other side may have lost it already, and nobody else's word
/// that it lives would ever bring the link back. False if \a link was closed.
bool Node::Impl::settleDuplicate(Link &link, const Hello &hello)
{
    Link *other = linkTo(hello.node);
    if (other == nullptr)
        return true;
    if (hello.bootId != other->theirs->bootId)
        return settleRival(link, *other);
    const bool isHeard = isTrusted(hello.node);
    const auto isPreferred = [&](const Link &each) {
        return each.isOutgoing == (m_state.node < hello.node);
    };
    if (isHeard && isPreferred(*other) && !isPreferred(link)) {
        dropLink(link.id, false, false);
        return false;
    }
    dropLink(other->id, false, false);
    return true;
}

void Node::Impl::establish(Link &link)
{
    const NodeId peer = link.theirs->node;
    link.isEstablished = true;
    m_linkByPeer[peer] = link.id;
    if (m_table.find(peer) == nullptr)
        m_strangers[peer] = m_now.monoMs;
    m_notRunning.erase(peer);
    learnHost(link.localHost);
    m_watchers.clear();
    m_dialledTable.reset();
    m_takenForCopyMs.erase(peer);
    m_original.reset();
    m_detector.heard(peer, m_now.monoMs);
    beatAt(link, m_now.monoMs);
    introduce(link);
    m_hints.linked(peer, link.id, m_now.monoMs, m_out);
    // One side leads: at once the one that lacks something, else the smaller id as soon as the
    // first heartbeat has told that the peer lacks nothing.
    const bool lacks = m_readiness != Readiness::Ready;
    scheduleSync(peer, lacks ? 0 : m_state.node < peer ? kSyncSoonMs : kSyncPeriodMs / 2);
    m_isViewDirty = true;
}

void Node::Impl::refuse(Link &link, Refusal::Reason reason, const QByteArray &text, quint64 claim)
{
    say(Log::Level::Warning, "refused the link with " + link.peerHost + ": " + text);
    send(link.id, Refusal{reason, text, claim});
    dropLink(link.id, false, reason == Refusal::Reason::ForeignCluster);
}

/// Forgets the link; where it is not gone by itself the driver closes it.
void Node::Impl::dropLink(LinkId id, bool isGone, bool isForeign)
{
    const auto at = m_links.find(id);
    if (at == m_links.end())
        return;
    const Link link = std::move(at->second);
    m_links.erase(at);
    if (link.isOutgoing)
        m_dialer.closed(link.dial, m_now.monoMs, isForeign, m_random);
    if (!isGone)
        m_out.push_back(CloseLink{id});
    if (!link.isEstablished)
        return;
    if (link.heardWallMs != 0 && m_table.find(link.theirs->node) != nullptr)
        m_contactWallMs[link.theirs->node] = link.heardWallMs;
    const auto byPeer = m_linkByPeer.find(link.theirs->node);
    if (byPeer != m_linkByPeer.end() && byPeer->second == id) {
        m_linkByPeer.erase(byPeer);
        m_strangers.erase(link.theirs->node);
        unscheduleSync(link.theirs->node); // The next link with that peer asks anew.
    }
    m_beats.erase({link.heartbeatDueMs, id});
    m_heldBack.erase(id);
    m_watchers.clear();
    m_dialledTable.reset();
    m_replicator.linkLost(id);
    m_answers.linkLost(id);
    m_forwarder.linkLost(id, m_out);
    hintLost(link.theirs->node, id);
    m_inquiry.linkLost(id, m_out);
    m_reader.linkLost(id, m_out);
    m_listings.linkLost(id, m_now.monoMs, m_out);
    if (m_session && m_session->link() == id)
        endSession();
    m_isViewDirty = true;
}

/// Links that never greeted, and links of peers that fell silent: the next one shows the truth.
void Node::Impl::closeIdle()
{
    if (m_watchedTable == m_table.hash() && m_now.monoMs < m_idleDueMs)
        return;
    m_watchedTable = m_table.hash();
    // What happens from now on makes no link idle sooner than this.
    m_idleDueMs = m_now.monoMs + FailureDetector::kSilenceMs;
    std::vector<LinkId> idle;
    for (const auto &[id, link] : m_links) {
        const qint64 lastMs = idleAfterMs(link);
        if (m_now.monoMs > lastMs)
            idle.push_back(id);
        else if (lastMs < m_idleDueMs) // It may be the end of time.
            m_idleDueMs = lastMs + 1;
    }
    for (const LinkId id : idle)
        dropLink(id, false, false);
}

/// Until when \a link is given the benefit of the doubt, if nothing comes on it.
qint64 Node::Impl::idleAfterMs(const Link &link) const
{
    if (!link.isEstablished)
        return link.openedMs + kHandshakeMsMax;
    const MemberRecord *const peer = m_table.find(link.theirs->node);
    if (peer == nullptr) {
        // It said nothing of itself, or there is no room for it.
        const auto stranger = m_strangers.find(link.theirs->node);
        return stranger == m_strangers.end() ? std::numeric_limits<qint64>::max()
                                             : stranger->second + kStrangerMs;
    }
    return peer->state == MemberState::Down ? m_detector.heardUntilMs(peer->id)
                                            : m_detector.muteAfterMs(peer->id);
}

Node::Impl::Link *Node::Impl::linkTo(NodeId peer)
{
    const auto at = m_linkByPeer.find(peer);
    return at == m_linkByPeer.end() ? nullptr : &m_links.at(at->second);
}

std::vector<LinkId> Node::Impl::establishedLinks() const
{
    std::vector<LinkId> links;
    links.reserve(m_linkByPeer.size());
    for (const auto &[peer, link] : m_linkByPeer)
        links.push_back(link);
    return links;
}

void Node::Impl::send(LinkId link, Message message)
{
    m_out.push_back(Send{link, std::move(message)});
}

} // namespace dynakv::core
