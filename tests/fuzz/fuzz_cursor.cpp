// SPDX-License-Identifier: GPL-3.0-or-later

// The small texts of a request: listing cursors, queries, keys, conditions, accepted types.
#include "daemon/http/conditions.h"
#include "daemon/http/key_handler.h"
#include "daemon/http/key_view.h"
#include "daemon/http/page_cursor.h"
#include "daemon/http/query.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    using namespace dynakv::http;
    const QByteArray text(reinterpret_cast<const char *>(data), static_cast<qsizetype>(size));
    if (const auto cursor = PageCursor::fromText(text, "0:")) {
        const auto again = PageCursor::fromText(cursor->toText("0:"), "0:");
        if (!again || again->lastKey != cursor->lastKey || cursor->lastKey.isEmpty())
            std::abort();
        if (PageCursor::fromText(text, "1:a"))
            std::abort();
    }
    const PageCursor made{text.isEmpty() ? QByteArray("k") : text.left(1024)};
    const auto read = PageCursor::fromText(made.toText("q"), "q");
    if (!read || read->lastKey != made.lastKey)
        std::abort();

    HttpRequest request;
    const qsizetype mark = text.indexOf('?');
    request.path = "/key/" + (mark < 0 ? text : text.left(mark));
    request.query = mark < 0 ? QByteArray() : text.mid(mark + 1);
    if (const auto query = Query::parse(request.query)) {
        for (const QByteArray &path : {request.path, QByteArray("/key")}) {
            request.path = path;
            const auto key = keyOf(request, *query);
            if (key && (key->isEmpty() || key->size() > 1024))
                std::abort();
        }
        (void)query->number("limit", 1, 1, 1000);
        (void)query->flag("raw");
    }
    (void)versionsOf(text, true);
    prefersBytes(text);
    isMediaType(text);
    return 0;
}
