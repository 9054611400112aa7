// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/coordinator.h"
#include "daemon/core/message.h"

#include <variant>

/// What happens to a node: everything that enters core::Node.
namespace dynakv::core {

using LinkId = quint64;    ///< Chosen by the driver, never reused in one process.
using DialId = quint64;    ///< Chosen by core.
using Ticket = quint64;    ///< Chosen by core.
using RequestId = quint64; ///< Chosen by the driver.

/// Comes every 100 ms or so. Lateness is told by the time that comes with it.
struct Tick
{
};

/// A connection stands. For an outgoing one \a dial names the Dial effect it answers.
struct LinkOpened
{
    LinkId link = 0;
    bool isOutgoing = false;
    DialId dial = 0;
    QByteArray localHost = {}; ///< IP literals of this socket's two ends.
    QByteArray peerHost = {};
};

/// The connection is gone, or a CloseLink was carried out by the other side first. Not sent for a
/// link that core closed itself.
struct LinkClosed
{
    LinkId link = 0;
};

struct DialFailed
{
    enum class Reason : quint8 {
        Refused, ///< The host's kernel says that nobody listens: hard evidence of a dead process.
        TimedOut,
        Unreachable,
        UnknownName,
        Other,
    };
    DialId dial = 0;
    Reason reason = Reason::Other;
};

struct Received
{
    LinkId link = 0;
    Message message = {};
};

/// The link's data lane fell behind and \a dropped messages for it were thrown away (Push only:
/// whoever asked for the rest asks again).
struct LinkOverflowed
{
    LinkId link = 0;
};

struct ClientWrite
{
    RequestId request = 0;
    WriteRequest write = {};
    /// What another node, that a client asked, knows of the key.
    KeyState seen = {};
};

/// Several at once, at most kGroupWritesMax; see Coordinator::submitGroup(). Answered by
/// GroupReply.
struct ClientGroup
{
    RequestId request = 0;
    std::vector<WriteRequest> writes = {};
};

/// Answered by QuestionReply.
struct ClientQuestion
{
    RequestId request = 0;
    ReplicaQuestion question = {};
};

/// Answered by OperatorReply.
struct ClientOperation
{
    RequestId request = 0;
    OperatorRequest operation = {};
};

/// Answered by ReadReply.
struct ClientRead
{
    RequestId request = 0;
    ReadRequest read = {};
};

/// Answered by ListingReply.
struct ClientListing
{
    RequestId request = 0;
    ListingRequest listing = {};
};

/// An Append is done. Those that make the same promise are done in their order; one that asks for
/// less may be done before an earlier one that waits for its sync. On success the table holds each
/// record or a greater one.
struct Committed
{
    enum class Result : quint8 { Done, NoSpace, Failed };
    Ticket ticket = 0;
    Result result = Result::Done;
    Durability durability = Durability::Sync; ///< What holds for it now.
    QByteArray detail = {};
};

/// Answers Resume, in a turn of its own.
struct Resumed
{
    Ticket ticket = 0;
};

/// A SaveState is on disk (or not).
struct StateSaved
{
    quint64 revision = 0;
    bool isSaved = false;
    bool isDiskFull = false; ///< Why it is not saved.
};

using Event = std::variant<Tick, LinkOpened, LinkClosed, DialFailed, Received, LinkOverflowed,
                           ClientWrite, ClientGroup, ClientQuestion, ClientRead, ClientListing,
                           ClientOperation, Committed, StateSaved, Resumed>;

} // namespace dynakv::core
