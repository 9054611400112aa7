// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/cbor_fields.h"
#include "daemon/core/message.h"
#include "shared/base/limits.h"

/// The integer keys of every message, with the bounds of its fields: docs/formats/cluster_wire.md.
/// A key is never given another meaning; a later version adds keys and takes care of their absence.
namespace dynakv::cluster::cbor {

inline constexpr qsizetype kVersionTextMax = 64;
inline constexpr qsizetype kRefusalTextMax = 1024;
inline constexpr qsizetype kDetailTextMax = 1024;
inline constexpr int kCountMax = 1'000'000; ///< Of replicas.

void put(Output &out, const std::vector<core::Record> &records);
void put(Output &out, const std::vector<core::KeyStamp> &stamps);
void put(Output &out, const std::vector<QByteArray> &keys);
void put(Output &out, const core::TreeRoots &hashes);
void put(Output &out, const core::LeafSet &leaves);
Fault take(Input &in, std::vector<core::Record> &records);
Fault take(Input &in, std::vector<core::KeyStamp> &stamps);
Fault take(Input &in, std::vector<QByteArray> &keys);
Fault take(Input &in, core::TreeRoots &hashes);
Fault take(Input &in, core::LeafSet &leaves);
Fault take(Input &in, core::Refusal::Reason &reason);

/// Of a write. Nothing where it is 0.
void put(Output &out, const std::optional<qint64> &ttlMs);
Fault take(Input &in, std::optional<qint64> &ttlMs);
/// Nothing where it is 4.
void put(Output &out, const std::optional<core::Durability> &durability);
Fault take(Input &in, std::optional<core::Durability> &durability);
void put(Output &out, const std::optional<core::VersionSet> &versions);
Fault take(Input &in, std::optional<core::VersionSet> &versions);
Fault take(Input &in, core::WriteConcern::Kind &kind);
Fault take(Input &in, core::WriteOutcome::Status &status);

/// The last row of a page. Empty where it is none.
void put(Output &out, const std::optional<QByteArray> &row);
Fault take(Input &in, std::optional<QByteArray> &row);
Fault take(Input &in, core::Order &order);
void put(Output &out, const std::vector<core::ListedKey> &rows);
Fault take(Input &in, std::vector<core::ListedKey> &rows);
void put(Output &out, const std::vector<core::ListedPrefix> &rows);
Fault take(Input &in, std::vector<core::ListedPrefix> &rows);

void describe(Of<core::Hello> auto &m, auto &&visit)
{
    visit(1, m.protocolMin);
    visit(2, m.protocolMax);
    visit(3, m.clusterId);
    visit(4, Id{m.node});
    visit(5, m.generation);
    visit(6, m.bootId);
    visit(7, Host{m.advertisedHost});
    visit(8, m.apiPort);
    visit(9, m.clusterPort);
    visit(10, m.memberCount);
    visit(11, m.hasData);
    visit(12, m.wantsToJoin);
    visit(13, Text{m.programVersion, kVersionTextMax});
    visit(14, Optional{m.features});
    visit(16, Optional{m.claim});
}

void describe(Of<core::Refusal> auto &m, auto &&visit)
{
    visit(1, m.reason);
    visit(2, Text{m.text, kRefusalTextMax});
    visit(3, Optional{m.claim});
}

void describe(Of<core::Heartbeat> auto &m, auto &&visit)
{
    visit(1, m.sequence);
    visit(2, m.tableHash);
    visit(3, m.clock);
    visit(4, m.wallMs);
    visit(5, m.sentMs);
    visit(6, m.echoMs);
    visit(7, m.echoHeldMs);
    visit(8, m.keys);
    visit(9, m.bytes);
    visit(10, m.caughtUp);
    visit(11, Optional{m.memoryUsedPermille});
    visit(12, Optional{m.mayLack});
    visit(13, Optional{m.intervalMs});
    visit(14, Optional{m.treeHash});
    visit(15, Optional{m.holdings.upTo});
    visit(16, Optional{m.holdings.members});
    visit(17, Optional{m.holdings.watermark});
}

void describe(Of<core::Gossip> auto &m, auto &&visit)
{
    visit(1, m.members);
    visit(2, m.isWholeTable);
}

void describe(Of<core::ProbeRequest> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, Id{m.subject});
}

