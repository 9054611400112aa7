// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/mailbox.h"

namespace dynakv::base {
namespace {

/// So many tasks are not kept waiting for the end of their poster's turn.
constexpr std::size_t kTasksPerWake = 64;

} // namespace

Mailbox::Mailbox(QObject *parent)
    : QObject(parent)
    , m_bell(std::make_shared<MailboxBell>())
{
    connect(m_bell.get(), &MailboxBell::rung, this, &Mailbox::drain, Qt::QueuedConnection);
}

void Mailbox::post(Task task)
{
    std::size_t waiting = 0;
    {
        const std::lock_guard lock(m_mutex);
        m_tasks.push_back(std::move(task));
        waiting = m_tasks.size();
    }
    if (waiting == 1)
        Wakes::request(m_bell);
    else if (waiting % kTasksPerWake == 0)
        m_bell->wake();
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
