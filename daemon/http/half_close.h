// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace dynakv::http {

/// Ends our direction of a connected socket: the peer reads what is under way and then its end.
/// QTcpSocket knows only the closing of both directions at once, and closing one that still
/// receives makes the system reset it, which takes the answer away from the client.
void closeWriting(qintptr descriptor);

} // namespace dynakv::http
