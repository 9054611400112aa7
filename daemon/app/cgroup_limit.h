// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

#include <functional>

namespace dynakv::app {

/// A file's content; empty where it cannot be read.
using ReadFile = std::function<QByteArray(const QByteArray &path)>;

/// The least memory limit of the control groups that this process is in, of version 2
/// (`memory.max`) or 1 (`memory.limit_in_bytes`), from its own group up to the root; 0 where none
/// is set. In a container whose own path is not visible the root of its mount says it.
qint64 cgroupLimitBytes(const ReadFile &readFile);

} // namespace dynakv::app
