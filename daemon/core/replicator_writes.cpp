// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/replicator.h"

#include <algorithm>
#include <limits>

/// The beginning of a write: stamped and appended. What becomes of it stands in replicator.cpp.
namespace dynakv::core {

void Replicator::write(const ClientWrite &write, HybridClock &clock, int replicas, Time now,
                       Ticket ticket, Effects &out)
{
    Pending pending = begin(write.request, write.write, replicas, now);
    stamp(pending, WriteRequest(write.write), write.seen, clock, now);
    append(std::move(pending), write.write, ticket, out);
}

void Replicator::writeGroup(ClientGroup group, const Refusal &refusal, HybridClock &clock,
                            int replicas, Time now, Ticket ticket, Effects &out)
{
    WriteRequest &first = group.writes.front();
    Pending pending = begin(group.request, first, replicas, now);
    pending.isGroup = true;
    pending.records.reserve(group.writes.size());
    pending.outcomes.reserve(group.writes.size());
    for (WriteRequest &write : group.writes) {
        if (auto refused = refusal(write))
            pending.outcomes.push_back(*std::move(refused));
        else
            stamp(pending, std::move(write), {}, clock, now);
    }
    append(std::move(pending), first, ticket, out);
}

Replicator::Pending Replicator::begin(RequestId request, const WriteRequest &first, int replicas,
                                      Time now) const
{
    Pending pending;
    pending.request = request;
    pending.deadlineMs = now.monoMs + first.timeoutMs;
    pending.shared.replicas = replicas;
    pending.shared.required = requiredOf(first.concern, replicas);
    return pending;
}

void Replicator::stamp(Pending &pending, WriteRequest &&asked, const KeyState &seen,
                       HybridClock &clock, Time now)
{
    WriteOutcome &outcome = pending.outcomes.emplace_back();
    // A version above all that the table holds needs no look at what it holds for this key.
    const bool isAboveAll = pending.isGroup && asked.kind == RecordKind::Value &&
                            !asked.asOfClock && asked.condition.isEmpty() &&
                            m_records.newestClock() <= clock.last();
    const KeyState here = isAboveAll ? stateOnTheWay(asked.key) : stateOf(asked.key, now.wallMs);
    const KeyState &newest = here.version < seen.version ? seen : here;
    outcome.existed = newest.isLive;
    if (!asked.condition.holds(newest.live())) {
        outcome.status = WriteOutcome::Status::ConditionFailed;
        outcome.version = newest.version;
        return;
    }
    if (asked.asOfClock && newest.version.clock >= *asked.asOfClock) {
        outcome.existed = false;
        return;
    }
    if (asked.asOfClock && *asked.asOfClock <= m_promised) {
        outcome = pending.shared;
        outcome.status = WriteOutcome::Status::NotReady;
        outcome.detail = "it began so long ago that its clock cannot be given any more";
        return;
    }
    if (newest.version.clock == std::numeric_limits<quint64>::max()) {
        outcome = pending.shared;
        outcome.status = WriteOutcome::Status::ClockOff;
        outcome.detail = "this key was written by a clock at the end of time; nothing newer can be "
                         "written";
        return;
    }

    if (asked.asOfClock)
        m_asOfUntilMs[*asked.asOfClock] = now.monoMs + kAsOfMs;
    Record &record = pending.records.emplace_back();
    record.key = std::move(asked.key);
    record.kind = asked.kind;
    record.version = {
        asked.asOfClock ? *asked.asOfClock : clock.next(now.wallMs, newest.version.clock), m_self};
    record.contentType = std::move(asked.contentType);
    record.value = std::move(asked.value);
    if (asked.ttlMs)
        record.expiresAtMs = record.version.wallMs() + *asked.ttlMs;
    outcome.version = record.version;
    enterFlight(record);
}

/// \a first may have given its bytes away; what it asks for stays.
void Replicator::append(Pending pending, const WriteRequest &first, Ticket ticket, Effects &out)
{
    if (pending.records.empty()) {
        answer(pending, WriteOutcome::Status::Done, out);
        return;
    }
    out.push_back(Append{ticket, pending.records, false, first.durability});
    if (first.durability) {
        m_heldAtLeast = std::min(m_heldAtLeast, *first.durability);
        m_lastWish = ticket;
    }
    m_pending.emplace(ticket, std::move(pending));
}

} // namespace dynakv::core
