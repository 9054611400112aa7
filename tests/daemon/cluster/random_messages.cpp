// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/daemon/cluster/random_messages.h"

#include <limits>

namespace dynakv::cluster {

quint64 RandomMessages::any()
{
    return m_random.generate64();
}

quint64 RandomMessages::number()
{
    switch (m_random.bounded(4)) {
    case 0:
        return 0;
    case 1:
        return m_random.bounded(300U);
    case 2:
        return std::numeric_limits<quint64>::max();
    default:
        return any();
    }
}

QByteArray RandomMessages::bytes(int min, int max)
{
    QByteArray result(m_random.bounded(min, max + 1), Qt::Uninitialized);
    for (char &c : result)
        c = static_cast<char>(m_random.bounded(256));
    return result;
}

QByteArray RandomMessages::host()
{
    const QByteArray hosts[] = {{}, "10.0.0.7", "fe80::1", "node-3.example.org", "localhost"};
    return hosts[m_random.bounded(5)];
}

core::TreeRoots RandomMessages::hashes()
{
    core::TreeRoots result;
    for (quint64 &each : result)
        each = number();
    return result;
}

core::LeafSet RandomMessages::leafSet()
{
    core::LeafSet result;
    for (std::size_t i = 0; i < result.size(); ++i)
        result.set(i, coin());
    return result;
}

core::MemberRecord RandomMessages::member()
{
    core::MemberRecord member;
    member.id = any() | 1;
    member.generation = number();
    member.incarnation = static_cast<quint32>(number());
    member.state = static_cast<core::MemberState>(m_random.bounded(6));
    member.api = {host(), static_cast<quint16>(number())};
    member.cluster = {host(), static_cast<quint16>(number())};
    member.programVersion = "0.1." + QByteArray::number(m_random.bounded(100));
    member.claim = number();
    member.outranks = number();
    return member;
}

core::Record RandomMessages::record()
{
    core::Record record;
    record.key = bytes(1, 40);
    record.version = {number(), any() | 1};
    if (coin()) {
        record.kind = core::RecordKind::Tombstone;
        return record;
    }
    record.expiresAtMs = coin() ? 1 + m_random.bounded(1'000'000) : 0;
    record.contentType = coin() ? "text/plain" : "";
    record.value = bytes(1, 300);
    return record;
}

std::optional<core::VersionSet> RandomMessages::versionSet()
{
    if (coin())
        return std::nullopt;
    core::VersionSet result;
    result.isAny = coin();
    if (!result.isAny) {
        result.versions.resize(std::size_t{m_random.bounded(17U)});
        for (core::Version &each : result.versions)
            each = {number(), number()};
    }
    return result;
}

core::ForwardedWrite RandomMessages::forwardedWrite()
{
    core::ForwardedWrite result;
    result.id = number();
    result.seen = {{number(), number()}, coin()};
    result.write.key = bytes(1, 1024);
    result.write.kind = coin() ? core::RecordKind::Value : core::RecordKind::Tombstone;
    result.write.value = bytes(0, 300);
    result.write.contentType = coin() ? "text/plain" : "";
    if (coin())
        result.write.ttlMs = m_random.bounded(1000, 1'000'000);
    result.write.concern = {static_cast<core::WriteConcern::Kind>(m_random.bounded(3)),
                            m_random.bounded(1000)};
    result.write.condition = {versionSet(), versionSet()};
    if (coin())
        result.write.durability = static_cast<core::Durability>(m_random.bounded(4));
    result.write.timeoutMs = m_random.bounded(60'001);
    return result;
}

core::WriteOutcome RandomMessages::outcome()
{
    core::WriteOutcome result;
    result.status = static_cast<core::WriteOutcome::Status>(m_random.bounded(7));
    result.version = {number(), number()};
    result.existed = coin();
    result.durability = static_cast<core::Durability>(m_random.bounded(4));
    result.acked = m_random.bounded(100);
    result.required = m_random.bounded(100);
    result.replicas = m_random.bounded(100);
    result.detail = coin() ? "the disk is full" : "";
    return result;
}

core::ListReply RandomMessages::listReply()
{
    core::ListReply result{number(), coin()};
    result.page.listing.keys.resize(std::size_t{m_random.bounded(20U)});
    for (core::ListedKey &each : result.page.listing.keys) {
        each = {bytes(1, 1024),
                {number(), number()},
                static_cast<qint64>(number()),
                static_cast<qint64>(number())};
    }
    result.page.listing.prefixes.resize(std::size_t{m_random.bounded(20U)});
    for (core::ListedPrefix &each : result.page.listing.prefixes)
        each = {bytes(1, 1024), static_cast<qint64>(number()), coin()};
    result.page.listing.hasMore = coin();
    result.page.listing.totalEstimate = static_cast<qint64>(number());
    result.page.values.resize(std::size_t{m_random.bounded(5U)});
    for (core::Record &each : result.page.values)
        each = record();
    result.page.boot = number();
    result.page.seq = number();
    return result;
}

core::Message RandomMessages::message(std::size_t index)
{
    const auto partition = static_cast<quint8>(m_random.bounded(256));
    std::vector<core::Record> records(std::size_t{m_random.bounded(20U)});
    for (core::Record &each : records)
        each = record();
    std::vector<core::MemberRecord> members(std::size_t{m_random.bounded(20U)});
    for (core::MemberRecord &each : members)
        each = member();
    std::vector<core::KeyStamp> stamps(std::size_t{m_random.bounded(20U)});
    for (core::KeyStamp &each : stamps)
        each = {bytes(1, 1024), {{number(), number()}, number()}};
    std::vector<QByteArray> keys(std::size_t{m_random.bounded(20U)});
    for (QByteArray &each : keys)
        each = bytes(1, 1024);
    const auto signedNumber = [this] { return static_cast<qint64>(number()); };

    switch (index) {
    case 0:
        return core::Hello{static_cast<quint16>(number()),
                           static_cast<quint16>(number()),
                           number(),
                           any() | 1,
                           number(),
                           number(),
                           host(),
                           static_cast<quint16>(number()),
                           static_cast<quint16>(number()),
                           static_cast<quint32>(number()),
                           coin(),
                           coin(),
                           "0.1.0",
                           number(),
                           number()};
    case 1:
        return core::Refusal{static_cast<core::Refusal::Reason>(m_random.bounded(6)), "no",
                             number()};
    case 2:
        return core::Heartbeat{number(),
                               number(),
                               number(),
                               signedNumber(),
                               signedNumber(),
                               signedNumber(),
                               signedNumber(),
                               signedNumber(),
                               signedNumber(),
                               coin(),
                               static_cast<quint32>(number()),
                               coin(),
                               static_cast<quint32>(number()),
                               number(),
                               {number(), number(), number()}};
    case 3:
        return core::Gossip{members, coin()};
    case 4:
        return core::ProbeRequest{number(), any() | 1};
    case 5:
        return core::ProbeReply{number(), any() | 1, coin()};
    case 6:
        return core::Push{number(), records};
    case 7:
        return core::PushAck{number(), coin(), static_cast<core::Durability>(m_random.bounded(4))};
    case 8:
        return core::RootsRequest{number()};
    case 9:
        return core::RootsReply{
            number(), hashes(), coin(), number(), {number(), number(), number()}};
    case 10:
        return core::LeavesRequest{number(), partition};
    case 11:
        return core::LeavesReply{number(), partition, hashes()};
    case 12:
        return core::StampsRequest{number(), partition, leafSet(), bytes(0, 1024), coin(), coin()};
    case 13:
        return core::StampsReply{number(),
                                 partition,
                                 stamps,
                                 coin(),
                                 bytes(0, 1024),
                                 number(),
                                 coin() ? records : decltype(records)()};
    case 14:
        return core::FetchRequest{number(), keys};
    case 15:
        return core::FetchReply{number(), records, static_cast<quint32>(number())};
    case 16:
        return core::CopyRequest{number(), bytes(1, 1024)};
    case 17:
        return core::CopyReply{number(),
                               {coin(),
                                {{number(), number()}, number()},
                                static_cast<core::RecordKind>(m_random.bounded(2)),
                                signedNumber(),
                                signedNumber()}};
    case 18:
        return forwardedWrite();
    case 19:
        return core::ForwardedOutcome{number(), outcome()};
    case 20: {
        core::ListRequest request{number()};
        request.query.prefix = bytes(0, 1024);
        request.query.delimiter = bytes(0, 3);
        request.query.from = bytes(0, 1024);
        if (coin())
            request.query.after = bytes(1, 1024);
        request.query.limit = m_random.bounded(1001);
        request.query.order = coin() ? core::Order::Ascending : core::Order::Descending;
        request.hasValues = coin();
        return request;
    }
    default:
        return listReply();
    }
}

} // namespace dynakv::cluster
