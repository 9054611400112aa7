// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

#include <memory>

namespace dynakv::http {

/// What a socket waits for, or can do now.
struct SocketEvents
{
    bool reading = false;
    bool writing = false;
    bool operator==(const SocketEvents &) const = default;
};

/// What a SocketPoller tells.
class PolledSocket
{
public:
    /// May take itself or others out of the poller.
    virtual void onReady(SocketEvents events) = 0;

protected:
    ~PolledSocket() = default;
};

/// Tells the sockets of one thread with Qt's event loop when they can go on, again and again as
/// long as they can.
///
/// Thread: the one it is made on.
class SocketPoller
{
public:
    virtual ~SocketPoller() = default;

    /// From now on \a socket, with this \a descriptor, waits for \a wanted; nothing takes it out.
    /// False where the system refused.
    virtual bool await(qintptr descriptor, PolledSocket &socket, SocketEvents wanted) = 0;
};

/// The one that costs the least with many sockets: one epoll behind a single QSocketNotifier where
/// there is epoll, since Qt's event loop goes over all notifiers at each of its turns.
std::unique_ptr<SocketPoller> makeSocketPoller();
/// One that stands on nothing but QSocketNotifier.
std::unique_ptr<SocketPoller> makeNotifierPoller();

} // namespace dynakv::http
