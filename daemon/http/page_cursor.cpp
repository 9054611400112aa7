// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/page_cursor.h"

#include "daemon/core/key_hash.h"
#include "shared/base/limits.h"

#include <QtEndian>

namespace dynakv::http {
namespace {

// Form 1: one byte of form, 8 of the query's hash (big endian), the key.
constexpr char kForm = 1;
constexpr qsizetype kHeadBytes = 9;

QByteArray headFor(QByteArrayView query)
{
    QByteArray head(kHeadBytes, Qt::Uninitialized);
    head[0] = kForm;
    qToBigEndian(core::hashBytes(query, 0), head.data() + 1);
    return head;
}

} // namespace

QByteArray PageCursor::toText(QByteArrayView query) const
{
    return (headFor(query) + lastKey)
        .toBase64(QByteArray::Base64UrlEncoding | QByteArray::OmitTrailingEquals);
}

std::optional<PageCursor> PageCursor::fromText(QByteArrayView text, QByteArrayView query)
{
    if (text.size() > 2 * (kHeadBytes + base::limits::kKeyBytesMax))
        return std::nullopt;
    const auto decoded = QByteArray::fromBase64Encoding(
        text.toByteArray(),
        QByteArray::Base64UrlEncoding | QByteArray::AbortOnBase64DecodingErrors);
    if (!decoded || !decoded.decoded.startsWith(headFor(query)))
        return std::nullopt;
    PageCursor cursor{decoded.decoded.sliced(kHeadBytes)};
    if (cursor.lastKey.isEmpty() || cursor.lastKey.size() > base::limits::kKeyBytesMax)
        return std::nullopt;
    return cursor;
}

} // namespace dynakv::http
