// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/store/listing.h"

#include <algorithm>

namespace dynakv::store {

std::optional<Bound> ListQuery::start() const
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

qsizetype ListQuery::groupBytesOf(QByteArrayView key) const
{
    if (delimiter.isEmpty() || !key.startsWith(prefix))
        return 0;
    const qsizetype at = key.indexOf(delimiter, prefix.size());
    return at < 0 ? 0 : at + delimiter.size();
}

QByteArray Listing::lastRow() const
{
    QByteArray last;
    if (!keys.empty())
        last = keys.back().key;
    if (!prefixes.empty())
        last = std::max(last, prefixes.back().prefix);
    return last;
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
