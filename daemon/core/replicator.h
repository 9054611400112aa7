// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/capacity.h"
#include "daemon/core/effect.h"
#include "daemon/core/hybrid_clock.h"
#include "daemon/core/record_source.h"
#include "daemon/core/time.h"

#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace dynakv::core {

/// The way of a write through its coordinator: stamp, append here, push to the others, count who
/// has it durably, answer. And the receiving end: store what a peer pushed, acknowledge it.
///
/// What a link loses on the way is not repeated here; hints and anti-entropy see to it when the
/// link stands again. Bounded by its callers: writes in flight by the driver, pushes by the link's
/// queue.
class Replicator
{
public:
    /// \a ids numbers pushes and is shared with the node, so that an acknowledgement names one
    /// push. \a capacity learns what is on its way.
    Replicator(NodeId self, const RecordSource &records, Capacity &capacity, quint64 &ids)
        : m_self(self)
        , m_records(records)
        , m_capacity(capacity)
        , m_ids(ids)
    {
    }

    /// Stamps and appends. \a replicas is N; the caller has checked that this node may coordinate.
    /// A key whose record has the greatest clock there is cannot be written, nor one of which the
    /// condition does not hold: it is refused.
    void write(const ClientWrite &write, HybridClock &clock, int replicas, Time now, Ticket ticket,
               Effects &out);
    /// The newest of what the table holds and what is on its way there.
    [[nodiscard]] KeyState stateOf(const QByteArray &key, qint64 wallMs) const;
    /// What a peer pushed, while its append is on its way; null for any other ticket.
    [[nodiscard]] const std::vector<Record> *pushedAs(Ticket ticket) const;
    /// What a write of a client, or a group of them, stores, while its append is on its way; null
    /// for any other ticket.
    [[nodiscard]] const std::vector<Record> *coordinatedAs(Ticket ticket) const;
    /// Likewise for each of \a group, with one Append for all. \a refusal is asked right before a
    /// write is stamped, when those before it are on their way already; what it refuses does not
    /// keep the others.
    using Refusal = std::function<std::optional<WriteOutcome>(const WriteRequest &)>;
    void writeGroup(ClientGroup group, const Refusal &refusal, HybridClock &clock, int replicas,
                    Time now, Ticket ticket, Effects &out);
    /// True if \a event answers an Append of this replicator. \a links: where to push to.
    bool committed(const Committed &event, const std::vector<LinkId> &links, Effects &out);

    /// Stores what is newer than the table, or acknowledges at once. What has no room is left out
    /// and the push refused.
    void receive(LinkId link, const Push &push, Ticket ticket, Durability mine, Effects &out);
    /// Stores what a read found elsewhere and is newer than the table, if there is room.
    void adopt(Record record, Ticket ticket, Effects &out);
    void acknowledged(LinkId link, const PushAck &ack, Effects &out);
    void linkLost(LinkId link);

    /// From now on a record up to \a clock whose key is unknown here is one that was purged, and is
    /// not taken: it would bring back what was deleted.
    void refuseUpTo(quint64 clock) { m_refusedUpTo = clock; }
    [[nodiscard]] qint64 refusedCount() const { return m_refusedCount; }
    /// The greatest clock up to \a wanted so that what has one up to it stands in the table already
    /// and nothing more is stamped so; \a wanted must be below what \a clock gives.
    [[nodiscard]] quint64 promise(quint64 wanted, qint64 nowMs);

    /// Whether a write of a client is under way.
    [[nodiscard]] bool hasWrites() const { return !m_pending.empty(); }
    /// Answers the writes whose time is up.
    void expire(qint64 nowMs, Effects &out);

private:
    /// What a peer has yet to acknowledge before it counts, and how durable it has the rest.
    struct Share
    {
        std::size_t pushes = 0;
        Durability durability = Durability::Sync;
    };
    /// One write, or a group of them: what is appended, acknowledged and answered as one.
    struct Pending
    {
        RequestId request = 0;
        bool isGroup = false;
        std::vector<Record> records = {};
        /// Version and existence of each write; one that was refused has its whole outcome.
        std::vector<WriteOutcome> outcomes = {};
        WriteOutcome shared = {}; ///< All the rest.
        qint64 deadlineMs = 0;
        bool isAnswered = false;
        bool isCommitted = false;
        std::map<LinkId, Share> shares = {}; ///< Of links that have pushes to acknowledge.
    };
    struct Awaited
    {
        LinkId link = 0;
        Ticket write = 0;
    };
    struct Received
    {
        LinkId link = 0; ///< 0 once it is lost, or where nobody pushed.
        quint64 push = 0;
        std::vector<Record> records = {};
        bool isWhole = true; ///< Nothing of the push was left out.
    };
    /// What the key will be once every append in flight, a client's or a peer's, is done.
    struct InFlight
    {
        KeyState state = {};
        int count = 0;
    };

    /// So long after its last write a deletion as of a clock may go on.
    static constexpr qint64 kAsOfMs = 60'000;

    [[nodiscard]] bool isPurged(const Record &record, const std::optional<Stamp> &held) const;
    [[nodiscard]] KeyState stateOnTheWay(const QByteArray &key) const;
    void store(Received received, Ticket ticket, Effects &out);
    Pending begin(RequestId request, const WriteRequest &first, int replicas, Time now) const;
    void stamp(Pending &pending, WriteRequest &&asked, const KeyState &seen, HybridClock &clock,
               Time now);
    void append(Pending pending, const WriteRequest &first, Ticket ticket, Effects &out);
    void answer(Pending &pending, WriteOutcome::Status status, Effects &out);
    void settle(Ticket ticket, Effects &out);
    void enterFlight(const Record &record);
    void leaveFlight(const Record &record);
    void push(Ticket ticket, Pending &pending, const std::vector<LinkId> &links, Effects &out);

    NodeId m_self;
    const RecordSource &m_records;
    Capacity &m_capacity;
    quint64 &m_ids;
    std::map<Ticket, Pending> m_pending;
    std::map<Ticket, Received> m_received;
    std::map<quint64, Awaited> m_awaited; ///< Pushes whose acknowledgement some write waits for.
    std::map<QByteArray, InFlight> m_inFlight;
    /// How durable all that the table holds is at least. The file is one and only appended to, so
    /// that what makes the latest record durable does so for those before it.
    Durability m_heldAtLeast = Durability::Sync;
    quint64 m_refusedUpTo = 0;
    qint64 m_refusedCount = 0;
    quint64 m_promised = 0;
    std::map<quint64, qint64> m_asOfUntilMs; ///< Clocks that writes may still be stamped with.
    Ticket m_lastWish = 0; ///< The latest write that asked for a durability of its own.
};

} // namespace dynakv::core
