// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArrayView>
#include <QtEndian>

#include <cstring>

namespace dynakv::store {

/// The first eight bytes of a key as a number that orders keys as their bytes do, so far as it
/// tells them apart: zeros stand for what a short key lacks.
inline quint64 keyHead(QByteArrayView key)
{
    const auto size = static_cast<std::size_t>(key.size());
    quint64 head = 0;
    if (size >= sizeof head)
        std::memcpy(&head, key.data(), sizeof head);
    else if (size != 0)
        std::memcpy(&head, key.data(), size);
    return qFromBigEndian(head);
}

} // namespace dynakv::store
