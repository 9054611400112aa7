// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/byte_io.h"

namespace dynakv::storage {

void putVarint(quint64 number, QByteArray &out)
{
    while (number >= 0x80) {
        out.append(static_cast<char>(0x80 | (number & 0x7F)));
        number >>= 7;
    }
    out.append(static_cast<char>(number));
}

std::optional<qsizetype> takeLength(QByteArrayView &in, qsizetype max)
{
    // Four groups of seven bits hold 256 MiB, above every length that we allow.
    constexpr qsizetype kBytesMax = 4;
    quint64 number = 0;
    for (qsizetype i = 0; i < qMin(in.size(), kBytesMax); ++i) {
        const auto byte = static_cast<quint8>(in[i]);
        number |= static_cast<quint64>(byte & 0x7F) << (7 * i);
        if ((byte & 0x80) != 0)
            continue;
        const bool isShortest = i == 0 || byte != 0;
        if (!isShortest || number > static_cast<quint64>(max))
            return std::nullopt;
        in = in.sliced(i + 1);
        return static_cast<qsizetype>(number);
    }
    return std::nullopt;
}

} // namespace dynakv::storage
