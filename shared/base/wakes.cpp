// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/wakes.h"

#include <algorithm>
#include <utility>

namespace dynakv::base {
namespace {

thread_local Wakes *t_current = nullptr;

} // namespace

Wakes::Wakes()
    : m_outer(std::exchange(t_current, this))
{
}

Wakes::~Wakes()
{
    flush();
    t_current = m_outer;
}

void Wakes::flush()
{
    for (const auto &waker : std::exchange(m_owed, {}))
        waker->wake();
}

void Wakes::request(const std::shared_ptr<Waker> &waker)
{
    Wakes *const current = t_current;
    if (!current) {
        waker->wake();
        return;
    }
    auto &owed = current->m_owed; // A handful at most.
    if (std::find(owed.begin(), owed.end(), waker) != owed.end())
        return;
    owed.push_back(waker);
    if (owed.size() == 1)
        current->onOwed();
}

LoopWakes::LoopWakes()
{
    connect(
        this, &LoopWakes::owed, this, [this] { flush(); }, Qt::QueuedConnection);
}

} // namespace dynakv::base
