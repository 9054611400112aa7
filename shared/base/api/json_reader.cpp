// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/json_reader.h"

#include "shared/base/api/timestamp.h"

#include <cmath>
#include <limits>

namespace dynakv::base::api {
namespace {

/// A number without a fraction that fits; also where it was written as 1e3 or 5.0.
std::optional<qint64> toExactInteger(const QJsonValue &value)
{
    if (!value.isDouble())
        return std::nullopt;
    constexpr qint64 kNone = std::numeric_limits<qint64>::min();
    const qint64 integer = value.toInteger(kNone);
    if (integer == kNone)
        return std::nullopt;
    return integer;
}

} // namespace

QJsonValue JsonReader::member(const char *name) const
{
    const QJsonValue value = m_object.value(QLatin1String(name));
    return value.isNull() ? QJsonValue(QJsonValue::Undefined) : value;
}

void JsonReader::fail(const char *name, const char *expected)
{
    if (m_fault.isEmpty())
        m_fault = QByteArray(m_what) + ": member '" + name + "' is not " + expected;
}

QByteArray JsonReader::text(const char *name)
{
    const QJsonValue value = member(name);
    if (!value.isString())
        fail(name, "a string");
    return value.toString().toUtf8();
}

QByteArray JsonReader::optionalText(const char *name)
{
    return member(name).isUndefined() ? QByteArray() : text(name);
}

std::optional<qint64> JsonReader::optionalInteger(const char *name)
{
    const QJsonValue value = member(name);
    if (value.isUndefined())
        return std::nullopt;
    const std::optional<qint64> integer = toExactInteger(value);
    if (!integer || *integer < 0) {
        fail(name, "a whole number of 0 or more");
        return std::nullopt;
    }
    return integer;
}

qint64 JsonReader::integer(const char *name)
{
    if (member(name).isUndefined())
        fail(name, "a whole number of 0 or more");
    return optionalInteger(name).value_or(0);
}

std::optional<double> JsonReader::optionalNumber(const char *name)
{
    const QJsonValue value = member(name);
    if (value.isUndefined())
        return std::nullopt;
    if (!value.isDouble() || !std::isfinite(value.toDouble())) {
        fail(name, "a number");
        return std::nullopt;
    }
    return value.toDouble();
}

bool JsonReader::optionalFlag(const char *name)
{
    const QJsonValue value = member(name);
    if (!value.isUndefined() && !value.isBool())
        fail(name, "true or false");
    return value.toBool();
}

qint64 JsonReader::timestamp(const char *name)
{
    const Result<qint64> time = timestampFromText(text(name));
    if (!time) {
        fail(name, "an RFC 3339 timestamp");
        return 0;
    }
    return *time;
}

std::optional<qint64> JsonReader::optionalTimestamp(const char *name)
{
    if (member(name).isUndefined())
        return std::nullopt;
    return timestamp(name);
}

QJsonArray JsonReader::array(const char *name)
{
    const QJsonValue value = member(name);
    if (!value.isArray())
        fail(name, "an array");
    return value.toArray();
}

} // namespace dynakv::base::api
