// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <utility>

namespace dynakv::base {

/// Says which request a thread works on, for as long as the scope lives, so that every line that
/// is logged meanwhile can carry its id. Scopes nest.
class RequestScope
{
public:
    explicit RequestScope(const QByteArray &requestId)
        : m_outer(std::exchange(s_current, requestId))
    {
    }
    ~RequestScope() { s_current = std::move(m_outer); }
    Q_DISABLE_COPY_MOVE(RequestScope)

    /// Of the calling thread; empty outside of every request.
    static const QByteArray &current() { return s_current; }

private:
    static inline thread_local QByteArray s_current = {};

    QByteArray m_outer;
};

} // namespace dynakv::base
