// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace dynakv::test {

/// Gives this process mounts of its own, which only it and its children see: to be called from
/// main(), before anything starts a thread. Needs root, or a kernel that lets users make
/// namespaces. The error says what was refused; it is empty where it succeeded.
QString takeOwnMounts();

/// The same for the network: there is nothing but a loopback that is down. A user who is not root
/// is called so inside, since programs that it starts have no rights over the network otherwise.
QString takeOwnNetwork();

} // namespace dynakv::test
