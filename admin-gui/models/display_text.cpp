// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/display_text.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QLocale>

namespace dynakv::admin {
namespace {

QString tr(const char *text)
{
    return QCoreApplication::translate("DisplayText", text);
}

void appendEscaped(QString &text, QByteArrayView bytes)
{
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text += QStringLiteral("\\x%1").arg(value, 2, 16, QLatin1Char('0'));
    }
}

/// The bytes of the UTF-8 sequence at \a at, or 1 where none begins there.
qsizetype sequenceLength(QByteArrayView bytes, qsizetype at)
{
    const auto lead = static_cast<unsigned char>(bytes[at]);
    const qsizetype length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    const bool isWhole = at + length <= bytes.size() && bytes.sliced(at, length).isValidUtf8();
    return isWhole ? length : 1;
}

bool isReadable(char32_t point)
{
    if (point == 0xFEFF || point == 0x2028 || point == 0x2029)
        return false;
    // Marks that turn the direction of text would let one key pass for another.
    const bool turnsDirection = (point >= 0x200B && point <= 0x200F) ||
                                (point >= 0x202A && point <= 0x202E) ||
                                (point >= 0x2066 && point <= 0x2069);
    return QChar::isPrint(point) && !turnsDirection;
}

int hexDigit(QChar c)
{
    bool isHex = false;
    const int value = QString(c).toInt(&isHex, 16);
    return isHex ? value : -1;
}

} // namespace

QString displayKey(const QByteArray &key)
{
    QString text;
    text.reserve(key.size());
    for (qsizetype at = 0; at < key.size();) {
        const qsizetype length = sequenceLength(key, at);
        const QByteArrayView bytes = QByteArrayView(key).sliced(at, length);
        at += length;
        if (bytes.front() == '\\') {
            text += QLatin1String("\\\\");
            continue;
        }
        const bool isUtf8 = bytes.isValidUtf8() && bytes != "\xEF\xBB\xBF";
        const QString character = isUtf8 ? QString::fromUtf8(bytes) : QString();
        const auto points = character.toUcs4();
        if (points.size() == 1 && isReadable(points.first()))
            text += character;
        else
            appendEscaped(text, bytes);
    }
    return text;
}

std::optional<QByteArray> keyFromDisplay(const QString &text)
{
    QByteArray key;
    QString plain;
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (text[i] != QLatin1Char('\\')) {
            plain += text[i];
            continue;
        }
        key += plain.toUtf8();
        plain.clear();
        const QStringView rest = QStringView(text).sliced(i + 1);
        if (rest.startsWith(QLatin1Char('\\'))) {
            key += '\\';
            i += 1;
        } else if (rest.size() >= 3 && rest[0] == QLatin1Char('x') && hexDigit(rest[1]) >= 0 &&
                   hexDigit(rest[2]) >= 0) {
            key += static_cast<char>(hexDigit(rest[1]) * 16 + hexDigit(rest[2]));
            i += 3;
        } else {
            return std::nullopt;
        }
    }
    return key + plain.toUtf8();
}

QString displaySize(qint64 bytes)
{
    if (bytes < 1024)
        return tr("%1 B").arg(bytes);
    static constexpr const char *kUnits[] = {"KB", "MB", "GB", "TB", "PB"};
    double size = static_cast<double>(bytes) / 1024.0;
    std::size_t unit = 0;
    while (size >= 1023.95 && unit + 1 < std::size(kUnits)) {
        size /= 1024.0;
        ++unit;
    }
    return QLocale().toString(size, 'f', 1) + QLatin1Char(' ') + QLatin1String(kUnits[unit]);
}

QString displayCount(qint64 count)
{
    return QLocale().toString(count);
}

QString displayAge(qint64 thenMs, qint64 nowMs)
{
    const qint64 seconds = (nowMs - thenMs) / 1000;
    if (seconds < -5)
        return displayTime(thenMs);
    if (seconds < 5)
        return tr("just now");
    if (seconds < 60)
        return tr("%1 s ago").arg(seconds);
    if (seconds < 3600)
        return tr("%1 min ago").arg(seconds / 60);
    if (seconds < 86'400)
        return tr("%1 h ago").arg(seconds / 3600);
    if (seconds < 14 * 86'400)
        return tr("%1 d ago").arg(seconds / 86'400);
    return QLocale().toString(QDateTime::fromMSecsSinceEpoch(thenMs).date(), QLocale::ShortFormat);
}

QString displayTime(qint64 unixMs)
{
    return QDateTime::fromMSecsSinceEpoch(unixMs).toString(QStringLiteral("yyyy-MM-dd HH:mm:ss"));
}

} // namespace dynakv::admin
