// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/effect.h"
#include "daemon/core/record_source.h"
#include "daemon/core/time.h"

#include <map>
#include <optional>

namespace dynakv::core {

/// Conditional writes between the node that a client asked and the one where the key is at home:
/// those of our clients that another node does, and those that we do for others.
///
/// A client that is told of its write finds it at the node that told it: the answer waits until
/// this node's own copy has come, for as long as the write's time lasts.
class Forwarder
{
public:
    explicit Forwarder(const RecordSource &records)
        : m_records(records)
    {
    }

    /// Sends a client's write to the node at the other end of \a home. \a seen: what is known here.
    void forward(const ClientWrite &write, const KeyState &seen, LinkId home, quint64 id, Time now,
                 Effects &out);
    /// What became of it.
    void receive(LinkId link, const ForwardedOutcome &outcome, Effects &out);
    /// A record was stored here: a client may have waited for it.
    void stored(const Record &record, Effects &out);

    /// Takes a peer's write: the request id under which it is to be done here, or nothing if there
    /// are too many of them.
    std::optional<RequestId> accept(LinkId link, const ForwardedWrite &write);
    /// Turns the replies to peers' writes into messages to the peers.
    void redirect(Effects &out);

    void linkLost(LinkId link, Effects &out);
    /// Answers the writes whose time is up.
    void expire(qint64 nowMs, Effects &out);

private:
    struct Outgoing
    {
        RequestId request = 0;
        QByteArray key = {};
        LinkId home = 0;
        qint64 deadlineMs = 0;
        std::optional<WriteOutcome> done = {}; ///< Known, but our copy has not come yet.
    };
    struct Incoming
    {
        LinkId link = 0; ///< 0 once it is lost.
        quint64 id = 0;
        qsizetype bytes = 0;
    };

    [[nodiscard]] bool holds(const QByteArray &key, const Version &version) const;
    void answerUnknown(const Outgoing &write, const char *why, Effects &out);

    const RecordSource &m_records;
    std::map<quint64, Outgoing> m_outgoing;
    std::multimap<QByteArray, quint64> m_awaited; ///< By key, of those that are done.
    std::map<RequestId, Incoming> m_incoming;
    RequestId m_lastIncoming = 0;
    qsizetype m_incomingBytes = 0;
};

} // namespace dynakv::core
