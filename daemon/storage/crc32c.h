// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArrayView>

namespace dynakv::storage {

/// CRC-32C (Castagnoli, RFC 3720) of \a bytes, continued from \a seed: the checksum of two pieces
/// is `crc32c(second, crc32c(first))`. Uses the processor's instruction where it has one.
///
/// Own code because Debian 12 packages no library for it: abseil has one only from 2023 on.
[[nodiscard]] quint32 crc32c(QByteArrayView bytes, quint32 seed = 0);

/// The table-driven form, which every other one must equal.
[[nodiscard]] quint32 crc32cPortable(QByteArrayView bytes, quint32 seed = 0);

} // namespace dynakv::storage
