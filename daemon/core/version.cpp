// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/version.h"

namespace dynakv::core {

namespace {

constexpr qsizetype kHexDigits = 16;

void putHex16(char *at, quint64 number)
{
    static constexpr char digits[] = "0123456789abcdef";
    for (qsizetype i = kHexDigits - 1; i >= 0; --i, number >>= 4)
        at[i] = digits[number & 15];
}

} // namespace

QByteArray toHex16(quint64 number)
{
    QByteArray text(kHexDigits, Qt::Uninitialized);
    putHex16(text.data(), number);
    return text;
}

std::optional<quint64> parseHex16(QByteArrayView text)
{
    if (text.size() != 16)
        return std::nullopt;
    quint64 number = 0;
    for (const char c : text) {
        quint64 digit = 0;
        if (c >= '0' && c <= '9')
            digit = static_cast<quint64>(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = static_cast<quint64>(c - 'a' + 10);
        else
            return std::nullopt;
        number = number << 4 | digit;
    }
    return number;
}

QByteArray Version::toString() const
{
    QByteArray text(2 * kHexDigits + 1, '-');
    putHex16(text.data(), clock);
    putHex16(text.data() + kHexDigits + 1, node);
    return text;
}

std::optional<Version> parseVersion(QByteArrayView text)
{
    if (text.size() != 33 || text[16] != '-')
        return std::nullopt;
    const auto clock = parseHex16(text.first(16));
    const auto node = parseHex16(text.sliced(17));
    if (!clock || !node)
        return std::nullopt;
    return Version{*clock, *node};
}

} // namespace dynakv::core
