// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/cluster_counts.h"
#include "daemon/core/listing.h"
#include "daemon/core/record.h"
#include "daemon/core/write_condition.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace dynakv::core {

/// When a write counts as durable at a node, weakest first: the order is meaningful.
enum class Durability : quint8 {
    Memory = 0,   ///< Nothing is written; a restart forgets it.
    Os = 1,       ///< After write(2): survives kill -9, not a power cut.
    Interval = 2, ///< After write(2); synced every second.
    Sync = 3,     ///< After the disk has it.
};
QByteArray toText(Durability durability);
std::optional<Durability> parseDurability(QByteArrayView text);

/// How many replicas must hold a write, durably, before it is answered.
struct WriteConcern
{
    enum class Kind : quint8 { Count, Quorum, All };
    Kind kind = Kind::Count;
    int count = 1;
    bool operator==(const WriteConcern &) const = default;
};
/// How many that is of \a replicas.
int requiredOf(const WriteConcern &concern, int replicas);
/// How many replicas are asked for what they hold before a read is answered.
using ReadConcern = WriteConcern;

/// A client's put or delete, checked for its bounds by the REST layer.
struct WriteRequest
{
    QByteArray key = {};
    RecordKind kind = RecordKind::Value;
    QByteArray value = {};
    QByteArray contentType = {};
    std::optional<qint64> ttlMs = {};
    WriteConcern concern = {};
    /// Judged where the key is at home, one write after the other.
    WriteCondition condition = {};
    /// To be done there even without a condition, since one of its group on this key has one.
    bool isForHome = false;
    /// When the coordinator's own copy counts as durable; nothing: as its mode says. The others
    /// keep to theirs.
    std::optional<Durability> durability = {};
    int timeoutMs = 3000;
    /// Take this clock in place of a new one, and only over what is older: where the key holds
    /// something of that clock or a later one, that stays and the write is done with no version.
    std::optional<quint64> asOfClock = {};
    bool operator==(const WriteRequest &) const = default;
};

/// The most writes, and bytes of keys and values, that a node stamps in one turn; a single write
/// may have more bytes.
inline constexpr std::size_t kGroupWritesMax = 1000;
inline constexpr qsizetype kGroupBytesMax = qsizetype{1} << 20;

struct WriteOutcome
{
    enum class Status : quint8 {
        Done,           ///< Durable on `acked` >= `required` replicas.
        TooFewReplicas, ///< In time only `acked` had it; it may still spread. Outcome unknown.
        NotReady,       ///< This node coordinates nothing now (joining, stopping); nothing changed.
        ClockOff,       ///< This node's clock is off; nothing changed.
        NoSpace,        ///< Disk or memory is full; nothing changed.
        Failed,         ///< The file refused it; nothing is acknowledged.
        ConditionFailed, ///< `version` and `existed` tell what is there; nothing changed.
    };
    Status status = Status::Done;
    Version version = {};
    /// Whether a live value was there before; of a value in a group only if it was under way, as
    /// nobody asks and looking for it would cost as much as all the rest.
    bool existed = false;
    Durability durability = Durability::Sync;
    int acked = 0;
    int required = 1;
    int replicas = 1; ///< N: members not left, down ones included.
    QByteArray detail = {};
    bool operator==(const WriteOutcome &) const = default;
};
/// In snake_case; empty for a value that is none.
QByteArray toText(WriteOutcome::Status status);

enum class MemberState : quint8 {
    Joining = 0,
    Alive = 1,
    Suspect = 2,
    Down = 3,
    Leaving = 4,
    Left = 5
};
QByteArray toText(MemberState state);

struct MemberView
{
    NodeId id = 0;
    QByteArray address = {}; ///< API address, `host:port`.
    QByteArray clusterAddress = {};
    MemberState state = MemberState::Alive;
    qint64 sinceMs = 0; ///< Unix ms.
    bool isSelf = false;
    QByteArray programVersion = {};
    std::optional<qint64> keys = {};
    std::optional<qint64> bytes = {};
    std::optional<double> rttMs = {};
    std::optional<qint64> memoryUsedPermille = {}; ///< Of its limit, where it has one.
    bool mayLack = false; ///< It may have lost records and is being compared with the others.
    std::optional<qint64> clockOffsetMs = {};   ///< Its clock less this node's, about.
    std::optional<qint64> pushLagMs = {};       ///< Age of the oldest record it has not confirmed.
    std::optional<qint64> pushesPending = {};   ///< How many such there are.
    std::optional<qint64> partitionsEqual = {}; ///< Of 256, when they were last compared.
    qint64 comparedMs = 0;                      ///< When that was, Unix ms.
    qint64 hintsPending = 0;      ///< Keys that were written through this node while it was away.
    bool areHintsDropped = false; ///< There are more than are remembered.
    bool holdsPurgeBack = false;  ///< What is dead is kept, since it has yet to say that it has it.
    bool operator==(const MemberView &) const = default;
};

/// What one node holds for a key.
struct ReplicaCopy
{
    bool isHeld = false; ///< If only as a tombstone; the rest says nothing otherwise.
    Stamp stamp = {};
    RecordKind kind = RecordKind::Value;
    qint64 expiresAtMs = 0; ///< Unix ms, 0: never.
    qint64 valueBytes = 0;
    bool operator==(const ReplicaCopy &) const = default;
};

/// One member's answer to who holds what.
struct ReplicaView
{
    NodeId id = 0;
    QByteArray address = {}; ///< API address.
    MemberState state = MemberState::Alive;
    bool isSelf = false;
    QByteArray detail = {};               ///< Why there is no answer; empty where there is one.
    std::optional<ReplicaCopy> copy = {}; ///< The answer.
    bool operator==(const ReplicaView &) const = default;
};

