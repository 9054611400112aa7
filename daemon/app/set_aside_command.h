// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/file_options.h"

#include <QStringList>

namespace dynakv::app {

/// `dynakvd set-aside`: renames the file of a node that its cluster goes on without, so that a new
/// node can be started in its directory and the old data can still be exported. Of no other node.
int runSetAside(const FileOptions &options);

/// The names of the files set aside in a data directory, sorted.
QStringList filesSetAside(const QString &directory);

} // namespace dynakv::app
