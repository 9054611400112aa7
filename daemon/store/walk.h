// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>

namespace dynakv::store {

/// How many records one hold of a lock may visit.
inline constexpr int kSliceItems = 256;

enum class Order : quint8 { Ascending, Descending };

/// Where a walk begins: at the first key that is not less than, or greater than, this one; in
/// descending order the first that is not greater, or less. An empty key stands before all that
/// the walk can meet.
struct Bound
{
    QByteArray key = {};
    bool isExclusive = false;
};

/// How a slice of a walk ended.
enum class Walk : quint8 {
    Ended,     ///< There is nothing behind the last visited key.
    Stopped,   ///< The visitor had enough.
    SliceFull, ///< To be continued after the last visited key.
};

} // namespace dynakv::store
