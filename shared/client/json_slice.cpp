// SPDX-License-Identifier: GPL-3.0-or-later
#include "shared/client/json_slice.h"

namespace dynakv::client {
namespace {

constexpr qsizetype kNotFound = -1;

bool isSpace(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

qsizetype skipSpace(QByteArrayView text, qsizetype at)
{
    while (at < text.size() && isSpace(text[at]))
        ++at;
    return at;
}

/// The position after the string that begins at \a at.
qsizetype skipString(QByteArrayView text, qsizetype at)
{
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\')
            ++at;
        else if (text[at] == '"')
            return at + 1;
    }
    return kNotFound;
}

qsizetype skipBrackets(QByteArrayView text, qsizetype at)
{
    qsizetype depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skipString(text, at);
            if (at == kNotFound)
                return kNotFound;
            continue;
        }
        depth += (c == '{' || c == '[') ? 1 : (c == '}' || c == ']') ? -1 : 0;
        ++at;
        if (depth == 0)
            return at;
    }
    return kNotFound;
}

/// The position after the value that begins at \a at, or kNotFound where there is none.
qsizetype skipValue(QByteArrayView text, qsizetype at)
{
    if (at >= text.size())
        return kNotFound;
    if (text[at] == '"')
        return skipString(text, at);
    if (text[at] == '{' || text[at] == '[')
        return skipBrackets(text, at);
    const qsizetype begin = at;
    while (at < text.size() && !isSpace(text[at]) && !QByteArrayView(",:\"{}[]").contains(text[at]))
        ++at;
    return at > begin ? at : kNotFound;
}

} // namespace

std::optional<QByteArrayView> memberText(QByteArrayView text, QByteArrayView name)
{
    qsizetype at = skipSpace(text, 0);
    if (at >= text.size() || text[at] != '{')
        return std::nullopt;
    ++at;
    while (true) {
        at = skipSpace(text, at);
        if (at >= text.size() || text[at] != '"')
            return std::nullopt;
        const qsizetype nameEnd = skipString(text, at);
        if (nameEnd == kNotFound)
            return std::nullopt;
        const QByteArrayView found = text.sliced(at + 1, nameEnd - at - 2);
        at = skipSpace(text, nameEnd);
        if (at >= text.size() || text[at] != ':')
            return std::nullopt;
        at = skipSpace(text, at + 1);
        const qsizetype valueEnd = skipValue(text, at);
        if (valueEnd == kNotFound)
            return std::nullopt;
        if (found == name)
            return text.sliced(at, valueEnd - at);
        at = skipSpace(text, valueEnd);
        if (at >= text.size() || text[at] != ',')
            return std::nullopt;
        ++at;
    }
}

std::optional<std::vector<QByteArrayView>> elementTexts(QByteArrayView text)
{
    std::vector<QByteArrayView> elements;
    qsizetype at = skipSpace(text, 0);
    if (at >= text.size() || text[at] != '[')
        return std::nullopt;
    at = skipSpace(text, at + 1);
    if (at < text.size() && text[at] == ']')
        return elements;
    while (true) {
        const qsizetype end = skipValue(text, at);
        if (end == kNotFound)
            return std::nullopt;
        elements.push_back(text.sliced(at, end - at));
        at = skipSpace(text, end);
        if (at < text.size() && text[at] == ']')
            return elements;
        if (at >= text.size() || text[at] != ',')
            return std::nullopt;
        at = skipSpace(text, at + 1);
    }
}

bool isOneValue(QByteArrayView text)
{
    const qsizetype end = skipValue(text, skipSpace(text, 0));
    return end != kNotFound && skipSpace(text, end) == text.size();
}

} // namespace dynakv::client
