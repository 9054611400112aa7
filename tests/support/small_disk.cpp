// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/small_disk.h"

#include <QByteArray>
#include <QDir>
#include <QFile>
#include <QStorageInfo>

#ifdef Q_OS_LINUX
#include <sys/mount.h>
#endif

namespace dynakv::test {

#ifdef Q_OS_LINUX
SmallDisk::SmallDisk(QString directory, qint64 bytes)
    : m_directory(std::move(directory))
{
    const QByteArray options = "mode=0700,size=" + QByteArray::number(bytes);
    m_isMounted =
        QDir().mkpath(m_directory) && ::mount("tmpfs", QFile::encodeName(m_directory).constData(),
                                              "tmpfs", 0, options.constData()) == 0;
}

SmallDisk::~SmallDisk()
{
    if (m_isMounted)
        ::umount2(QFile::encodeName(m_directory).constData(), MNT_DETACH);
}
#else
SmallDisk::SmallDisk(QString directory, qint64)
    : m_directory(std::move(directory))
{
}

SmallDisk::~SmallDisk() = default;
#endif

qint64 SmallDisk::freeBytes() const
{
    return QStorageInfo(m_directory).bytesAvailable();
}

bool SmallDisk::setBallast(qint64 bytes) const
{
    QFile file(m_directory + QStringLiteral("/ballast"));
    (void)file.remove();
    if (bytes == 0)
        return true;
    return file.open(QIODevice::WriteOnly | QIODevice::Unbuffered) &&
           file.write(QByteArray(bytes, 'b')) == bytes;
}

} // namespace dynakv::test
