// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/mailbox.h"

#include "shared/base/wakes.h"

namespace dynakv::base {
namespace {

/// So many tasks are not kept waiting for the end of their poster's turn.
constexpr std::size_t kTasksPerWake = 64;

} // namespace

/// Outlives its mailbox in the hands of a thread that still owes it a wake.
class Mailbox::Bell final : public Waker
{
public:
    explicit Bell(Mailbox *owner)
        : m_owner(owner)
    {
    }
    void wake() override
    {
        const std::lock_guard lock(m_mutex);
        if (m_owner)
            Q_EMIT m_owner->woken(); // Queued, so that nothing of the owner runs under the lock.
    }
    void disconnectOwner()
    {
        const std::lock_guard lock(m_mutex);
        m_owner = nullptr;
    }

private:
    std::mutex m_mutex;
    Mailbox *m_owner;
};

Mailbox::Mailbox(QObject *parent)
    : QObject(parent)
    , m_bell(std::make_shared<Bell>(this))
{
    connect(this, &Mailbox::woken, this, &Mailbox::drain, Qt::QueuedConnection);
}

Mailbox::~Mailbox()
{
    m_bell->disconnectOwner();
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
