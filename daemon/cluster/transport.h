// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/cluster/dial_pool.h"
#include "daemon/core/cluster_counts.h"
#include "daemon/core/event.h"
#include "shared/base/log_throttle.h"
#include "shared/base/result.h"

#include <QObject>
#include <QTcpServer>

#include <functional>
#include <map>

namespace dynakv::cluster {

class Link;

/// All of a node's connections: listens, dials, and turns what happens on the links into core's
/// events. Strangers cost little: at most 64 accepted links have no Hello yet (the oldest makes
/// room), each for 3 s and 4 KiB, and what they do wrong is logged once in a while.
///
/// Thread: the node thread. \a report is called from inside the calls below too, so that it must
/// only queue.
class Transport final : public QObject
{
public:
    using Report = std::function<void(core::Event)>;

    /// \a secret: of the cluster, empty where links prove none.
    explicit Transport(Report report, QByteArray secret = {}, QObject *parent = nullptr);

    /// Busy and Denied name the address and what to do.
    base::Result<void> listen(const base::Endpoint &address);
    [[nodiscard]] quint16 port() const { return m_server.serverPort(); }

    void dial(core::DialId id, const base::Endpoint &target);
    void send(core::LinkId link, const core::Message &message);
    /// Flushes, then closes; nothing is reported of the link any more.
    void close(core::LinkId link);
    /// While paused the peers' kernels hold what they send.
    void setPaused(bool isPaused);

    /// Neither accepts nor dials from now on.
    void stopOpening();
    /// Flushes and closes every link.
    void closeAll();
    /// Also counts links that are still flushing.
    [[nodiscard]] std::size_t linkCount() const { return m_links.size(); }
    [[nodiscard]] core::TrafficCounts counts() const;

private:
    struct Entry
    {
        Link *link = nullptr;
        bool isIncoming = false;
        bool isReported = true; ///< Whether core wants to hear of it.
    };

    void accept();
    void makeRoom();
    void open(QTcpSocket *socket, bool isIncoming, core::DialId dial);
    void forget(core::LinkId id, const QByteArray &fault);
    void complain(const QByteArray &peer, const QByteArray &fault);

    Report m_report;
    QByteArray m_secret;
    QTcpServer m_server;
    DialPool m_dials;
    std::map<core::LinkId, Entry> m_links = {};
    core::LinkId m_lastLink = 0;
    bool m_isPaused = false;
    bool m_isStopping = false;
    base::LogThrottle m_complaints{5000};
    core::TrafficCounts m_counts; ///< The bytes are those of links that are gone.
};

} // namespace dynakv::cluster
