// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/key_page.h"

#include "shared/base/api/json_reader.h"
#include "shared/base/api/key_text.h"
#include "shared/base/api/timestamp.h"
#include "shared/base/limits.h"

#include <QJsonArray>

namespace dynakv::base::api {
namespace {

constexpr QLatin1String kPrefix("prefix");

Result<KeyEntry> entryFromJson(const QJsonObject &object)
{
    auto key = takeKey(object);
    if (!key)
        return {ErrorCode::Invalid, "key entry: " + key.error().message};
    if (key->isEmpty() || key->size() > limits::kKeyBytesMax)
        return {ErrorCode::Invalid, "key entry: a key has 1 to 1024 bytes"};
    JsonReader reader(object, "key entry");
    KeyEntry entry;
    entry.key = *std::move(key);
    entry.version = reader.text("version");
    entry.size = reader.integer("size");
    entry.updatedAtMs = reader.timestamp("updated_at");
    entry.expiresAtMs = reader.optionalTimestamp("expires_at");
    if (!reader.ok())
        return reader.error();
    return entry;
}

Result<PrefixEntry> prefixFromJson(const QJsonObject &object)
{
    auto prefix = takeBytes(object, kPrefix);
    if (!prefix)
        return {ErrorCode::Invalid, "prefix entry: " + prefix.error().message};
    if (prefix->isEmpty() || prefix->size() > limits::kKeyBytesMax)
        return {ErrorCode::Invalid, "prefix entry: a prefix has 1 to 1024 bytes"};
    JsonReader reader(object, "prefix entry");
    PrefixEntry entry{*std::move(prefix), reader.integer("count"),
                      reader.optionalFlag("estimated")};
    if (!reader.ok())
        return reader.error();
    return entry;
}

} // namespace

QJsonObject toJson(const KeyEntry &entry)
{
    QJsonObject object;
    putKey(object, entry.key);
    object.insert(QLatin1String("version"), QString::fromUtf8(entry.version));
    object.insert(QLatin1String("size"), entry.size);
    object.insert(QLatin1String("updated_at"), QString::fromLatin1(toTimestamp(entry.updatedAtMs)));
    if (entry.expiresAtMs)
        object.insert(QLatin1String("expires_at"),
                      QString::fromLatin1(toTimestamp(*entry.expiresAtMs)));
    return object;
}

QJsonObject toJson(const PrefixEntry &entry)
{
    QJsonObject object{{QLatin1String("count"), entry.count}};
    putBytes(object, kPrefix, entry.prefix);
    if (entry.isEstimated)
        object.insert(QLatin1String("estimated"), true);
    return object;
}

QJsonObject toJson(const KeyPage &page)
{
    QJsonArray keys;
    for (const KeyEntry &entry : page.keys)
        keys.append(toJson(entry));
    QJsonArray prefixes;
    for (const PrefixEntry &entry : page.prefixes)
        prefixes.append(toJson(entry));
    QJsonObject object{{QLatin1String("keys"), keys},
                       {QLatin1String("prefixes"), prefixes},
                       {QLatin1String("total_estimate"), page.totalEstimate}};
    if (!page.next.isEmpty())
        object.insert(QLatin1String("next"), QString::fromUtf8(page.next));
    return object;
}

Result<KeyPage> keyPageFromJson(const QJsonObject &object)
{
    JsonReader reader(object, "key page");
    KeyPage page;
    const QJsonArray keys = reader.array("keys");
    // Nodes before groups existed do not send it.
    const QJsonArray prefixes = object.value(QLatin1String("prefixes")).toArray();
    page.totalEstimate = reader.integer("total_estimate");
    page.next = reader.optionalText("next");
    if (!reader.ok())
        return reader.error();
    if (keys.size() + prefixes.size() > limits::kPageKeysMax)
        return {ErrorCode::Invalid, "key page: more rows than a page can have"};
    page.keys.reserve(static_cast<std::size_t>(keys.size()));
    for (const QJsonValue &value : keys) {
        auto entry = entryFromJson(value.toObject());
        if (!entry)
            return entry.error();
        page.keys.push_back(*std::move(entry));
    }
    for (const QJsonValue &value : prefixes) {
        auto entry = prefixFromJson(value.toObject());
        if (!entry)
            return entry.error();
        page.prefixes.push_back(*std::move(entry));
    }
    return page;
}

} // namespace dynakv::base::api
