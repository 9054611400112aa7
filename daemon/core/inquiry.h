// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/effect.h"
#include "daemon/core/member_table.h"
#include "daemon/core/record_source.h"

#include <map>

namespace dynakv::core {

/// The answering side of an inquiry: a pure function of the request and the table.
CopyReply answer(const CopyRequest &request, const RecordSource &records);

/// Asks every member for its copy of a key and collects what they say, until all have answered or
/// the time is up. A member that cannot be asked is told at once as such; one whose program is too
/// old ignores the question and is told as silent. Bounded by its caller: questions by the driver,
/// each with as many messages as there are members.
class Inquiry
{
public:
    /// \a ids numbers messages and is shared with the node, so that a reply names one message.
    Inquiry(NodeId self, const RecordSource &records, quint64 &ids)
        : m_self(self)
        , m_records(records)
        , m_ids(ids)
    {
    }

    /// \a links: the established one to each member that has one.
    void ask(const ClientQuestion &question, const MemberTable &members,
             const std::map<NodeId, LinkId> &links, qint64 nowMs, Effects &out);
    void answered(LinkId link, const CopyReply &reply, Effects &out);
    void linkLost(LinkId link, Effects &out);
    /// Answers the questions whose time is up.
    void expire(qint64 nowMs, Effects &out);

private:
    struct Open
    {
        RequestId request = 0;
        qint64 deadlineMs = 0;
        std::vector<ReplicaView> replicas = {};
        std::map<quint64, std::size_t> awaited = {}; ///< Message to place in replicas.
    };
    using Questions = std::map<quint64, Open>;

    void settle(Questions::iterator at, Effects &out);

    NodeId m_self;
    const RecordSource &m_records;
    quint64 &m_ids;
    Questions m_questions = {}; ///< By a number of ours.
    /// The link that a message went out on, and the question it belongs to.
    std::map<quint64, std::pair<LinkId, quint64>> m_messages = {};
};

} // namespace dynakv::core
