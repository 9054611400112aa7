// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/answer_reader.h"

#include "shared/base/api/timestamp.h"
#include "shared/base/limits.h"
#include "shared/client/json_slice.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>
#include <QLocale>

#include <algorithm>

namespace dynakv::client {
namespace {

using base::api::ClusterStatus;
using base::api::KeyPage;

QByteArrayView unquoted(QByteArrayView text)
{
    const bool isQuoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    return isQuoted ? text.sliced(1, text.size() - 2) : text;
}

QByteArray versionFromEtag(const QByteArray &etag)
{
    const QByteArrayView text(etag);
    return unquoted(text.startsWith("W/") ? text.sliced(2) : text).toByteArray();
}

/// By the clock of the node that says so (\a date, RFC 9110 5.6.7), which may not be ours. At least
/// one second, since it was there.
qint64 secondsUntil(qint64 wallMs, const QByteArray &date)
{
    // "Sun, 06 Nov 1994 08:49:37 GMT", in parts: as one it would be a local time, and some are not.
    const QString text = QString::fromLatin1(date);
    const QDate day = QLocale::c().toDate(text.left(16), QStringLiteral("ddd, dd MMM yyyy"));
    const QTime time = QTime::fromString(text.mid(17, 8), QStringLiteral("hh:mm:ss"));
    const qint64 nowMs =
        day.isValid() && time.isValid()
            ? QDate(1970, 1, 1).daysTo(day) * 86'400'000 + time.msecsSinceStartOfDay()
            : QDateTime::currentMSecsSinceEpoch();
    return std::clamp<qint64>((wallMs - nowMs + 999) / 1000, 1, base::limits::kTtlMsMax / 1000);
}

QJsonObject objectOf(const Exchange &exchange)
{
    return QJsonDocument::fromJson(exchange.body).object();
}

base::Error notTheApi(const char *what)
{
    return {base::ErrorCode::Invalid, QByteArray("the answer is not ") + what};
}

/// The value that stands in \a text, an object with the members of the single-key answer.
base::Result<Value> valueIn(QByteArrayView text)
{
    const auto json = memberText(text, "value");
    if (!json)
        return notTheApi("a value document");
    Value value;
    const auto encoding = memberText(text, "encoding");
    if (!encoding) {
        value.bytes = json->toByteArray();
        return value;
    }
    const auto type = memberText(text, "content_type");
    const bool isText = json->size() >= 2 && json->front() == '"';
    if (*encoding != QByteArrayView("\"base64\"") || !isText)
        return notTheApi("a raw value in base64");
    auto decoded = QByteArray::fromBase64Encoding(json->sliced(1, json->size() - 2).toByteArray(),
                                                  QByteArray::AbortOnBase64DecodingErrors);
    if (!decoded)
        return notTheApi("a raw value in base64");
    value.isRaw = true;
    value.bytes = std::move(*decoded);
    // An array around it, since a document of one text is none to Qt.
    if (type)
        value.contentType = QJsonDocument::fromJson('[' + type->toByteArray() + ']')
                                .array()
                                .at(0)
                                .toString()
                                .toUtf8();
    return value;
}

/// \a body with a null for the value of each of \a entries, which are parts of it. Values are
/// anybody's: Qt's parser takes a whole document for broken where one number in it is smaller than
/// a double can be, such as 1e-400.
QByteArray blanked(QByteArrayView body, const std::vector<QByteArrayView> &entries)
{
    QByteArray text;
    qsizetype taken = 0;
    for (const QByteArrayView entry : entries) {
        const auto value = memberText(entry, "value");
        if (!value)
            continue;
        const qsizetype begin = value->data() - body.data();
        text.append(body.sliced(taken, begin - taken)).append("null");
        taken = begin + value->size();
    }
    return text.append(body.sliced(taken));
}

} // namespace

base::Result<ClusterStatus> readCluster(const Exchange &exchange)
{
    return base::api::clusterStatusFromJson(objectOf(exchange));
}

base::Result<KeyPage> readPage(const Exchange &exchange)
{
    return base::api::keyPageFromJson(objectOf(exchange));
}

base::Result<Value> readValue(const Exchange &exchange)
{
    auto value = valueIn(exchange.body);
    if (!value)
        return value;
    value->version = versionFromEtag(exchange.etag);
    if (const auto expiry = memberText(exchange.body, "expires_at")) {
        const auto expiresAtMs = base::api::timestampFromText(unquoted(*expiry));
        if (!expiresAtMs)
            return notTheApi("a value document");
        value->ttlSeconds = secondsUntil(*expiresAtMs, exchange.date);
    }
    return value;
}

base::Result<ValuePage> readValuePage(const Exchange &exchange)
{
    const auto array = memberText(exchange.body, "keys");
    const auto texts = array ? elementTexts(*array) : std::nullopt;
    if (!texts)
        return notTheApi("a page of keys");
    const QByteArray withoutValues = blanked(exchange.body, *texts);
    auto page = base::api::keyPageFromJson(QJsonDocument::fromJson(withoutValues).object());
    if (!page)
        return page.error();
    if (texts->size() != page->keys.size())
        return notTheApi("a page of keys");
    ValuePage result;
    result.totalEstimate = page->totalEstimate;
    result.next = std::move(page->next);
    result.keys.reserve(texts->size());
    for (std::size_t i = 0; i < texts->size(); ++i) {
        auto value = valueIn((*texts)[i]);
        if (!value)
            return value.error();
        value->version = page->keys[i].version;
        result.keys.push_back({std::move(page->keys[i]), std::move(*value)});
    }
    return result;
}

base::Result<Receipt> readReceipt(const Exchange &exchange)
{
    const QJsonObject object = objectOf(exchange);
    const QJsonValue version = object.value(QLatin1String("version"));
    if (!version.isString())
        return notTheApi("a receipt with a version");
    return Receipt{version.toString().toUtf8(), object.value(QLatin1String("existed")).toBool(),
                   exchange.durability};
}

base::Result<std::vector<LineAnswer>> readLines(const Exchange &exchange)
{
    std::vector<LineAnswer> answers;
    for (const QByteArray &line : exchange.body.split('\n')) {
        if (line.isEmpty())
            continue;
        const QJsonObject object = QJsonDocument::fromJson(line).object();
        const QJsonValue error = object.value(QLatin1String("error"));
        const LineAnswer &answer = answers.emplace_back(
            LineAnswer{object.value(QLatin1String("status")).toInt(),
                       object.value(QLatin1String("version")).toString().toUtf8(),
                       error[QLatin1String("detail")].toString().toUtf8()});
        if (answer.status == 0)
            return notTheApi("a line for each that was sent");
    }
    return answers;
}

} // namespace dynakv::client
