// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArrayView>

/// What sockets can do and QTcpSocket does not.
namespace dynakv::http {

/// Ends our direction of a connected socket: the peer reads what is under way and then its end.
/// QTcpSocket knows only the closing of both directions at once, and closing one that still
/// receives makes the system reset it, which takes the answer away from the client.
void closeWriting(qintptr descriptor);

/// Hands \a bytes to the system at once and tells how many it took: 0 where it takes none, and
/// after an error, which QTcpSocket meets again. QTcpSocket itself would copy them, ask the event
/// loop to watch for room, and stop that again.
qsizetype sendNow(qintptr descriptor, QByteArrayView bytes);

} // namespace dynakv::http
