// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/capacity.h"
#include "daemon/core/effect.h"
#include "daemon/core/record_source.h"

#include <deque>
#include <map>
#include <vector>

namespace dynakv::core {

/// One run of anti-entropy with one peer, led from this side: compare the roots of the 256
/// partitions, of those that differ the leaves, of those the stamps, then fetch what is newer there
/// and push what is newer here. A few partitions are under way at once and each has at most one
/// message out, which is what bounds the memory of both sides.
class SyncSession
{
public:
    static constexpr qint64 kReplyMsMax = 10'000; ///< Without any progress it has failed.
    static constexpr int kPartitionsAtOnce = 4;

    enum class State : quint8 {
        Running,
        Complete,
        Full, ///< Over, but this node had no room for all that it lacked.
        Failed,
    };
    struct Totals
    {
        int differing = 0;   ///< Partitions whose roots differed at the start.
        qint64 fetched = 0;  ///< Records.
        qint64 pushed = 0;   ///< Given and taken: a full peer takes nothing.
        qint64 declined = 0; ///< Given, but there was no room there.
        qint64 refused = 0;  ///< Fetched, but there was no room.
    };

    /// \a ids numbers requests and tickets and is shared with the node.
    SyncSession(LinkId link, NodeId peer, const RecordSource &records, const Capacity &capacity,
                quint64 &ids);

    void start(qint64 nowMs, Effects &out);
    void handle(const RootsReply &reply, qint64 nowMs, Effects &out);
    void handle(const LeavesReply &reply, qint64 nowMs, Effects &out);
    void handle(const StampsReply &reply, qint64 nowMs, Effects &out);
    void handle(const FetchReply &reply, qint64 nowMs, Effects &out);
    void handle(const PushAck &ack, qint64 nowMs, Effects &out);
    /// True if \a event answers an Append of this session.
    bool committed(const Committed &event, qint64 nowMs, Effects &out);
    void tick(qint64 nowMs);

    [[nodiscard]] State state() const { return m_state; }
    [[nodiscard]] NodeId peer() const { return m_peer; }
    [[nodiscard]] LinkId link() const { return m_link; }
    [[nodiscard]] bool peerIsCaughtUp() const { return m_peerIsCaughtUp; }
    [[nodiscard]] const Totals &totals() const { return m_totals; }

private:
    enum class Step : quint8 { Leaves, Stamps, Fetch, Append, Push };
    struct Partition
    {
        LeafSet leaves = {};
        QByteArray after = {};
        bool hasMore = true;
        std::deque<QByteArray> wanted = {};
        std::deque<QByteArray> given = {};
        qint64 givenOut = 0;      ///< Records in the Push that is out.
        quint64 awaited = 0;      ///< Id of the one message or Append that is out,
        Step step = Step::Leaves; ///< and what answers it.
    };
    using Partitions = std::map<quint8, Partition>;

    Partitions::iterator awaiting(quint64 id, Step step);
    void await(Partition &partition, quint64 id, Step step);
    void proceed(Partitions::iterator at, Effects &out);
    void openNext(Effects &out);
    void fetch(Partition &partition, Effects &out);
    void give(Partition &partition, Effects &out);
    void compare(quint8 number, Partition &partition, const std::vector<KeyStamp> &theirs);
    bool isWellFormed(quint8 number, const Partition &partition, const StampsReply &reply) const;
    void fail() { m_state = State::Failed; }

    LinkId m_link;
    NodeId m_peer;
    const RecordSource &m_records;
    const Capacity &m_capacity;
    quint64 &m_ids;
    State m_state = State::Running;
    Totals m_totals;
    qint64 m_progressMs = 0;
    quint64 m_rootsRequest = 0;
    bool m_peerIsCaughtUp = false;
    std::deque<quint8> m_waiting; ///< Differing partitions not begun.
    Partitions m_open;
};

} // namespace dynakv::core
