// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

namespace dynakv::cluster {

/// A value that one thread waits for and another gives, by a mutex that the thread sanitizer sees.
template <typename T>
class Awaited
{
public:
    void set(T value)
    {
        const std::lock_guard lock(m_mutex);
        m_value = std::move(value);
        m_isSet.notify_all();
    }
    T wait()
    {
        std::unique_lock lock(m_mutex);
        m_isSet.wait(lock, [this] { return m_value.has_value(); });
        return *m_value;
    }

private:
    std::mutex m_mutex;
    std::condition_variable m_isSet;
    std::optional<T> m_value = {};
};

} // namespace dynakv::cluster
