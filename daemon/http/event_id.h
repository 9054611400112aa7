// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <optional>

namespace dynakv::http {

/// A place in the changes of one run of one node, as clients hold it: `<boot>:<seq>`, 16 hex digits
/// and a decimal number.
struct EventId
{
    quint64 boot = 0;
    quint64 seq = 0; ///< The last change that the client knows of.

    [[nodiscard]] QByteArray toText() const;
    /// Exactly that form; anything else is nothing.
    static std::optional<EventId> fromText(QByteArrayView text);
    bool operator==(const EventId &) const = default;
};

} // namespace dynakv::http
