// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/http_worker.h"

#include "daemon/http/http_room.h"

#include <future>

namespace dynakv::http {

HttpWorker::HttpWorker(QString threadName, FrontDoorConfig config, ApiContext context)
    : m_config(std::move(config))
    , m_context(std::move(context))
{
    m_thread.setObjectName(threadName);
}

HttpWorker::~HttpWorker()
{
    stop(0);
}

base::Result<quint16> HttpWorker::start(const QHostAddress &address, quint16 port)
{
    m_mailbox.moveToThread(&m_thread);
    m_thread.start();
    std::promise<base::Result<quint16>> opened;
    m_mailbox.post([this, &opened, address, port] {
        m_room = std::make_shared<HttpRoom>(m_config, m_context, m_mailbox);
        opened.set_value(m_room->open(address, port));
    });
    auto result = opened.get_future().get();
    if (!result)
        stop(0);
    return result;
}

void HttpWorker::stop(int graceMs)
{
    if (!m_thread.isRunning())
        return;
    std::promise<void> left;
    m_mailbox.post([this, &left, graceMs] {
        m_room->close(graceMs, [this, &left] {
            m_room.reset();
            left.set_value();
        });
    });
    left.get_future().wait();
    m_thread.quit();
    m_thread.wait();
}

} // namespace dynakv::http
