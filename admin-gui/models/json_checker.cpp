// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin-gui/models/json_checker.h"

#include <QCoreApplication>

namespace dynakv::admin {
namespace {

QString tr(const char *text)
{
    return QCoreApplication::translate("JsonChecker", text);
}

bool isSpace(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

bool isHex(char c)
{
    return isDigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

} // namespace

std::optional<JsonChecker::Fault> JsonChecker::check()
{
    if (!m_text.isValidUtf8()) {
        qsizetype valid = 0; // The longest valid prefix, by halving.
        for (qsizetype end = m_text.size(); valid < end;) {
            const qsizetype middle = valid + (end - valid + 1) / 2;
            qsizetype whole = middle;
            while (whole < m_text.size() &&
                   (static_cast<unsigned char>(m_text[whole]) & 0xC0) == 0x80)
                ++whole;
            if (m_text.first(whole).isValidUtf8())
                valid = middle;
            else
                end = middle - 1;
        }
        fail(valid, tr("The text is not valid UTF-8"));
        return m_fault;
    }
    while (!m_fault) {
        while (m_at < m_text.size() && isSpace(m_text[m_at]))
            ++m_at;
        if (m_isDone) {
            if (m_at < m_text.size())
                fail(m_at, tr("Nothing may follow the value, but there is %1").arg(found()));
            break;
        }
        step();
    }
    return m_fault;
}

void JsonChecker::step()
{
    const char c = peek();
    const bool isEnd = c == '}' || c == ']';
    switch (m_expect) {
    case Expect::Value:
        return beginValue();
    case Expect::ValueOrEnd:
        return isEnd ? close(c) : beginValue();
    case Expect::NameOrEnd:
        if (isEnd)
            return close(c);
        [[fallthrough]];
    case Expect::Name:
        if (c != '"')
            return fail(m_at,
                        tr("A member name in double quotes is expected, not %1").arg(found()));
        takeString();
        m_expect = Expect::Colon;
        return;
    case Expect::Colon:
        if (c != ':')
            return fail(m_at, tr("':' is expected after the member name, not %1").arg(found()));
        ++m_at;
        m_expect = Expect::Value;
        return;
    case Expect::CommaOrEnd:
        if (isEnd)
            return close(c);
        if (c != ',')
            return fail(m_at, tr("',' or '%1' is expected, not %2").arg(closing(), found()));
        ++m_at;
        m_expect = m_open.back() == '}' ? Expect::Name : Expect::Value;
        return;
    }
}

void JsonChecker::beginValue()
{
    const char c = peek();
    if (c == '{' || c == '[') {
        ++m_at;
        m_open.push_back(c == '{' ? '}' : ']');
        m_expect = c == '{' ? Expect::NameOrEnd : Expect::ValueOrEnd;
        return;
    }
    if (c == '"')
        takeString();
    else if (c == '-' || isDigit(c))
        takeNumber();
    else if (c == 't')
        takeWord("true");
    else if (c == 'f')
        takeWord("false");
    else if (c == 'n')
        takeWord("null");
    else
        fail(m_at, m_text.trimmed().isEmpty() ? tr("There is no text; a value is expected")
                                              : tr("A value is expected, not %1").arg(found()));
    valueEnded();
}

void JsonChecker::close(char bracket)
{
    if (bracket != m_open.back())
        return fail(m_at, tr("'%1' is expected, not %2").arg(closing(), found()));
    ++m_at;
    m_open.pop_back();
    valueEnded();
}

void JsonChecker::valueEnded()
{
    m_isDone = m_open.empty();
    m_expect = Expect::CommaOrEnd;
}

void JsonChecker::takeString()
{
    const qsizetype begin = m_at++;
    while (!m_fault) {
        if (m_at >= m_text.size())
            return fail(begin, tr("The text that begins here has no closing quotation mark"));
        const char c = m_text[m_at];
        if (static_cast<unsigned char>(c) < 0x20)
            return fail(m_at, c == '\n' ? tr("A line break inside of a text must be written as \\n")
                                        : tr("A control character must be written as \\u00XX"));
        if (c == '\\') {
            takeEscape();
            continue;
        }
        ++m_at;
        if (c == '"')
            return;
    }
}

void JsonChecker::takeEscape()
{
    const qsizetype begin = m_at++;
    const char c = peek();
    ++m_at;
    if (c == 'u') {
        for (int i = 0; i < 4; ++i, ++m_at) {
            if (!isHex(peek()))
                return fail(begin, tr("\\u must be followed by four hexadecimal digits"));
        }
    } else if (c == '\0' || !QByteArrayView("\"\\/bfnrt").contains(c)) {
        fail(begin, tr("This is no escape; a backslash itself is written as \\\\"));
    }
}

void JsonChecker::takeNumber()
{
    const qsizetype begin = m_at;
    if (peek() == '-')
        ++m_at;
    if (peek() == '0' && isDigit(m_at + 1 < m_text.size() ? m_text[m_at + 1] : '\0'))
        return fail(begin, tr("A number must not begin with 0"));
    takeDigits();
    if (!m_fault && peek() == '.') {
        ++m_at;
        takeDigits();
    }
    if (!m_fault && (peek() == 'e' || peek() == 'E')) {
        ++m_at;
        if (peek() == '+' || peek() == '-')
            ++m_at;
        takeDigits();
    }
}

void JsonChecker::takeDigits()
{
    if (!isDigit(peek()))
        return fail(m_at, tr("A digit is expected, not %1").arg(found()));
    while (isDigit(peek()))
        ++m_at;
}

void JsonChecker::takeWord(QByteArrayView word)
{
    if (!m_text.sliced(m_at).startsWith(word))
        return fail(m_at, tr("A value is expected, not %1").arg(found()));
    m_at += word.size();
}

void JsonChecker::fail(qsizetype offset, const QString &what)
{
    if (!m_fault)
        m_fault = Fault{offset, what};
}

QString JsonChecker::closing() const
{
    return QString(QLatin1Char(m_open.back()));
}

QString JsonChecker::found() const
{
    if (m_at >= m_text.size())
        return tr("the end of the text");
    qsizetype end = m_at + 1;
    while (end < m_text.size() && (static_cast<unsigned char>(m_text[end]) & 0xC0) == 0x80)
        ++end;
    return QLatin1Char('\'') + QString::fromUtf8(m_text.sliced(m_at, end - m_at)) +
           QLatin1Char('\'');
}

} // namespace dynakv::admin
