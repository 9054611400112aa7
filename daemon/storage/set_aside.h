// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/storage/commit.h"
#include "daemon/storage/file_system.h"

#include <functional>

namespace dynakv::storage {

/// What storage.db shall be called from now on, without an ending, by what it says of its node; or
/// why it stays.
using NameAside = std::function<base::Result<QString>(const Metas &metas)>;

/// Gives storage.db of a data directory that nobody uses another name, so that the next start there
/// finds none and makes a new one. What belongs to the file (`storage.db.torn-...`) goes with it.
/// Replaces nothing: where a name is taken it goes on with `-2`. Takes no room on the disk. Cut off
/// at any moment it is done or not done, and can be begun anew.
///
/// The new path. NotFound where there is no storage.db, Busy where a process uses it, Corrupt where
/// it cannot be read at all; damage in it is no hindrance.
base::Result<QString> setFileAside(FileSystem &files, const QString &directory,
                                   const NameAside &nameFor);

} // namespace dynakv::storage
