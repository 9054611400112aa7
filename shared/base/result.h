// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <cstdlib>
#include <utility>
#include <variant>

namespace dynakv::base {

/// A code exists only where some caller reacts to it; everything else is told by the message.
enum class ErrorCode : quint8 {
    Invalid,     ///< Input from outside is malformed; nothing was changed.
    NotFound,    ///< The named thing does not exist.
    Conflict,    ///< The operation contradicts the present state.
    Busy,        ///< Somebody else holds the resource (port, lock).
    Denied,      ///< The system refused the access.
    NoSpace,     ///< The disk or the memory limit is full; retrying later can help.
    Io,          ///< The system failed an operation.
    Corrupt,     ///< Stored or received bytes are damaged.
    Unsupported, ///< A newer format or protocol than this program knows.
    Unavailable, ///< Not now: starting, catching up, too few replicas.
    TimedOut,    ///< The time given was too short.
};

/// What went wrong, for people: names the cause and, where there is one, the remedy. UTF-8.
struct Error
{
    ErrorCode code = ErrorCode::Invalid;
    QByteArray message = {};
    bool operator==(const Error &) const = default;
};

/// A value or the reason why there is none. Reading the side that is absent ends the process:
/// that is a defect of the caller, never a reaction to input.
template <typename T>
class [[nodiscard]] Result
{
public:
    Result(T value)
        : m_state(std::in_place_index<0>, std::move(value))
    {
    }
    Result(Error error)
        : m_state(std::in_place_index<1>, std::move(error))
    {
    }
    Result(ErrorCode code, QByteArray message)
        : Result(Error{code, std::move(message)})
    {
    }

    [[nodiscard]] bool ok() const noexcept { return m_state.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    const T &value() const &
    {
        if (!ok())
            std::abort();
        return *std::get_if<0>(&m_state);
    }
    T &value() &
    {
        if (!ok())
            std::abort();
        return *std::get_if<0>(&m_state);
    }
    T &&value() && { return std::move(value()); }
    const T &operator*() const & { return value(); }
    T &operator*() & { return value(); }
    T &&operator*() && { return std::move(value()); }
    const T *operator->() const { return &value(); }
    T *operator->() { return &value(); }

    [[nodiscard]] const Error &error() const
    {
        if (ok())
            std::abort();
        return *std::get_if<1>(&m_state);
    }

private:
    std::variant<T, Error> m_state;
};

/// Success without a value, or the reason for the failure.
template <>
class [[nodiscard]] Result<void>
{
public:
    Result() = default;
    Result(Error error)
        : m_error(std::move(error))
        , m_failed(true)
    {
    }
    Result(ErrorCode code, QByteArray message)
        : Result(Error{code, std::move(message)})
    {
    }

    [[nodiscard]] bool ok() const noexcept { return !m_failed; }
    explicit operator bool() const noexcept { return ok(); }
    [[nodiscard]] const Error &error() const
    {
        if (!m_failed)
            std::abort();
        return m_error;
    }

private:
    Error m_error = {};
    bool m_failed = false;
};

} // namespace dynakv::base