/// A question to all members, answered after \a timeoutMs at the latest.
struct ReplicaQuestion
{
    QByteArray key = {};
    int timeoutMs = 3000;
    bool operator==(const ReplicaQuestion &) const = default;
};

/// A read that this node's table alone must not answer: of several replicas, or where it is not
/// caught up, or where it may lack a version that the client has seen.
struct ReadRequest
{
    QByteArray key = {};
    ReadConcern concern = {};
    std::optional<Version> atLeast = {}; ///< Nothing older than this is an answer.
    int timeoutMs = 3000;
    bool operator==(const ReadRequest &) const = default;
};

struct ReadOutcome
{
    enum class Status : quint8 {
        Done,           ///< `record` is the newest that `acked` >= `required` replicas hold.
        TooFewReplicas, ///< Only `acked` told what they hold, or the newest did not come.
        TooOld,         ///< Nobody who could be asked has a record as new as was wanted.
        NotReady,       ///< This node asks nobody now (stopping, overloaded).
    };
    Status status = Status::Done;
    std::optional<Record> record = {}; ///< If only a tombstone; what is live is for others to say.
    int acked = 0;
    int required = 1;
    int replicas = 1; ///< N, as of a write.
    QByteArray detail = {};
    bool operator==(const ReadOutcome &) const = default;
};

/// A page of keys that this node must not take from its own table.
struct ListingRequest
{
    ListQuery query = {};   ///< The clock of the member that answers decides what has expired.
    bool hasValues = false; ///< With their values, so many as limits::kPageBytesMax holds.
    int timeoutMs = 3000;
    bool operator==(const ListingRequest &) const = default;
};

struct ListingOutcome
{
    std::optional<ListedPage> page = {}; ///< As a member has it that is caught up.
    QByteArray detail = {};              ///< Why there is none.
    bool operator==(const ListingOutcome &) const = default;
};

/// Whether this node may answer from its own table.
enum class Readiness : quint8 { Joining, CatchingUp, Ready, Leaving, Stopping };

/// The cluster as this node sees it: an immutable snapshot, replaced on every change.
struct ClusterView
{
    quint64 clusterId = 0; ///< 0 while the node belongs to none.
    NodeId self = 0;
    Readiness readiness = Readiness::Joining;
    QByteArray detail = {}; ///< Why it is not ready, for people.
    std::vector<MemberView> members = {};
    qint64 purgedUpToMs = 0; ///< What has been dead since then is purged, Unix ms; 0: nothing yet.
    ClusterCounts counts = {};
    bool operator==(const ClusterView &) const = default;
};

/// What an operator asks of the cluster through one of its nodes.
struct OperatorRequest
{
    enum class Kind : quint8 {
        Forget, ///< `member`, which is down, is never waited for again and never let in again.
        Repair, ///< Compare with every member that is connected, now.
        Leave,  ///< The node that is asked hands over and leaves for ever.
    };
    Kind kind = Kind::Repair;
    NodeId member = 0;
    bool operator==(const OperatorRequest &) const = default;
};

struct OperatorOutcome
{
    enum class Status : quint8 { Done, UnknownMember, Conflict, NotInTime };
    Status status = Status::Done;
    QByteArray detail = {}; ///< Why not, or what it means, for people.
    int members = 0;        ///< Of Repair: with how many it compares; of Leave: how many have all.
    // Of Forget, as the node that is asked knows it since its own start; Unix ms:
    std::optional<qint64> contactMs = {}; ///< When it last heard of that member directly.
    /// When the last comparison with it began that came to its end: what it held then others hold.
    std::optional<qint64> comparedMs = {};
    int partitionsEqual = 0; ///< Of 256, when that began; the rest was made equal.
    bool operator==(const OperatorOutcome &) const = default;
};

/// The door of the node thread: what the REST layer asks of the cluster. Implemented by
/// cluster::NodeService; by a fake in tests.
///
/// Thread: any. \a done is called once, on the node thread; callers post it on to their own.
class Coordinator
{
public:
    using Completion = std::function<void(WriteOutcome)>;
    /// Empty where the node was not in a state to ask anybody.
    using ReplicasCompletion = std::function<void(std::vector<ReplicaView>)>;
    using GroupCompletion = std::function<void(std::vector<WriteOutcome>)>;
    using ReadCompletion = std::function<void(ReadOutcome)>;
    using ListingCompletion = std::function<void(ListingOutcome)>;
    using OperatorCompletion = std::function<void(OperatorOutcome)>;

    virtual ~Coordinator() = default;
    virtual void submit(WriteRequest request, Completion done) = 0;
    /// Writes that go together, at least one: stamped in their order, so that those of one key see
    /// each other, made durable by one append and pushed by one message a peer (or few, where there
    /// are more than kGroupWritesMax), but each with an outcome of its own, in their order. Not
    /// atomic. What the first asks for of concern, durability and time-out holds for all.
    virtual void submitGroup(std::vector<WriteRequest> group, GroupCompletion done) = 0;
    /// Asks every member, this one included, for its copy of a key.
    virtual void askReplicas(ReplicaQuestion question, ReplicasCompletion done) = 0;
    /// Answered at once from what this node knows, and what it sets going takes its time; but a
    /// Leave when it is done or given up.
    virtual void operate(OperatorRequest request, OperatorCompletion done) = 0;
    virtual void read(ReadRequest request, ReadCompletion done) = 0;
    /// Asks a member that is caught up; who is so itself lists its own table.
    virtual void list(ListingRequest request, ListingCompletion done) = 0;
    [[nodiscard]] virtual std::shared_ptr<const ClusterView> clusterView() const = 0;
};

} // namespace dynakv::core
