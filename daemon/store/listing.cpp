// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/listing.h"

#include <algorithm>

namespace dynakv::store {

std::optional<Bound> ListQuery::start() const
{
    return order == Order::Ascending ? startFromBelow() : startFromAbove();
}

std::optional<Bound> ListQuery::startFromBelow() const
{
    Bound start = {std::max(prefix, from), false};
    if (!after)
        return start;
    if (const qsizetype groupBytes = groupBytesOf(*after); groupBytes != 0) {
        // The whole group is behind us, whatever of it `after` names.
        QByteArray end = endOfPrefix(after->left(groupBytes));
        if (end.isEmpty())
            return std::nullopt;
        return Bound{std::max(start.key, std::move(end)), false};
    }
    if (*after >= start.key)
        start = {*after, true};
    return start;
}

std::optional<Bound> ListQuery::startFromAbove() const
{
    Bound start = {endOfPrefix(prefix), true};
    if (!from.isEmpty() && (start.key.isEmpty() || from < start.key))
        start = {from, false};
    if (!after)
        return start;
    const qsizetype groupBytes = groupBytesOf(*after);
    QByteArray below = groupBytes == 0 ? *after : after->left(groupBytes);
    if (below.isEmpty())
        return std::nullopt;
    if (start.key.isEmpty() || below <= start.key)
        start = {std::move(below), true};
    return start;
}

qsizetype ListQuery::groupBytesOf(QByteArrayView key) const
{
    if (delimiter.isEmpty() || !key.startsWith(prefix))
        return 0;
    const qsizetype at = key.indexOf(delimiter, prefix.size());
    return at < 0 ? 0 : at + delimiter.size();
}

QByteArray endOfPrefix(QByteArray prefix)
{
    while (prefix.endsWith('\xFF'))
        prefix.chop(1);
    if (!prefix.isEmpty())
        prefix.back() = static_cast<char>(static_cast<quint8>(prefix.back()) + 1);
    return prefix;
}

} // namespace dynakv::store
