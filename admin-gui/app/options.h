// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "admin-gui/app/theme.h"
#include "shared/base/endpoint.h"

#include <QByteArray>

#include <optional>

namespace dynakv::admin {

/// What the command line asks for.
struct Options
{
    std::optional<base::Endpoint> node = {};
    std::optional<Theme::Choice> theme = {};
    std::optional<int> exitCode = {}; ///< Set where the program ends after printing `text`.
    QByteArray text = {};
};

/// Needs no application object, and leaves options of Qt itself (`-platform`) to Qt.
Options parseOptions(int argc, const char *const *argv);

} // namespace dynakv::admin
