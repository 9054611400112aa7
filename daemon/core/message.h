// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/listing.h"
#include "daemon/core/member.h"
#include "daemon/core/record.h"
#include "daemon/core/record_source.h"

#include <variant>
#include <vector>

/// The cluster protocol's messages as values. cluster/message_codec gives them their bytes.
namespace dynakv::core {

inline constexpr quint16 kProtocolMin = 1;
inline constexpr quint16 kProtocolMax = 1;

/// What a node can do beyond the first version of the protocol, as bits of Hello::features: what a
/// peer does not name is not asked of it.
inline constexpr quint64 kAnswersListings = 1;
inline constexpr quint64 kFeatures = kAnswersListings;

/// The first message in both directions of a link. Nothing else is accepted before it.
struct Hello
{
    quint16 protocolMin = kProtocolMin;
    quint16 protocolMax = kProtocolMax;
    quint64 clusterId = 0;
    NodeId node = 0;
    quint64 generation = 0;
    quint64 bootId = 0; ///< Random per process: two live processes of one id differ here.
    QByteArray advertisedHost = {}; ///< Empty: take the address that the socket shows.
    quint16 apiPort = 0;
    quint16 clusterPort = 0;
    quint32 memberCount = 0;  ///< Members not left, the sender included; 0 before it has a cluster.
    bool hasData = false;     ///< Whether it holds any record.
    bool wantsToJoin = false; ///< Started with a join address and still alone.
    QByteArray programVersion = {};
    quint64 features = 0; ///< 0: an older program.
    /// Since when this process claims its id: a clock, whose last 16 bits are random. Of two that
    /// run with one id the earlier claim goes on. 0: an older program.
    quint64 claim = 0;
    bool operator==(const Hello &) const = default;
};

/// Why a link is closed by us; the other side logs it.
struct Refusal
{
    enum class Reason : quint8 {
        Protocol,
        ForeignCluster,
        DuplicateId,
        SelfDial,
        NotYet,
        Busy,
        Forgotten
    };
    Reason reason = Reason::Protocol;
    QByteArray text = {};
    /// Of DuplicateId: the claim of another process of the receiver's id, which gave a sign of life
    /// after the receiver had greeted. 0: that is not known.
    quint64 claim = 0;
    bool operator==(const Refusal &) const = default;
};

/// How much of its cluster's data a node holds, see PurgeWatermark.
struct Holdings
{
    quint64 upTo = 0;      ///< All that any member has held up to this clock; 0: not known.
    quint64 members = 0;   ///< Hash of the ids of those members.
    quint64 watermark = 0; ///< What is dead up to here it has purged.
    bool operator==(const Holdings &) const = default;
};

struct Heartbeat
{
    quint64 sequence = 0;
    quint64 tableHash = 0; ///< Of the member table: differing ones are exchanged.
    quint64 clock = 0;
    qint64 wallMs = 0;
    qint64 sentMs = 0;     ///< Sender's monotonic time, echoed back for the round trip.
    qint64 echoMs = 0;     ///< The last `sentMs` seen from the receiver, 0 = none,
    qint64 echoHeldMs = 0; ///< and how long ago that was.
    qint64 keys = 0;
    qint64 bytes = 0;
    bool caughtUp = false;
    quint32 memoryUsedPermille = 0; ///< Of the sender's limit; 0: it has none, or does not say.
    bool mayLack = false;   ///< It may have lost records and has not been compared with all yet.
    quint32 intervalMs = 0; ///< The next one comes within this time; 0: it does not say.
    quint64 treeHash = 0;   ///< See treeHashOf(): differing tables are compared. 0: not said.
    Holdings holdings = {};
    bool operator==(const Heartbeat &) const = default;
};

struct Gossip
{
    std::vector<MemberRecord> members = {};
    bool isWholeTable = false;
    bool operator==(const Gossip &) const = default;
};

struct ProbeRequest
{
    quint64 id = 0;
    NodeId subject = 0;
    bool operator==(const ProbeRequest &) const = default;
};
struct ProbeReply
{
    quint64 id = 0;
    NodeId subject = 0;
    bool isHeard = false; ///< Whether the replier heard from the subject lately.
    bool operator==(const ProbeReply &) const = default;
};

/// Records for the receiver to store; answered when they are durable there.
struct Push
{
    quint64 id = 0;
    std::vector<Record> records = {};
    bool operator==(const Push &) const = default;
};
struct PushAck
{
    quint64 id = 0;
    bool isStored = false;
    Durability durability = Durability::Sync;
    bool operator==(const PushAck &) const = default;
};

/// Anti-entropy: one side leads, asks for roots, then leaves, then stamps, fetches what is newer
/// there and pushes what is newer here. The answering side keeps no state.
struct RootsRequest
{
    quint64 id = 0;
    bool operator==(const RootsRequest &) const = default;
};
struct RootsReply
{
    quint64 id = 0;
    TreeRoots roots = {};
    bool caughtUp = false;
    quint64 promise = 0; ///< What it stamped up to here is in its table, and no more comes.
    Holdings holdings = {};
    bool operator==(const RootsReply &) const = default;
};
struct LeavesRequest
{
    quint64 id = 0;
    quint8 partition = 0;
    bool operator==(const LeavesRequest &) const = default;
};
struct LeavesReply
{
    quint64 id = 0;
    quint8 partition = 0;
    TreeLeaves leaves = {};
    bool operator==(const LeavesReply &) const = default;
};
struct StampsRequest
{
    quint64 id = 0;
    quint8 partition = 0;
    LeafSet leaves = {};
    QByteArray after = {};
    bool takesSlices = false; ///< It reads `reached`; an older node asks after the last stamp.
    bool lacksAll = false;    ///< It has nothing in these leaves: the records are as welcome.
    bool operator==(const StampsRequest &) const = default;
};
struct StampsReply
{
    quint64 id = 0;
    quint8 partition = 0;
    std::vector<KeyStamp> stamps = {};
    bool hasMore = false;    ///< Ask again after `reached`, or else after the last stamp.
    QByteArray reached = {}; ///< No other stamps stand before this key or at it.
    quint64 watermark = 0;   ///< What is dead up to here may be missing: it was purged.
    /// In place of their stamps, for who lacks them all.
    std::vector<Record> records = {};
    bool operator==(const StampsReply &) const = default;
};
struct FetchRequest
{
    quint64 id = 0;
    std::vector<QByteArray> keys = {};
    bool operator==(const FetchRequest &) const = default;
};
struct FetchReply
{
    quint64 id = 0;
    std::vector<Record> records = {}; ///< Of the first keys asked for; ask again for the rest.
    quint32 answeredKeys = 0;         ///< How many of the keys, from the first, this covers.
    bool operator==(const FetchReply &) const = default;
};

/// What the receiver holds for a key: asked for people, and by reads of several replicas.
struct CopyRequest
{
    quint64 id = 0;
    QByteArray key = {};
    bool operator==(const CopyRequest &) const = default;
};
struct CopyReply
{
    quint64 id = 0;
    ReplicaCopy copy = {};
    bool operator==(const CopyReply &) const = default;
};

/// A conditional write for the node where its key is at home.
struct ForwardedWrite
{
    quint64 id = 0;
    KeyState seen = {}; ///< What the sender knows of the key.
    WriteRequest write = {};
    bool operator==(const ForwardedWrite &) const = default;
};
struct ForwardedOutcome
{
    quint64 id = 0;
    WriteOutcome outcome = {};
    bool operator==(const ForwardedOutcome &) const = default;
};

/// A page of keys for a client of the sender, which is not caught up. Only for a receiver that
/// answers listings.
struct ListRequest
{
    quint64 id = 0;
    ListQuery query = {}; ///< Without its wall time: that is the receiver's.
    bool hasValues = false;
    bool operator==(const ListRequest &) const = default;
};
struct ListReply
{
    quint64 id = 0;
    bool isAnswered = false; ///< False: it is not caught up itself, or has too much to do.
    ListedPage page = {};
    bool operator==(const ListReply &) const = default;
};

using Message = std::variant<Hello, Refusal, Heartbeat, Gossip, ProbeRequest, ProbeReply, Push,
                             PushAck, RootsRequest, RootsReply, LeavesRequest, LeavesReply,
                             StampsRequest, StampsReply, FetchRequest, FetchReply, CopyRequest,
                             CopyReply, ForwardedWrite, ForwardedOutcome, ListRequest, ListReply>;

/// In snake_case, by the index in the variant.
const char *kindName(std::size_t index);

/// What a queue keeps apart: control never waits behind data.
enum class Lane : quint8 { Control, Data };
Lane laneOf(const Message &message);

/// The bounds that sender and receiver of a message agree on.
inline constexpr qsizetype kFrameBytesMax = qsizetype{20}
                                            << 20; ///< One 16 MiB value and its frame.
inline constexpr qsizetype kPushBytesTarget = qsizetype{256} << 10; ///< Batches close above it.
inline constexpr int kPushRecordsMax = 1024;
/// Of a comparison or a replay: a piece of work that lets others have their turn soon.
inline constexpr int kPieceRecords = 128;
inline constexpr int kStampsMax = 4096;
/// So many records one turn may visit on its way through a partition: far below a millisecond's
/// work. Not what the two sides agree on.
inline constexpr int kVisitsMax = 512;
static_assert(kVisitsMax <= kStampsMax);
inline constexpr int kFetchKeysMax = 1024;

} // namespace dynakv::core
