// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "daemon/core/record.h"

namespace dynakv::testing {

/// A record that never expires, of no content type.
inline core::Record record(const QByteArray &key, core::Version version,
                           const QByteArray &value = "1",
                           core::RecordKind kind = core::RecordKind::Value)
{
    core::Record result;
    result.key = key;
    result.kind = kind;
    result.version = version;
    result.value = value;
    return result;
}

} // namespace dynakv::testing
