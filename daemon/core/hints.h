// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/cluster_counts.h"
#include "daemon/core/effect.h"
#include "daemon/core/event.h"
#include "daemon/core/record_source.h"

#include <QByteArray>

#include <functional>
#include <map>
#include <vector>

namespace dynakv::core {

/// What other members have yet to get of the writes that this node coordinated: those made while
/// there was no link with them, and those whose push got lost or was refused. A hint is a key. This
/// node is a replica itself, so what is sent once the member is back is what its table holds then:
/// an old hint can never bring an old value back.
///
/// Each key stands once for each member. There is room for so many; what finds none is dropped and
/// left to the comparison of hash trees, as is everything at the end of this process. Numbers come
/// from the node's one series, which pushes are numbered in too: a push holds all that was noted
/// up to its number.
class Hints
{
public:
    static constexpr std::size_t kKeysMax = 100'000; ///< For one member.
    static constexpr qint64 kBytesMax = qint64{16} << 20;
    static constexpr qint64 kTotalBytesMax = qint64{64} << 20; ///< For all of them.
    /// What a hint costs beside the bytes of its key, about.
    static constexpr qint64 kOverheadBytes = 128;

    static constexpr qint64 kAckMsMax = 10'000;  ///< A batch without an answer is sent again.
    static constexpr qint64 kPauseMs = 10'000;   ///< After a member had no room.
    static constexpr qint64 kStallMs = 500;      ///< After a link had none.
    static constexpr qint64 kFirstMsMax = 5'000; ///< A comparison waits so long for a replay.

    struct Waiting
    {
        qint64 keys = 0;
        bool areDropped = false; ///< There were more than these.
        bool operator==(const Waiting &) const = default;
    };

    /// \a ids numbers pushes and is shared with the node.
    Hints(const RecordSource &records, quint64 &ids)
        : m_records(records)
        , m_ids(ids)
    {
    }

    /// Notes that \a peer lacks what was written to \a key up to \a number.
    void add(NodeId peer, const QByteArray &key, quint64 number);
    /// \a peer has stored push \a number, which held \a keys.
    void settle(NodeId peer, const std::vector<QByteArray> &keys, quint64 number);
    /// \a peer holds all that this node's table held when the series was at \a number.
    void compared(NodeId peer, quint64 number);
    /// Forgets those without a link of which \a isMember does not hold.
    void keepOnly(const std::function<bool(NodeId)> &isMember);

    /// Begins to replay to \a peer.
    void linked(NodeId peer, LinkId link, qint64 nowMs, Effects &out);
    void linkLost(NodeId peer, LinkId link);
    /// Pushes on its link were thrown away and more of them may be, without a word.
    void overflowed(NodeId peer, qint64 nowMs);
    /// Whether what is pushed to \a peer should be noted, since its link may lose it unseen.
    [[nodiscard]] bool isLossy(NodeId peer) const;
    /// Answers of other pushes pass by.
    void acknowledged(NodeId peer, const PushAck &ack, qint64 nowMs, Effects &out);
    void tick(qint64 nowMs, Effects &out);
    /// True if \a event answers a Resume of a replay, whose next batch goes out then.
    bool resumed(const Resumed &event, qint64 nowMs, Effects &out);

    /// Whether a comparison with \a peer would soon find less to do.
    [[nodiscard]] bool isReplaying(NodeId peer, qint64 nowMs) const;
    [[nodiscard]] Waiting waiting(NodeId peer) const;
    [[nodiscard]] const HintCounts &counts() const { return m_counts; }

private:
    struct Peer
    {
        std::map<QByteArray, quint64> keys = {}; ///< With the number each was noted under last.
        qint64 bytes = 0;
        quint64 dropped = 0; ///< Number of the last one that found no room; 0: all did.
        bool isLossy = false;
        LinkId link = 0; ///< 0: there is none.
        qint64 sinceMs = 0;
        qint64 notBeforeMs = 0;
        Ticket turn = 0;  ///< In which the next batch is made; 0: none is asked for.
        quint64 push = 0; ///< The batch that is out; 0: none is.
        std::vector<QByteArray> sent = {};
        qint64 sentMs = 0;
    };

    static qint64 bytesOf(const QByteArray &key) { return key.size() + kOverheadBytes; }
    std::map<QByteArray, quint64>::iterator erase(Peer &peer,
                                                  std::map<QByteArray, quint64>::iterator at);
    void settle(Peer &peer, const std::vector<QByteArray> &keys, quint64 number);
    void proceed(Peer &peer, qint64 nowMs, Effects &out);
    void sendBatch(Peer &peer, qint64 nowMs, Effects &out);
    static void end(Peer &peer);

    const RecordSource &m_records;
    quint64 &m_ids;
    std::map<NodeId, Peer> m_peers = {};
    qint64 m_bytes = 0;
    bool m_isIdle = true; ///< There is nothing for anybody: a tick need not look at each member.
    HintCounts m_counts = {};
};

} // namespace dynakv::core
