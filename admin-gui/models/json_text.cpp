// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/json_text.h"

#include "admin-gui/models/json_checker.h"

#include <algorithm>

namespace dynakv::admin {
namespace {

constexpr int kIndentSpaces = 2;
constexpr int kIndentLevelsMax = 32;

bool isSpace(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// The position after the string that begins at \a at.
qsizetype afterString(QByteArrayView text, qsizetype at)
{
    for (++at; at < text.size() && text[at] != '"'; ++at)
        at += text[at] == '\\' ? 1 : 0;
    return std::min(at + 1, text.size());
}

void appendLine(QByteArray &out, int depth)
{
    out += '\n';
    out.append(std::clamp(depth, 0, kIndentLevelsMax) * kIndentSpaces, ' ');
}

void placeInText(JsonFault &fault, QByteArrayView text)
{
    const QByteArrayView before = text.first(std::min(fault.offset, text.size()));
    const qsizetype lineStart = before.lastIndexOf('\n') + 1;
    fault.line = static_cast<int>(before.count('\n')) + 1;
    const auto isLead = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    const QByteArrayView inLine = before.sliced(lineStart);
    fault.column = static_cast<int>(std::count_if(inLine.begin(), inLine.end(), isLead)) + 1;
}

} // namespace

std::optional<JsonFault> findJsonFault(const QByteArray &text)
{
    const auto found = JsonChecker(text).check();
    if (!found)
        return std::nullopt;
    JsonFault fault;
    fault.offset = found->offset;
    fault.what = found->what;
    placeInText(fault, text);
    return fault;
}

QByteArray prettyJson(QByteArrayView text)
{
    QByteArray out;
    out.reserve(text.size() + text.size() / 2);
    int depth = 0;
    for (qsizetype at = 0; at < text.size();) {
        const char c = text[at];
        if (c == '"') {
            const qsizetype end = afterString(text, at);
            out += text.sliced(at, end - at);
            at = end;
            continue;
        }
        ++at;
        if (isSpace(c))
            continue;
        if (c == '{' || c == '[') {
            out += c;
            while (at < text.size() && isSpace(text[at]))
                ++at;
            if (at < text.size() && (text[at] == '}' || text[at] == ']'))
                out += text[at++]; // An empty pair stays on its line.
            else
                appendLine(out, ++depth);
        } else if (c == '}' || c == ']') {
            appendLine(out, --depth);
            out += c;
        } else if (c == ',') {
            out += c;
            appendLine(out, depth);
        } else {
            out += c;
            if (c == ':')
                out += ' ';
        }
    }
    return out;
}

QByteArray compactJson(QByteArrayView text)
{
    QByteArray out;
    out.reserve(text.size());
    for (qsizetype at = 0; at < text.size();) {
        const qsizetype end = text[at] == '"' ? afterString(text, at) : at + 1;
        if (!isSpace(text[at]))
            out += text.sliced(at, end - at);
        at = end;
    }
    return out;
}

qsizetype longestLine(QByteArrayView text)
{
    qsizetype longest = 0;
    qsizetype start = 0;
    while (start <= text.size()) {
        const qsizetype newline = text.indexOf('\n', start);
        const qsizetype end = newline < 0 ? text.size() : newline;
        longest = std::max(longest, end - start);
        start = end + 1;
    }
    return longest;
}

} // namespace dynakv::admin
