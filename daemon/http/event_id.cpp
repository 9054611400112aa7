// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/event_id.h"

#include "daemon/core/version.h"
#include "daemon/http/query.h"

namespace dynakv::http {

QByteArray EventId::toText() const
{
    return core::toHex16(boot) + ':' + QByteArray::number(seq);
}

std::optional<EventId> EventId::fromText(QByteArrayView text)
{
    const qsizetype colon = text.indexOf(':');
    if (colon < 0)
        return std::nullopt;
    const auto boot = core::parseHex16(text.first(colon));
    const auto seq = decimalFrom(text.sliced(colon + 1));
    if (!boot || !seq)
        return std::nullopt;
    const EventId id{*boot, static_cast<quint64>(*seq)};
    // A number has one form: no zeros in front.
    return id.toText() == text ? std::optional(id) : std::nullopt;
}

} // namespace dynakv::http
