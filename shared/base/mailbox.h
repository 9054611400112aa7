// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/wakes.h"

#include <QObject>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace dynakv::base {

/// What wakes a mailbox. It outlives its mailbox in the hands of a thread that still owes it a
/// wake, and holds no lock meanwhile: the woken thread often runs at once, in the place of the
/// waking one.
class MailboxBell final : public QObject, public Waker
{
    Q_OBJECT
public:
    void wake() override { Q_EMIT rung(); }

Q_SIGNALS:
    void rung();
};

/// The one way by which values cross threads. Any thread posts; the tasks run in order on the
/// thread that this object lives in. The queue is guarded by a std::mutex, which the thread
/// sanitizer sees, and Qt carries only a wake-up without arguments, one for each batch.
///
/// Thread: post() from anywhere; everything else on the owner's thread.
/// A task must not outlive what it captures: the owner of the mailbox dies after its posters stop.
class Mailbox final : public QObject
{
    Q_OBJECT
public:
    using Task = std::function<void()>;

    explicit Mailbox(QObject *parent = nullptr);

    void post(Task task);
    /// How many tasks wait now: the depth metric, and what bounds a producer.
    [[nodiscard]] std::size_t depth() const;

private:
    void drain();

    const std::shared_ptr<MailboxBell> m_bell;
    mutable std::mutex m_mutex;
    std::deque<Task> m_tasks;
};

} // namespace dynakv::base
