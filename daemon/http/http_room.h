// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/connection.h"
#include "daemon/http/front_door.h"
#include "daemon/http/request_log.h"
#include "daemon/http/watch_hub.h"
#include "shared/base/mailbox.h"
#include "shared/base/result.h"
#include "shared/base/wakes.h"

#include <QHostAddress>
#include <QHttpServer>
#include <QPointer>
#include <QTimer>

#include <functional>
#include <memory>
#include <unordered_map>

namespace dynakv::http {

class ReturnPath;

/// What lives on one HTTP thread: the front door with QHttpServer behind it, and the requests that
/// wait for the node's outcome. Outcomes come from the node thread through the mailbox; a client
/// that left meanwhile is simply not found any more.
///
/// Thread: the one it is made on, for everything.
class HttpRoom : public std::enable_shared_from_this<HttpRoom>
{
public:
    /// \a context, \a commons and \a mailbox outlive it.
    HttpRoom(const FrontDoorConfig &config, const ApiContext &context, DoorCommons &commons,
             base::Mailbox &mailbox);
    ~HttpRoom();
    Q_DISABLE_COPY_MOVE(HttpRoom)

    /// Listens, and tells the port that was bound.
    base::Result<quint16> open(const QHostAddress &address, quint16 port);
    /// Serves what is adopted, without listening.
    base::Result<void> openBehind();
    void adopt(qintptr descriptor) { m_door->adopt(descriptor); }
    void resumeAccepting() { m_door->resume(); }
    /// Calls \a closed once, when the last connection is gone or after \a graceMs.
    void close(int graceMs, std::function<void()> closed);

private:
    struct Waiting
    {
        QPointer<Connection> client;
        RequestTrace trace;
    };

    base::Result<void> bind(std::unique_ptr<FrontDoor> door);
    void serve(Connection &client, const HttpRequest &request);
    void answer(Connection *client, const RequestTrace &trace, HttpReply reply);
    template <typename Outcome>
    std::function<void(Outcome)> returning(quint64 ticket,
                                           std::function<HttpReply(const Outcome &)> toReply);
    void complete(quint64 ticket, HttpReply reply);
    void finishClosing();

    base::LoopWakes m_wakes; ///< Last to go.
    const ApiContext &m_context;
    DoorCommons &m_commons;
    FrontDoorConfig m_config;
    RequestLog m_log;
    std::shared_ptr<ReturnPath> m_returnPath;
    WatchHub m_watches; ///< Outlives the connections.
    QHttpServer m_server;
    FrontDoor *m_door = nullptr; ///< Owned by m_server once it listens.
    std::unordered_map<quint64, Waiting> m_waiting = {};
    quint64 m_lastTicket = 0;
    QTimer m_graceTimer;
    std::function<void()> m_closed = {};
};

} // namespace dynakv::http
