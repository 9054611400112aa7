// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/listing.h"

namespace dynakv::store {

/// How many records one hold of a lock may visit.
inline constexpr int kSliceItems = 256;

using core::Bound;
using core::Order;

/// How a slice of a walk ended.
enum class Walk : quint8 {
    Ended,     ///< There is nothing behind the last visited key.
    Stopped,   ///< The visitor had enough.
    SliceFull, ///< To be continued after the last visited key.
};

} // namespace dynakv::store
