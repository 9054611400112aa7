// SPDX-License-Identifier: GPL-3.0-or-later

// Percent-encoding and queries: decoding never grows a text, what is encoded comes back, and a
// parameter is found under exactly the name that it has, once.
#include "daemon/http/query.h"
#include "shared/base/api/key_text.h"

#include <QByteArrayList>

#include <cstdint>
#include <cstdlib>
#include <set>

namespace {

using namespace dynakv;
using base::api::percentDecoded;
using http::Query;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void checkDecoding(const QByteArray &text)
{
    const auto decoded = percentDecoded(text);
    if (decoded) {
        require(decoded->size() + 2 * text.count('%') == text.size());
        require(text.contains('%') || *decoded == text);
    }
    const QByteArray encoded = base::api::toTargetSegment(text);
    require(!encoded.contains('/') && !encoded.contains('?') && encoded != "." && encoded != "..");
    const auto again = percentDecoded(encoded);
    require(again && *again == text);
}

/// Against the plain way to read a query.
void checkQuery(const QByteArray &text)
{
    std::set<QByteArray> names;
    QByteArrayList values;
    bool isSound = true;
    for (const QByteArray &part : text.split('&')) {
        if (part.isEmpty())
            continue;
        const qsizetype equals = part.indexOf('=');
        const auto name = percentDecoded(equals < 0 ? part : part.first(equals));
        const auto value = percentDecoded(equals < 0 ? QByteArray() : part.sliced(equals + 1));
        isSound = isSound && name && value && names.insert(*name).second;
        if (isSound && *name == "limit")
            values.append(*value);
    }
    const auto query = Query::parse(text);
    require(query.ok() == isSound);
    if (!query)
        return;
    require(query->value("limit") ==
            (values.isEmpty() ? std::optional<QByteArray>() : std::optional(values.first())));
    names.erase("limit");
    require(query->unknown({"limit"}).has_value() == !names.empty());
    if (const auto limit = query->number("limit", 1, 1, 1000))
        require(*limit >= 1 && *limit <= 1000);
    if (const auto flag = query->flag("limit"); flag && *flag)
        require(query->has("limit"));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    const QByteArray text(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size));
    checkDecoding(text);
    checkQuery(text);
    checkQuery("limit=" + text);
    return 0;
}
