// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"

#include <QByteArray>

#include <optional>
#include <vector>

namespace dynakv::core {

enum class Order : quint8 { Ascending, Descending };

/// Where a walk begins: at the first key that is not less than, or greater than, this one; in
/// descending order the first that is not greater, or less. An empty key stands before all that
/// the walk can meet.
struct Bound
{
    QByteArray key = {};
    bool isExclusive = false;
};

struct ListQuery
{
    QByteArray prefix = {};
    QByteArray from = {}; ///< First key that may be listed; empty: the order's first one.
    /// Only rows behind this one: the last row of the page before, a key or a group's prefix.
    std::optional<QByteArray> after = {};
    int limit = 100;   ///< Rows, 1 to limits::kPageKeysMax.
    qint64 wallMs = 0; ///< Decides what has expired.
    /// Keys that have it behind the prefix are listed as groups: one row for all that begin alike
    /// up to the first one. Empty: no groups.
    QByteArray delimiter = {};
    Order order = Order::Ascending; ///< Of the rows; `from` and `after` go by it.

    /// Where the walk begins; nothing if no key can be listed.
    [[nodiscard]] std::optional<Bound> start() const;
    /// Bytes of the group's prefix, delimiter included, that \a key belongs to; 0: to none.
    [[nodiscard]] qsizetype groupBytesOf(QByteArrayView key) const;
    bool operator==(const ListQuery &) const = default;

private:
    [[nodiscard]] std::optional<Bound> startFromBelow() const;
    [[nodiscard]] std::optional<Bound> startFromAbove() const;
};

/// One row of a listing: all but the value.
struct ListedKey
{
    QByteArray key = {};
    Version version = {};
    qint64 valueBytes = 0;
    qint64 expiresAtMs = 0;
    bool operator==(const ListedKey &) const = default;
};

/// One row for all keys of a group.
struct ListedPrefix
{
    QByteArray prefix = {}; ///< With the delimiter at its end.
    qint64 count = 0;       ///< Live keys, at least 1.
    bool isEstimated = false;
    bool operator==(const ListedPrefix &) const = default;
};

/// Keys and prefixes are one list in the order asked for, of which each is a part.
struct Listing
{
    std::vector<ListedKey> keys = {};        ///< Live ones that no group holds.
    std::vector<ListedPrefix> prefixes = {}; ///< Groups with a live key.
    bool hasMore = false;                    ///< There may be rows after the last one.
    qint64 totalEstimate = 0; ///< Live keys under the prefix; exact for an empty prefix.
    QByteArray lastRow = {};  ///< What the next page's `after` is; empty if there is no row.
    bool operator==(const Listing &) const = default;
};

/// A page of a listing as one member gives it to another.
struct ListedPage
{
    Listing listing = {};
    /// With values: those of the listed keys that were still there when they were read, in the
    /// order of the keys and as they were then.
    std::vector<Record> values = {};
    /// The place in the changes of the member that answered, from before the walk.
    quint64 boot = 0;
    quint64 seq = 0;
    bool operator==(const ListedPage &) const = default;
};

/// Whether \a page can be an answer to \a query: its rows are within the bounds and in the order
/// asked for, and no row is there that was not asked for. Only what it leaves out nobody can see.
bool isAnswerTo(const ListQuery &query, const ListedPage &page);

/// The first key behind all those that begin with \a prefix; empty if there is none.
QByteArray endOfPrefix(QByteArray prefix);

} // namespace dynakv::core
