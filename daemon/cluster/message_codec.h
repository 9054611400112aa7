// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/frame_codec.h"
#include "daemon/core/message.h"
#include "shared/base/result.h"

#include <QByteArray>

#include <optional>

namespace dynakv::cluster {

/// The frame types, fixed for good: docs/formats/cluster_wire.md is their table.
enum class MessageType : quint8 {
    Hello = 1,
    Refusal = 2,
    Heartbeat = 3,
    Gossip = 4,
    ProbeRequest = 5,
    ProbeReply = 6,
    Push = 16,
    PushAck = 17,
    RootsRequest = 18,
    RootsReply = 19,
    LeavesRequest = 20,
    LeavesReply = 21,
    StampsRequest = 22,
    StampsReply = 23,
    FetchRequest = 24,
    FetchReply = 25,
    CopyRequest = 26,
    CopyReply = 27,
    ForwardedWrite = 28,
    ForwardedOutcome = 29,
    ListRequest = 30,
    ListReply = 31,
};

/// The message as one whole frame, ready for the socket. The caller keeps messages below
/// core::kFrameBytesMax; the receiver checks it.
QByteArray encodeMessage(const core::Message &message);

/// Everything in the result is in its range and of bounded size. Nothing for a frame of a later
/// version that may be ignored; Unsupported for one that may not; Corrupt for a malformed one.
base::Result<std::optional<core::Message>> decodeMessage(const Frame &frame);

} // namespace dynakv::cluster
