// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QString>

/// Files as tests look at them and harm them.
namespace dynakv::test {

/// All of it; empty where it cannot be read.
QByteArray readFile(const QString &path);
[[nodiscard]] bool writeFile(const QString &path, const QByteArray &bytes);
/// Changes one bit of the byte there, and nothing else.
[[nodiscard]] bool flipBitAt(const QString &path, qint64 offset);
/// What `sha256sum` says of it.
QByteArray sha256Of(const QString &path);

} // namespace dynakv::test
