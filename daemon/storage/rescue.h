// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/file_walk.h"

namespace dynakv::storage {

/// Writes what can be read of the file at \a from to a new file at \a to, which a node can be
/// started with: `prefix` up to the first damage, `salvage` (OnDamage::Skip) around it. The new
/// file says that it lost something, so that its node is fenced until its peers repaired it. The
/// old one is not touched. Conflict if there is a file at \a to.
///
/// \a files and the paths: absolute. Holds all of the data in memory meanwhile.
base::Result<FileReport> recoverInto(FileSystem &files, const QString &from, const QString &to,
                                     OnDamage onDamage);

/// What was restored.
struct Restored
{
    qint64 records = 0;
    qint64 bytes = 0;
};
/// Makes the data directory of a new node out of an intact backup: the records as they are, the
/// identity, member table and file id new. For when a whole cluster is gone; what a cluster that
/// lives should take goes through an import. Conflict if \a directory holds a storage.db, Busy if
/// somebody uses it, Corrupt if the backup is not intact to the last byte.
base::Result<Restored> restoreInto(FileSystem &files, const QString &backup,
                                   const QString &directory, const FileIdentity &identity);

} // namespace dynakv::storage
