// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/list_handler.h"

#include "daemon/http/handler_checks.h"
#include "daemon/http/key_view.h"
#include "daemon/http/page_cursor.h"
#include "daemon/http/problem_reply.h"
#include "daemon/store/table.h"
#include "shared/base/api/key_page.h"
#include "shared/base/api/key_text.h"
#include "shared/base/limits.h"

#include <QJsonDocument>
#include <QJsonObject>

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

/// The same with its value.
qsizetype jsonBytesAtMost(const core::Record &record)
{
    constexpr qsizetype around = 64;
    const bool isRaw = !record.contentType.isEmpty();
    const qsizetype value = isRaw ? (record.value.size() + 2) / 3 * 4 : record.value.size();
    // A type may need an escape for each of its bytes.
    return jsonBytesAtMost(record.key) + value + 6 * record.contentType.size() + around;
}

base::api::KeyEntry entryOf(const store::ListedKey &listed)
{
    base::api::KeyEntry entry{
        listed.key, listed.version.toString(), listed.valueBytes, listed.version.wallMs(), {}};
    if (listed.expiresAtMs != 0)
        entry.expiresAtMs = listed.expiresAtMs;
    return entry;
}

/// A page on its way to JSON: the entries as they will stand there, and how far the listing was
/// followed. Ends early rather than grow past its bound.
struct PageText
{
    QByteArray entries = {};
    QByteArray lastKey = {};
    bool hasMore = false;

    void add(QByteArrayView entry)
    {
        if (!entries.isEmpty())
            entries.append(',');
        entries.append(entry);
    }
    /// Whether an entry of that size must wait for the next page; the first one never does.
    [[nodiscard]] bool isFullFor(qsizetype bytes) const
    {
        constexpr qsizetype around = 4096; // The cursor, the figures.
        return !entries.isEmpty() && entries.size() + bytes + around > limits::kPageBytesMax;
    }
};

QByteArray toText(const base::api::KeyEntry &entry)
{
    return QJsonDocument(toJson(entry)).toJson(QJsonDocument::Compact);
}

PageText keysOnly(const store::Listing &listing)
{
    PageText page;
    page.hasMore = listing.hasMore;
    for (const store::ListedKey &listed : listing.keys) {
        if (page.isFullFor(jsonBytesAtMost(listed.key))) {
            page.hasMore = true;
            break;
        }
        page.add(toText(entryOf(listed)));
        page.lastKey = listed.key;
    }
    return page;
}

/// Reads each key anew, so that value and version belong together. One that is gone by then is left
/// out; the cursor passes it all the same.
PageText withValues(const store::Listing &listing, const ApiContext &context)
{
    const qint64 wallMs = context.wallMs();
    PageText page;
    page.hasMore = listing.hasMore;
    for (const store::ListedKey &listed : listing.keys) {
        const auto record = context.table.find(listed.key);
        if (record && record->isLive(wallMs)) {
            if (page.isFullFor(jsonBytesAtMost(*record))) {
                page.hasMore = true;
                break;
            }
            QByteArray entry = toText(
                entryOf({record->key, record->version, record->value.size(), record->expiresAtMs}));
            entry.back() = ',';
            appendValue(entry, *record);
            page.add(entry.append('}'));
        }
        page.lastKey = listed.key;
    }
    return page;
}

QByteArray linkToNext(const store::ListQuery &list, bool hasValues, const QByteArray &next)
{
    QByteArray link = "</v1/keys?";
    if (!list.prefix.isEmpty())
        link += "prefix=" + base::api::toTargetSegment(list.prefix) + '&';
    if (!list.from.isEmpty())
        link += "from=" + base::api::toTargetSegment(list.from) + '&';
    if (hasValues)
        link += "values=true&";
    return link + "limit=" + QByteArray::number(list.limit) + "&after=" + next + ">; rel=\"next\"";
}

} // namespace

Answer getKeys(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused =
            refusedParameters(request, query, {"prefix", "from", "after", "limit", "values"},
                              {"delimiter", "reverse"}))
        return *std::move(refused);
    const auto limit = query.number("limit", limits::kPageKeysDefault, 1, limits::kPageKeysMax);
    if (!limit)
        return problemReply(400, "bad_parameter", limit.error().message, request.requestId);
    const auto hasValues = query.flag("values");
    if (!hasValues)
        return problemReply(400, "bad_parameter", hasValues.error().message, request.requestId);
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

    const store::Listing listing = context.table.list(list);
    const PageText page = *hasValues ? withValues(listing, context) : keysOnly(listing);
    QByteArray body = "{\"keys\":[" + page.entries + ']';
    QByteArray next;
    if (page.hasMore && !page.lastKey.isEmpty()) {
        next = PageCursor{page.lastKey}.toText(identity);
        body += ",\"next\":\"" + next + '"';
    }
    body += ",\"total_estimate\":" + QByteArray::number(listing.totalEstimate) + '}';
    HttpReply reply = jsonReply(body);
    if (!next.isEmpty())
        reply.headers.emplace_back("Link", linkToNext(list, *hasValues, next));
    return reply;
}

} // namespace dynakv::http
