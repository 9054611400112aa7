// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace dynakv::app {

/// Prints the help to standard output; examples first. Returns the process's code.
int printHelp();
/// The help as the answer to a command line that says nothing: to standard error, code 2.
int printUsageError();
int printVersion();

} // namespace dynakv::app
