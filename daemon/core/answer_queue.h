// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/effect.h"
#include "daemon/core/message.h"

#include <deque>
#include <map>
#include <optional>

namespace dynakv::core {

/// What peers that compare ask for, each answer of which is a millisecond's work at most: given one
/// at a time, each with a Resume of its own, so that whoever drives the node decides how much of
/// its time the peers get. In the order of asking.
class AnswerQueue
{
public:
    /// A session has one request out for each partition that is under way. Of what is beyond this
    /// nothing is kept; whoever asked asks again.
    static constexpr int kWaitingMaxPerLink = 64;

    struct Question
    {
        LinkId link = 0;
        Message message = {};
    };

    /// \a ids numbers the tickets.
    explicit AnswerQueue(quint64 &ids)
        : m_ids(ids)
    {
    }

    void add(Question question, Effects &out);
    /// The question that is to be answered now, if \a event is the queue's.
    std::optional<Question> resumed(const Resumed &event, Effects &out);
    void linkLost(LinkId link);

private:
    void resumeNext(Effects &out);

    quint64 &m_ids;
    Ticket m_ticket = 0; ///< 0: none is out.
    std::deque<Question> m_waiting;
    std::map<LinkId, int> m_perLink;
};

} // namespace dynakv::core
