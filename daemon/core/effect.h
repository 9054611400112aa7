// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/event.h"

#include <variant>
#include <vector>

/// What a node wants done: everything that leaves core::Node. The driver carries effects out in
/// their order.
namespace dynakv::core {

/// Connect to the cluster address; the host may be a name, resolved at each dial. Answered by
/// LinkOpened or DialFailed, the latter after kDialTimeoutMs at most.
struct Dial
{
    DialId dial = 0;
    base::Endpoint target = {};
};

struct CloseLink
{
    LinkId link = 0;
    /// Messages already sent on it are flushed first, within a second.
};

struct Send
{
    LinkId link = 0;
    Message message = {};
};

/// Append, make durable, apply to the table; answered by Committed. A record smaller than what the
/// table holds is not applied and counts as done.
struct Append
{
    Ticket ticket = 0;
    std::vector<Record> records = {};
    bool isForPeer = false; ///< Of replication: passes where a client's write would find it full.
    std::optional<Durability> durability = {}; ///< Wanted other than the file's mode.
};

/// More is to be done than one turn may, or for a peer that is not in a hurry: comes back as
/// Resumed, after what waits already and when the driver finds that the node has time for it.
struct Resume
{
    Ticket ticket = 0;
};

struct SaveState
{
    quint64 revision = 0;
    PersistedState state = {};
};

struct Reply
{
    RequestId request = 0;
    WriteOutcome outcome = {};
};

struct QuestionReply
{
    RequestId request = 0;
    std::vector<ReplicaView> replicas = {};
};

struct GroupReply
{
    RequestId request = 0;
    std::vector<WriteOutcome> outcomes = {}; ///< Of each write, in their order.
};

struct OperatorReply
{
    RequestId request = 0;
    OperatorOutcome outcome = {};
};

struct ReadReply
{
    RequestId request = 0;
    ReadOutcome outcome = {};
};

struct ListingReply
{
    RequestId request = 0;
    ListingOutcome outcome = {};
};

/// A member that is not caught up asks for a page of the table: to be read on another thread, as
/// large ones take longer than a turn may, and sent back on \a link as the ListReply to \a request.
struct AnswerListing
{
    LinkId link = 0;
    ListRequest request = {};
};

/// view() changed in a way that readers of ClusterView should see.
struct ViewChanged
{
};

/// The tree is keyed by the cluster id: rebuild it before the next event.
struct ClusterIdChanged
{
    quint64 clusterId = 0;
};

/// Take out of the table what isPurgeable() at \a watermark, which is on the disk.
struct Purge
{
    quint64 watermark = 0;
};

struct Log
{
    enum class Level : quint8 { Debug, Info, Warning };
    Level level = Level::Info;
    QByteArray text = {};
};

using Effect = std::variant<Dial, CloseLink, Send, Append, SaveState, Reply, GroupReply,
                            QuestionReply, ReadReply, ListingReply, OperatorReply, AnswerListing,
                            ViewChanged, ClusterIdChanged, Purge, Log, Resume>;
using Effects = std::vector<Effect>;

inline constexpr int kDialTimeoutMs = 2000;
inline constexpr int kTickMs = 100;

} // namespace dynakv::core
