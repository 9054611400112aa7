// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/message.h"

namespace dynakv::core {

/// What follows when two nodes have shown each other their Hello.
enum class Admission : quint8 {
    Accept,      ///< One cluster, or the other side adopts ours.
    AdoptTheirs, ///< This node yields: it takes their cluster id and merges its data.
    NotYet,      ///< Neither has a cluster; try again later.
    Refuse,      ///< Two grown clusters: they never merge by accident.
};

/// The rule of "Becoming a cluster", as seen by the sender of \a mine. Pure and symmetric: from
/// the same two Hellos both sides draw matching conclusions.
Admission admit(const Hello &mine, const Hello &theirs);

} // namespace dynakv::core
