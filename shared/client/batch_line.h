// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/client/answer.h"

#include <optional>

namespace dynakv::client {

/// The line of `POST /v1/batch` that stores \a value, with its end; where \a isCreate only if there
/// is nothing under \a key. Nothing where it cannot stand in a line: JSON text that has a line
/// break, and must be kept as it is, or that is not one value.
std::optional<QByteArray> batchLine(const QByteArray &key, const Value &value, bool isCreate);

} // namespace dynakv::client
