// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include <memory>
#include <vector>

namespace dynakv::base {

/// Wakes one thread that may sleep. Safe to call from any thread, as often as one likes, also when
/// there is nobody left to wake.
class Waker
{
public:
    virtual ~Waker() = default;
    virtual void wake() = 0;
};

/// The wakes that one thread owes to others, put off until its turn is over: else each of them
/// would cost two switches of a processor, and the woken one would find a single task where it
/// could have found all of the turn. Where several threads share a core this decides how many
/// writes a second there are.
///
/// Thread: the one it is made on, of which it is the only one.
class Wakes
{
public:
    Wakes();
    virtual ~Wakes(); ///< Nothing stays owed.
    Q_DISABLE_COPY_MOVE(Wakes)

    /// Ends a turn.
    void flush();
    /// Wakes at the end of the calling thread's turn; at once where it has none.
    static void request(const std::shared_ptr<Waker> &waker);

protected:
    /// The first wake of a turn was put off: flush() has to come.
    virtual void onOwed() {}

private:
    std::vector<std::shared_ptr<Waker>> m_owed;
    Wakes *m_outer; ///< Of an enclosing scope on the same thread; it rests meanwhile.
};

/// For a thread with Qt's event loop: a turn is what the loop does before it looks for posted
/// events again, for instance all sockets that had become readable.
class LoopWakes final : public QObject, public Wakes
{
    Q_OBJECT
public:
    LoopWakes();

Q_SIGNALS:
    void owed();

private:
    void onOwed() override { Q_EMIT owed(); }
};

} // namespace dynakv::base
