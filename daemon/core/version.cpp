// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/version.h"

namespace dynakv::core {

QByteArray toHex16(quint64 number)
{
    static constexpr char digits[] = "0123456789abcdef";
    QByteArray text(16, Qt::Uninitialized);
    char *const at = text.data(); // Each [] would ask whether the text is shared.
    for (qsizetype i = 15; i >= 0; --i, number >>= 4)
        at[i] = digits[number & 15];
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
    return toHex16(clock) + '-' + toHex16(node);
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
