// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/list_handler.h"

#include "daemon/http/event_id.h"
#include "daemon/http/handler_checks.h"
#include "daemon/http/list_page.h"
#include "daemon/http/page_cursor.h"
#include "daemon/http/problem_reply.h"
#include "daemon/store/table.h"
#include "shared/base/api/key_text.h"
#include "shared/base/limits.h"

namespace dynakv::http {
namespace {

namespace limits = base::limits;

/// What must stay the same from page to page; the parts cannot run into each other.
QByteArray identityOf(const store::ListQuery &list)
{
    return QByteArray::number(list.prefix.size()) + ':' + list.prefix +
           QByteArray::number(list.delimiter.size()) + ':' + list.delimiter +
           (list.order == store::Order::Ascending ? '+' : '-') + list.from;
}

struct ListRequest
{
    store::ListQuery list = {};
    bool hasValues = false;
};

/// What a listing asks for, but where it goes on.
base::Result<ListRequest> readListRequest(const Query &query)
{
    const auto limit = query.number("limit", limits::kPageKeysDefault, 1, limits::kPageKeysMax);
    if (!limit)
        return limit.error();
    const auto hasValues = query.flag("values");
    if (!hasValues)
        return hasValues.error();
    const auto isReversed = query.flag("reverse");
    if (!isReversed)
        return isReversed.error();
    ListRequest asked;
    asked.hasValues = *hasValues;
    asked.list.limit = static_cast<int>(*limit);
    asked.list.order = *isReversed ? store::Order::Descending : store::Order::Ascending;
    for (const auto &[name, text] :
         {std::pair{"prefix", &asked.list.prefix}, std::pair{"from", &asked.list.from},
          std::pair{"delimiter", &asked.list.delimiter}}) {
        *text = query.value(name).value_or(QByteArray());
        if (text->size() > limits::kKeyBytesMax)
            return {base::ErrorCode::Invalid,
                    QByteArray("The parameter '") + name +
                        "' is too long: no key has more than 1024 bytes."};
    }
    return asked;
}

QByteArray linkToNext(const ListRequest &asked, const QByteArray &next)
{
    QByteArray link = "</v1/keys?";
    const auto add = [&link](const char *name, const QByteArray &value) {
        if (!value.isEmpty())
            link += name + ('=' + base::api::toTargetSegment(value)) + '&';
    };
    add("prefix", asked.list.prefix);
    add("delimiter", asked.list.delimiter);
    add("from", asked.list.from);
    if (asked.list.order == store::Order::Descending)
        link += "reverse=true&";
    if (asked.hasValues)
        link += "values=true&";
    return link + "limit=" + QByteArray::number(asked.list.limit) + "&after=" + next +
           ">; rel=\"next\"";
}

HttpReply pageReply(const ListRequest &asked, const store::Listing &listing,
                    const ReadLive &readLive, const EventId &eventId)
{
    const ListPage page = makeListPage(listing, asked.list.order, readLive);
    QByteArray body = "{\"keys\":[" + page.keys + "],\"prefixes\":[" + page.prefixes + ']';
    QByteArray next;
    if (page.hasMore && !page.lastRow.isEmpty()) {
        next = PageCursor{page.lastRow}.toText(identityOf(asked.list));
        body += ",\"next\":\"" + next + '"';
    }
    body += ",\"total_estimate\":" + QByteArray::number(listing.totalEstimate) + '}';
    HttpReply reply = jsonReply(body);
    reply.headers.emplace_back("DynaKV-Event-Id", eventId.toText());
    if (!next.isEmpty())
        reply.headers.emplace_back("Link", linkToNext(asked, next));
    return reply;
}

/// One of \a values, asked for in their order.
ReadLive readFrom(const std::vector<core::Record> &values)
{
    return [next = values.begin(),
            end = values.end()](const QByteArray &key) mutable -> std::optional<core::Record> {
        if (next == end || next->key != key)
            return std::nullopt;
        return *next++;
    };
}

/// What another member listed. The event id is its own: watching goes on there without a gap, and
/// here with a `reset`, never with a silent gap.
HttpReply elsewhereReply(const HttpRequest &request, const ListRequest &asked,
                         const core::ListingOutcome &outcome, const core::ClusterView &cluster)
{
    if (outcome.page) {
        const core::ListedPage &page = *outcome.page;
        return pageReply(asked, page.listing, asked.hasValues ? readFrom(page.values) : ReadLive(),
                         {page.boot, page.seq});
    }
    if (cluster.readiness == core::Readiness::Ready)
        return unavailableReply("overload", outcome.detail, request.requestId);
    return unavailableReply(readinessCode(cluster.readiness),
                            readinessDetail(cluster) + "; " + outcome.detail, request.requestId);
}

} // namespace

Answer getKeys(const HttpRequest &request, const Query &query, const ApiContext &context)
{
    if (auto refused = refusedParameters(
            request, query, {"prefix", "delimiter", "from", "after", "limit", "reverse", "values"}))
        return *std::move(refused);
    auto asked = readListRequest(query);
    if (!asked)
        return problemReply(400, "bad_parameter", asked.error().message, request.requestId);
    store::ListQuery &list = asked->list;
    // Before the clock is read and the walk begins: what changes from here on, and what expires, is
    // an event behind this one.
    const EventId eventId = {context.table.boot(), context.table.changes().lastSeq()};
    list.wallMs = context.wallMs();
    if (const auto after = query.value("after")) {
        const auto cursor = PageCursor::fromText(*after, identityOf(list));
        if (!cursor || !cursor->lastKey.startsWith(list.prefix)) {
            return problemReply(400, "bad_cursor",
                                "'after' takes only the 'next' of a page of the same listing; use "
                                "'from' to start at a key.",
                                request.requestId);
        }
        list.after = cursor->lastKey;
    }
    if (refusedUntilCaughtUp(request, *context.coordinator.clusterView())) {
        return PendingListing{{list, asked->hasValues, limits::kRequestTimeoutMsDefault},
                              [request, asked = *asked, &coordinator = context.coordinator](
                                  const core::ListingOutcome &outcome) {
                                  return elsewhereReply(request, asked, outcome,
                                                        *coordinator.clusterView());
                              }};
    }
    ReadLive readLive;
    if (asked->hasValues) {
        readLive = [&context, wallMs = context.wallMs()](const QByteArray &key) {
            auto record = context.table.find(key);
            return record && record->isLive(wallMs) ? std::move(record) : std::nullopt;
        };
    }
    return pageReply(*asked, context.table.list(list), readLive, eventId);
}

} // namespace dynakv::http
