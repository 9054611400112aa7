// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/stop_signals.h"

#include "shared/base/mailbox.h"

#include <atomic>

#include <windows.h>

namespace dynakv::app {
namespace {

// Windows calls the handler on a thread of its own.
std::atomic<base::Mailbox *> g_mailbox = nullptr;
std::atomic<StopSignals *> g_owner = nullptr;
std::atomic<bool> g_wasSignalled = false;

BOOL WINAPI handleConsoleEvent(DWORD event)
{
    constexpr UINT codeOfInterrupt = 130;
    constexpr DWORD stopMsMax = 30'000;
    if (g_wasSignalled.exchange(true))
        ::ExitProcess(codeOfInterrupt);
    if (base::Mailbox *const mailbox = g_mailbox.load()) {
        mailbox->post([] {
            if (StopSignals *const owner = g_owner.load())
                Q_EMIT owner->stopRequested();
        });
    }
    // For these the process ends as soon as the handler returns: wait for main to be done first.
    if (event == CTRL_CLOSE_EVENT || event == CTRL_LOGOFF_EVENT || event == CTRL_SHUTDOWN_EVENT)
        ::Sleep(stopMsMax);
    return TRUE;
}

} // namespace

class StopSignals::Impl
{
public:
    explicit Impl(StopSignals *owner)
    {
        g_wasSignalled = false;
        g_owner = owner;
        g_mailbox = &m_mailbox;
        ::SetConsoleCtrlHandler(handleConsoleEvent, TRUE);
    }

    ~Impl()
    {
        ::SetConsoleCtrlHandler(handleConsoleEvent, FALSE);
        g_mailbox = nullptr;
        g_owner = nullptr;
    }

    Q_DISABLE_COPY_MOVE(Impl)

private:
    base::Mailbox m_mailbox;
};

StopSignals::StopSignals(QObject *parent)
    : QObject(parent)
    , m_impl(std::make_unique<Impl>(this))
{
}

StopSignals::~StopSignals() = default;

} // namespace dynakv::app
