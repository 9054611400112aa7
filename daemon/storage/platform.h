// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_system.h"

/// What Qt does not offer and each system does in its own way. One source file per system.
namespace dynakv::storage::platform {

/// \a handle is what QFile::handle() gives.
base::Result<void> syncFile(int handle, const QString &path);
void forgetCached(int handle);
base::Result<void> syncDirectory(const QString &directory);
bool canReplaceOpenFiles();
base::Result<void> replaceFile(const QString &from, const QString &to);
base::Result<std::unique_ptr<FileLock>> lockFile(const QString &path);

/// The reason why the last system call of this thread failed. Read it before anything else runs.
base::ErrorCode lastErrorCode();
void clearLastError();

} // namespace dynakv::storage::platform
