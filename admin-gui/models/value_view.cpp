// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/value_view.h"

#include "admin-gui/models/json_text.h"

#include <algorithm>

namespace dynakv::admin {
namespace {

constexpr qsizetype kHexBytesMax = qsizetype{64} << 10;
constexpr int kHexBytesPerLine = 16;

bool isText(QByteArrayView bytes)
{
    const auto isControl = [](char c) {
        const auto value = static_cast<unsigned char>(c);
        return (value < 0x20 && c != '\n' && c != '\t' && c != '\r') || value == 0x7F;
    };
    return bytes.isValidUtf8() && std::none_of(bytes.begin(), bytes.end(), isControl);
}

/// At most \a limit bytes, ending between two characters and, where one is near, after a line.
QByteArrayView beginningOf(QByteArrayView text, qsizetype limit)
{
    if (text.size() <= limit)
        return text;
    const qsizetype newline = text.first(limit).lastIndexOf('\n');
    if (newline > limit - kLineBytesMax)
        return text.first(newline);
    qsizetype end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        --end;
    return text.first(end);
}

/// Breaks the lines that are too long to lay out, between two characters.
QByteArray withCutLines(QByteArrayView text)
{
    QByteArray out;
    out.reserve(text.size() + text.size() / kLineBytesMax + 1);
    qsizetype inLine = 0;
    for (const char c : text) {
        const bool isLead = (static_cast<unsigned char>(c) & 0xC0) != 0x80;
        if (inLine >= kLineBytesMax && isLead && c != '\n') {
            out += '\n';
            inLine = 0;
        }
        out += c;
        inLine = c == '\n' ? 0 : inLine + 1;
    }
    return out;
}

QString hexDump(QByteArrayView bytes)
{
    QString text;
    for (qsizetype line = 0; line < bytes.size(); line += kHexBytesPerLine) {
        text += QStringLiteral("%1  ").arg(line, 8, 16, QLatin1Char('0'));
        QString readable;
        for (qsizetype i = line; i < line + kHexBytesPerLine; ++i) {
            if (i == line + kHexBytesPerLine / 2)
                text += QLatin1Char(' ');
            if (i >= bytes.size()) {
                text += QLatin1String("   ");
                continue;
            }
            const auto byte = static_cast<unsigned char>(bytes[i]);
            text += QStringLiteral("%1 ").arg(byte, 2, 16, QLatin1Char('0'));
            readable += byte >= 0x20 && byte < 0x7F ? QLatin1Char(bytes[i]) : QLatin1Char('.');
        }
        text += QLatin1Char(' ') + readable + QLatin1Char('\n');
    }
    text.chop(1);
    return text;
}

ValueView viewOfText(QByteArrayView bytes, bool wholeValue, ValueView view)
{
    const qsizetype limit = wholeValue ? kEditBytesMax : kPreviewBytes;
    const QByteArrayView shown = beginningOf(bytes, limit);
    view.isPart = shown.size() < bytes.size();
    view.canShowMore = view.isPart && !wholeValue;
    view.hasCutLines = longestLine(shown) > kLineBytesMax;
    view.text = toEditorText(view.hasCutLines ? QByteArrayView(withCutLines(shown)) : shown);
    return view;
}

} // namespace

ValueView viewOf(const client::Value &value, bool wholeValue)
{
    ValueView view;
    if (value.isRaw && !isText(value.bytes)) {
        const QByteArrayView shown =
            QByteArrayView(value.bytes).first(std::min(value.bytes.size(), kHexBytesMax));
        view.form = ValueView::Form::Hex;
        view.isPart = shown.size() < value.bytes.size();
        view.text = hexDump(shown);
        return view;
    }
    if (value.isRaw) {
        view.form = ValueView::Form::Text;
        return viewOfText(value.bytes, wholeValue, view);
    }
    view.isReformatted = longestLine(value.bytes) > kLineBytesMax;
    const QByteArray text = view.isReformatted ? prettyJson(value.bytes) : value.bytes;
    view = viewOfText(text, wholeValue, view);
    if (view.isPart || view.hasCutLines)
        view.form = ValueView::Form::JsonPart;
    return view;
}

QString toEditorText(QByteArrayView json)
{
    // Qt's conversion drops a byte order mark at the start; none can stand there in JSON.
    QString text = QString::fromUtf8(json);
    text.replace(QLatin1String("\r\n"), QLatin1String("\n"));
    text.replace(QLatin1Char('\r'), QLatin1Char('\n'));
    for (const char16_t taken : {u'\u2028', u'\u2029', u'\uFDD0', u'\uFDD1', u'\uFFFC'})
        if (text.contains(QChar(taken)))
            text.replace(QChar(taken),
                         QStringLiteral("\\u%1").arg(ushort(taken), 4, 16, QLatin1Char('0')));
    return text;
}

QByteArray fromEditorText(QString rawText)
{
    rawText.replace(QChar::ParagraphSeparator, QLatin1Char('\n'));
    rawText.replace(QChar::LineSeparator, QLatin1Char('\n'));
    return rawText.toUtf8();
}

} // namespace dynakv::admin
