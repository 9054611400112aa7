// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"
#include "daemon/store/listing.h"

#include <QByteArray>

#include <functional>
#include <optional>

namespace dynakv::http {

/// Reads a key anew; nothing where it has no live value any more.
using ReadLive = std::function<std::optional<core::Record>(const QByteArray &key)>;

/// A page of a listing as it will stand in JSON, and how far the listing was followed for it. It
/// ends early rather than grow past limits::kPageBytesMax, but always holds one row.
struct ListPage
{
    QByteArray keys = {};     ///< Objects with commas between them, as are
    QByteArray prefixes = {}; ///< the groups.
    QByteArray lastRow = {};  ///< The last key or group that was followed; empty if none.
    bool hasMore = false;
};

/// \a order: of the rows of \a listing. With \a readLive each key is read, so that its value and
/// its version belong together; one that is gone by then is left out, but counts as followed.
ListPage makeListPage(const store::Listing &listing, store::Order order, const ReadLive &readLive);

} // namespace dynakv::http
