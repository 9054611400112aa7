// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace dynakv::test {

/// A file system of a few megabytes in memory, on a directory that it makes; it is gone with this
/// object. Whoever works in the directory must have ended by then.
class SmallDisk
{
public:
    SmallDisk(QString directory, qint64 bytes);
    ~SmallDisk();
    Q_DISABLE_COPY_MOVE(SmallDisk)

    [[nodiscard]] bool isMounted() const { return m_isMounted; }
    [[nodiscard]] qint64 freeBytes() const;
    /// Makes or replaces a file of so many bytes that stands for what others put on the disk; 0
    /// removes it.
    [[nodiscard]] bool setBallast(qint64 bytes) const;

private:
    QString m_directory;
    bool m_isMounted = false;
};

} // namespace dynakv::test
