// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/http/answer_framing.h"

#include <QDate>

#include <algorithm>

namespace dynakv::http {
namespace {

bool hasBody(int status)
{
    return status != 204 && status != 304;
}

void startHead(QByteArray &wire, int status, qsizetype bodyBytes, const AnswerFrame &frame)
{
    wire.append("HTTP/1.1 ").append(QByteArray::number(status)).append(' ');
    wire.append(reasonPhrase(status)).append("\r\nDate: ").append(frame.date);
    if (frame.isEndless && !frame.isHttp10)
        wire.append("\r\nTransfer-Encoding: chunked");
    else if (!frame.isEndless && hasBody(status))
        wire.append("\r\nContent-Length: ").append(QByteArray::number(bodyBytes));
    if (!frame.requestId.isEmpty())
        wire.append("\r\nX-Request-Id: ").append(frame.requestId);
    if (frame.closes)
        wire.append("\r\nConnection: close");
    else if (frame.isHttp10)
        wire.append("\r\nConnection: keep-alive");
    wire.append("\r\n");
}

} // namespace

void appendReply(QByteArray &wire, const HttpReply &reply, const AnswerFrame &frame)
{
    const bool sendsBody = !frame.isHead && !frame.isEndless && hasBody(reply.status);
    constexpr qsizetype headBytes = 512; // About.
    const qsizetype needed = wire.size() + headBytes + (sendsBody ? reply.body.size() : 0);
    if (wire.capacity() < needed)
        wire.reserve(std::max(needed, 2 * wire.size()));
    startHead(wire, reply.status, reply.body.size(), frame);
    if (!reply.contentType.isEmpty())
        wire.append("Content-Type: ").append(reply.contentType).append("\r\n");
    for (const auto &[name, value] : reply.headers)
        wire.append(name).append(": ").append(value).append("\r\n");
    wire.append("\r\n");
    if (sendsBody)
        wire.append(reply.body);
}

QByteArray toHttpDate(qint64 unixSeconds)
{
    // By hand, because QLocale takes longer over this than the rest of a small answer takes.
    static constexpr char days[] = "SunMonTueWedThuFriSat";
    static constexpr char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    constexpr qint64 secondsPerDay = 86'400;
    constexpr qint64 epochDay = 2'440'588;         // Julian day of 1970-01-01.
    constexpr qint64 lastSecond = 253'402'300'799; // Of the year 9999: four digits of year.
    const qint64 seconds = qBound<qint64>(0, unixSeconds, lastSecond);
    const QDate date = QDate::fromJulianDay(epochDay + seconds / secondsPerDay);
    const qint64 ofDay = seconds % secondsPerDay;

    QByteArray text("day, dd mon yyyy hh:mm:ss GMT");
    char *const at = text.data();
    const auto putTwoDigits = [at](int place, qint64 number) {
        at[place] = static_cast<char>('0' + number / 10);
        at[place + 1] = static_cast<char>('0' + number % 10);
    };
    std::copy_n(days + 3 * (date.dayOfWeek() % 7), 3, at);
    putTwoDigits(5, date.day());
    std::copy_n(months + 3 * (date.month() - 1), 3, at + 8);
    putTwoDigits(12, date.year() / 100);
    putTwoDigits(14, date.year() % 100);
    putTwoDigits(17, ofDay / 3600);
    putTwoDigits(20, ofDay / 60 % 60);
    putTwoDigits(23, ofDay % 60);
    return text;
}

} // namespace dynakv::http