void describe(Of<core::ProbeReply> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, Id{m.subject});
    visit(3, m.isHeard);
}

void describe(Of<core::Push> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.records);
}

void describe(Of<core::PushAck> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.isStored);
    visit(3, m.durability);
}

void describe(Of<core::RootsRequest> auto &m, auto &&visit)
{
    visit(1, m.id);
}

void describe(Of<core::RootsReply> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.roots);
    visit(3, m.caughtUp);
    visit(4, Optional{m.promise});
    visit(5, Optional{m.holdings.upTo});
    visit(6, Optional{m.holdings.members});
    visit(7, Optional{m.holdings.watermark});
}

void describe(Of<core::LeavesRequest> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.partition);
}

void describe(Of<core::LeavesReply> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.partition);
    visit(3, m.leaves);
}

void describe(Of<core::StampsRequest> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.partition);
    visit(3, m.leaves);
    visit(4, Key{m.after, true});
    visit(5, Optional{m.takesSlices});
    visit(6, Optional{m.lacksAll});
}

void describe(Of<core::StampsReply> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.partition);
    visit(3, m.stamps);
    visit(4, m.hasMore);
    auto reached = Key{m.reached, true};
    visit(5, Optional{reached});
    visit(6, Optional{m.watermark});
    visit(7, Optional{m.records});
}

void describe(Of<core::FetchRequest> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.keys);
}

void describe(Of<core::FetchReply> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.records);
    visit(3, m.answeredKeys);
}

void describe(Of<core::ForwardedWrite> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.seen.version.clock);
    visit(3, m.seen.version.node);
    visit(4, m.seen.isLive);
    visit(5, Key{m.write.key, false});
    visit(6, m.write.kind);
    visit(7, Bytes{m.write.value, base::limits::kValueBytesMax});
    visit(8, Text{m.write.contentType, base::limits::kContentTypeBytesMax});
    visit(9, m.write.ttlMs);
    visit(10, m.write.concern.kind);
    visit(11, AtMost{m.write.concern.count, kCountMax});
    visit(12, m.write.durability);
    visit(13, AtMost{m.write.timeoutMs, base::limits::kRequestTimeoutMsMax});
    visit(14, m.write.condition.ifMatch);
    visit(15, m.write.condition.ifNoneMatch);
}

void describe(Of<core::ForwardedOutcome> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.outcome.status);
    visit(3, m.outcome.version.clock);
    visit(4, m.outcome.version.node);
    visit(5, m.outcome.existed);
    visit(6, m.outcome.durability);
    visit(7, AtMost{m.outcome.acked, kCountMax});
    visit(8, AtMost{m.outcome.required, kCountMax});
    visit(9, AtMost{m.outcome.replicas, kCountMax});
    visit(10, Text{m.outcome.detail, kDetailTextMax});
}

void describe(Of<core::CopyRequest> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, Key{m.key, false});
}

void describe(Of<core::CopyReply> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.copy.isHeld);
    visit(3, m.copy.stamp.version.clock);
    visit(4, m.copy.stamp.version.node);
    visit(5, m.copy.stamp.contentHash);
    visit(6, m.copy.kind);
    visit(7, m.copy.expiresAtMs);
    visit(8, m.copy.valueBytes);
}

void describe(Of<core::ListRequest> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, Key{m.query.prefix, true});
    visit(3, Key{m.query.delimiter, true});
    visit(4, Key{m.query.from, true});
    visit(5, m.query.after);
    visit(6, AtMost{m.query.limit, base::limits::kPageKeysMax});
    visit(7, m.query.order);
    visit(8, m.hasValues);
}

void describe(Of<core::ListReply> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.isAnswered);
    visit(3, m.page.listing.keys);
    visit(4, m.page.listing.prefixes);
    visit(5, m.page.listing.hasMore);
    visit(6, m.page.listing.totalEstimate);
    visit(7, m.page.boot);
    visit(8, m.page.seq);
    visit(9, m.page.values);
}

} // namespace dynakv::cluster::cbor
