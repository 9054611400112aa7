// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace dynakv::admin {

/// Reads the command line, shows the window and runs until it is closed. Returns the exit code.
int run(int argc, char **argv);

} // namespace dynakv::admin
