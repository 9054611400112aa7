// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <compare>
#include <optional>

namespace dynakv::core {

using NodeId = quint64;

/// When and by whom a record was written: a hybrid logical clock (Kulkarni et al. 2014; 48 bits of
/// Unix ms, 16 bits of counter) and the node that stamped it. The order is (clock, node); ties of
/// both happen only after a cloned disk and are decided by the content hash, see Stamp.
struct Version
{
    quint64 clock = 0;
    NodeId node = 0;

    [[nodiscard]] qint64 wallMs() const { return static_cast<qint64>(clock >> 16); }
    /// 16 hex digits of the clock, '-', 16 of the node: text order is version order.
    [[nodiscard]] QByteArray toString() const;
    auto operator<=>(const Version &) const = default;
};

/// Exactly the form that toString() writes; anything else is nothing.
std::optional<Version> parseVersion(QByteArrayView text);

/// 16 lower-case hex digits, for node and cluster ids.
QByteArray toHex16(quint64 number);
std::optional<quint64> parseHex16(QByteArrayView text);

} // namespace dynakv::core
