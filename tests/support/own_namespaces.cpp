// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/own_namespaces.h"

#ifdef Q_OS_LINUX
#include <QFile>

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

/// In a namespace of its own this user is \a uid and \a gid.
QString takeOwnUsers(int kinds, unsigned uid, unsigned gid)
{
    const QByteArray user = QByteArray::number(::getuid());
    const QByteArray group = QByteArray::number(::getgid());
    if (::unshare(CLONE_NEWUSER | kinds) != 0)
        return failed("this user may not have namespaces");
    // Without a name in the new namespace nobody can make files there.
    if (!write("/proc/self/setgroups", "deny") ||
        !write("/proc/self/uid_map", QByteArray::number(uid) + ' ' + user + " 1") ||
        !write("/proc/self/gid_map", QByteArray::number(gid) + ' ' + group + " 1"))
        return failed("this user cannot be known in a namespace of its own");
    return {};
}

} // namespace

QString takeOwnMounts()
{
    if (::unshare(CLONE_NEWNS) != 0) {
        const QString whyNot = takeOwnUsers(CLONE_NEWNS, ::getuid(), ::getgid());
        if (!whyNot.isEmpty())
            return whyNot;
    }
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return failed("mounts cannot be kept to this process");
    return {};
}

QString takeOwnNetwork()
{
    return ::unshare(CLONE_NEWNET) == 0 ? QString() : takeOwnUsers(CLONE_NEWNET, 0, 0);
}
#else
QString takeOwnMounts()
{
    return QStringLiteral("needs Linux");
}

QString takeOwnNetwork()
{
    return QStringLiteral("needs Linux");
}
#endif

} // namespace dynakv::test
