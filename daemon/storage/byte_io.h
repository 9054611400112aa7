// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QByteArrayView>
#include <QtEndian>

#include <optional>

/// The primitives that record and frame are made of: little-endian integers and LEB128 varints.
/// The take functions remove what they read from the front of \a in; nothing means that the bytes
/// are too few or not in the one allowed form, and then \a in is unchanged.
namespace dynakv::storage {

template <typename Int>
void putLittleEndian(Int number, QByteArray &out)
{
    const qsizetype at = out.size();
    out.resize(at + static_cast<qsizetype>(sizeof(Int)));
    qToLittleEndian(number, out.data() + at);
}

template <typename Int>
std::optional<Int> takeLittleEndian(QByteArrayView &in)
{
    constexpr auto kSize = static_cast<qsizetype>(sizeof(Int));
    if (in.size() < kSize)
        return std::nullopt;
    const auto number = qFromLittleEndian<Int>(in.data());
    in = in.sliced(kSize);
    return number;
}

void putVarint(quint64 number, QByteArray &out);

/// A length up to \a max, in the shortest form only.
std::optional<qsizetype> takeLength(QByteArrayView &in, qsizetype max);

} // namespace dynakv::storage
