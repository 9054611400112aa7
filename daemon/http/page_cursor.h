// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <optional>

namespace dynakv::http {

/// The place in a listing where the next page goes on: the last key listed, bound to the query it
/// belongs to, so that a cursor cannot be used with another one by mistake. To clients it is
/// opaque. Not a secret and not trusted: a forged one can only name another place of the same
/// listing.
struct PageCursor
{
    QByteArray lastKey = {};

    /// base64url without padding. \a query: whatever must stay the same from page to page.
    [[nodiscard]] QByteArray toText(QByteArrayView query) const;
    /// Nothing where \a text is malformed or of another query.
    static std::optional<PageCursor> fromText(QByteArrayView text, QByteArrayView query);
};

} // namespace dynakv::http
