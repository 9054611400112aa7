// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/key_hash.h"
#include "daemon/core/node_impl.h"

#include <algorithm>
#include <limits>

namespace dynakv::core {

void Node::Impl::on(const ClientWrite &write)
{
    if (isHomeElsewhere(write.write))
        forward(write, homeOf(write.write.key));
    else
        coordinate(write);
}

/// Whether another node has to judge \a write. Who is not ready sends nothing on; it refuses.
bool Node::Impl::isHomeElsewhere(const WriteRequest &write) const
{
    return (write.isForHome || !write.condition.isEmpty()) && m_readiness == Readiness::Ready &&
           homeOf(write.key) != m_state.node;
}

void Node::Impl::coordinate(const ClientWrite &write)
{
    auto refused = refusalOf(write.write, 1);
    if (!refused)
        refused = refusalForSpace(write.write);
    if (refused) {
        m_out.push_back(Reply{write.request, *std::move(refused)});
        return;
    }
    m_replicator.write(write, m_clock, m_table.replicaCount(), m_now, ++m_ids, m_out);
}

/// What is judged elsewhere goes there one by one, but in its order, as all writes of its keys do.
void Node::Impl::on(ClientGroup &group)
{
    const auto elsewhere = [this](const WriteRequest &write) { return isHomeElsewhere(write); };
    if (std::none_of(group.writes.begin(), group.writes.end(), elsewhere))
        return coordinate(group);
    m_groups.begin(group.request, group.writes.size());
    ClientGroup here;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < group.writes.size(); ++i) {
        WriteRequest &write = group.writes[i];
        if (elsewhere(write)) {
            const NodeId home = homeOf(write.key);
            forward({m_groups.alone(i), std::move(write), {}}, home);
        } else {
            here.writes.push_back(std::move(write));
            places.push_back(i);
        }
    }
    if (here.writes.empty())
        return;
    here.request = m_groups.together(std::move(places));
    coordinate(here);
}

void Node::Impl::coordinate(ClientGroup &group)
{
    if (const auto refused = refusalOf(group.writes.front(), group.writes.size())) {
        m_out.push_back(GroupReply{group.request, {group.writes.size(), *refused}});
        return;
    }
    m_replicator.writeGroup(
        std::move(group), [this](const WriteRequest &write) { return refusalForSpace(write); },
        m_clock, m_table.replicaCount(), m_now, ++m_ids, m_out);
}

/// Why nothing of what begins with \a first is written, whatever it is; \a count versions are
/// needed.
std::optional<WriteOutcome> Node::Impl::refusalOf(const WriteRequest &first,
                                                  std::size_t count) const
{
    const int replicas = m_table.replicaCount();
    if (auto reason = reasonAgainstWriting(count)) {
        reason->replicas = replicas;
        return reason;
    }
    if (first.concern.kind != WriteConcern::Kind::Count || first.concern.count <= replicas)
        return std::nullopt;
    return WriteOutcome{.status = WriteOutcome::Status::NotReady,
                        .required = first.concern.count,
                        .replicas = replicas,
                        .detail =
                            "the cluster has only " + QByteArray::number(replicas) + " members"};
}

std::optional<WriteOutcome> Node::Impl::refusalForSpace(const WriteRequest &write) const
{
    auto reason = reasonOfFullness(write);
    if (!reason)
        return std::nullopt;
    return WriteOutcome{.status = WriteOutcome::Status::NoSpace,
                        .replicas = m_table.replicaCount(),
                        .detail = *std::move(reason)};
}

void Node::Impl::refuseWrite(RequestId request, WriteOutcome::Status status,
                             const QByteArray &detail)
{
    WriteOutcome outcome{.status = status, .replicas = m_table.replicaCount()};
    outcome.detail = detail;
    m_out.push_back(Reply{request, outcome});
}

/// Where conditional writes of a key are judged, one after the other: at the member that ranks
/// highest for it (rendezvous hashing) among those that are up, as far as this node knows.
NodeId Node::Impl::homeOf(QByteArrayView key) const
{
    std::pair<quint64, NodeId> highest;
    for (const auto &[id, member] : m_table.all()) {
        if (member.state == MemberState::Alive || member.state == MemberState::Suspect)
            highest = std::max(highest, {hashBytes(key, id), id});
    }
    return highest.second;
}

void Node::Impl::forward(const ClientWrite &write, NodeId home)
{
    const Link *const link = linkTo(home);
    if (link == nullptr) {
        return refuseWrite(write.request, WriteOutcome::Status::NotReady,
                           "conditional writes of this key are judged by node " + toHex16(home) +
                               ", which cannot be reached; nothing was changed");
    }
    m_forwarder.forward(write, m_replicator.stateOf(write.write.key, m_now.wallMs), link->id,
                        ++m_ids, m_now, m_out);
}

