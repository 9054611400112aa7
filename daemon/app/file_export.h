// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/app/transfer_options.h"

namespace dynakv::app {

/// `dynakvd export --file`: what a storage.db holds that no node uses, a backup or one that was set
/// aside, in the form of any other export. A damaged file is refused: `dynakvd recover` comes
/// first. Holds all of the data in memory meanwhile.
int runFileExport(const TransferOptions &options);

} // namespace dynakv::app
