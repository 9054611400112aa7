// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/query.h"

#include "shared/base/api/key_text.h"

#include <algorithm>

namespace dynakv::http {

base::Result<Query> Query::parse(QByteArrayView text)
{
    Query query;
    while (!text.isEmpty()) {
        const qsizetype end = text.indexOf('&');
        const QByteArrayView part = end < 0 ? text : text.first(end);
        text = end < 0 ? QByteArrayView() : text.sliced(end + 1);
        if (part.isEmpty())
            continue;
        const qsizetype equals = part.indexOf('=');
        auto name = base::api::percentDecoded(equals < 0 ? part : part.first(equals));
        auto value =
            base::api::percentDecoded(equals < 0 ? QByteArrayView("") : part.sliced(equals + 1));
        if (!name || !value) {
            return {base::ErrorCode::Invalid,
                    "In the query " + (name ? value.error() : name.error()).message + "."};
        }
        const bool isThere = std::any_of(query.m_parameters.begin(), query.m_parameters.end(),
                                         [&name](const auto &each) { return each.first == *name; });
        if (isThere)
            return {base::ErrorCode::Invalid, "A query parameter stands twice."};
        query.m_parameters.emplace_back(*std::move(name), *std::move(value));
    }
    return query;
}

std::optional<QByteArray> Query::unknown(std::initializer_list<const char *> known) const
{
    for (const auto &parameter : m_parameters) {
        // Not a structured binding: clang 14 cannot capture one.
        const QByteArray &name = parameter.first;
        const bool isKnown = std::any_of(known.begin(), known.end(),
                                         [&name](const char *each) { return name == each; });
        if (!isKnown)
            return name;
    }
    return std::nullopt;
}

std::optional<QByteArray> Query::value(const char *name) const
{
    for (const auto &[each, value] : m_parameters) {
        if (each == name)
            return value;
    }
    return std::nullopt;
}

base::Result<bool> Query::flag(const char *name) const
{
    const auto text = value(name);
    if (!text || *text == "false" || *text == "0")
        return false;
    if (text->isEmpty() || *text == "true" || *text == "1")
        return true;
    return {base::ErrorCode::Invalid,
            QByteArray("The parameter '") + name + "' must be true or false."};
}

base::Result<qint64> Query::number(const char *name, qint64 absent, qint64 least, qint64 most) const
{
    const auto text = value(name);
    if (!text)
        return absent;
    const auto number = decimalFrom(*text);
    if (!number || *number < least || *number > most) {
        return {base::ErrorCode::Invalid,
                QByteArray("The parameter '") + name + "' must be a number from " +
                    QByteArray::number(least) + " to " + QByteArray::number(most) + "."};
    }
    return *number;
}

std::optional<qint64> decimalFrom(QByteArrayView text)
{
    if (text.isEmpty() || text.size() > 18)
        return std::nullopt;
    qint64 number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        number = number * 10 + (c - '0');
    }
    return number;
}

} // namespace dynakv::http
