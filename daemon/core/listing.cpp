// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/listing.h"

#include "shared/base/limits.h"

#include <algorithm>

namespace dynakv::core {

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

namespace {

/// Whether a key may stand there that begins at \a start.
bool isBehind(const QByteArray &key, const Bound &start, Order order)
{
    if (start.key.isEmpty())
        return true;
    if (key == start.key)
        return !start.isExclusive;
    return (start.key < key) == (order == Order::Ascending);
}

/// Whether a group may: some key of it is enough.
bool reachesBehind(const QByteArray &group, const Bound &start, Order order)
{
    if (order == Order::Descending)
        return isBehind(group, start, order);
    const QByteArray end = endOfPrefix(group);
    return end.isEmpty() || end > start.key;
}

bool isKeyFor(const ListQuery &query, const Bound &start, const ListedKey &row)
{
    return !row.key.isEmpty() && row.key.startsWith(query.prefix) &&
           query.groupBytesOf(row.key) == 0 && isBehind(row.key, start, query.order) &&
           row.valueBytes >= 0 && row.expiresAtMs >= 0;
}

bool isGroupFor(const ListQuery &query, const Bound &start, const ListedPrefix &row)
{
    return row.prefix.size() > query.prefix.size() &&
           query.groupBytesOf(row.prefix) == row.prefix.size() && row.count > 0 &&
           reachesBehind(row.prefix, start, query.order);
}

/// Each once.
template <typename Rows, typename NameOf>
bool areInOrder(const Rows &rows, Order order, NameOf nameOf)
{
    return std::adjacent_find(rows.begin(), rows.end(), [&](const auto &one, const auto &next) {
               return order == Order::Ascending ? nameOf(one) >= nameOf(next)
                                                : nameOf(one) <= nameOf(next);
           }) == rows.end();
}

/// Whether \a values are live values of some of \a keys, in their order.
bool areValuesOf(const std::vector<ListedKey> &keys, const std::vector<Record> &values)
{
    auto key = keys.begin();
    return std::all_of(values.begin(), values.end(), [&](const Record &value) {
        key = std::find_if(key, keys.end(), [&](const auto &row) { return row.key == value.key; });
        return key != keys.end() && (key++, value.kind == RecordKind::Value);
    });
}

} // namespace

bool isAnswerTo(const ListQuery &query, const ListedPage &page)
{
    const Listing &listing = page.listing;
    const std::size_t rows = listing.keys.size() + listing.prefixes.size();
    const auto start = query.start();
    if (rows > static_cast<std::size_t>(query.limit) || listing.totalEstimate < 0 ||
        (rows == 0 && listing.hasMore) || (rows > 0 && !start))
        return false;
    return std::all_of(listing.keys.begin(), listing.keys.end(),
                       [&](const auto &row) { return isKeyFor(query, *start, row); }) &&
           std::all_of(listing.prefixes.begin(), listing.prefixes.end(),
                       [&](const auto &row) { return isGroupFor(query, *start, row); }) &&
           areInOrder(listing.keys, query.order, [](const auto &row) { return row.key; }) &&
           areInOrder(listing.prefixes, query.order, [](const auto &row) { return row.prefix; }) &&
           areValuesOf(listing.keys, page.values);
}

} // namespace dynakv::core
