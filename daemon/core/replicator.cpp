// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/replicator.h"

#include <algorithm>

namespace dynakv::core {
namespace {

/// \a records in as few messages as may be.
std::vector<std::vector<Record>> inPushes(std::vector<Record> records)
{
    std::vector<std::vector<Record>> pushes;
    qsizetype bytes = kPushBytesTarget;
    for (Record &record : records) {
        if (bytes >= kPushBytesTarget || pushes.back().size() >= kPushRecordsMax) {
            pushes.emplace_back();
            bytes = 0;
        }
        bytes += record.key.size() + record.value.size();
        pushes.back().push_back(std::move(record));
    }
    return pushes;
}

} // namespace

KeyState Replicator::stateOf(const QByteArray &key, qint64 wallMs) const
{
    const KeyState flying = stateOnTheWay(key);
    const KeyState stored = m_records.stateOf(key, wallMs);
    return flying.version < stored.version ? stored : flying;
}

KeyState Replicator::stateOnTheWay(const QByteArray &key) const
{
    const auto flying = m_inFlight.find(key);
    return flying == m_inFlight.end() ? KeyState{} : flying->second.state;
}

const std::vector<Record> *Replicator::pushedAs(Ticket ticket) const
{
    const auto it = m_received.find(ticket);
    return it == m_received.end() ? nullptr : &it->second.records;
}

const std::vector<Record> *Replicator::coordinatedAs(Ticket ticket) const
{
    const auto it = m_pending.find(ticket);
    return it == m_pending.end() || it->second.isCommitted ? nullptr : &it->second.records;
}

bool Replicator::committed(const Committed &event, const std::vector<LinkId> &links, Effects &out)
{
    if (event.result == Committed::Result::Done && event.ticket >= m_lastWish)
        m_heldAtLeast = event.durability;
    if (const auto received = m_received.find(event.ticket); received != m_received.end()) {
        const Received &done = received->second;
        if (done.link != 0) {
            out.push_back(
                Send{done.link,
                     PushAck{done.push, event.result == Committed::Result::Done && done.isWhole,
                             event.durability}});
        }
        for (const Record &record : done.records)
            leaveFlight(record);
        m_received.erase(received);
        return true;
    }
    const auto it = m_pending.find(event.ticket);
    if (it == m_pending.end())
        return false;
    Pending &pending = it->second;
    for (const Record &record : pending.records)
        leaveFlight(record);
    pending.isCommitted = true;
    if (event.result != Committed::Result::Done) {
        pending.shared.detail = event.detail;
        answer(pending,
               event.result == Committed::Result::NoSpace ? WriteOutcome::Status::NoSpace
                                                          : WriteOutcome::Status::Failed,
               out);
        m_pending.erase(it);
        return true;
    }
    ++pending.shared.acked;
    pending.shared.durability = event.durability;
    push(event.ticket, pending, links, out);
    settle(event.ticket, out);
    return true;
}

void Replicator::push(Ticket ticket, Pending &pending, const std::vector<LinkId> &links,
                      Effects &out)
{
    const bool isAwaited = !pending.isAnswered && pending.shared.required > 1;
    for (auto &records : inPushes(std::move(pending.records))) {
        for (const LinkId link : links) {
            const quint64 id = ++m_ids;
            if (isAwaited) {
                m_awaited.emplace(id, Awaited{link, ticket});
                ++pending.shares[link].pushes;
            }
            out.push_back(Send{link, Push{id, records}});
        }
    }
}

void Replicator::receive(LinkId link, const Push &push, Ticket ticket, Durability mine,
                         Effects &out)
{
    std::vector<Record> newer;
    qint64 refused = 0;
    for (const Record &record : push.records) {
        const auto held = m_records.stampOf(record.key);
        if (isPurged(record, held))
            ++refused;
        else if (!held || *held < stampOf(record))
            newer.push_back(record);
    }
    m_refusedCount += refused;
    const bool isWhole = m_capacity.dropUnfit(newer) == 0 && refused == 0;
    if (newer.empty()) {
        out.push_back(Send{link, PushAck{push.id, isWhole, std::min(mine, m_heldAtLeast)}});
        return;
    }
    store({link, push.id, std::move(newer), isWhole}, ticket, out);
}

bool Replicator::isPurged(const Record &record, const std::optional<Stamp> &held) const
{
    return !held && record.version.clock <= m_refusedUpTo;
}

void Replicator::adopt(Record record, Ticket ticket, Effects &out)
{
    if (isPurged(record, m_records.stampOf(record.key)))
        return; // Another member has yet to purge it.
    std::vector<Record> records;
    records.push_back(std::move(record));
    if (m_capacity.dropUnfit(records) == 0)
        store({0, 0, std::move(records)}, ticket, out);
}

void Replicator::store(Received received, Ticket ticket, Effects &out)
{
    for (const Record &record : received.records)
        enterFlight(record);
    out.push_back(Append{ticket, received.records, true});
    m_received.emplace(ticket, std::move(received));
}

void Replicator::acknowledged(LinkId link, const PushAck &ack, Effects &out)
{
    const auto it = m_awaited.find(ack.id);
    if (it == m_awaited.end() || it->second.link != link)
        return;
    const Ticket ticket = it->second.write;
    m_awaited.erase(it);
    const auto pending = m_pending.find(ticket);
    if (pending == m_pending.end())
        return;
    const auto at = pending->second.shares.find(link);
    if (at == pending->second.shares.end())
        return;
    if (!ack.isStored) {
        pending->second.shares.erase(at); // It lacks a part, so that it never counts.
        return;
    }
    Share &share = at->second;
    share.durability = std::min(share.durability, ack.durability);
    if (--share.pushes > 0)
        return;
    WriteOutcome &shared = pending->second.shared;
    ++shared.acked;
    shared.durability = std::min(shared.durability, share.durability);
    settle(ticket, out);
}

void Replicator::settle(Ticket ticket, Effects &out)
{
    const auto it = m_pending.find(ticket);
    if (it == m_pending.end())
        return;
    Pending &pending = it->second;
    if (!pending.isAnswered && pending.shared.acked >= pending.shared.required)
        answer(pending, WriteOutcome::Status::Done, out);
    if (pending.isAnswered && pending.isCommitted) {
        if (pending.shared.required > 1)
            std::erase_if(m_awaited, [&](const auto &each) { return each.second.write == ticket; });
        m_pending.erase(it);
    }
}

quint64 Replicator::promise(quint64 wanted, qint64 nowMs)
{
    const auto below = [&wanted](quint64 clock) {
        wanted = std::min(wanted, std::max<quint64>(clock, 1) - 1);
    };
    std::erase_if(m_asOfUntilMs, [nowMs](const auto &each) { return each.second <= nowMs; });
    if (!m_asOfUntilMs.empty())
        below(m_asOfUntilMs.begin()->first);
    for (const auto &[ticket, received] : m_received) {
        for (const Record &record : received.records)
            below(record.version.clock);
    }
    for (const auto &[ticket, pending] : m_pending) {
        for (const Record &record : pending.records) // None once it is committed.
            below(record.version.clock);
    }
    m_promised = std::max(m_promised, wanted);
    return wanted;
}

void Replicator::linkLost(LinkId link)
{
    std::erase_if(m_awaited, [&](const auto &each) { return each.second.link == link; });
    for (auto &[ticket, received] : m_received) {
        if (received.link == link)
            received.link = 0; // The append goes on; nobody waits for its answer.
    }
}

void Replicator::expire(qint64 nowMs, Effects &out)
{
    std::vector<Ticket> late;
    for (auto &[ticket, pending] : m_pending) {
        if (!pending.isAnswered && nowMs >= pending.deadlineMs)
            late.push_back(ticket);
    }
    for (const Ticket ticket : late) {
        Pending &pending = m_pending.at(ticket);
        pending.shared.detail = pending.isCommitted
                                    ? "too few replicas answered in time"
                                    : "the disk of this node did not take it in time";
        answer(pending, WriteOutcome::Status::TooFewReplicas, out);
        settle(ticket, out); // Without its Append's answer it stays, for the key's floor.
    }
}

void Replicator::answer(Pending &pending, WriteOutcome::Status status, Effects &out)
{
    if (pending.isAnswered)
        return;
    pending.isAnswered = true;
    for (WriteOutcome &each : pending.outcomes) {
        if (each.status != WriteOutcome::Status::Done)
            continue; // Refused.
        WriteOutcome outcome = pending.shared;
        outcome.status = status;
        outcome.version = each.version;
        outcome.existed = each.existed;
        each = std::move(outcome);
    }
    if (pending.isGroup)
        out.push_back(GroupReply{pending.request, std::move(pending.outcomes)});
    else
        out.push_back(Reply{pending.request, std::move(pending.outcomes.front())});
}

void Replicator::enterFlight(const Record &record)
{
    m_capacity.enter(record);
    InFlight &flying = m_inFlight[record.key];
    ++flying.count;
    if (flying.state.version < record.version)
        flying.state = {record.version, record.kind == RecordKind::Value};
}

void Replicator::leaveFlight(const Record &record)
{
    m_capacity.leave(record);
    const auto it = m_inFlight.find(record.key);
    if (it != m_inFlight.end() && --it->second.count <= 0)
        m_inFlight.erase(it);
}

} // namespace dynakv::core
