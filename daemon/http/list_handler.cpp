// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/list_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/page_cursor.h"
#include "daemon/http/problem_reply.h"
#include "daemon/store/table.h"
#include "shared/base/api/key_page.h"
#include "shared/base/api/key_text.h"
#include "shared/base/limits.h"

#include <QJsonDocument>

namespace dynakv::http {
namespace {

namespace limits = base::limits;

/// What must stay the same from page to page; the parts cannot run into each other.
QByteArray identityOf(const QByteArray &prefix, const QByteArray &from)
{
    return QByteArray::number(prefix.size()) + ':' + prefix + from;
}

/// The most that a key can need in JSON, and all that stands around it.
qsizetype jsonBytesAtMost(const QByteArray &key)
{
    constexpr qsizetype around = 200;
    return 6 * key.size() + around;
}

/// A page ends early rather than grow past its bound.
void cutToBytes(store::Listing &listing)
{
    qsizetype bytes = 0;
    std::size_t count = 0;
    while (count < listing.keys.size()) {
        bytes += jsonBytesAtMost(listing.keys[count].key);
        if (bytes > limits::kPageBytesMax && count > 0)
            break;
        ++count;
    }
    if (count < listing.keys.size()) {
        listing.keys.resize(count);
        listing.hasMore = true;
    }
}

base::api::KeyPage toPage(const store::Listing &listing, QByteArrayView identity)
{
    base::api::KeyPage page;
    page.totalEstimate = listing.totalEstimate;
    page.keys.reserve(listing.keys.size());
    for (const store::ListedKey &listed : listing.keys) {
        base::api::KeyEntry entry{
            listed.key, listed.version.toString(), listed.valueBytes, listed.version.wallMs(), {}};
        if (listed.expiresAtMs != 0)
            entry.expiresAtMs = listed.expiresAtMs;
        page.keys.push_back(std::move(entry));
    }
    if (listing.hasMore && !page.keys.empty())
        page.next = PageCursor{page.keys.back().key}.toText(identity);
    return page;
}

QByteArray linkToNext(const store::ListQuery &list, const QByteArray &next)
{
    QByteArray link = "</v1/keys?";
    if (!list.prefix.isEmpty())
        link += "prefix=" + base::api::toTargetSegment(list.prefix) + '&';
    if (!list.from.isEmpty())
        link += "from=" + base::api::toTargetSegment(list.from) + '&';
    return link + "limit=" + QByteArray::number(list.limit) + "&after=" + next + ">; rel=\"next\"";
}

} // namespace

Answer getKeys(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(request, query, {"prefix", "from", "after", "limit"},
                                         {"delimiter", "reverse", "values"}))
        return *std::move(refused);
    const auto limit = query.number("limit", limits::kPageKeysDefault, 1, limits::kPageKeysMax);
    if (!limit)
        return problemReply(400, "bad_parameter", limit.error().message, request.requestId);
    store::ListQuery list;
    list.prefix = query.value("prefix").value_or(QByteArray());
    list.from = query.value("from").value_or(QByteArray());
    list.limit = static_cast<int>(*limit);
    list.wallMs = context.wallMs();
    if (list.prefix.size() > limits::kKeyBytesMax || list.from.size() > limits::kKeyBytesMax)
        return problemReply(400, "bad_parameter", "No key is longer than 1024 bytes.",
                            request.requestId);
    const QByteArray identity = identityOf(list.prefix, list.from);
    if (const auto after = query.value("after")) {
        const auto cursor = PageCursor::fromText(*after, identity);
        if (!cursor || !cursor->lastKey.startsWith(list.prefix)) {
            return problemReply(400, "bad_cursor",
                                "'after' takes only the 'next' of a page of the same listing; use "
                                "'from' to start at a key.",
                                request.requestId);
        }
        list.after = cursor->lastKey;
    }
    if (auto refused = refusedUntilCaughtUp(request, *context.coordinator.clusterView()))
        return *std::move(refused);

    store::Listing listing = context.table.list(list);
    cutToBytes(listing);
    const base::api::KeyPage page = toPage(listing, identity);
    HttpReply reply = jsonReply(QJsonDocument(toJson(page)).toJson(QJsonDocument::Compact));
    if (!page.next.isEmpty())
        reply.headers.emplace_back("Link", linkToNext(list, page.next));
    return reply;
}

} // namespace dynakv::http
