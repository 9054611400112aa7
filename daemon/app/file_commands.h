// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/file_options.h"

namespace dynakv::app {

/// `dynakvd verify FILE`: what it holds and whether all of it is as it was written. 0 intact, 1 its
/// end is torn (a start repairs that), 65 damaged or not ours. Changes nothing.
int runVerify(const FileOptions &options);
/// `dynakvd recover --prefix|--salvage FILE NEW`: 0 written, 65 nothing can be read.
int runRecover(const FileOptions &options);
/// `dynakvd restore BACKUP --data-dir DIR`: 0 done, 65 not intact, 73 the directory is not free.
int runRestore(const FileOptions &options);

} // namespace dynakv::app
