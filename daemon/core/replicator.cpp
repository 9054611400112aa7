// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/replicator.h"

#include <algorithm>
#include <limits>

namespace dynakv::core {
namespace {

int requiredOf(const WriteConcern &concern, int replicas)
{
    switch (concern.kind) {
    case WriteConcern::Kind::Count:
        return concern.count;
    case WriteConcern::Kind::Quorum:
        return replicas / 2 + 1;
    case WriteConcern::Kind::All:
        return replicas;
    }
    return replicas;
}

} // namespace

void Replicator::write(const ClientWrite &write, HybridClock &clock, int replicas, Time now,
                       Ticket ticket, Effects &out)
{
    const WriteRequest &asked = write.write;
    Pending pending;
    pending.request = write.request;
    pending.deadlineMs = now.monoMs + asked.timeoutMs;
    pending.outcome.replicas = replicas;
    pending.outcome.required = requiredOf(asked.concern, replicas);

    const KeyState here = stateOf(asked.key, now.wallMs);
    const KeyState &newest = here.version < write.seen.version ? write.seen : here;
    pending.outcome.existed = newest.isLive;
    if (!asked.condition.holds(newest.live())) {
        pending.outcome.version = newest.version;
        answer(pending, WriteOutcome::Status::ConditionFailed, out);
        return;
    }
    if (newest.version.clock == std::numeric_limits<quint64>::max()) {
        pending.outcome.detail = "this key was written by a clock at the end of time; nothing "
                                 "newer can be written";
        answer(pending, WriteOutcome::Status::ClockOff, out);
        return;
    }

    Record &record = pending.record;
    record.key = asked.key;
    record.kind = asked.kind;
    record.version = {clock.next(now.wallMs, newest.version.clock), m_self};
    record.contentType = asked.contentType;
    record.value = asked.value;
    if (asked.ttlMs)
        record.expiresAtMs = record.version.wallMs() + *asked.ttlMs;
    pending.outcome.version = record.version;

    enterFlight(record);
    out.push_back(Append{ticket, {record}, false, asked.durability});
    if (asked.durability) {
        m_heldAtLeast = std::min(m_heldAtLeast, *asked.durability);
        m_lastWish = ticket;
    }
    m_pending.emplace(ticket, std::move(pending));
}

KeyState Replicator::stateOf(const QByteArray &key, qint64 wallMs) const
{
    KeyState newest;
    if (const auto stored = m_records.find(key))
        newest = {stored->version, stored->isLive(wallMs)};
    if (const auto flying = m_inFlight.find(key);
        flying != m_inFlight.end() && newest.version < flying->second.state.version)
        newest = flying->second.state;
    return newest;
}

const std::vector<Record> *Replicator::pushedAs(Ticket ticket) const
{
    const auto it = m_received.find(ticket);
    return it == m_received.end() ? nullptr : &it->second.records;
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
    leaveFlight(pending.record);
    pending.isCommitted = true;
    if (event.result != Committed::Result::Done) {
        pending.outcome.detail = event.detail;
        answer(pending,
               event.result == Committed::Result::NoSpace ? WriteOutcome::Status::NoSpace
                                                          : WriteOutcome::Status::Failed,
               out);
        m_pending.erase(it);
        return true;
    }
    ++pending.outcome.acked;
    pending.outcome.durability = event.durability;
    push(event.ticket, pending, links, out);
    settle(event.ticket, out);
    return true;
}

void Replicator::push(Ticket ticket, const Pending &pending, const std::vector<LinkId> &links,
                      Effects &out)
{
    for (const LinkId link : links) {
        const quint64 id = ++m_ids;
        if (!pending.isAnswered && pending.outcome.required > 1)
            m_awaited.emplace(id, Awaited{link, ticket});
        out.push_back(Send{link, Push{id, {pending.record}}});
    }
}

void Replicator::receive(LinkId link, const Push &push, Ticket ticket, Durability mine,
                         Effects &out)
{
    std::vector<Record> newer;
    for (const Record &record : push.records) {
        const auto held = m_records.stampOf(record.key);
        if (!held || *held < stampOf(record))
            newer.push_back(record);
    }
    const bool isWhole = m_capacity.dropUnfit(newer) == 0;
    if (newer.empty()) {
        out.push_back(Send{link, PushAck{push.id, isWhole, std::min(mine, m_heldAtLeast)}});
        return;
    }
    for (const Record &record : newer)
        enterFlight(record);
    m_received.emplace(ticket, Received{link, push.id, newer, isWhole});
    out.push_back(Append{ticket, std::move(newer), true});
}

void Replicator::acknowledged(LinkId link, const PushAck &ack, Effects &out)
{
    const auto it = m_awaited.find(ack.id);
    if (it == m_awaited.end() || it->second.link != link)
        return;
    const Ticket ticket = it->second.write;
    m_awaited.erase(it);
    const auto pending = m_pending.find(ticket);
    if (!ack.isStored || pending == m_pending.end())
        return;
    WriteOutcome &outcome = pending->second.outcome;
    ++outcome.acked;
    outcome.durability = std::min(outcome.durability, ack.durability);
    settle(ticket, out);
}

void Replicator::settle(Ticket ticket, Effects &out)
{
    const auto it = m_pending.find(ticket);
    if (it == m_pending.end())
        return;
    Pending &pending = it->second;
    if (!pending.isAnswered && pending.outcome.acked >= pending.outcome.required)
        answer(pending, WriteOutcome::Status::Done, out);
    if (pending.isAnswered && pending.isCommitted) {
        if (pending.outcome.required > 1)
            std::erase_if(m_awaited, [&](const auto &each) { return each.second.write == ticket; });
        m_pending.erase(it);
    }
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
        pending.outcome.detail = pending.isCommitted
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
    pending.outcome.status = status;
    out.push_back(Reply{pending.request, pending.outcome});
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
