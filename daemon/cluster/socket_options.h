// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

class QTcpSocket;

namespace dynakv::cluster {

/// What every link's socket gets: no delay, keep-alive, a bounded read buffer and, where the system
/// has them, a short patience with unacknowledged bytes and a small backlog in the kernel, so that
/// heartbeats do not wait behind megabytes of data. To be called on a connected socket.
void tuneLinkSocket(QTcpSocket &socket);

} // namespace dynakv::cluster
