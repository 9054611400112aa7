// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"
#include "daemon/core/sync_responder.h"

namespace dynakv::core {

/// What this node has just written and cannot push to every member.
void Node::Impl::hintToAbsent(const std::vector<Record> &records)
{
    std::vector<NodeId> absent;
    for (const auto &[id, member] : m_table.all()) {
        if (id != m_state.node && member.state != MemberState::Left && !m_linkByPeer.contains(id))
            absent.push_back(id);
    }
    const quint64 number = absent.empty() ? 0 : ++m_ids;
    for (const NodeId peer : absent) {
        for (const Record &record : records)
            m_hints.add(peer, record.key, number);
    }
}

/// Of what the replicator has just sent.
void Node::Impl::watchPushes(std::size_t firstEffect)
{
    for (std::size_t i = firstEffect; i < m_out.size(); ++i) {
        const auto *send = std::get_if<Send>(&m_out[i]);
        const auto *push = send ? std::get_if<Push>(&send->message) : nullptr;
        if (push == nullptr)
            continue;
        std::vector<QByteArray> keys;
        keys.reserve(push->records.size());
        for (const Record &record : push->records)
            keys.push_back(record.key);
        const NodeId peer = m_links.at(send->link).theirs->node;
        if (m_hints.isLossy(peer)) {
            for (const QByteArray &key : keys)
                m_hints.add(peer, key, push->id);
        }
        if (m_lag.sent(send->link, push->id, std::move(keys), m_now.monoMs))
            continue;
        for (const Record &record : push->records)
            m_hints.add(peer, record.key, push->id);
    }
}

void Node::Impl::settlePush(Link &link, const PushAck &ack)
{
    const NodeId peer = link.theirs->node;
    const std::vector<QByteArray> keys = m_lag.acknowledged(link.id, ack);
    if (ack.isStored) {
        m_hints.settle(peer, keys, ack.id);
    } else {
        for (const QByteArray &key : keys)
            m_hints.add(peer, key, ack.id);
    }
    m_hints.acknowledged(peer, ack, m_now.monoMs, m_out);
    answerHeldBack(link.id);
}

/// What was pushed on \a link may never have arrived.
void Node::Impl::hintLost(NodeId peer, LinkId link)
{
    for (const PushLag::Sent &each : m_lag.linkLost(link)) {
        for (const QByteArray &key : each.keys)
            m_hints.add(peer, key, each.push);
    }
    m_hints.linkLost(peer, link);
}

void Node::Impl::replayDue()
{
    m_hints.keepOnly([this](NodeId id) {
        const MemberRecord *const member = m_table.find(id);
        return member != nullptr && member->state != MemberState::Left;
    });
    m_hints.tick(m_now.monoMs, m_out);
    for (auto at = m_heldBack.begin(); at != m_heldBack.end();)
        answerHeldBack((at++)->first);
}

/// A peer that asks for a comparison first gets what this node knows that it lacks: of a few keys
/// among many a comparison costs as many stamps as their leaves have.
void Node::Impl::answerRoots(Link &link, const RootsRequest &request)
{
    m_heldBack[link.id] = request;
    link.comparedMs = m_now.monoMs;
    answerHeldBack(link.id);
}

void Node::Impl::answerHeldBack(LinkId link)
{
    const auto held = m_heldBack.find(link);
    if (held == m_heldBack.end() ||
        m_hints.isReplaying(m_links.at(link).theirs->node, m_now.monoMs))
        return;
    send(link,
         answer(held->second, m_records, m_readiness == Readiness::Ready, promise(), holdings()));
    m_heldBack.erase(held);
}

} // namespace dynakv::core
