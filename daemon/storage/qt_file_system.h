// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_system.h"

namespace dynakv::storage {

/// The real disk: an unbuffered QFile for the bytes, the system's own calls for sync, lock and
/// rename. Buffered, QFile would keep 16 KiB of "successful" writes in the process; without a
/// native sync nothing in Qt reports that the disk refused.
class QtFileSystem final : public FileSystem
{
public:
    base::Result<std::unique_ptr<File>> open(const QString &path, OpenMode mode) override;
    base::Result<std::vector<QString>> list(const QString &directory) override;
    base::Result<void> makeDirectory(const QString &directory) override;
    base::Result<void> rename(const QString &from, const QString &to) override;
    base::Result<void> remove(const QString &path) override;
    base::Result<void> syncDirectory(const QString &directory) override;
    base::Result<std::unique_ptr<FileLock>> lock(const QString &path) override;
    [[nodiscard]] bool canReplaceOpenFiles() const override;
    base::Result<DiskSpace> space(const QString &directory) override;
};

} // namespace dynakv::storage
