// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/list_page.h"

#include "daemon/http/key_view.h"
#include "shared/base/api/key_page.h"
#include "shared/base/limits.h"

#include <QJsonDocument>

namespace dynakv::http {
namespace {

/// The most that a key or prefix can need in JSON, and all that stands around it.
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

QByteArray toText(const QJsonObject &object)
{
    return QJsonDocument(object).toJson(QJsonDocument::Compact);
}

void append(QByteArray &list, QByteArrayView entry)
{
    if (!list.isEmpty())
        list.append(',');
    list.append(entry);
}

/// Each of these is false, and adds nothing, where a row must wait for the next page.
class PageWriter
{
public:
    explicit PageWriter(const ReadLive &readLive)
        : m_readLive(readLive)
    {
    }

    bool add(const store::ListedPrefix &group)
    {
        if (isFullFor(jsonBytesAtMost(group.prefix)))
            return false;
        append(page.prefixes, toText(base::api::toJson(base::api::PrefixEntry{
                                  group.prefix, group.count, group.isEstimated})));
        return true;
    }
    bool add(const store::ListedKey &listed)
    {
        if (m_readLive)
            return addWithValue(listed.key);
        if (isFullFor(jsonBytesAtMost(listed.key)))
            return false;
        append(page.keys, toText(toJson(entryOf(listed))));
        return true;
    }

    ListPage page = {};

private:
    bool addWithValue(const QByteArray &key)
    {
        const auto record = m_readLive(key);
        if (!record)
            return true;
        if (isFullFor(jsonBytesAtMost(*record)))
            return false;
        QByteArray entry = toText(toJson(
            entryOf({record->key, record->version, record->value.size(), record->expiresAtMs})));
        entry.back() = ',';
        appendValue(entry, *record);
        append(page.keys, entry.append('}'));
        return true;
    }
    /// The first row never waits.
    [[nodiscard]] bool isFullFor(qsizetype bytes) const
    {
        constexpr qsizetype around = 4096; // The cursor, the figures.
        const qsizetype held = page.keys.size() + page.prefixes.size();
        return held != 0 && held + bytes + around > base::limits::kPageBytesMax;
    }

    const ReadLive &m_readLive;
};

} // namespace

ListPage makeListPage(const store::Listing &listing, store::Order order, const ReadLive &readLive)
{
    PageWriter writer(readLive);
    auto key = listing.keys.begin();
    auto group = listing.prefixes.begin();
    const auto isKeyNext = [&] {
        if (key == listing.keys.end() || group == listing.prefixes.end())
            return group == listing.prefixes.end();
        return (key->key < group->prefix) == (order == store::Order::Ascending);
    };
    writer.page.hasMore = listing.hasMore;
    while (key != listing.keys.end() || group != listing.prefixes.end()) {
        const bool isKey = isKeyNext();
        if (!(isKey ? writer.add(*key) : writer.add(*group))) {
            writer.page.hasMore = true;
            break;
        }
        writer.page.lastRow = isKey ? (key++)->key : (group++)->prefix;
    }
    return std::move(writer.page);
}

} // namespace dynakv::http
