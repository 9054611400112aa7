// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shared/base/result.h"

#include <QByteArray>

#include <initializer_list>
#include <map>
#include <vector>

namespace dynakv::app {

/// What stands behind the verb of a command, sorted into options and the rest.
struct CommandWords
{
    std::map<QByteArray, QByteArray> options = {}; ///< A switch has an empty value.
    std::vector<QByteArray> others = {};

    [[nodiscard]] bool has(const char *name) const { return options.contains(name); }
    [[nodiscard]] QByteArray value(const char *name) const;

    /// \a switches and \a valued: the options that there are, with their dashes. The error is one
    /// line that says what to write instead.
    static base::Result<CommandWords> sort(const std::vector<QByteArray> &arguments,
                                           std::initializer_list<const char *> switches,
                                           std::initializer_list<const char *> valued);
};

} // namespace dynakv::app
