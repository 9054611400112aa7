// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/stop_signals.h"

#include <QSocketNotifier>

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace dynakv::app {
namespace {

constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP};

// What a signal handler may touch: plain descriptors and an atomic flag.
int g_writeEnd = -1;
volatile std::sig_atomic_t g_wasSignalled = 0;

extern "C" void handleStopSignal(int)
{
    constexpr int codeOfInterrupt = 130;
    if (g_wasSignalled != 0)
        ::_exit(codeOfInterrupt);
    g_wasSignalled = 1;
    const int savedErrno = errno;
    const char byte = 1;
    (void)!::write(g_writeEnd, &byte, 1);
    errno = savedErrno;
}

} // namespace

/// The self-pipe trick (Bernstein): the handler writes a byte, the event loop reads it.
class StopSignals::Impl
{
public:
    explicit Impl(StopSignals *owner)
    {
        if (::pipe(m_ends.data()) != 0)
            qFatal("dynakvd: no pipe for signals: out of file descriptors");
        for (const int end : m_ends) {
            ::fcntl(end, F_SETFD, FD_CLOEXEC);
            ::fcntl(end, F_SETFL, O_NONBLOCK);
        }
        g_writeEnd = m_ends[1];
        g_wasSignalled = 0;
        m_notifier = std::make_unique<QSocketNotifier>(m_ends[0], QSocketNotifier::Read);
        QObject::connect(m_notifier.get(), &QSocketNotifier::activated, owner, [this, owner] {
            m_notifier->setEnabled(false);
            Q_EMIT owner->stopRequested();
        });
        struct sigaction action = {};
        action.sa_handler = handleStopSignal;
        sigemptyset(&action.sa_mask);
        action.sa_flags = SA_RESTART;
        for (std::size_t i = 0; i < kSignals.size(); ++i)
            ::sigaction(kSignals[i], &action, &m_previous[i]);
    }

    ~Impl()
    {
        for (std::size_t i = 0; i < kSignals.size(); ++i)
            ::sigaction(kSignals[i], &m_previous[i], nullptr);
        m_notifier.reset();
        g_writeEnd = -1;
        for (const int end : m_ends)
            ::close(end);
    }

    Q_DISABLE_COPY_MOVE(Impl)

private:
    std::array<int, 2> m_ends = {-1, -1};
    std::array<struct sigaction, kSignals.size()> m_previous = {};
    std::unique_ptr<QSocketNotifier> m_notifier;
};

StopSignals::StopSignals(QObject *parent)
    : QObject(parent)
    , m_impl(std::make_unique<Impl>(this))
{
}

StopSignals::~StopSignals() = default;

} // namespace dynakv::app
