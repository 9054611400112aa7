// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QtGlobal>

namespace dynakv::core {

/// The present, as the driver read it: core asks no clock itself. Milliseconds.
struct Time
{
    qint64 monoMs = 0; ///< Monotonic, from an arbitrary origin. Time-outs and liveness.
    qint64 wallMs = 0; ///< Unix time of the machine. Only ever stamps versions.
    bool operator==(const Time &) const = default;
};

} // namespace dynakv::core
