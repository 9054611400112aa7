// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/log_line.h"

#include "shared/base/api/timestamp.h"

namespace dynakv::app {
namespace {

constexpr qsizetype kTextCharactersMax = 4096;

bool isUnsafe(char16_t c)
{
    const bool isControl = c < 0x20 || (c >= 0x7f && c <= 0x9f);
    const bool isSeparator = c == 0x2028 || c == 0x2029;
    const bool isBidi = c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
                        (c >= 0x2066 && c <= 0x2069);
    return isControl || isSeparator || isBidi;
}

void appendEscape(QByteArray &out, char16_t c)
{
    out += "\\u" + QByteArray::number(uint{c}, 16).rightJustified(4, '0');
}

/// Cuts before it escapes, so that no escape is ever cut in two.
QByteArray escaped(QStringView text, bool isJson)
{
    const bool isCut = text.size() > kTextCharactersMax;
    if (isCut)
        text = text.first(kTextCharactersMax);
    QByteArray out;
    out.reserve(text.size() + 16);
    for (qsizetype i = 0; i < text.size(); ++i) {
        const char16_t c = text[i].unicode();
        const bool isPair = QChar::isHighSurrogate(c) && i + 1 < text.size() &&
                            QChar::isLowSurrogate(text[i + 1].unicode());
        if (isPair) {
            out += text.sliced(i, 2).toUtf8();
            ++i;
        } else if (isUnsafe(c) || QChar::isSurrogate(c)) {
            appendEscape(out, c);
        } else {
            if (isJson && (c == '"' || c == '\\'))
                out += '\\';
            out += text.sliced(i, 1).toUtf8();
        }
    }
    return isCut ? out + "..." : out;
}

QByteArray jsonText(QStringView text)
{
    return '"' + escaped(text, true) + '"';
}

/// The syslog priority that journald reads.
char journalPriority(LogLevel level)
{
    switch (level) {
    case LogLevel::Debug:
        return '7';
    case LogLevel::Info:
        return '6';
    case LogLevel::Warning:
        return '4';
    case LogLevel::Error:
        return '3';
    }
    return '3';
}

} // namespace

QByteArray escapedForLog(QStringView text)
{
    return escaped(text, false);
}

QByteArray formatLogLine(const LogEntry &entry, LogFormat format, bool forJournal)
{
    const QByteArray time = base::api::toTimestamp(entry.wallMs);
    QByteArray line;
    if (forJournal)
        line = QByteArray("<") + journalPriority(entry.level) + '>';
    switch (format) {
    case LogFormat::Text:
        line += time + ' ' + toText(entry.level).leftJustified(7) + ' ' + entry.category + ": " +
                escapedForLog(entry.text);
        if (!entry.requestId.isEmpty())
            line += " [" + escapedForLog(QString::fromLatin1(entry.requestId)) + ']';
        break;
    case LogFormat::Json:
        line += R"({"time":")" + time + R"(","level":")" + toText(entry.level) +
                R"(","category":)" + jsonText(QString::fromUtf8(entry.category)) +
                R"(,"message":)" + jsonText(entry.text);
        if (!entry.requestId.isEmpty())
            line += R"(,"request_id":)" + jsonText(QString::fromLatin1(entry.requestId));
        line += '}';
        break;
    }
    return line + '\n';
}

} // namespace dynakv::app
