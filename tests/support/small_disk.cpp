// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/small_disk.h"

#include <QByteArray>
#include <QDir>
#include <QFile>
#include <QStorageInfo>

#ifdef Q_OS_LINUX
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#endif

namespace dynakv::test {

#ifdef Q_OS_LINUX
namespace {

QString failed(const char *what)
{
    return QString::fromLatin1("%1: %2").arg(QLatin1String(what), QLatin1String(strerror(errno)));
}

bool write(const char *path, const QByteArray &text)
{
    QFile file(QString::fromLatin1(path));
    return file.open(QIODevice::WriteOnly | QIODevice::Unbuffered) &&
           file.write(text) == text.size();
}

} // namespace

QString takeOwnMounts()
{
    const QByteArray user = QByteArray::number(::getuid());
    const QByteArray group = QByteArray::number(::getgid());
    if (::unshare(CLONE_NEWNS) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return failed("this user may not have mounts of its own");
        // Without a name in the new namespace nobody can make files there.
        if (!write("/proc/self/setgroups", "deny") ||
            !write("/proc/self/uid_map", user + ' ' + user + " 1") ||
            !write("/proc/self/gid_map", group + ' ' + group + " 1"))
            return failed("this user cannot be known in a namespace of its own");
    }
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return failed("mounts cannot be kept to this process");
    return {};
}

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
QString takeOwnMounts()
{
    return QStringLiteral("needs Linux");
}

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
