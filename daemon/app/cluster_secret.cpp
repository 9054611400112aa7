// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/cluster_secret.h"

#include <QFile>

namespace dynakv::app {

base::Result<QByteArray> readClusterSecret(const QString &path)
{
    const QByteArray name = "the cluster secret " + path.toUtf8();
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {base::ErrorCode::Io, name + " cannot be read: " + file.errorString().toUtf8()};
    // White space at its ends may make it a little longer.
    const QByteArray secret = file.read(kSecretBytesMax + 256).trimmed();
    if (secret.size() > kSecretBytesMax || !file.atEnd())
        return {base::ErrorCode::Invalid, name + " has more than 4096 bytes"};
    if (secret.size() < kSecretBytesMin) {
        return {base::ErrorCode::Invalid,
                name + " has fewer than 16 bytes; make one with: openssl rand -hex 32"};
    }
    return secret;
}

} // namespace dynakv::app
