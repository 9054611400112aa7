// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>

#include <vector>

namespace dynakv::app {

/// One `name = value` of a configuration file.
struct ConfigEntry
{
    QByteArray name = {};
    QByteArray value = {};
    int line = 0; ///< From 1.
    bool operator==(const ConfigEntry &) const = default;
};

inline constexpr qsizetype kConfigBytesMax = qsizetype{64} << 10;

/// Reads the form of a configuration file: one `name = value` a line; white space around both is
/// dropped, a value with spaces at its ends or a `#` in it stands in double quotes; `#` at the
/// start of a line or after white space begins a comment. UTF-8. Which names there are, and what
/// they take, is not its business. Errors begin with `<path>:<line>: `.
base::Result<std::vector<ConfigEntry>> parseConfig(const QByteArray &path, QByteArrayView text);

} // namespace dynakv::app
