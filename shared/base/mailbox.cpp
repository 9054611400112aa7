// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/mailbox.h"

namespace dynakv::base {

Mailbox::Mailbox(QObject *parent)
    : QObject(parent)
{
    connect(this, &Mailbox::woken, this, &Mailbox::drain, Qt::QueuedConnection);
}

void Mailbox::post(Task task)
{
    {
        const std::lock_guard lock(m_mutex);
        m_tasks.push_back(std::move(task));
        if (m_tasks.size() > 1)
            return; // The wake-up for the first one is still on its way.
    }
    Q_EMIT woken();
}

std::size_t Mailbox::depth() const
{
    const std::lock_guard lock(m_mutex);
    return m_tasks.size();
}

void Mailbox::drain()
{
    std::deque<Task> tasks;
    {
        const std::lock_guard lock(m_mutex);
        tasks.swap(m_tasks);
    }
    for (Task &task : tasks)
        task();
}

} // namespace dynakv::base
