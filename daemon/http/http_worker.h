// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/http/api_context.h"
#include "daemon/http/front_door.h"
#include "shared/base/mailbox.h"
#include "shared/base/result.h"

#include <QHostAddress>
#include <QThread>

#include <memory>

namespace dynakv::http {

class HttpRoom;

/// One thread that serves HTTP: its own front door, QHttpServer and connections. Nothing of it is
/// shared with another worker but what ApiContext names, so that several can stand side by side.
///
/// Thread: start() and stop() from the owner's.
class HttpWorker
{
public:
    HttpWorker(QString threadName, FrontDoorConfig config, ApiContext context);
    ~HttpWorker();
    Q_DISABLE_COPY_MOVE(HttpWorker)

    /// Starts the thread and listens on it. The port that was bound, or why it could not be.
    base::Result<quint16> start(const QHostAddress &address, quint16 port);
    /// Stops accepting, lets requests in flight finish for \a graceMs, cuts the rest, ends the
    /// thread. Idempotent.
    void stop(int graceMs);

private:
    FrontDoorConfig m_config;
    ApiContext m_context;
    QThread m_thread;
    base::Mailbox m_mailbox;
    std::shared_ptr<HttpRoom> m_room = {}; ///< Made, used and destroyed on the thread.
};

} // namespace dynakv::http
