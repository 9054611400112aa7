// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArrayView>

namespace dynakv::http {

/// How many of \a bytes the system takes at once, without waiting. 0 also where the connection is
/// broken, which the socket that owns \a descriptor finds by itself.
qsizetype writeDirectly(qintptr descriptor, QByteArrayView bytes);

} // namespace dynakv::http
