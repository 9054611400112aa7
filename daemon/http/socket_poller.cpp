// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/socket_poller.h"

#include <QSocketNotifier>

#include <unordered_map>

#ifdef Q_OS_LINUX
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#endif

namespace dynakv::http {
namespace {

/// A notifier in the middle of telling goes only when it has told.
struct DeleteLater
{
    void operator()(QSocketNotifier *notifier) const
    {
        notifier->setEnabled(false);
        notifier->deleteLater();
    }
};
using Notifier = std::unique_ptr<QSocketNotifier, DeleteLater>;

class NotifierPoller final : public SocketPoller
{
public:
    bool await(qintptr descriptor, PolledSocket &socket, SocketEvents wanted) override
    {
        if (wanted == SocketEvents{}) {
            m_pairs.erase(&socket);
            return true;
        }
        Pair &pair = m_pairs[&socket];
        set(pair.read, wanted.reading, descriptor, QSocketNotifier::Read, socket);
        set(pair.write, wanted.writing, descriptor, QSocketNotifier::Write, socket);
        return true;
    }

private:
    struct Pair
    {
        Notifier read = {};
        Notifier write = {};
    };

    static void set(Notifier &notifier, bool isOn, qintptr descriptor, QSocketNotifier::Type type,
                    PolledSocket &socket)
    {
        if (!notifier && isOn) {
            notifier.reset(new QSocketNotifier(descriptor, type));
            QObject::connect(notifier.get(), &QSocketNotifier::activated, notifier.get(),
                             [&socket, isReading = type == QSocketNotifier::Read] {
                                 socket.onReady({isReading, !isReading});
                             });
        } else if (notifier) {
            notifier->setEnabled(isOn);
        }
    }

    std::unordered_map<PolledSocket *, Pair> m_pairs;
};

#ifdef Q_OS_LINUX
class EpollPoller final : public SocketPoller
{
public:
    explicit EpollPoller(int epoll)
        : m_epoll(epoll)
        , m_notifier(std::make_unique<QSocketNotifier>(epoll, QSocketNotifier::Read))
    {
        QObject::connect(m_notifier.get(), &QSocketNotifier::activated, m_notifier.get(),
                         [this] { tell(); });
    }
    ~EpollPoller() override
    {
        m_notifier.reset();
        ::close(m_epoll);
    }
    Q_DISABLE_COPY_MOVE(EpollPoller)

    bool await(qintptr descriptor, PolledSocket &socket, SocketEvents wanted) override
    {
        const int fd = static_cast<int>(descriptor);
        if (wanted == SocketEvents{}) {
            // Not merely muted: epoll would go on telling of an end or an error.
            ::epoll_ctl(m_epoll, EPOLL_CTL_DEL, fd, nullptr);
            for (int i = m_told; i < m_readyCount; ++i) {
                epoll_event &ready = m_ready[static_cast<std::size_t>(i)];
                if (ready.data.ptr == &socket)
                    ready.data.ptr = nullptr;
            }
            return true;
        }
        epoll_event event = {};
        event.events =
            (wanted.reading ? quint32{EPOLLIN} : 0) | (wanted.writing ? quint32{EPOLLOUT} : 0);
        event.data.ptr = &socket;
        return ::epoll_ctl(m_epoll, EPOLL_CTL_MOD, fd, &event) == 0 ||
               ::epoll_ctl(m_epoll, EPOLL_CTL_ADD, fd, &event) == 0;
    }

private:
    /// Some of those that are ready; Qt's loop comes again for the others, after its other work.
    void tell()
    {
        m_readyCount = ::epoll_wait(m_epoll, m_ready.data(), static_cast<int>(m_ready.size()), 0);
        for (m_told = 0; m_told < m_readyCount;) {
            const epoll_event event = m_ready[static_cast<std::size_t>(m_told++)];
            // An end or an error is found by trying.
            const bool isBroken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
            if (auto *const socket = static_cast<PolledSocket *>(event.data.ptr))
                socket->onReady({isBroken || (event.events & EPOLLIN) != 0,
                                 isBroken || (event.events & EPOLLOUT) != 0});
        }
        m_readyCount = m_told = 0;
    }

    int m_epoll;
    std::unique_ptr<QSocketNotifier> m_notifier;
    std::array<epoll_event, 128> m_ready = {};
    int m_readyCount = 0;
    int m_told = 0;
};
#endif

} // namespace

std::unique_ptr<SocketPoller> makeNotifierPoller()
{
    return std::make_unique<NotifierPoller>();
}

std::unique_ptr<SocketPoller> makeSocketPoller()
{
#ifdef Q_OS_LINUX
    if (const int epoll = ::epoll_create1(EPOLL_CLOEXEC); epoll >= 0)
        return std::make_unique<EpollPoller>(epoll);
#endif
    return makeNotifierPoller();
}

} // namespace dynakv::http
