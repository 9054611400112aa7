// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/admission.h"
#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

void Node::Impl::on(const LinkOpened &opened)
{
    if (m_isFounding) {
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
    link.openedMs = m_now.monoMs;
    if (opened.isOutgoing)
        m_dialer.opened(opened.dial);
    learnHost(opened.localHost);
    link.sent = makeHello();
    send(link.id, link.sent);
}

void Node::Impl::on(const LinkClosed &closed)
{
    dropLink(closed.link, true, false);
}

void Node::Impl::on(const DialFailed &failed)
{
    const auto key = m_dialer.failed(failed.dial, m_now.monoMs, m_random);
    if (!key)
        return;
    if (key->kind == Dialer::Key::Kind::Member) {
        // A member that got through to us meanwhile lives, wherever our dial went.
        if (failed.reason == DialFailed::Reason::Refused && !m_linkByPeer.contains(key->id))
            m_detector.refused(key->id, m_now.monoMs);
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
        dropLink(link.id, false, refusal->reason == Refusal::Reason::ForeignCluster);
        return;
    }
    if (!link.isEstablished) {
        refuse(link, Refusal::Reason::Protocol, "a message came before the greeting");
        return;
    }
    m_detector.heard(link.theirs->node, m_now.monoMs);
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
    const auto company = std::count_if(m_linkByPeer.begin(), m_linkByPeer.end(), [&](auto &each) {
        return m_table.find(each.first) == nullptr;
    });
    const auto members = static_cast<quint32>(m_table.replicaCount() + company);
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
    return hello;
}

/// A wildcard listener learns where it can be reached from the sockets that reached somebody. An
/// address beyond the loopback is worth more than one of it.
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
    if (const MemberRecord *known = m_table.find(hello.node); known && isForgotten(*known))
        return refuse(link, Refusal::Reason::Forgotten,
                      "this cluster was told to forget node " + toHex16(hello.node));
    if (hello.protocolMin > kProtocolMax || hello.protocolMax < kProtocolMin)
        return refuse(link, Refusal::Reason::Protocol,
                      "no common protocol version; this node speaks 1, upgrade the other one");
    if (hello.node == m_state.node) {
        if (hello.bootId != m_config.bootId)
            return refuse(link, Refusal::Reason::DuplicateId,
                          "two running nodes have the id " + toHex16(hello.node) +
                              ": one data directory is a copy of the other; empty the copy");
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
    const Hello &known = *other->theirs;
    // A restarted process has another boot id too, but its old link is gone or silent.
    // A later life of it says that the link is an old one, however seldom that was to be heard.
    const bool isHeard = m_detector.isHeard(hello.node, m_now.monoMs) ||
                         (hello.generation <= known.generation && isTrusted(hello.node));
    if (hello.bootId != known.bootId && isHeard) {
        refuse(link, Refusal::Reason::DuplicateId,
               "two running nodes have the id " + toHex16(hello.node) +
                   ": one data directory is a copy of the other; empty the copy");
        return false;
    }
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
    m_detector.heard(peer, m_now.monoMs);
    link.heartbeatDueMs = m_now.monoMs;
    send(link.id, Gossip{m_table.records(), true});
    // One side leads: at once the one that lacks something, else the smaller id as soon as the
    // first heartbeat has told that the peer lacks nothing.
    const bool lacks = m_readiness != Readiness::Ready;
    scheduleSync(peer, lacks ? 0 : m_state.node < peer ? kSyncSoonMs : kSyncPeriodMs / 2);
    m_isViewDirty = true;
}

void Node::Impl::refuse(Link &link, Refusal::Reason reason, const QByteArray &text)
{
    say(Log::Level::Warning, "refused the link with " + link.peerHost + ": " + text);
    send(link.id, Refusal{reason, text});
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
    const auto byPeer = m_linkByPeer.find(link.theirs->node);
    if (byPeer != m_linkByPeer.end() && byPeer->second == id)
        m_linkByPeer.erase(byPeer);
    m_replicator.linkLost(id);
    m_forwarder.linkLost(id, m_out);
    m_lag.linkLost(id);
    m_inquiry.linkLost(id, m_out);
    m_reader.linkLost(id, m_out);
    if (m_session && m_session->link() == id)
        m_session.reset();
    m_isViewDirty = true;
}

void Node::Impl::markSelfDial(const Link &link)
{
    if (!link.isOutgoing)
        return;
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
    std::map<Dialer::Key, Dialer::Wanted> wanted;
    int members = 0;
    if (m_state.isForgotten)
        return;
    for (const auto &[id, member] : m_table.all()) {
        if (id == m_state.node || member.state == MemberState::Left || member.cluster.isEmpty())
            continue;
        ++members;
        if (!m_linkByPeer.contains(id)) {
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
                return each.first != m_state.node && each.second.cluster == target;
            });
        if (!isKnown && !m_selfJoins.contains(i))
            wanted[{Dialer::Key::Kind::Join, i}] = {target, 0};
    }
    m_dialer.want(wanted, m_now.monoMs);
    for (Dial &dial : m_dialer.due(m_now.monoMs))
        m_out.push_back(std::move(dial));
}

/// Links that never greeted, and links of peers that fell silent: the next one shows the truth.
void Node::Impl::closeIdle()
{
    std::vector<LinkId> idle;
    for (const auto &[id, link] : m_links) {
        const MemberRecord *peer = link.isEstablished ? m_table.find(link.theirs->node) : nullptr;
        const bool isMute = !link.isEstablished && m_now.monoMs - link.openedMs > kHandshakeMsMax;
        const bool isDead =
            peer != nullptr &&
            (m_detector.isMute(peer->id, m_now.monoMs) ||
             (peer->state == MemberState::Down && !m_detector.isHeard(peer->id, m_now.monoMs)));
        if (isMute || isDead)
            idle.push_back(id);
    }
    for (const LinkId id : idle)
        dropLink(id, false, false);
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
