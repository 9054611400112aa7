// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace dynakv::http {

/// Switches the debug log of Qt's HTTP server off for good: it prints every field of every request,
/// secrets too, and no logging rule may turn it on again.
void silenceQtHttpServer();

} // namespace dynakv::http
