// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/file_bytes.h"

#include <QCryptographicHash>
#include <QFile>

namespace dynakv::test {

QByteArray readFile(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

bool writeFile(const QString &path, const QByteArray &bytes)
{
    QFile file(path);
    return file.open(QIODevice::WriteOnly | QIODevice::Unbuffered) &&
           file.write(bytes) == bytes.size();
}

bool flipBitAt(const QString &path, qint64 offset)
{
    QFile file(path);
    char byte = 0;
    if (!file.open(QIODevice::ReadWrite | QIODevice::Unbuffered) || !file.seek(offset) ||
        !file.getChar(&byte) || !file.seek(offset))
        return false;
    return file.putChar(static_cast<char>(byte ^ 0x10));
}

QByteArray sha256Of(const QString &path)
{
    return QCryptographicHash::hash(readFile(path), QCryptographicHash::Sha256).toHex();
}

} // namespace dynakv::test
