// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArrayView>
#include <QHostAddress>

/// The system's calls on a connected stream socket that never blocks. One file for all systems.
namespace dynakv::http::native {

/// What became of a transfer.
enum class Outcome : quint8 {
    Done,       ///< At least one byte.
    WouldBlock, ///< Nothing now.
    Ended,      ///< The peer sends no more; of receive() only.
    Failed,     ///< The connection is of no use any more.
};
struct Transfer
{
    Outcome outcome = Outcome::Failed;
    qsizetype bytes = 0;
};

struct Ends
{
    QHostAddress peer = {};
    quint16 peerPort = 0;
    QHostAddress local = {};
    quint16 localPort = 0;
};

/// Makes calls on \a descriptor return at once, small answers leave at once, and a peer that left
/// an error instead of a signal. False where the system refused.
[[nodiscard]] bool prepare(qintptr descriptor);
[[nodiscard]] Ends endsOf(qintptr descriptor);
[[nodiscard]] Transfer receive(qintptr descriptor, char *data, qsizetype bytesMax);
[[nodiscard]] Transfer send(qintptr descriptor, QByteArrayView bytes);
/// Ends our direction: the peer reads what is under way and then its end. Closing a socket that
/// still receives makes the system reset it, which takes the answer away from the client.
void closeWriting(qintptr descriptor);
void limitSendBuffer(qintptr descriptor, int bytes);
void close(qintptr descriptor);
/// Closes and resets: the system keeps nothing for the peer, which finds an error.
void closeAtOnce(qintptr descriptor);

/// Whether fewer than \a spare descriptors are left, where \a latest is the one that the system has
/// just handed out: Unix takes the lowest that is free. Never on Windows, which has no such limit.
[[nodiscard]] bool isShortOfDescriptors(qintptr latest, int spare);
/// The same without a new one at hand.
[[nodiscard]] bool isShortOfDescriptors(int spare);

} // namespace dynakv::http::native
