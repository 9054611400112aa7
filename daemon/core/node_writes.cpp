// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

void Node::Impl::on(const ClientWrite &write)
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

void Node::Impl::on(ClientGroup &group)
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

void Node::Impl::on(const Committed &committed)
{
    noteDisk(committed.result, committed.detail);
    if (m_replicator.committed(committed, establishedLinks(), m_out))
        return;
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
    // Versions above the persisted ceiling could come again after a restart.
    const quint64 wall = static_cast<quint64>(std::max<qint64>(m_now.wallMs, 0)) << 16;
    if (std::max(m_clock.last(), wall) + count < m_savedCeiling)
        return std::nullopt;
    if (m_isDiskFull)
        return reason(Status::NoSpace, "the disk is full; writes resume when there is space again");
    return reason(Status::NotReady, "the disk has not taken the clock's ceiling yet; try again");
}

} // namespace dynakv::core
