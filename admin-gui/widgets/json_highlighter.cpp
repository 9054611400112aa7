// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/widgets/json_highlighter.h"

#include "admin-gui/widgets/tokens.h"

namespace dynakv::admin {
namespace {

/// A line longer than that stays plain: many spans in one line are what makes its layout slow.
constexpr qsizetype kLineMax = 8192;

int endOfString(const QString &text, int at)
{
    for (++at; at < text.size(); ++at) {
        if (text[at] == QLatin1Char('\\'))
            ++at;
        else if (text[at] == QLatin1Char('"'))
            return at + 1;
    }
    return static_cast<int>(text.size());
}

bool isName(const QString &text, int after)
{
    while (after < text.size() && text[after].isSpace())
        ++after;
    return after < text.size() && text[after] == QLatin1Char(':');
}

bool isPartOfWord(QChar c)
{
    return c.isLetterOrNumber() || c == QLatin1Char('.') || c == QLatin1Char('-') ||
           c == QLatin1Char('+');
}

} // namespace

void JsonHighlighter::highlightBlock(const QString &text)
{
    if (!m_isActive || text.size() > kLineMax)
        return;
    const Tokens &colours = tokens();
    const int size = static_cast<int>(text.size());
    for (int at = 0; at < size;) {
        int end = at + 1;
        if (text[at] == QLatin1Char('"')) {
            end = endOfString(text, at);
            setFormat(at, end - at, isName(text, end) ? colours.jsonName : colours.jsonText);
        } else if (isPartOfWord(text[at])) {
            while (end < size && isPartOfWord(text[end]))
                ++end;
            setFormat(at, end - at, text[at].isLetter() ? colours.jsonWord : colours.jsonNumber);
        }
        at = end;
    }
}

} // namespace dynakv::admin
