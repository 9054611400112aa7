// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/effect.h"
#include "daemon/core/record_source.h"

#include <map>
#include <optional>
#include <vector>

namespace dynakv::core {

/// Reads that this node's table alone must not answer. Members are asked for their stamps; as soon
/// as enough of them have told theirs, the newest record answers: from the table where it is there,
/// else fetched from who has it, which also repairs this node and those that answered with less.
/// The answer does not wait for the repair.
///
/// Only who holds all that it ever acknowledged counts, so that a majority that was written and one
/// that is read have a member in common. Bounded by its caller, reads by the driver; and by the
/// bytes that are being fetched.
class QuorumReader
{
public:
    /// \a ids numbers messages and is shared with the node, so that a reply names one message.
    QuorumReader(const RecordSource &records, quint64 &ids)
        : m_records(records)
        , m_ids(ids)
    {
    }

    /// \a links: those with members that are caught up. \a isReady: so is this node. \a replicas is
    /// N.
    void read(const ClientRead &read, const std::vector<LinkId> &links, bool isReady, int replicas,
              qint64 nowMs, Effects &out);
    void answered(LinkId link, const CopyReply &reply, Effects &out);
    /// What of \a reply the table lacks, for the node to store.
    std::optional<Record> answered(LinkId link, const FetchReply &reply, Effects &out);
    void linkLost(LinkId link, Effects &out);
    /// Up to \a clock what is not there was purged, see PurgeWatermark.
    void setPurged(quint64 clock) { m_purgedUpTo = clock; }
    /// Answers the reads whose time is up.
    void expire(qint64 nowMs, Effects &out);

private:
    struct Fetch
    {
        quint64 id = 0;
        LinkId link = 0;
        qint64 bytes = 0;
        qint64 dueMs = 0; ///< When somebody else is to give it; 0 until the first look at it.
    };
    struct Answer
    {
        Stamp stamp = {}; ///< Zero where nothing is held.
        qint64 bytes = 0;
    };
    struct Open
    {
        RequestId request = 0;
        QByteArray key = {};
        std::optional<Version> atLeast = {};
        qint64 deadlineMs = 0;
        ReadOutcome outcome = {};
        std::map<quint64, LinkId> awaited = {}; ///< By message.
        std::map<LinkId, Answer> answers = {};  ///< This node's under 0.
        std::optional<Fetch> fetch = {};
    };
    using Reads = std::map<quint64, Open>;

    [[nodiscard]] Reads::iterator readOf(quint64 message);
    void proceed(Reads::iterator at, Effects &out);
    static bool isLate(Open &open, qint64 nowMs);
    void fetch(Reads::iterator at, LinkId from, Effects &out);
    void endFetch(Open &open);
    void finish(Reads::iterator at, std::optional<Record> newest, Effects &out);
    void fail(Reads::iterator at, ReadOutcome::Status status, const char *detail, Effects &out);

    const RecordSource &m_records;
    quint64 &m_ids;
    quint64 m_purgedUpTo = 0;
    Reads m_reads = {};                         ///< By a number of ours.
    std::map<quint64, quint64> m_messages = {}; ///< The read that a message is for.
    qint64 m_fetchBytes = 0;
};

} // namespace dynakv::core
