// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/node_impl.h"

#include <algorithm>

namespace dynakv::core {

void Node::Impl::on(const ClientWrite &write)
{
    const int replicas = m_table.replicaCount();
    WriteOutcome outcome{.replicas = replicas};
    if (const auto reason = reasonAgainstWriting()) {
        outcome.status = reason->status;
        outcome.detail = reason->detail;
        m_out.push_back(Reply{write.request, outcome});
        return;
    }
    if (write.write.concern.kind == WriteConcern::Kind::Count &&
        write.write.concern.count > replicas) {
        outcome.status = WriteOutcome::Status::NotReady;
        outcome.required = write.write.concern.count;
        outcome.detail = "the cluster has only " + QByteArray::number(replicas) + " members";
        m_out.push_back(Reply{write.request, outcome});
        return;
    }
    if (const auto reason = reasonOfFullness(write.write)) {
        outcome.status = WriteOutcome::Status::NoSpace;
        outcome.detail = *reason;
        m_out.push_back(Reply{write.request, outcome});
        return;
    }
    m_replicator.write(write, m_clock, replicas, m_now, ++m_ids, m_out);
}

void Node::Impl::on(const ClientQuestion &question)
{
    m_inquiry.ask(question, m_table, m_linkByPeer, m_now.monoMs, m_out);
}

void Node::Impl::on(const Committed &committed)
{
    noteDisk(committed.result, committed.detail);
    const std::size_t firstEffect = m_out.size();
    if (m_replicator.committed(committed, establishedLinks(), m_out))
        return watchPushes(firstEffect);
    if (m_session && m_session->committed(committed, m_now.monoMs, m_out))
        settleSession();
}

/// Of what the replicator has just sent.
void Node::Impl::watchPushes(std::size_t firstEffect)
{
    for (std::size_t i = firstEffect; i < m_out.size(); ++i) {
        const auto *send = std::get_if<Send>(&m_out[i]);
        const auto *push = send ? std::get_if<Push>(&send->message) : nullptr;
        if (push != nullptr)
            m_lag.sent(send->link, push->id, m_now.monoMs);
    }
}

std::optional<WriteOutcome> Node::Impl::reasonAgainstWriting() const
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
    if (std::max(m_clock.last() + 1, wall) < m_savedCeiling)
        return std::nullopt;
    if (m_isDiskFull)
        return reason(Status::NoSpace, "the disk is full; writes resume when there is space again");
    return reason(Status::NotReady, "the disk has not taken the clock's ceiling yet; try again");
}

} // namespace dynakv::core
