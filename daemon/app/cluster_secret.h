// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>
#include <QString>

namespace dynakv::app {

inline constexpr qsizetype kSecretBytesMin = 16;
inline constexpr qsizetype kSecretBytesMax = 4096;

/// The secret that all nodes of a cluster share: all bytes of the file but the white space around
/// them, 16 to 4096. Invalid and Io name the file and what to do.
base::Result<QByteArray> readClusterSecret(const QString &path);

} // namespace dynakv::app
