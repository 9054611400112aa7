// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>

namespace dynakv::admin {

/// The addresses connected to before, last one first, kept in the person's settings.
namespace recent {

inline constexpr qsizetype kAddressesMax = 8;

QStringList addresses();
void remember(const QString &address);
void forget(const QString &address);

} // namespace recent
} // namespace dynakv::admin
