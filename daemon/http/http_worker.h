// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/front_door.h"
#include "shared/base/mailbox.h"
#include "shared/base/result.h"

#include <QHostAddress>
#include <QThread>

#include <functional>
#include <future>
#include <memory>

namespace dynakv::http {

class HttpRoom;

/// One thread that serves HTTP: its own front door, QHttpServer and connections. Nothing of it is
/// shared with another worker but what ApiContext and DoorCommons name, so that several stand side
/// by side.
///
/// Thread: the owner's, but for adopt() and resumeAccepting().
class HttpWorker
{
public:
    /// \a commons outlives it.
    HttpWorker(const QString &threadName, FrontDoorConfig config, ApiContext context,
               DoorCommons &commons);
    ~HttpWorker();
    Q_DISABLE_COPY_MOVE(HttpWorker)

    /// Starts the thread and listens on it. The port that was bound, or why it could not be.
    base::Result<quint16> start(const QHostAddress &address, quint16 port);
    /// Starts the thread for clients that another worker accepts.
    base::Result<void> startBehind();
    /// Takes a client over, from any thread.
    void adopt(qintptr descriptor);
    /// Accepts again, asked from any thread.
    void resumeAccepting();
    /// Accepts nobody any more; what is in flight may take \a graceMs from now. Returns at once.
    void beginStop(int graceMs);
    /// Waits for that, cuts the rest, ends the thread. Idempotent.
    void finishStop();

private:
    template <typename Outcome>
    Outcome startWith(std::function<Outcome(HttpRoom &)> open);

    FrontDoorConfig m_config;
    ApiContext m_context;
    DoorCommons &m_commons;
    QThread m_thread;
    base::Mailbox m_mailbox;
    std::shared_ptr<HttpRoom> m_room = {}; ///< Made, used and destroyed on the thread.
    std::future<void> m_left = {};         ///< Valid from beginStop() to finishStop().
};

} // namespace dynakv::http
