// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/cbor_fields.h"
#include "daemon/core/message.h"

/// The integer keys of every message, with the bounds of its fields: docs/formats/cluster_wire.md.
/// A key is never given another meaning; a later version adds keys and takes care of their absence.
namespace dynakv::cluster::cbor {

inline constexpr qsizetype kVersionTextMax = 64;
inline constexpr qsizetype kRefusalTextMax = 1024;

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
}

void describe(Of<core::Refusal> auto &m, auto &&visit)
{
    visit(1, m.reason);
    visit(2, Text{m.text, kRefusalTextMax});
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
}

void describe(Of<core::StampsReply> auto &m, auto &&visit)
{
    visit(1, m.id);
    visit(2, m.partition);
    visit(3, m.stamps);
    visit(4, m.hasMore);
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

} // namespace dynakv::cluster::cbor
