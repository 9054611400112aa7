// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/capacity.h"
#include "daemon/core/effect.h"
#include "daemon/core/record_source.h"

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

namespace dynakv::core {

/// One run of anti-entropy with one peer, led from this side: compare the roots of the 256
/// partitions, of those that differ the leaves, of those the stamps, then fetch what is newer there
/// and push what is newer here. Where nothing is held here, the peer sends records in place of
/// stamps. Some partitions are under way at once and each has at most one message out, which is
/// what bounds the memory of both sides. No call visits more than kVisitsMax records of the table,
/// or builds more than one message.
class SyncSession
{
public:
    static constexpr qint64 kReplyMsMax = 10'000; ///< Without any progress it has failed.
    static constexpr int kPartitionsAtOnce = 32;

    enum class State : quint8 {
        Running,
        Complete,
        Full, ///< Over, but this node had no room for all that it lacked.
        Failed,
    };
    /// What the leading node brings along.
    struct Terms
    {
        NodeId self = 0;
        quint64 watermark = 0;    ///< What is unknown here up to this clock was purged here.
        quint64 promise = 0;      ///< See PurgeWatermark,
        quint64 membersHash = 0;  ///< and of which members.
        bool isRepairing = false; ///< It lost records, maybe deletes of what it still holds.
        bool isMerging = false;   ///< It holds records of a time before it came to this cluster.
        /// It has yet to learn above what it must stamp, and learns it from the peer's promise.
        bool needsPromise = false;
    };
    struct Totals
    {
        int differing = 0;   ///< Partitions whose roots differed at the start.
        qint64 fetched = 0;  ///< Records.
        qint64 pushed = 0;   ///< Given and taken: a full peer takes nothing.
        qint64 declined = 0; ///< Given, but there was no room there.
        qint64 refused = 0;  ///< Fetched, but there was no room.
        qint64 renewed = 0;  ///< Of its own, stamped anew: see renew().
    };

    /// \a ids numbers requests and tickets and is shared with the node.
    SyncSession(LinkId link, NodeId peer, const Terms &terms, const RecordSource &records,
                const Capacity &capacity, quint64 &ids);

    void start(qint64 nowMs, Effects &out);
    void handle(const RootsReply &reply, qint64 nowMs, Effects &out);
    void handle(const LeavesReply &reply, qint64 nowMs, Effects &out);
    void handle(const StampsReply &reply, qint64 nowMs, Effects &out);
    void handle(const FetchReply &reply, qint64 nowMs, Effects &out);
    void handle(const PushAck &ack, qint64 nowMs, Effects &out);
    /// True if \a event answers an Append of this session.
    bool committed(const Committed &event, qint64 nowMs, Effects &out);
    /// True if \a event answers a Resume of this session.
    bool resumed(const Resumed &event, qint64 nowMs, Effects &out);
    void tick(qint64 nowMs);
    /// This node purges up to \a watermark from now on.
    void setWatermark(quint64 watermark) { m_terms.watermark = watermark; }

    [[nodiscard]] State state() const { return m_state; }
    [[nodiscard]] NodeId peer() const { return m_peer; }
    [[nodiscard]] LinkId link() const { return m_link; }
    [[nodiscard]] bool peerIsCaughtUp() const { return m_peerIsCaughtUp; }
    [[nodiscard]] const Terms &terms() const { return m_terms; }
    /// What the peer said with its roots.
    [[nodiscard]] quint64 theirPromise() const { return m_theirPromise; }
    [[nodiscard]] const Holdings &theirHoldings() const { return m_theirHoldings; }
    /// Whether the disk has not answered yet for something that was fetched.
    [[nodiscard]] std::vector<Ticket> openAppends() const;
    [[nodiscard]] const Totals &totals() const { return m_totals; }

private:
    enum class Step : quint8 { Leaves, Stamps, Fetch, Append, Push, Walk, Give };
    struct Partition
    {
        LeafSet leaves = {};
        bool isEmptyHere = false;          ///< Nothing stood in these leaves.
        QByteArray after = {};             ///< Compared so far.
        bool hasMore = true;               ///< There, behind `end`.
        bool isComparing = false;          ///< Of what is to be compared up to `end`
        QByteArray end = {};               ///< (empty: to the last key)
        std::vector<KeyStamp> theirs = {}; ///< these are what they hold,
        std::size_t their = 0;             ///< of which so many are done.
        std::vector<Record> brought = {};  ///< Of these, those that came whole and are not taken.
        std::deque<QByteArray> wanted = {};
        std::deque<QByteArray> given = {};
        std::deque<QByteArray> renewed = {};
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
    void takeBrought(Partitions::iterator at, Effects &out);
    void store(Partitions::iterator at, std::vector<Record> records, Effects &out);
    [[nodiscard]] bool isNews(const Record &record) const;
    void give(Partition &partition, Effects &out);
    void renew(Partition &partition, Effects &out);
    void sortOwn(Partition &partition, const KeyStamp &my, bool isUnknownThere) const;
    void compareSlice(quint8 number, Partition &partition);
    bool isWellFormed(quint8 number, const Partition &partition, const StampsReply &reply) const;
    /// What a merging node brings along is stamped above this.
    [[nodiscard]] quint64 mergeBase() const
    {
        return std::max(m_theirPromise, m_theirHoldings.watermark);
    }
    [[nodiscard]] bool isPurgedHere(quint64 clock) const { return clock <= m_terms.watermark; }
    void fail() { m_state = State::Failed; }

    LinkId m_link;
    NodeId m_peer;
    Terms m_terms;
    const RecordSource &m_records;
    const Capacity &m_capacity;
    quint64 &m_ids;
    State m_state = State::Running;
    Totals m_totals;
    qint64 m_progressMs = 0;
    quint64 m_rootsRequest = 0;
    bool m_peerIsCaughtUp = false;
    quint64 m_theirPromise = 0;
    Holdings m_theirHoldings = {};
    std::deque<quint8> m_waiting; ///< Differing partitions not begun.
    Partitions m_open;
};

} // namespace dynakv::core
