// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/http_worker.h"

#include "daemon/http/http_room.h"
#include "daemon/http/native_socket.h"

namespace dynakv::http {

HttpWorker::HttpWorker(const QString &threadName, FrontDoorConfig config, ApiContext context,
                       DoorCommons &commons)
    : m_config(std::move(config))
    , m_context(std::move(context))
    , m_commons(commons)
{
    m_thread.setObjectName(threadName);
}

HttpWorker::~HttpWorker()
{
    beginStop(0);
    finishStop();
}

template <typename Outcome>
Outcome HttpWorker::startWith(std::function<Outcome(HttpRoom &)> open)
{
    m_mailbox.moveToThread(&m_thread);
    m_thread.start();
    std::promise<Outcome> opened;
    m_mailbox.post([this, &opened, &open] {
        m_room = std::make_shared<HttpRoom>(m_config, m_context, m_commons, m_mailbox);
        opened.set_value(open(*m_room));
    });
    auto result = opened.get_future().get();
    if (!result) {
        beginStop(0);
        finishStop();
    }
    return result;
}

base::Result<quint16> HttpWorker::start(const QHostAddress &address, quint16 port)
{
    return startWith<base::Result<quint16>>(
        [address, port](HttpRoom &room) { return room.open(address, port); });
}

base::Result<void> HttpWorker::startBehind()
{
    return startWith<base::Result<void>>([](HttpRoom &room) { return room.openBehind(); });
}

void HttpWorker::adopt(qintptr descriptor)
{
    m_mailbox.post([this, descriptor] {
        if (m_room)
            m_room->adopt(descriptor);
        else
            native::close(descriptor);
    });
}

void HttpWorker::resumeAccepting()
{
    m_mailbox.post([this] {
        if (m_room)
            m_room->resumeAccepting();
    });
}

void HttpWorker::beginStop(int graceMs)
{
    if (!m_thread.isRunning() || m_left.valid())
        return;
    auto left = std::make_shared<std::promise<void>>();
    m_left = left->get_future();
    std::promise<void> begun;
    m_mailbox.post([this, &begun, left, graceMs] {
        m_room->close(graceMs, [this, left] {
            m_room.reset();
            left->set_value();
        });
        begun.set_value();
    });
    // The listening worker has handed over its last client before the others close.
    begun.get_future().wait();
}

void HttpWorker::finishStop()
{
    if (!m_left.valid())
        return;
    m_left.get();
    m_thread.quit();
    m_thread.wait();
}

} // namespace dynakv::http
