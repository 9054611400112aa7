// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/base/api/timestamp.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace dynakv::base::api {
namespace {

using std::chrono::day;
using std::chrono::milliseconds;
using std::chrono::month;
using std::chrono::sys_days;
using std::chrono::year;
using std::chrono::year_month_day;

constexpr qint64 kTimestampMsMax = 253'402'300'799'999; // 9999-12-31T23:59:59.999Z

/// Reads fixed-width fields from the left; once something did not fit, everything after is failed.
class FieldReader
{
public:
    explicit FieldReader(QByteArrayView text)
        : m_rest(text)
    {
    }

    int number(qsizetype width, int greatest)
    {
        if (m_rest.size() < width)
            return fail();
        int value = 0;
        for (const char c : m_rest.first(width)) {
            if (c < '0' || c > '9')
                return fail();
            value = value * 10 + (c - '0');
        }
        m_rest = m_rest.sliced(width);
        return value <= greatest ? value : fail();
    }
    bool accept(char upper)
    {
        if (m_rest.isEmpty() || (m_rest.front() != upper && m_rest.front() != (upper | 0x20)))
            return false;
        m_rest = m_rest.sliced(1);
        return true;
    }
    void expect(char upper)
    {
        if (!accept(upper))
            fail();
    }
    /// The digits after the point, cut or filled to milliseconds.
    int fraction()
    {
        int ms = 0;
        int digits = 0;
        while (digits < 9 && !m_rest.isEmpty() && m_rest.front() >= '0' && m_rest.front() <= '9') {
            if (digits < 3)
                ms = ms * 10 + (m_rest.front() - '0');
            ++digits;
            m_rest = m_rest.sliced(1);
        }
        if (digits == 0)
            return fail();
        for (; digits < 3; ++digits)
            ms *= 10;
        return ms;
    }
    [[nodiscard]] bool ok() const { return m_ok && m_rest.isEmpty(); }

private:
    int fail()
    {
        m_ok = false;
        return 0;
    }

    QByteArrayView m_rest;
    bool m_ok = true;
};

int offsetMinutes(FieldReader &reader)
{
    if (reader.accept('Z'))
        return 0;
    const int sign = reader.accept('+') ? 1 : -1;
    if (sign < 0)
        reader.expect('-');
    const int hours = reader.number(2, 23);
    reader.expect(':');
    return sign * (hours * 60 + reader.number(2, 59));
}

} // namespace

QByteArray toTimestamp(qint64 unixMs)
{
    const milliseconds time(std::clamp<qint64>(unixMs, 0, kTimestampMsMax));
    const auto days = std::chrono::floor<std::chrono::days>(time);
    const year_month_day date{sys_days(days)};
    const std::chrono::hh_mm_ss clock(time - days);
    char text[32] = {};
    const int length = std::snprintf(
        text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
        static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return QByteArray(text, length);
}

Result<qint64> timestampFromText(QByteArrayView text)
{
    FieldReader reader(text);
    const year y(reader.number(4, 9999));
    reader.expect('-');
    const month m(static_cast<unsigned>(reader.number(2, 12)));
    reader.expect('-');
    const day d(static_cast<unsigned>(reader.number(2, 31)));
    reader.expect('T');
    const int hour = reader.number(2, 23);
    reader.expect(':');
    const int minute = reader.number(2, 59);
    reader.expect(':');
    const int second = reader.number(2, 60); // RFC 3339 knows leap seconds.
    const int ms = reader.accept('.') ? reader.fraction() : 0;
    const int offset = offsetMinutes(reader);
    const year_month_day date(y, m, d);
    if (!reader.ok() || !date.ok())
        return {ErrorCode::Invalid,
                "'" + text.first(std::min<qsizetype>(text.size(), 64)).toByteArray() +
                    "' is not a timestamp; use RFC 3339, for example 2026-01-31T12:00:00.000Z"};
    const auto time = sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                      std::chrono::minutes(minute - offset) + std::chrono::seconds(second) +
                      milliseconds(ms);
    return qint64{std::chrono::duration_cast<milliseconds>(time).count()};
}

} // namespace dynakv::base::api
