// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/core/record.h"

#include "daemon/core/key_hash.h"

#include <QtEndian>

namespace dynakv::core {

quint64 contentHashOf(const Record &record)
{
    // Lengths go in front, so that no two different records feed the same bytes.
    QByteArray head(25, Qt::Uninitialized);
    char *at = head.data();
    *at++ = static_cast<char>(record.kind);
    qToLittleEndian(record.expiresAtMs, at);
    qToLittleEndian<qint64>(record.contentType.size(), at + 8);
    qToLittleEndian<qint64>(record.context.size(), at + 16);
    const quint64 seed = hashBytes(head + record.contentType + record.context, 0);
    return hashBytes(record.value, seed);
}

Stamp stampOf(const Record &record)
{
    return {record.version, contentHashOf(record)};
}

} // namespace dynakv::core
