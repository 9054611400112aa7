// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/storage/data_paths.h"

namespace dynakv::storage {

DataPaths::DataPaths(const QString &directoryPath)
    : directory(directoryPath)
    , file(directory + QStringLiteral("/storage.db"))
    , lock(file + QStringLiteral(".lock"))
    , unfinished(file + QStringLiteral(".new"))
    , tornDraft(file + QStringLiteral(".torn.new"))
    , backups(directory + QStringLiteral("/backups"))
{
}

QString DataPaths::tornRemains(qint64 offset, int number) const
{
    const QString path = file + QStringLiteral(".torn-%1").arg(offset);
    return number == 1 ? path : path + QStringLiteral(".%1").arg(number);
}

} // namespace dynakv::storage
