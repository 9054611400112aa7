// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/replicator.h"
#include "tests/support/map_records.h"
#include "tests/support/plain_record.h"

#include <QtTest>

namespace dynakv::testing {

using namespace core;

constexpr NodeId kSelf = 1;
constexpr qint64 kWallMs = 1'700'000'000'000;
constexpr qint64 kHour = 3'600'000;
using Status = WriteOutcome::Status;

inline quint64 clockAt(qint64 wallMs)
{
    return static_cast<quint64>(wallMs) << 16;
}

/// A replicator with its table; the test is its disk and its network.
struct ReplicatorBench
{
    MapRecords records = {};
    quint64 ids = 0;
    Capacity capacity;
    Replicator replicator{kSelf, records, capacity, ids};
    HybridClock clock{0};
    Time now{1000, kWallMs};
    std::vector<LinkId> links = {};
    std::map<Ticket, std::vector<Record>> appends = {};
    std::map<Ticket, std::optional<Durability>> wishes = {};
    std::vector<Reply> replies = {};
    std::vector<GroupReply> groupReplies = {};
    std::vector<std::pair<LinkId, Push>> pushes = {};
    std::vector<std::pair<LinkId, PushAck>> acks = {};
    RequestId lastRequest = 0;

    explicit ReplicatorBench(qint64 memoryBytesMax = 0)
        : capacity(records, memoryBytesMax)
    {
    }

    void take(Effects effects)
    {
        for (Effect &effect : effects) {
            if (auto *append = std::get_if<Append>(&effect)) {
                wishes[append->ticket] = append->durability;
                appends[append->ticket] = std::move(append->records);
            } else if (auto *reply = std::get_if<Reply>(&effect))
                replies.push_back(*reply);
            else if (auto *group = std::get_if<GroupReply>(&effect))
                groupReplies.push_back(*group);
            else if (auto *send = std::get_if<Send>(&effect))
                takeMessage(*send);
        }
    }
    void takeMessage(const Send &send)
    {
        if (const auto *push = std::get_if<Push>(&send.message))
            pushes.emplace_back(send.link, *push);
        else if (const auto *ack = std::get_if<PushAck>(&send.message))
            acks.emplace_back(send.link, *ack);
    }

    Ticket write(const WriteRequest &request, int replicas = 1)
    {
        const Ticket ticket = ++ids;
        Effects out;
        replicator.write({++lastRequest, request}, clock, replicas, now, ticket, out);
        take(std::move(out));
        return ticket;
    }
    Ticket writeGroup(std::vector<WriteRequest> writes, int replicas = 1,
                      const QByteArray &refused = {})
    {
        const Ticket ticket = ++ids;
        Effects out;
        const auto refusal = [&refused](const WriteRequest &write) -> std::optional<WriteOutcome> {
            if (write.key != refused)
                return std::nullopt;
            return WriteOutcome{.status = Status::NoSpace, .detail = "full"};
        };
        replicator.writeGroup({++lastRequest, std::move(writes)}, refusal, clock, replicas, now,
                              ticket, out);
        take(std::move(out));
        return ticket;
    }
    Ticket put(const QByteArray &key, WriteConcern concern = {}, int replicas = 1)
    {
        return write({.key = key, .value = "1", .concern = concern}, replicas);
    }
    Ticket remove(const QByteArray &key)
    {
        return write({.key = key, .kind = RecordKind::Tombstone});
    }
    void commit(Ticket ticket, Committed::Result result = Committed::Result::Done,
                Durability durability = Durability::Sync)
    {
        if (result == Committed::Result::Done) {
            for (const Record &each : appends[ticket])
                records.apply(each);
        }
        Effects out;
        QVERIFY(replicator.committed({ticket, result, durability, "reason"}, links, out));
        take(std::move(out));
    }
    Ticket receive(LinkId link, const Push &push)
    {
        const Ticket ticket = ++ids;
        Effects out;
        replicator.receive(link, push, ticket, Durability::Sync, out);
        take(std::move(out));
        return ticket;
    }
    void acknowledge(size_t push, bool isStored = true, Durability durability = Durability::Sync)
    {
        acknowledgeOn(pushes.at(push).first, push, isStored, durability);
    }
    void acknowledgeOn(LinkId link, size_t push, bool isStored = true,
                       Durability durability = Durability::Sync)
    {
        Effects out;
        replicator.acknowledged(link, {pushes.at(push).second.id, isStored, durability}, out);
        take(std::move(out));
    }
    void expire(qint64 afterMs)
    {
        Effects out;
        replicator.expire(now.monoMs + afterMs, out);
        take(std::move(out));
    }
    [[nodiscard]] Version versionOf(Ticket ticket) const
    {
        return appends.at(ticket).at(0).version;
    }
};

} // namespace dynakv::testing
