// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_system.h"

namespace dynakv::storage {

/// Reads a file from front to back in large steps and shows any part of it near the last one.
/// Thread: its owner's. \a file must outlive it.
class FileWindow
{
public:
    FileWindow(File &file, qint64 fileBytes);

    /// Where it ends: nothing behind is read, even if the file goes on.
    [[nodiscard]] qint64 fileBytes() const { return m_fileBytes; }
    void extend(qint64 fileBytes) { m_fileBytes = fileBytes; }
    /// \a length bytes from \a offset, fewer only at the end. Valid until the next call.
    base::Result<QByteArrayView> at(qint64 offset, qint64 length);

private:
    File &m_file;
    qint64 m_fileBytes = 0;
    qint64 m_start = 0;
    QByteArray m_bytes;
};

} // namespace dynakv::storage