void Node::Impl::receive(Link &link, const ForwardedWrite &forwarded)
{
    const auto request = m_forwarder.accept(link.id, forwarded);
    if (!request) {
        WriteOutcome outcome{.status = WriteOutcome::Status::NotReady};
        outcome.detail = "the node where this key is at home has too much to do; try again";
        return send(link.id, ForwardedOutcome{forwarded.id, outcome});
    }
    // Judged at two nodes at once, two clients would both be told that they won.
    if (homeOf(forwarded.write.key) != m_state.node) {
        return refuseWrite(*request, WriteOutcome::Status::NotReady,
                           "the members do not agree at the moment who is up; nothing was changed, "
                           "try again");
    }
    coordinate({*request, forwarded.write, forwarded.seen});
}

void Node::Impl::on(const ClientQuestion &question)
{
    m_inquiry.ask(question, m_table, m_linkByPeer, m_now.monoMs, m_out);
}

void Node::Impl::on(const ClientRead &read)
{
    std::vector<LinkId> links;
    for (const auto &[peer, link] : m_linkByPeer) {
        if (m_links.at(link).last.caughtUp)
            links.push_back(link);
    }
    m_reader.read(read, links, m_readiness == Readiness::Ready, m_table.replicaCount(),
                  m_now.monoMs, m_out);
}

void Node::Impl::on(const ClientListing &listing)
{
    std::vector<std::pair<double, LinkId>> near;
    for (const auto &[peer, id] : m_linkByPeer) {
        const Link &link = m_links.at(id);
        if (link.last.caughtUp && (link.theirs->features & kAnswersListings) != 0)
            near.emplace_back(link.rttMs.value_or(std::numeric_limits<double>::infinity()), id);
    }
    std::sort(near.begin(), near.end());
    std::deque<LinkId> links;
    for (const auto &[rttMs, id] : near)
        links.push_back(id);
    m_listings.list(listing, std::move(links), m_now.monoMs, m_out);
}

void Node::Impl::receive(Link &link, const ListRequest &request)
{
    if (m_readiness == Readiness::Ready)
        m_out.push_back(AnswerListing{link.id, request});
    else
        send(link.id, ListReply{request.id});
}

/// Numbers are one series, so that only one of them has asked.
void Node::Impl::receive(Link &link, const CopyReply &reply)
{
    m_inquiry.answered(link.id, reply, m_out);
    m_reader.answered(link.id, reply, m_out);
}

void Node::Impl::on(const Committed &committed)
{
    noteDisk(committed.result, committed.detail);
    const std::size_t firstEffect = m_out.size();
    if (const auto *const pushed = m_replicator.pushedAs(committed.ticket);
        pushed && committed.result == Committed::Result::Done) {
        for (const Record &record : *pushed)
            m_forwarder.stored(record, m_out);
    }
    if (const auto *const written = m_replicator.coordinatedAs(committed.ticket);
        written && committed.result == Committed::Result::Done)
        hintToAbsent(*written);
    if (m_replicator.committed(committed, establishedLinks(), m_out))
        return watchPushes(firstEffect);
    m_strayAppends.erase(committed.ticket);
    if (m_session && m_session->committed(committed, m_now.monoMs, m_out))
        settleSession();
}

std::optional<WriteOutcome> Node::Impl::reasonAgainstWriting(std::size_t count) const
{
    using Status = WriteOutcome::Status;
    const auto reason = [](Status status, const QByteArray &detail) {
        return WriteOutcome{.status = status, .detail = detail};
    };
    if (m_readiness != Readiness::Ready)
        return reason(Status::NotReady, m_detail);
    if (isClockOff())
        return reason(Status::ClockOff, "this node's clock is more than 60 s from the majority of "
                                        "its peers; set the clock");
    const quint64 wall = static_cast<quint64>(std::max<qint64>(m_now.wallMs, 0)) << 16;
    // Whoever has purged up to a clock takes nothing that was stamped below it. A node that came
    // lately may not have been waited for.
    const quint64 stamp = std::max(m_clock.last(), wall);
    const quint64 purged = std::max(m_heardWatermark, m_state.heldUpTo);
    if (stamp <= purged)
        return reason(Status::ClockOff,
                      "the other members have purged up to " +
                          QByteArray::number(((purged - stamp) >> 16) / 1000 + 1) +
                          " s after this node's time: set its clock, if it is this one that is "
                          "wrong; it writes again when its clock is there");
    // Versions above the persisted ceiling could come again after a restart.
    if (stamp + count < m_savedCeiling)
        return std::nullopt;
    if (m_isDiskFull)
        return reason(Status::NoSpace, "the disk is full; writes resume when there is space again");
    return reason(Status::NotReady, "the disk has not taken the clock's ceiling yet; try again");
}

} // namespace dynakv::core
